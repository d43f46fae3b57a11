/**
 * One peer, driven: socket → decoder → session → the swarm's handler, and back out. Two loops,
 * one that reads and one that writes, and no timer of its own: the torrent ticks.
 */
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/ambient.ts";
import type { Bitfield } from "../base/bitfield.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { type CloseReason, ProtocolError } from "../base/errors.ts";
import type { PieceIndex } from "../base/ids.ts";
import { TokenBucket } from "../base/rate.ts";
import type { Connection } from "../net/transport.ts";
import type { PeerSession } from "../peer/session.ts";
import type { PeerKey } from "../piece/piece_table.ts";
import type { PickerPeer } from "../piece/picker_peer.ts";
import { MessageDecoder } from "../wire/decoder.ts";
import type { RateLimit } from "./rate_limit.ts";

/** A peer that lets one write of ours wait this long is not reading (P25). */
export const WRITE_TIMEOUT_MS = 120_000;
/**
 * Bytes a second, those of blocks not counted, that a peer is heard on; what it says beyond waits
 * (P8). Whoever talks without end would otherwise never let go of the program's one thread.
 */
export const MAX_CHATTER_RATE = 2 * 1024 * 1024;
/** What a message costs beside its bytes: many short ones are more work than a long one. */
export const MESSAGE_COST_BYTES = 40;
/**
 * Whoever takes the blocks that it asked for may say more, by this part of their bytes: enough for
 * a request and a HAVE for each block, so that nobody is served the slower for asking.
 */
const CHATTER_PER_UPLOADED_BYTE = 1 / 128;

export interface PeerConnectionOptions {
  readonly key: PeerKey;
  readonly endpoint: Endpoint;
  readonly isIncoming: boolean;
  readonly connection: Connection;
  readonly session: PeerSession;
  readonly maxMessageLength: number;
  readonly clock: Clock;
  readonly downloadLimit: RateLimit;
  /** Takes what the session found in the bytes just read, before they are overwritten. */
  readonly onRead: (peer: PeerConnection, now: number) => void;
  /** What to wait for before reading on, if anything. */
  readonly backPressure: () => Promise<void> | undefined;
  /** Sends blocks, by `writeBlocks`, until the peer asks for no more. */
  readonly upload: (peer: PeerConnection, signal: AbortSignal) => Promise<void>;
}

export class PeerConnection implements PickerPeer {
  readonly key: PeerKey;
  readonly endpoint: Endpoint;
  readonly isIncoming: boolean;
  readonly session: PeerSession;
  readonly #options: PeerConnectionOptions;
  readonly #closing = new AbortController();
  readonly #closed = Promise.withResolvers<CloseReason>();
  readonly #chatter: TokenBucket;
  /** When a part of a message came that was not its end. */
  #partReadAt: number | undefined;
  #writingSince: number | undefined;
  /** Blocks that are being written or come next. */
  #blocks:
    | { readonly messages: Uint8Array; readonly resolve: (written: boolean) => void }
    | undefined;
  #isUploading = false;

  constructor(options: PeerConnectionOptions) {
    this.#options = options;
    this.#chatter = new TokenBucket(MAX_CHATTER_RATE, options.clock.now());
    this.#closed.promise.catch(() => {}); // whoever runs the connection sees it
    this.key = options.key;
    this.endpoint = options.endpoint;
    this.isIncoming = options.isIncoming;
    this.session = options.session;
  }

  /** Drives the connection until it ends. Rejects only by an error of our own. */
  async run(): Promise<CloseReason> {
    this.flush();
    this.#endWith(this.#read());
    return await this.#closed.promise;
  }

  close(reason: CloseReason): void {
    this.#closing.abort();
    this.#options.connection.close();
    this.#closed.resolve(reason);
  }

  /** The address and port at the other end: of a name that was dialled, what it stood for. */
  get remote(): Endpoint {
    return this.#options.connection.remote;
  }

  get theirHave(): Bitfield {
    return this.session.theirHave;
  }

  get isPeerChoking(): boolean {
    return this.session.isPeerChoking;
  }

  get allowedFast(): ReadonlySet<PieceIndex> {
    return this.session.allowedFast;
  }

  get isSnubbed(): boolean {
    return this.session.isSnubbed;
  }

