/** A bar while files are hashed, on a terminal. */
import type { Environment } from "./environment.ts";
import { renderCheck } from "./progress.ts";
import { Screen } from "./screen.ts";

const DRAW_INTERVAL_MS = 200;

export class HashProgress {
  readonly #name: string;
  readonly #environment: Environment;
  readonly #screen: Screen;
  readonly #verb: string;
  readonly #isShown: boolean;
  #drawnAt = -Infinity;

  /** `name` is printable; `verb` says what happened to the bytes: `checked`. */
  constructor(
    name: string,
    environment: Environment,
    { verb, isShown }: { verb: string; isShown: boolean },
  ) {
    this.#name = name;
    this.#environment = environment;
    this.#screen = new Screen(environment.stdout);
    this.#verb = verb;
    this.#isShown = isShown && environment.stdout.isTerminal;
  }

  show(bytes: number, total: number): void {
    const { clock, useColor } = this.#environment;
    const now = clock.now();
    if (!this.#isShown || now - this.#drawnAt < DRAW_INTERVAL_MS) return;
    this.#drawnAt = now;
    const options = { ...this.#environment.terminalSize(), useColor };
    this.#screen.draw(renderCheck(this.#name, { verb: this.#verb, bytes, total }, options));
  }

  /** Takes the bar away. May be called again. */
  end(): void {
    this.#screen.close();
  }
}
