/** A uTP stream as the rest of the program sees connections. */
import { assert } from "../base/assert.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { ProtocolError } from "../base/errors.ts";
import type { Connection } from "../net/transport.ts";
import type { Stream, StreamEnd } from "./stream.ts";

export interface UtpConnectionOptions {
  readonly stream: Stream;
  readonly now: () => number;
  /** The stream has something to send. */
  readonly onWork: (stream: Stream) => void;
}

export class UtpConnection implements Connection {
  readonly isUtp = true;
  readonly remote: Endpoint;
  readonly #stream: Stream;
  readonly #now: () => number;
  readonly #onWork: (stream: Stream) => void;
  readonly #opened = Promise.withResolvers<StreamEnd | undefined>();
  #reading:
    | { readonly buffer: Uint8Array; readonly end: (length: number | null) => void }
    | undefined;
  #writing: PromiseWithResolvers<void> | undefined;

  constructor({ stream, now, onWork }: UtpConnectionOptions) {
    this.remote = stream.remote;
    this.#stream = stream;
    this.#now = now;
    this.#onWork = onWork;
  }

  /** Undefined once it is connected; or else why it is not. Never rejects. */
  get opened(): Promise<StreamEnd | undefined> {
    return this.#opened.promise;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    assert(buffer.length > 0);
    assert(this.#reading === undefined, "one read at a time");
    return new Promise((end) => {
      this.#reading = { buffer, end };
      this.settle();
    });
  }

  write(bytes: Uint8Array): Promise<void> {
    if (!this.#stream.isWritable) return Promise.reject(closedError());
    if (bytes.length === 0) return Promise.resolve();
    this.#stream.write(bytes);
    this.#writing = Promise.withResolvers<void>();
    const { promise } = this.#writing;
    this.#onWork(this.#stream);
    return promise;
  }

  close(): void {
    const isOpen = this.#stream.isWritable;
    this.#stream.close(this.#now()); // What waits to be read goes also when it has ended.
    if (isOpen) this.#onWork(this.#stream);
  }

  /** The stream has changed: whoever waits for that may go on. */
  settle(): void {
    const { isConnected, end } = this.#stream;
    if (isConnected || end !== undefined) this.#opened.resolve(isConnected ? undefined : end);
    this.#settleWriting();
    this.#settleReading();
  }

  #settleWriting(): void {
    if (this.#writing === undefined) return;
    if (!this.#stream.isWritable) this.#writing.reject(closedError());
    else if (this.#stream.isWritten) this.#writing.resolve();
    else return;
    this.#writing = undefined;
  }

  #settleReading(): void {
    if (this.#reading === undefined) return;
    const { buffer, end } = this.#reading;
    const now = this.#now();
    const length = this.#stream.read(buffer, now);
    if (length === 0 && !this.#stream.hasEnded) return;
    this.#reading = undefined;
    end(length === 0 ? null : length);
    // The peer may wait for the room that there is now.
    if (this.#stream.deadline() <= now) this.#onWork(this.#stream);
  }
}

function closedError(): ProtocolError {
  return new ProtocolError("remote-closed", "Cannot write to the peer: the connection is closed");
}
