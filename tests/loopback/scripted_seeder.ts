/**
 * A seeder on a real loopback socket that does as a test says: serves at a rate, keeps a record
 * of every request, spoils blocks. It speaks plain BEP 3 and keeps all data in memory.
 */
import { SystemClock, SystemRandom } from "../../src/base/ambient.ts";
import type { InfoHash, PeerId } from "../../src/base/ids.ts";
import { Bitfield } from "../../src/base/bitfield.ts";
import { TokenBucket } from "../../src/base/rate.ts";
import { BLOCK_LENGTH } from "../../src/metainfo/layout.ts";
import { MessageDecoder } from "../../src/wire/decoder.ts";
import { MessageWriter } from "../../src/wire/encoder.ts";
import { encodeExtensionHandshake } from "../../src/wire/extension.ts";
import { encodeHandshake, HANDSHAKE_LENGTH, parseHandshake } from "../../src/wire/handshake.ts";
import type { BlockMessage, Message } from "../../src/wire/message.ts";

const MAX_MESSAGE_LENGTH = 1024 * 1024;

export interface ScriptedSeederOptions {
  readonly infoHash: Uint8Array;
  readonly pieceLength: number;
  /** The torrent's bytes, all files in a row. */
  readonly data: Uint8Array;
  /** Bytes a second, over all connections; no limit when absent. */
  readonly uploadRate?: number;
  /** The pieces that it has; all when absent. */
  readonly pieces?: readonly number[];
  /** What it calls itself (BEP 10); it says nothing of itself when absent. */
  readonly clientName?: string;
  /** What to send in place of a block. */
  readonly spoil?: (block: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;
}

/** A block that was asked for, by its place in the torrent. */
export interface AskedBlock {
  readonly piece: number;
  readonly offset: number;
  readonly length: number;
}

export class ScriptedSeeder implements AsyncDisposable {
  readonly port: number;
  /** Every request, in the order of arrival, repeated ones too. */
  readonly asked: AskedBlock[] = [];
  /** Bytes of blocks that were sent, repeated ones too. */
  servedBytes = 0;
  readonly #options: ScriptedSeederOptions;
  readonly #listener: Deno.TcpListener;
  readonly #connections = new Set<SeedingConnection>();
  readonly #bucket: TokenBucket | undefined;
  readonly #clock = new SystemClock();
  readonly #closing = new AbortController();
  readonly #accepting: Promise<void>;

  constructor(options: ScriptedSeederOptions) {
    this.#options = options;
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.port = this.#listener.addr.port;
    if (options.uploadRate !== undefined) {
      // No burst, or a megabyte would wait in the system's buffers, sent and not received.
      this.#bucket = new TokenBucket(options.uploadRate, this.#clock.now(), BLOCK_LENGTH);
    }
    this.#accepting = this.#accept();
  }