  /** When a block came, or a part of one; undefined before. Of a slow peer, parts are progress. */
  get lastDataAt(): number | undefined {
    const { lastBlockAt } = this.session;
    if (this.#partReadAt === undefined) return lastBlockAt;
    return Math.max(this.#partReadAt, lastBlockAt ?? -Infinity);
  }

  offers(piece: PieceIndex): boolean {
    return this.session.offers(piece);
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** It asked for blocks that it has not got yet: all of them may be in the write under way. */
  get awaitsBlocks(): boolean {
    return this.#isUploading || this.session.hasUploads;
  }

  /** Sends what waits in the session's output, and begins to upload; returns at once. */
  flush(): void {
    if (this.isClosed) return;
    if (this.session.hasUploads && !this.#isUploading) {
      this.#isUploading = true;
      this.#endWith(this.#upload());
    }
    if (this.#writingSince !== undefined) return;
    if (this.session.output.pendingBytes === 0 && this.#blocks === undefined) return;
    this.#writingSince = this.#options.clock.now();
    this.#endWith(this.#write());
  }

  /**
   * Writes piece messages after what is being written now; they must not change meanwhile. One
   * call at a time. False when the connection has ended.
   */
  writeBlocks(messages: Uint8Array): Promise<boolean> {
    assert(this.#blocks === undefined, "one write of blocks at a time");
    if (this.isClosed) return Promise.resolve(false);
    const { promise, resolve } = Promise.withResolvers<boolean>();
    this.#blocks = { messages, resolve };
    this.flush();
    return promise;
  }

  /** Closes the connection when the peer has stopped reading. */
  tick(now: number): void {
    if (this.#writingSince !== undefined && now - this.#writingSince > WRITE_TIMEOUT_MS) {
      this.close("not-reading");
    }
  }

  /** Closes with the reason that a loop ended with; a broken protocol is the peer's, the rest ours. */
  #endWith(loop: Promise<CloseReason | undefined>): void {
    loop.then(
      (reason) => reason && this.close(reason),
      (error) => {
        if (error instanceof ProtocolError) return this.close(error.reason);
        this.#closed.reject(error);
        this.close("finished");
      },
    );
  }

  async #read(): Promise<CloseReason> {
    const { connection, clock, downloadLimit, maxMessageLength, onRead, backPressure } =
      this.#options;
    const decoder = new MessageDecoder({ maxMessageLength });
    while (true) {
      const space = decoder.space();
      const length = await connection.read(
        downloadLimit.isUnlimited ? space : space.subarray(0, downloadLimit.turnBytes),
      );
      if (length === null) return "remote-closed";
      if (this.isClosed) return "finished";
      decoder.advance(length);
      const now = clock.now();
      let chatterBytes = length;
      try {
        for (let message = decoder.next(); message; message = decoder.next()) {
          this.session.handleMessage(message, now);
          if (message.kind === "piece") chatterBytes -= message.block.length;
          else chatterBytes += MESSAGE_COST_BYTES;
        }
      } finally {
        // What came before a malformed message still counts.
        onRead(this, now);
      }
      if (decoder.isInMessage) this.#partReadAt = now;
      this.#chatter.take(chatterBytes, now);
      const pauseMs = this.#chatter.waitMs(now);
      if (pauseMs > 0) await clock.sleep(pauseMs, this.#closing.signal);
      await backPressure();
      if (!downloadLimit.isUnlimited) await downloadLimit.pass(length, this.#closing.signal);
    }
  }

  /** In its own loop, so that waiting for the disk or for the rate holds up no message. */
  async #upload(): Promise<undefined> {
    while (this.session.hasUploads && !this.isClosed) {
      await this.#options.upload(this, this.#closing.signal);
      // What was refused.
      this.flush();
    }
    this.#isUploading = false;
  }

  /**
   * Blocks first: those at hand were granted before anything that waits in the output was said,
   * and a choke must not overtake them. Then messages, until there is nothing left of either.
   */
  async #write(): Promise<undefined> {
    const { output } = this.session;
    try {
      while (!this.isClosed) {
        const blocks = this.#blocks;
        if (blocks !== undefined) {
          await this.#writeOut(blocks.messages);
          this.#blocks = undefined;
          this.#chatter.give(blocks.messages.length * CHATTER_PER_UPLOADED_BYTE);
          blocks.resolve(true);
        }
        const bytes = output.take();
        if (bytes !== undefined) {
          await this.#writeOut(bytes);
          output.release();
        } else if (blocks === undefined) {
          break;
        }
      }
    } finally {
      this.#blocks?.resolve(false);
      this.#blocks = undefined;
      // Here and not when the promise settles: a flush in between would be lost.
      this.#writingSince = undefined;
    }
  }

  async #writeOut(bytes: Uint8Array): Promise<void> {
    const { connection, clock } = this.#options;
    this.#writingSince = clock.now();
    await connection.write(bytes);
  }
}
