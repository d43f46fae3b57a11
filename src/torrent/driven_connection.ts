/**
 * One peer, driven: socket → decoder → session → the swarm's handler, and back out. Two loops, one
 * that reads and one that writes, and no timer of its own: the torrent ticks.
 */
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/ambient.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { type CloseReason, ProtocolError } from "../base/errors.ts";
import type { PeerId } from "../base/ids.ts";
import { TokenBucket } from "../base/rate.ts";
import type { Connection } from "../net/transport.ts";
import { MessageDecoder } from "../wire/decoder.ts";
import type { MessageWriter } from "../wire/encoder.ts";
import type { Message } from "../wire/message.ts";
import type { ReadyPeer } from "./dialer.ts";
import type { RateLimit } from "./rate_limit.ts";

/** A peer that lets one write of ours wait this long is not reading (P25). */
const WRITE_TIMEOUT_MS = 120_000;
/**
 * Bytes a second, those of blocks not counted, that a peer is heard on; what it says beyond waits
 * (P8). Whoever talks without end would otherwise never let go of the program's one thread.
 */
const MAX_CHATTER_RATE = 2 * 1024 * 1024;
/** What a message costs beside its bytes: many short ones are more work than a long one. */
const MESSAGE_COST_BYTES = 40;
/**
 * Whoever takes the blocks that it asked for may say more, by this part of their bytes: enough for
 * a request and a HAVE for each block, so that nobody is served the slower for asking.
 */
const CHATTER_PER_UPLOADED_BYTE = 1 / 128;

/** What is needed of a session. */
export interface DrivenSession {
  readonly output: MessageWriter;
  handleMessage(message: Message, now: number): void;
}

export interface DrivenConnectionOptions<Session extends DrivenSession> {
  /** Names the peer to the rest of the torrent. */
  readonly key: number;
  readonly ready: ReadyPeer;
  readonly session: Session;
  readonly maxMessageLength: number;
  readonly clock: Clock;
  /** Absent: no limit. */
  readonly downloadLimit?: RateLimit;
  /** Takes what the session found in the bytes just read, before they are overwritten. */
  readonly onRead: (now: number) => void;
  /** What to wait for before reading on, if anything. */
  readonly backPressure?: () => Promise<void> | undefined;
}

export class DrivenConnection<Session extends DrivenSession> {
  readonly key: number;
  readonly endpoint: Endpoint;
  readonly isIncoming: boolean;
  readonly peerId: PeerId;
  readonly session: Session;
  /** Milliseconds. */
  readonly joinedAt: number;
  readonly #connection: Connection;
  readonly #options: DrivenConnectionOptions<Session>;
  readonly #closing = new AbortController();
  readonly #closed = Promise.withResolvers<CloseReason>();
  readonly #chatter: TokenBucket;
  #partReadAt: number | undefined;
  #isHeldBack = false;
  #writingSince: number | undefined;
  /** Blocks that are being written or come next. */
  #blocks:
    | { readonly messages: Uint8Array; readonly resolve: (written: boolean) => void }
    | undefined;

  constructor(options: DrivenConnectionOptions<Session>) {
    const { key, session, clock, ready: { connection, endpoint, isIncoming, handshake } } = options;
    this.#options = options;
    this.#connection = connection;
    this.#chatter = new TokenBucket(MAX_CHATTER_RATE, clock.now());
    this.#closed.promise.catch(() => {}); // whoever runs the connection sees it
    this.key = key;
    this.endpoint = endpoint;
    this.isIncoming = isIncoming;
    this.peerId = handshake.peerId;
    this.session = session;
    this.joinedAt = clock.now();
  }

  /** Drives the connection until it ends. Rejects only by an error of our own. */
  async run(): Promise<CloseReason> {
    this.flush();
    this.endWith(this.#read());
    return await this.#closed.promise;
  }

  close(reason: CloseReason): void {
    this.#closing.abort();
    this.#connection.close();
    this.#closed.resolve(reason);
  }

  get isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  /** The address and port at the other end: of a name that was dialled, what it stood for. */
  get remote(): Endpoint {
    return this.#connection.remote;
  }

  /** A web server, which only plays a peer. */
  get isWebSeed(): boolean {
    return this.#connection.isWebSeed === true;
  }

  get isUtp(): boolean {
    return this.#connection.isUtp === true;
  }

  /** Our own limit of the rate keeps us from reading on: what the peer has said is not known. */
  get isHeldBack(): boolean {
    return this.#isHeldBack;
  }

  /** Sends what waits in the session's output; returns at once. */
  flush(): void {
    if (this.isClosed || this.#writingSince !== undefined) return;
    if (this.session.output.pendingBytes === 0 && this.#blocks === undefined) return;
    this.#writingSince = this.#options.clock.now();
    this.endWith(this.#write());
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

  /** Aborted when the connection ends. */
  protected get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** When a part of a block came that was not its end. */
  protected get partReadAt(): number | undefined {
    return this.#partReadAt;
  }

  /** Closes with the reason that a loop ended with; a broken protocol is the peer's, the rest ours. */
  protected endWith(loop: Promise<CloseReason | undefined>): void {
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
    const { clock, downloadLimit, maxMessageLength, onRead, backPressure } = this.#options;
    const decoder = new MessageDecoder({ maxMessageLength });
    const limit = downloadLimit?.isUnlimited === false ? downloadLimit : undefined;
    while (true) {
      const space = decoder.space();
      const length = await this.#connection.read(
        limit === undefined ? space : space.subarray(0, limit.turnBytes),
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
        onRead(now);
      }
      if (decoder.isInBlock) this.#partReadAt = now;
      this.#chatter.take(chatterBytes, now);
      const pauseMs = this.#chatter.waitMs(now);
      if (pauseMs > 0) await clock.sleep(pauseMs, this.#closing.signal);
      await backPressure?.();
      if (limit === undefined) continue;
      this.#isHeldBack = true;
      await limit.pass(length, this.#closing.signal);
      this.#isHeldBack = false;
    }
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
    this.#writingSince = this.#options.clock.now();
    await this.#connection.write(bytes);
  }
}