  get endpoint(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Waits until the rate allows `length` more bytes, and counts them. */
  async allow(length: number): Promise<void> {
    const bucket = this.#bucket;
    if (bucket !== undefined) {
      const waitMs = bucket.waitMs(this.#clock.now());
      bucket.take(length, this.#clock.now());
      if (waitMs > 0) await this.#clock.sleep(waitMs, this.#closing.signal);
    }
    this.servedBytes += length;
  }

  block({ index, begin, length }: BlockMessage): Uint8Array {
    const offset = index * this.#options.pieceLength + begin;
    const block = this.#options.data.slice(offset, offset + length) as Uint8Array<ArrayBuffer>;
    return this.#options.spoil?.(block) ?? block;
  }

  /** Leaves; may be called again. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closing.signal.aborted) return await this.#accepting;
    this.#closing.abort();
    this.#listener.close();
    for (const connection of this.#connections) connection.close();
    await this.#accepting;
  }

  async #accept(): Promise<void> {
    const serving: Promise<void>[] = [];
    for await (const socket of this.#listener) {
      const connection = new SeedingConnection(socket, this, this.#options);
      this.#connections.add(connection);
      serving.push(connection.serve().finally(() => this.#connections.delete(connection)));
    }
    await Promise.all(serving);
  }
}

/** One downloader's connection: reading and serving at the same time. */
class SeedingConnection {
  readonly #socket: Deno.TcpConn;
  readonly #seeder: ScriptedSeeder;
  readonly #options: ScriptedSeederOptions;
  readonly #queue: BlockMessage[] = [];
  readonly #output = new MessageWriter();
  #wake: (() => void) | undefined;
  #closed = false;

  constructor(socket: Deno.TcpConn, seeder: ScriptedSeeder, options: ScriptedSeederOptions) {
    this.#socket = socket;
    this.#seeder = seeder;
    this.#options = options;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#socket.close();
    this.#wake?.();
  }

  /** Ends with the connection, whoever ends it. */
  async serve(): Promise<void> {
    try {
      await this.#greet();
      await Promise.all([this.#read(), this.#write()]);
    } catch (error) {
      // The downloader is killed and closes as it likes; only our own mistakes matter.
      if (error instanceof TypeError || error instanceof RangeError) throw error;
    } finally {
      this.close();
    }
  }

  async #greet(): Promise<void> {
    const bytes = new Uint8Array(HANDSHAKE_LENGTH);
    for (let filled = 0; filled < bytes.length;) {
      const count = await this.#socket.read(bytes.subarray(filled));
      if (count === null) return this.close();
      filled += count;
    }
    parseHandshake(bytes);
    const { clientName } = this.#options;
    const ours = encodeHandshake({
      infoHash: this.#options.infoHash as InfoHash,
      peerId: new SystemRandom().bytes(20) as PeerId,
      flags: { extended: clientName !== undefined, fast: false, dht: false },
    });
    for (let sent = 0; sent < ours.length;) sent += await this.#socket.write(ours.subarray(sent));
    const { data, pieceLength, pieces } = this.#options;
    const have = new Bitfield(Math.ceil(data.length / pieceLength));
    if (pieces === undefined) have.setAll();
    else for (const piece of pieces) have.set(piece);
    this.#output.bitfield(have.toBytes());
    if (clientName !== undefined) {
      this.#output.extended(0, encodeExtensionHandshake({ clientName, messages: {} }));
    }
    this.#output.unchoke();
  }

  async #read(): Promise<void> {
    const decoder = new MessageDecoder({ maxMessageLength: MAX_MESSAGE_LENGTH });
    while (!this.#closed) {
      const count = await this.#socket.read(decoder.space());
      if (count === null) return this.close();
      decoder.advance(count);
      for (let message = decoder.next(); message !== undefined; message = decoder.next()) {
        this.#handle(message);
      }
      this.#wake?.();
    }
  }

  #handle(message: Message): void {
    if (message.kind === "request") {
      const { index, begin, length } = message;
      const offset = index * this.#options.pieceLength + begin;
      this.#seeder.asked.push({ piece: index, offset, length });
      this.#queue.push(message);
    } else if (message.kind === "cancel") {
      const at = this.#queue.findIndex(({ index, begin }) =>
        index === message.index && begin === message.begin
      );
      if (at >= 0) this.#queue.splice(at, 1);
    }
  }

  async #write(): Promise<void> {
    while (!this.#closed) {
      const request = this.#queue.shift();
      if (request !== undefined) {
        await this.#seeder.allow(request.length);
        this.#output.piece(request.index, request.begin, this.#seeder.block(request));
      }
      const bytes = this.#output.take();
      if (bytes === undefined) {
        await new Promise<void>((resolve) => this.#wake = resolve);
        continue;
      }
      for (let sent = 0; sent < bytes.length && !this.#closed;) {
        sent += await this.#socket.write(bytes.subarray(sent));
      }
      this.#output.release();
    }
  }
}
