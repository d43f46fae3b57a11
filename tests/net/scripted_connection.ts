/** A connection in memory: what the other side says is a list, what we say is kept. */
import { concatBytes } from "../../src/base/bytes.ts";
import type { Connection } from "../../src/net/transport.ts";

export class ScriptedConnection implements Connection {
  readonly remote = { host: "192.0.2.9", port: 1080 };
  readonly #chunks: Uint8Array[];
  readonly #closed = Promise.withResolvers<null>();
  readonly #atEnd: "closes" | "waits";
  written: Uint8Array = new Uint8Array(0);
  isClosed = false;

  /** Each chunk is what one read gives, at most; after them it closes, or says nothing more. */
  constructor(chunks: readonly Uint8Array[], atEnd: "closes" | "waits" = "closes") {
    this.#chunks = [...chunks];
    this.#atEnd = atEnd;
  }

  /** What nobody has read yet. */
  get unread(): Uint8Array {
    return concatBytes(...this.#chunks);
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.isClosed) return Promise.resolve(null);
    const chunk = this.#chunks.shift();
    if (chunk === undefined) {
      return this.#atEnd === "closes" ? Promise.resolve(null) : this.#closed.promise;
    }
    const taken = chunk.subarray(0, buffer.length);
    buffer.set(taken);
    if (taken.length < chunk.length) this.#chunks.unshift(chunk.subarray(taken.length));
    return Promise.resolve(taken.length);
  }

  write(bytes: Uint8Array): Promise<void> {
    this.written = concatBytes(this.written, bytes);
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
    this.#closed.resolve(null);
  }
}
