/** A connection as a stream of Node, for what speaks TLS or HTTP over such streams. */
import { Duplex } from "node:stream";
import type { Bytes } from "../base/bytes.ts";
import type { Connection } from "./transport.ts";

const READ_LENGTH = 16_384;

/** Owns the connection: it is closed when the stream is destroyed. */
export class ConnectionStream extends Duplex {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    super();
    this.#connection = connection;
  }

  override _read(): void {
    const buffer = new Uint8Array(READ_LENGTH);
    void this.#connection.read(buffer).then((length) => {
      if (!this.destroyed) this.push(length === null ? null : buffer.subarray(0, length));
    });
  }

  override _write(bytes: Bytes, _encoding: string, done: (error?: Error) => void): void {
    this.#connection.write(bytes).then(() => done(), done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#connection.close();
    done(error);
  }
}
