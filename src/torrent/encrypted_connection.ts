/** A connection of which something is encrypted, or was read already. */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { BLOCK_LENGTH } from "../metainfo/layout.ts";
import type { Connection } from "../net/transport.ts";
import { BLOCK_HEADER_LENGTH } from "../wire/block_run.ts";
import type { MseResult } from "../wire/mse.ts";
import type { Rc4 } from "../wire/rc4.ts";

/** Bytes encrypted and written at a time: whole blocks, so that no short write comes last. */
const MAX_WRITE_LENGTH = 4 * (BLOCK_HEADER_LENGTH + BLOCK_LENGTH);
/** The first room for them: most peers are sent nothing but short messages. */
const MIN_SCRATCH_LENGTH = 1024;

export class EncryptedConnection implements Connection {
  readonly #raw: Connection;
  readonly #incoming: Rc4 | undefined;
  readonly #outgoing: Rc4 | undefined;
  /** In plaintext, and to be read before anything else. */
  #received: Bytes;
  #scratch: Bytes = new Uint8Array(0);
  #isWriting = false;

  constructor(raw: Connection, { ciphers, received }: Pick<MseResult, "ciphers" | "received">) {
    this.#raw = raw;
    this.#incoming = ciphers?.incoming;
    this.#outgoing = ciphers?.outgoing;
    this.#received = received;
  }

  get remote(): Endpoint {
    return this.#raw.remote;
  }

  get isUtp(): boolean {
    return this.#raw.isUtp === true;
  }

  /** The raw connection once nothing is left to do: then it costs nothing to have been here. */
  get simplest(): Connection {
    return this.#incoming === undefined && this.#received.length === 0 ? this.#raw : this;
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    if (this.#received.length > 0) {
      const taken = this.#received.subarray(0, buffer.length);
      buffer.set(taken);
      this.#received = this.#received.subarray(taken.length);
      return taken.length;
    }
    const length = await this.#raw.read(buffer);
    if (length !== null) this.#incoming?.apply(buffer.subarray(0, length));
    return length;
  }

  async write(bytes: Uint8Array): Promise<void> {
    const cipher = this.#outgoing;
    if (cipher === undefined) return await this.#raw.write(bytes);
    assert(!this.#isWriting, "one write at a time");
    this.#isWriting = true;
    for (let offset = 0; offset < bytes.length; offset += MAX_WRITE_LENGTH) {
      // Encrypted in a copy: blocks are views of what other peers are sent too.
      const part = this.#copy(bytes.subarray(offset, offset + MAX_WRITE_LENGTH));
      cipher.apply(part);
      await this.#raw.write(part);
    }
    this.#isWriting = false;
  }

  close(): void {
    this.#raw.close();
  }

  #copy(part: Uint8Array): Bytes {
    if (part.length > this.#scratch.length) {
      const isShort = part.length <= MIN_SCRATCH_LENGTH;
      this.#scratch = new Uint8Array(isShort ? MIN_SCRATCH_LENGTH : MAX_WRITE_LENGTH);
    }
    this.#scratch.set(part);
    return this.#scratch.subarray(0, part.length);
  }
}
