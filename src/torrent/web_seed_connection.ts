/**
 * A web server that plays a peer: the requests that are written to it become GETs of parts of
 * files, and what comes is read as blocks. So all that holds for peers holds for web seeds, too:
 * who is asked for what, and for how much, deadlines, rate limits, blame.
 */
import { Bitfield } from "../base/bitfield.ts";
import { Channel } from "../base/channel.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { ProtocolError, WebSeedError } from "../base/errors.ts";
import type { FileIndex, PieceIndex } from "../base/ids.ts";
import { BLOCK_LENGTH, type Layout } from "../metainfo/layout.ts";
import type { Connection } from "../net/transport.ts";
import { BLOCK_HEADER_LENGTH, putBlockHeader } from "../wire/block_run.ts";
import { MessageDecoder } from "../wire/decoder.ts";
import { MessageWriter } from "../wire/encoder.ts";
import type { Message } from "../wire/message.ts";
import type { FileRange } from "../web_seed/range_answer.ts";
import { RequestedBlocks, type RequestedRun } from "../web_seed/requested_blocks.ts";

/** GETs under way at once: enough that a distant server is never idle. */
const MAX_FETCHES = 4;
/** Parts of one answer that wait to be read; the server waits, too, then. */
const MAX_WAITING_PARTS = 2;
/** What we say ourselves is never longer, but for a bitfield. */
const MAX_MESSAGE_LENGTH = 128 * 1024;
const ZEROS = new Uint8Array(BLOCK_LENGTH);

/**
 * Hands on the bytes of a part of a file as they come; `take` resolves when there may be more, to
 * false when nobody wants them. Throws WebSeedError when there will not be all of them.
 */
export type FetchRange = (
  range: FileRange,
  take: (part: Uint8Array) => Promise<boolean>,
  signal: AbortSignal,
) => Promise<void>;

export interface WebSeedConnectionOptions {
  readonly remote: Endpoint;
  readonly layout: Layout;
  /** Files that the server does not have. */
  readonly lacking: ReadonlySet<FileIndex>;
  readonly fetchRange: FetchRange;
  readonly onClosed: () => void;
}

/** A part of a file that is, or will be, on its way. */
interface Fetch {
  readonly range: FileRange;
  /** Where it begins in its run. */
  readonly runOffset: number;
  readonly parts: Channel<Uint8Array>;
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
  readonly #requested: RequestedBlocks;
  readonly #deliveries: Delivery[] = [];
  /** Parts of the deliveries, in their order, that are not begun yet. */
  readonly #waiting: Fetch[] = [];
  #fetchCount = 0;
  readonly #closing = new AbortController();
  readonly #messages: AsyncIterator<Uint8Array>;
  /** What was taken of the messages and not read yet. */
  #unread: Uint8Array = new Uint8Array();
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
    this.#sayPieces();
    this.#output.unchoke();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    try {
      while (!this.#closing.signal.aborted) {
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
    if (this.#closing.signal.aborted) {
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
    if (this.#closing.signal.aborted) return;
    this.#closing.abort();
    for (const { fetches } of this.#deliveries) for (const { parts } of fetches) parts.close();
    this.#wake();
    this.#options.onClosed();
  }

  #wake(): void {
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }

  #sayPieces(): void {
    const { layout, lacking } = this.#options;
    if (lacking.size === 0) return this.#output.haveAll();
    const pieces = new Bitfield(layout.pieceCount);
    pieces.setAll();
    for (const file of lacking) {
      const range = layout.piecesOf(file);
      if (range === undefined) continue;
      for (let piece = range.first; piece <= range.last; piece++) pieces.clear(piece);
    }
    this.#output.bitfield(pieces.toBytes());
  }

  /** What does not ask for blocks is nothing to a server. */
  #hear(message: Message): void {
    if (message.kind === "request") this.#requested.add(message);
    else if (message.kind === "keep-alive") this.#output.keepAlive();
    else if (message.kind === "cancel" && this.#requested.cancel(message)) {
      this.#output.reject(message.index, message.begin, message.length);
    }
  }

  /** All that a peer would say, as it can be said; ends when the connection does. */
  async *#say(): AsyncGenerator<Uint8Array, Uint8Array> {
    while (!this.#closing.signal.aborted) {
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
    while (this.#fetchCount < MAX_FETCHES && !this.#closing.signal.aborted) {
      if (this.#waiting.length === 0 && !this.#takeRun()) return;
      const fetch = this.#waiting.shift();
      if (fetch !== undefined) void this.#fetch(fetch);
    }
  }

  #takeRun(): boolean {
    const run = this.#requested.takeRun();
    if (run === undefined) return false;
    const { index, begin } = run.blocks[0]!;
    const { layout } = this.#options;
    const spans = layout.fileSpansIn(index as PieceIndex, begin, run.length);
    const fetches = spans.map(({ pieceOffset, ...range }) => ({
      range,
      runOffset: pieceOffset - begin,
      parts: new Channel<Uint8Array>(MAX_WAITING_PARTS),
    }));
    this.#deliveries.push({ run, fetches });
    this.#waiting.push(...fetches);
    return true;
  }

  async #fetch({ range, parts }: Fetch): Promise<void> {
    this.#fetchCount++;
    try {
      await this.#options.fetchRange(range, (part) => parts.push(part), this.#closing.signal);
      parts.close();
    } catch (error) {
      parts.fail(error);
    }
    this.#fetchCount--;
    this.#fetchAhead();
  }

  /** A run as the messages that carry its blocks; what was said meanwhile comes after it. */
  async *#deliver(delivery: Delivery): AsyncGenerator<Uint8Array> {
    const blocks = delivery.run.blocks.values();
    let leftInBlock = 0;
    for await (let bytes of this.#bytesOf(delivery)) {
      while (bytes.length > 0) {
        if (leftInBlock === 0) {
          const block = blocks.next().value!;
          yield headerOf(block);
          leftInBlock = block.length;
        }
        const part = bytes.subarray(0, leftInBlock);
        yield part;
        leftInBlock -= part.length;
        bytes = bytes.subarray(part.length);
      }
    }
  }

  /** What lies between the files is zeros (BEP 47). */
  async *#bytesOf({ run, fetches }: Delivery): AsyncGenerator<Uint8Array> {
    let at = 0;
    for (const { range, runOffset, parts } of fetches) {
      yield* zeros(runOffset - at);
      yield* parts;
      at = runOffset + range.length;
    }
    yield* zeros(run.length - at);
  }
}

function headerOf({ index: piece, begin, length }: RequestedRun["blocks"][number]): Uint8Array {
  const header = new Uint8Array(BLOCK_HEADER_LENGTH);
  putBlockHeader(header, 0, { piece, begin, length });
  return header;
}

function* zeros(length: number): Iterable<Uint8Array> {
  for (let left = length; left > 0; left -= ZEROS.length) yield ZEROS.subarray(0, left);
}
