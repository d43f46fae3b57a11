/**
 * Being asked to stop: the first signal asks the command to end, which it gets a few seconds
 * for; the second one ends the process at once.
 */
import { SHOW_CURSOR } from "../output/screen.ts";
import type { Environment, StopSignal } from "./environment.ts";

/** As shells report a program that a signal ended: 128 and its number. */
const EXIT_CODES: Readonly<Record<StopSignal, number>> = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 };

/** A command that has not ended by then is ended: we promise 5 s. */
const GRACE_MS = 4_800;

export class Interruption {
  readonly #environment: Environment;
  readonly #aborting = new AbortController();
  readonly #ending = new AbortController();
  readonly #stopListening: () => void;
  #exitCode: number | undefined;

  constructor(environment: Environment) {
    this.#environment = environment;
    this.#stopListening = environment.onStopSignal((signal) => this.#handle(signal));
  }

  /** Aborts when the command is to end. */
  get signal(): AbortSignal {
    return this.#aborting.signal;
  }

  /** What to exit with, once interrupted: 129, 130 or 143, or what `stop` was given. */
  get exitCode(): number | undefined {
    return this.#exitCode;
  }

  /** Asks the command to end, and the process to exit with `exitCode`, as a signal would. */
  stop(exitCode: number): void {
    if (this.#exitCode !== undefined) return;
    this.#exitCode = exitCode;
    this.#aborting.abort();
    void this.#exitAfterGrace(exitCode);
  }

  /** The command has ended: signals are the system's again. */
  close(): void {
    this.#stopListening();
    this.#ending.abort();
  }

  #handle(signal: StopSignal): void {
    if (this.#exitCode === undefined) this.stop(EXIT_CODES[signal]);
    else this.#environment.exit(EXIT_CODES[signal], SHOW_CURSOR);
  }

  async #exitAfterGrace(exitCode: number): Promise<void> {
    await this.#environment.clock.sleep(GRACE_MS, this.#ending.signal);
    if (!this.#ending.signal.aborted) this.#environment.exit(exitCode, SHOW_CURSOR);
  }
}
