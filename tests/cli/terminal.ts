/** A terminal for tests: knows the few control codes that the live view uses. */
export class Terminal {
  written = "";
  isCursorShown = true;
  #lines: string[] = [""];
  #row = 0;
  #column = 0;

  /** What stands on it. */
  get lines(): readonly string[] {
    return this.#lines.map((line) => line.trimEnd());
  }

  write(text: string): void {
    this.written += text;
    // deno-lint-ignore no-control-regex
    for (const part of text.matchAll(/\x1b\[(\??\d*)([A-Za-z])|[\s\S]/g)) {
      if (part[2] !== undefined) this.#control(part[1]!, part[2]);
      else this.#put(part[0]);
    }
  }

  #control(argument: string, code: string): void {
    switch (code) {
      case "A":
        this.#row -= Number(argument || 1);
        if (this.#row < 0) throw new Error("the cursor left the screen");
        break;
      case "G":
        this.#column = Math.max(0, Number(argument || 1) - 1);
        break;
      case "K":
        this.#lines[this.#row] = argument === "2"
          ? ""
          : this.#lines[this.#row]!.slice(0, this.#column);
        break;
      case "J":
        this.#lines[this.#row] = this.#lines[this.#row]!.slice(0, this.#column);
        this.#lines.length = this.#row + 1;
        break;
      case "h":
      case "l":
        if (argument === "?25") this.isCursorShown = code === "h";
        break;
      case "m":
        break;
      default:
        throw new Error(`unknown control code ${argument}${code}`);
    }
  }

  #put(character: string): void {
    if (character === "\r") this.#column = 0;
    else if (character === "\n") {
      this.#column = 0;
      if (++this.#row === this.#lines.length) this.#lines.push("");
    } else {
      const line = this.#lines[this.#row]!.padEnd(this.#column);
      this.#lines[this.#row] = line.slice(0, this.#column) + character +
        line.slice(this.#column + 1);
      this.#column++;
    }
  }
}
