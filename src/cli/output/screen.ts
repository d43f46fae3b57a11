/**
 * The live view's place at the bottom of a terminal: redrawn where it stands, with permanent
 * lines going above it. The cursor is hidden meanwhile, and is there again after `close`.
 */
import type { Output } from "./output.ts";

const HIDE_CURSOR = "\x1b[?25l";
/** Shows the cursor: also what a program that ends at once must still write. */
export const SHOW_CURSOR = "\x1b[?25h";
const CLEAR_LINE_END = "\x1b[K";
const CLEAR_BELOW = "\x1b[J";

export class Screen {
  readonly #output: Output;
  #lines: readonly string[] = [];
  #isCursorHidden = false;

  constructor(output: Output) {
    this.#output = output;
  }

  /** Replaces the view. Skipped while the terminal has not taken the last one yet. */
  draw(lines: readonly string[]): void {
    if (this.#output.isBusy) return;
    const hide = this.#isCursorHidden ? "" : HIDE_CURSOR;
    this.#isCursorHidden = true;
    this.#output.write(hide + this.#toTop() + this.#show(lines));
  }

  /** A line that stays, above the view. */
  print(line: string): void {
    const shown = this.#lines;
    this.#output.write(`${this.#toTop()}${line}${CLEAR_LINE_END}\n${this.#show(shown)}`);
  }

  /** Takes the view away. May be called again; `print` still works and prints plainly. */
  close(): void {
    if (!this.#isCursorHidden) return;
    this.#output.write(this.#toTop() + CLEAR_BELOW + SHOW_CURSOR);
    this.#isCursorHidden = false;
    this.#lines = [];
  }

  #show(lines: readonly string[]): string {
    this.#lines = lines;
    if (lines.length === 0) return "";
    return lines.map((line) => line + CLEAR_LINE_END).join("\n") + CLEAR_BELOW;
  }

  /** From the end of the view to its first column and line. */
  #toTop(): string {
    if (this.#lines.length === 0) return "";
    return this.#lines.length > 1 ? `\r\x1b[${this.#lines.length - 1}A` : "\r";
  }
}
