/**
 * Says once that an output is lost, its disk full or its reader gone. Nothing else comes of it:
 * a download does not depend on who reads of it.
 */
import { printable } from "../../base/printable.ts";
import type { Audience } from "./notice.ts";
import type { Output } from "./output.ts";

/** Of a message of the system. */
const MAX_MESSAGE_LENGTH = 500;

export interface WatchedOutput {
  readonly output: Pick<Output, "isClosed" | "failure" | "flush">;
  /** As a sentence names it: "standard output". */
  readonly name: string;
  readonly say: (message: string) => void;
}

export class OutputWatch implements Audience {
  #watched: readonly WatchedOutput[];
  readonly #quiet: boolean;

  /** `quiet`: whoever leaves has read enough. */
  constructor(watched: readonly WatchedOutput[], { quiet }: { quiet: boolean }) {
    this.#watched = watched;
    this.#quiet = quiet;
  }

  hear(): void {}

  show(): void {
    for (const { output: { failure }, name, say } of this.#takeLost()) {
      if (failure !== undefined) say(lostBy(failure, name));
      else if (!this.#quiet) say(`nobody reads ${name} any more; starling goes on without it`);
    }
  }

  /** Whoever leaves at the end has read enough; what a full disk lost is said even then. */
  async close(): Promise<void> {
    for (const { output } of this.#watched) await output.flush();
    for (const { output: { failure }, name, say } of this.#takeLost()) {
      if (failure !== undefined) say(lostBy(failure, name));
    }
  }

  #takeLost(): readonly WatchedOutput[] {
    const lost = this.#watched.filter(({ output }) => output.isClosed);
    if (lost.length > 0) this.#watched = this.#watched.filter(({ output }) => !output.isClosed);
    return lost;
  }
}

function lostBy(failure: unknown, name: string): string {
  const reason = failure instanceof Error ? failure.message : String(failure);
  return `Cannot write to ${name}: ${
    printable(reason, MAX_MESSAGE_LENGTH)
  }; the rest of it is lost, all else goes on`;
}
