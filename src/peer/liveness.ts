/**
 * When each side of a connection last said something: a peer that is silent for long is taken for
 * gone, and so that it does not take us for that, we say a keep-alive (BEP 3). Pure: `now` is in
 * milliseconds.
 */
import type { MessageWriter } from "../wire/encoder.ts";
import type { SessionEvents } from "./session_event.ts";

/** We say something at least this often, … */
const KEEP_ALIVE_INTERVAL_MS = 100_000;
/** … since a peer that finishes no message for so long is taken for gone. */
const SILENCE_TIMEOUT_MS = 120_000;

export class Liveness {
  readonly #output: MessageWriter;
  readonly #events: SessionEvents;
  /** When the peer last finished a message. */
  heardAt: number;
  /** When we last said something. */
  saidAt: number;

  constructor(options: {
    readonly output: MessageWriter;
    readonly events: SessionEvents;
    readonly now: number;
  }) {
    this.#output = options.output;
    this.#events = options.events;
    this.heardAt = this.saidAt = options.now;
  }

  /** Runs a command, and notes whether it said anything. */
  say(command: () => void, now: number): void {
    const { pendingBytes } = this.#output;
    command();
    if (this.#output.pendingBytes > pendingBytes) this.saidAt = now;
  }

  /** To be called twice a second or so: says a keep-alive when it is due, or closes. */
  handleTimeout(now: number): void {
    if (this.#events.isClosed) return;
    if (now - this.heardAt >= SILENCE_TIMEOUT_MS) return this.#events.close("silent");
    if (now - this.saidAt < KEEP_ALIVE_INTERVAL_MS) return;
    this.#output.keepAlive();
    this.saidAt = now;
  }
}
