/** A bar while files are hashed, on a terminal. */
import type { Clock } from "../../base/ambient.ts";
import type { StandardStreams } from "./output.ts";
import { renderCheck } from "./progress.ts";
import { Screen } from "./screen.ts";

const DRAW_INTERVAL_MS = 200;

export class HashProgress {
  readonly #name: string;
  readonly #streams: StandardStreams & { readonly clock: Clock };
  readonly #screen: Screen;
  readonly #verb: string;
  readonly #isShown: boolean;
  #drawnAt = -Infinity;

  /** `name` is printable; `verb` says what happened to the bytes: `checked`. */
  constructor(
    name: string,
    streams: StandardStreams & { readonly clock: Clock },
    { verb, isShown }: { verb: string; isShown: boolean },
  ) {
    this.#name = name;
    this.#streams = streams;
    this.#screen = new Screen(streams.stdout);
    this.#verb = verb;
    this.#isShown = isShown && streams.stdout.isTerminal;
  }

  show(bytes: number, total: number): void {
    const { clock, useColor } = this.#streams;
    const now = clock.now();
    if (!this.#isShown || now - this.#drawnAt < DRAW_INTERVAL_MS) return;
    this.#drawnAt = now;
    const options = { ...this.#streams.terminalSize(), useColor };
    this.#screen.draw(renderCheck(this.#name, { verb: this.#verb, bytes, total }, options));
  }

  /** Takes the bar away. May be called again. */
  end(): void {
    this.#screen.close();
  }
}
