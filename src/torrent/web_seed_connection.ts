/**
 * A web server that plays a peer: the requests that are written to it become GETs of parts of
 * files, and what comes is read as blocks. So all that holds for peers holds for web seeds, too:
 * who is asked for what, and for how much, deadlines, rate limits, blame.
 */
import type { Bitfield } from "../base/bitfield.ts";
import { Channel } from "../base/channel.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { ProtocolError, WebSeedError } from "../base/errors.ts";
import type { PieceIndex } from "../base/ids.ts";
import { BLOCK_LENGTH, type Layout } from "../metainfo/layout.ts";
import type { Connection } from "../net/transport.ts";
import { BLOCK_HEADER_LENGTH, putBlockHeader } from "../wire/block_run.ts";
import { MessageDecoder } from "../wire/decoder.ts";
import { MessageWriter } from "../wire/encoder.ts";
import type { Message } from "../wire/message.ts";
import { FetchLimit } from "../web_seed/fetch_limit.ts";
import type { FileRange } from "../web_seed/range_answer.ts";
import { RequestedBlocks, type RequestedRun } from "../web_seed/requested_blocks.ts";

/** How often it says what it has: a peer that does so more often is parted from. */
const MAX_OFFERS = 8;
/** Parts of one answer that wait to be read; the server waits, too, then. */
const MAX_WAITING_PARTS = 2;
/** What we say ourselves is never longer, but for a bitfield. */
const MAX_MESSAGE_LENGTH = 128 * 1024;
const ZEROS = new Uint8Array(BLOCK_LENGTH);

/**
 * All of a part of a file was handed on ("done"); or the server does not have that file now
 * ("lacking"), or too much is asked of it at once ("busy").
 */
export type FetchOutcome = "done" | "lacking" | "busy";

/**
 * Hands on the bytes of a part of a file as they come, never too many; `take` resolves when there
 * may be more, to false when nobody wants them. Throws WebSeedError when the server is of no use
 * any more, or `signal` has aborted.
 */
export type FetchRange = (
  range: FileRange,
  take: (part: Uint8Array) => Promise<boolean>,
  signal: AbortSignal,
) => Promise<FetchOutcome>;

export interface WebSeedConnectionOptions {
  readonly remote: Endpoint;
  readonly layout: Layout;
  /** What the server has now. */
  readonly pieces: () => Bitfield;
  readonly fetchRange: FetchRange;
  readonly onClosed: () => void;
}

/** A part of a file that is, or will be, on its way. */
interface Fetch {
  readonly range: FileRange;
  /** Where it begins in its run. */
  readonly runOffset: number;
  readonly parts: Channel<Uint8Array>;
  /** When it has ended, and nothing was thrown. */
  outcome: FetchOutcome | undefined;
}

interface Delivery {
  readonly run: RequestedRun;
  readonly fetches: readonly Fetch[];
}

export class WebSeedConnection implements Connection {
  readonly isWebSeed = true;
  readonly remote: Endpoint;
  readonly #options: WebSeedConnectionOptions;
  readonly #decoder: MessageDecoder;
  readonly #output = new MessageWriter();
  readonly #messages: AsyncIterator<Uint8Array>;
  /** What was taken of the messages and not read yet. */
  #unread: Uint8Array = new Uint8Array();
  /** A block as it is put together, behind its header. */
  readonly #block = new Uint8Array(BLOCK_HEADER_LENGTH + BLOCK_LENGTH);
  #requested: RequestedBlocks;
  #deliveries: Delivery[] = [];
  /** Parts of the deliveries, in their order, that are not begun yet. */
  #waiting: Fetch[] = [];
  #fetchCount = 0;
  readonly #fetchLimit = new FetchLimit();
  #offersLeft = MAX_OFFERS;
  /** Something does not come: nothing more is begun until it is its turn to be missed. */
  #isHalted = false;
  /** Ends what is under way. */
  #ending = new AbortController();
  #isClosed = false;
  #news = Promise.withResolvers<void>();

  constructor(options: WebSeedConnectionOptions) {
    const { layout, remote } = options;
    const bitfieldLength = 1 + Math.ceil(layout.pieceCount / 8);
    this.remote = remote;
    this.#options = options;
    this.#decoder = new MessageDecoder({
      maxMessageLength: Math.max(MAX_MESSAGE_LENGTH, bitfieldLength),
    });
    this.#requested = new RequestedBlocks(layout);
    this.#messages = this.#say();
    this.#offer();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    try {
      while (!this.#isClosed) {
        const length = Math.min(this.#unread.length, buffer.length);
        if (length > 0) {
          buffer.set(this.#unread.subarray(0, length));
          this.#unread = this.#unread.subarray(length);
          return length;
        }
        this.#unread = (await this.#messages.next()).value;
      }
    } catch (error) {
      this.close();
      if (!(error instanceof WebSeedError)) throw error;
    }
    return null;
  }

  write(bytes: Uint8Array): Promise<void> {
    if (this.#isClosed) {
      const error = new ProtocolError("remote-closed", "Cannot write: the connection has ended");
      return Promise.reject(error);
    }
    for (let rest = bytes; rest.length > 0;) {
      const space = this.#decoder.space();
      const length = Math.min(space.length, rest.length);
      space.set(rest.subarray(0, length));
      this.#decoder.advance(length);
      rest = rest.subarray(length);
      for (let message = this.#decoder.next(); message; message = this.#decoder.next()) {
        this.#hear(message);
      }
    }
    this.#wake();
    return Promise.resolve();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#drop();
    this.#wake();
    this.#options.onClosed();
  }

  #wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  /** Says what there is, and lets ask for it. */
  #offer(): void {
    this.#offersLeft--;
    const pieces = this.#options.pieces();
    if (pieces.isFull) this.#output.haveAll();
    else this.#output.bitfield(pieces.toBytes());
    this.#output.unchoke();
  }

  #hear(message: Message): void {
    switch (message.kind) {
      case "request":
        this.#requested.add(message);
        break;
      case "cancel":
        if (!this.#requested.cancel(message)) break;
        this.#output.reject(message.index, message.begin, message.length);
        break;
      case "keep-alive":
      case "have":
        // A server has nothing to say by itself, and who is silent is taken for gone.
        if (this.#output.pendingBytes === 0) this.#output.keepAlive();
        break;
      case "not-interested":
        // Dialled anew, it may have more.
        this.close();
        break;
    }
  }

  /** All that a peer would say, as it can be said; ends when the connection does. */
  async *#say(): AsyncGenerator<Uint8Array, Uint8Array> {
    while (!this.#isClosed) {
      const news = this.#news.promise;
      const said = this.#output.take();
      if (said !== undefined) {
        yield said;
        this.#output.release();
      }
      this.#fetchAhead();
      const [delivery] = this.#deliveries;
      if (delivery !== undefined) {
        yield* this.#deliver(delivery);
        this.#deliveries.shift();
      } else if (this.#output.pendingBytes === 0) await news;
    }
    return new Uint8Array();
  }

  /** Begins what there is to fetch. Runs are taken late, so that they are long. */
  #fetchAhead(): void {
    while (this.#fetchCount < this.#fetchLimit.current && !this.#isHalted && !this.#isClosed) {
      if (this.#waiting.length === 0 && !this.#takeRun()) return;
      const fetch = this.#waiting.shift();
      if (fetch !== undefined) void this.#fetch(fetch);
    }
  }

  #takeRun(): boolean {
    const run = this.#requested.takeRun();
    if (run === undefined) return false;
    const { index, begin } = run.blocks[0]!;
    const spans = this.#options.layout.fileSpansIn(index as PieceIndex, begin, run.length);
    const fetches = spans.map(({ pieceOffset, ...range }) => ({
      range,
      runOffset: pieceOffset - begin,
      parts: new Channel<Uint8Array>(MAX_WAITING_PARTS),
      outcome: undefined,
    }));
    this.#deliveries.push({ run, fetches });
    this.#waiting.push(...fetches);
    return true;
  }

  async #fetch(fetch: Fetch): Promise<void> {
    const { range, parts } = fetch;
    const { signal } = this.#ending;
    this.#fetchCount++;
    try {
      const take = (part: Uint8Array) => parts.push(part);
      const outcome = fetch.outcome = await this.#options.fetchRange(range, take, signal);
      if (!signal.aborted) this.#noteOutcome(outcome);
      parts.close();
    } catch (error) {
      this.#isHalted ||= !signal.aborted;
      parts.fail(error);
    }
    this.#fetchCount--;
    this.#fetchAhead();
  }

  /** What is answered after something did not come says nothing of how much may be asked. */
  #noteOutcome(outcome: FetchOutcome): void {
    this.#isHalted ||= outcome !== "done";
    if (!this.#isHalted) this.#fetchLimit.answered();
  }

  /** A run as the messages that carry its blocks, each when all of it is here. */
  async *#deliver({ run, fetches }: Delivery): AsyncGenerator<Uint8Array> {
    const blocks = run.blocks.values();
    let length = 0, filled = 0;
    for await (let bytes of this.#bytesOf(fetches)) {
      while (bytes.length > 0) {
        if (filled === length) {
          const { index: piece, ...place } = blocks.next().value!;
          putBlockHeader(this.#block, 0, { piece, ...place });
          length = BLOCK_HEADER_LENGTH + place.length;
          filled = BLOCK_HEADER_LENGTH;
        }
        const part = bytes.subarray(0, length - filled);
        this.#block.set(part, filled);
        filled += part.length;
        bytes = bytes.subarray(part.length);
        if (filled === length) yield this.#block.subarray(0, length);
      }
    }
  }

  /**
   * What lies between the files is zeros (BEP 47); no block ends with them. Ends early when
   * something does not come.
   */
  async *#bytesOf(fetches: readonly Fetch[]): AsyncGenerator<Uint8Array> {
    let at = 0;
    for (const fetch of fetches) {
      const { range, runOffset, parts } = fetch;
      yield* zeros(runOffset - at);
      yield* parts;
      if (fetch.outcome !== "done") return this.#startAnew(fetch.outcome === "busy");
      at = runOffset + range.length;
    }
  }

  /** Drops all that was asked for, and says again what there is: it can be had by asking anew. */
  #startAnew(isBusy: boolean): void {
    if (this.#isClosed) return;
    if (isBusy) this.#fetchLimit.busy();
    if (this.#offersLeft === 0 || this.#fetchLimit.current === 0) return this.close();
    this.#drop();
    this.#output.choke();
    this.#offer();
  }

  #drop(): void {
    this.#ending.abort();
    this.#ending = new AbortController();
    this.#isHalted = false;
    for (const { fetches } of this.#deliveries) for (const { parts } of fetches) parts.close();
    this.#deliveries = [];
    this.#waiting = [];
    this.#requested = new RequestedBlocks(this.#options.layout);
  }
}

function* zeros(length: number): Iterable<Uint8Array> {
  for (let left = length; left > 0; left -= ZEROS.length) yield ZEROS.subarray(0, left);
}
