/** One web server that has the files of a torrent (BEP 19), by one or several URLs. */
import { assert } from "../base/assert.ts";
import type { Clock, Random } from "../base/ambient.ts";
import { Bitfield } from "../base/bitfield.ts";
import {
  addressScope,
  type Endpoint,
  formatEndpoint,
  hostScope,
  isDialable,
} from "../base/endpoint.ts";
import { WebSeedError } from "../base/errors.ts";
import { type FileIndex, HASH_LENGTH, type PeerId, type PieceIndex } from "../base/ids.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { withDeadline } from "../net/deadline.ts";
import { type BodyAnswer, type FetchBounded, HttpError, type HttpFailure } from "../net/http.ts";
import type { Network } from "../net/transport.ts";
import { fileUrl, mayAsk } from "../web_seed/file_url.ts";
import { checkRangeAnswer, type FileRange, rangeHeaders } from "../web_seed/range_answer.ts";
import type { HandshakeResult } from "./handshaking.ts";
import type { TorrentEvent } from "./snapshot.ts";
import { type FetchOutcome, type FetchRange, WebSeedConnection } from "./web_seed_connection.ts";

/** From the first question to an answer that will do, the look-up of the name included (T21). */
const ANSWER_TIMEOUT_MS = 20_000;
/** For one part of a file, the wait for others before it included. */
const RANGE_TIMEOUT_MS = 60_000;
/** Files that are asked for, one after the other, before a server is given up for now. */
const MAX_PROBES = 20;
/**
 * A file that was not given is asked for again after this time, doubled with each failure; one that
 * is not there after the longest.
 */
const FIRST_LACK_MS = 1_000;
const MAX_LACK_MS = 300_000;
/** What is told of one server; its status codes alone are hundreds. */
const MAX_FAULTS = 10;
/** Files whose place after redirects is remembered. */
const MAX_REMEMBERED_PLACES = 1_000;
/** As Azureus-style ids go (BEP 20): of nobody who could be met elsewhere. */
const PEER_ID_PREFIX = new TextEncoder().encode("-WS0000-");

/** Nobody waits for the answer any more. */
const ENDED = new WebSeedError("unreachable", "it is not needed any more");
const WANTED = Promise.resolve(true);

type Take = Parameters<FetchRange>[1];

export interface WebSeedOptions {
  readonly metainfo: Metainfo;
  /** Pieces that are wanted, live. */
  readonly missing: Bitfield;
  readonly network: Network;
  readonly fetch: FetchBounded;
  readonly clock: Clock;
  readonly random: Random;
  /** Is told, once for each fact, what makes it of no use. */
  readonly onEvent: (event: TorrentEvent) => void;
  /** It was not reached, or its connection has ended. */
  readonly onEnded: () => void;
}

/** A file that was not given. */
interface Lack {
  /** Since it was last given. */
  readonly failureCount: number;
  /** Until then nobody asks for it. */
  readonly until: number;
}

/** One place of the files. */
interface Base {
  readonly url: string;
  readonly lacks: Map<FileIndex, Lack>;
}

export class WebSeed {
  readonly endpoint: Endpoint;
  readonly #options: WebSeedOptions;
  /** The first one is asked. */
  readonly #bases: Base[];
  /** Where redirects led, as long as there is a connection. */
  readonly #places = new Map<FileIndex, string>();
  readonly #peerId: PeerId;
  readonly #faults = new Set<string>();
  #restsUntil = -Infinity;
  #isOpen = false;

  /** All `urls`, one at least, are of the host and port of `endpoint`. */
  constructor(endpoint: Endpoint, urls: readonly string[], options: WebSeedOptions) {
    this.endpoint = endpoint;
    this.#bases = urls.map((url) => ({ url, lacks: new Map() }));
    this.#options = options;
    const peerId = options.random.bytes(HASH_LENGTH);
    peerId.set(PEER_ID_PREFIX);
    this.#peerId = peerId as PeerId;
  }

  /** What made it of no use so far, in words, each once. */
  get faults(): ReadonlySet<string> {
    return this.#faults;
  }

  /** There is a connection, or there will be one. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Asks for the first byte of a file that is wanted, and plays a peer from then on. Undefined when
   * it has none, as far as is known, or wants to be left alone. Throws WebSeedError when there is no
   * answer that would do.
   */
  async open(signal: AbortSignal): Promise<HandshakeResult | undefined> {
    const { metainfo: { infoHash, layout }, clock } = this.#options;
    if (clock.now() < this.#restsUntil || this.#chooseFile() === undefined) return undefined;
    assert(!this.#isOpen);
    this.#isOpen = true;
    try {
      await this.#probe(signal);
    } catch (error) {
      this.#end();
      throw error;
    }
    const connection = new WebSeedConnection({
      remote: this.endpoint,
      layout,
      pieces: () => this.#piecesOf(this.#bases[0]!),
      fetchRange: (range, take, signal) => this.#fetchRange(range, take, signal),
      onClosed: () => this.#end(),
    });
    const flags = { extended: false, fast: true, dht: false };
    return { connection, handshake: { infoHash, peerId: this.#peerId, flags } };
  }

  #end(): void {
    this.#isOpen = false;
    this.#places.clear();
    this.#options.onEnded();
  }

  async #probe(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    await withDeadline(
      { clock, timeoutMs: ANSWER_TIMEOUT_MS, signal },
      async (ending) => {
        await this.#checkName(ending);
        await this.#fetchAnyByte(ending);
      },
      (reason) => {
        if (reason === "aborted") return ENDED;
        this.#rotate(this.#bases[0]!);
        return this.#tell(unreachable("no answer in time"));
      },
    );
  }

  /**
   * A public name that leads to this machine is a trap (T17), one that leads into a local network
   * no reason to be less careful there than by its address.
   */
  async #checkName(signal: AbortSignal): Promise<void> {
    const { network, fetch } = this.#options;
    const { host, port } = this.endpoint;
    const scope = hostScope(host);
    if (fetch.isProxied || scope !== "name") return;
    const addresses = await network.resolve(host);
    if (signal.aborted) throw ENDED;
    if (!addresses.every((host) => isDialable({ host, port }, scope))) {
      throw this.#tell(unreachable("its name leads to this machine"));
    }
    const hasQuery = this.#bases.some(({ url }) => new URL(url).search !== "");
    if (hasQuery && addresses.some((host) => addressScope(host) !== "global")) {
      throw this.#tell(unreachable("its name leads into a local network, with a query"));
    }
  }

  /** Of a file that is there: that one is not says little of the others. */
  async #fetchAnyByte(signal: AbortSignal): Promise<void> {
    for (let probes = 0; probes < MAX_PROBES; probes++) {
      const file = this.#chooseFile();
      if (file === undefined) break;
      const range = { file, fileOffset: 0, length: 1 };
      const outcome = await this.#fetchRange(range, () => WANTED, signal);
      if (outcome === "done") return;
      if (outcome === "busy") throw unreachable("it has too much to do");
    }
    throw unreachable("it gives none of the files that were tried");
  }

  /** A file that is wanted and may be there, any of them; makes the first base one that has it. */
  #chooseFile(): FileIndex | undefined {
    const { missing, random, metainfo: { layout } } = this.#options;
    const start = random.below(layout.pieceCount);
    for (const base of [...this.#bases]) {
      const pieces = this.#piecesOf(base);
      let piece = pieces.nextCommon(missing, start);
      if (piece < 0) piece = pieces.nextCommon(missing);
      if (piece >= 0) return layout.filesOf(piece as PieceIndex)[0];
      this.#rotate(base);
    }
    return undefined;
  }

  /** All but those that lie in files that are not to be had now. */
  #piecesOf({ lacks }: Base): Bitfield {
    const { clock, metainfo: { layout } } = this.#options;
    const pieces = new Bitfield(layout.pieceCount);
    pieces.setAll();
    const now = clock.now();
    for (const [file, { until }] of lacks) {
      if (until <= now) continue;
      for (const piece of layout.eachPieceOf(file)) pieces.clear(piece);
    }
    return pieces;
  }

  async #fetchRange(range: FileRange, take: Take, signal: AbortSignal): Promise<FetchOutcome> {
    const { metainfo } = this.#options;
    const base = this.#bases[0]!;
    const place = this.#places.get(range.file);
    try {
      await this.#get(place ?? fileUrl(base.url, metainfo, range.file), range, take, signal);
      base.lacks.delete(range.file);
      return "done";
    } catch (error) {
      if (signal.aborted) throw ENDED;
      const failure = this.#tell(asWebSeedError(error));
      if (failure.reason === "busy" && failure.retryAfterMs === 0) return "busy";
      if (failure.reason === "busy" || failure.reason === "unreachable") {
        this.#rotate(base);
        throw failure;
      }
      // A mirror says nothing of what led there.
      if (place !== undefined) this.#places.delete(range.file);
      else this.#noteLack(base, range.file, failure);
      return "lacking";
    }
  }

  async #get(url: string, range: FileRange, take: Take, signal: AbortSignal): Promise<void> {
    const fileLength = this.#options.metainfo.files.lengthOf(range.file);
    const answered = await this.#options.fetch(url, {
      maxBytes: range.length,
      timeoutMs: RANGE_TIMEOUT_MS,
      signal,
      headers: rangeHeaders(range),
      accept: mayAsk,
      take: async (answer) => {
        checkRangeAnswer(answer, range, fileLength);
        await takeAll(answer, range.length, take);
      },
    });
    if (answered.url === url || this.#places.size >= MAX_REMEMBERED_PLACES) return;
    this.#places.set(range.file, answered.url);
  }

  /** Several parts of one file that were under way fail once. */
  #noteLack({ lacks }: Base, file: FileIndex, { isLasting }: WebSeedError): void {
    const now = this.#options.clock.now();
    const { failureCount = 0, until = now } = lacks.get(file) ?? {};
    if (until > now) return;
    const pauseMs = isLasting ? MAX_LACK_MS : FIRST_LACK_MS * 2 ** Math.min(failureCount, 16);
    lacks.set(file, {
      failureCount: failureCount + 1,
      until: now + Math.min(pauseMs, MAX_LACK_MS),
    });
  }

  /** The others have their turn before it. */
  #rotate(base: Base): void {
    if (this.#bases[0] === base) this.#bases.push(this.#bases.shift()!);
  }

  #tell(error: WebSeedError): WebSeedError {
    const { clock, onEvent } = this.#options;
    const { message, retryAfterMs } = error;
    this.#restsUntil = Math.max(this.#restsUntil, clock.now() + retryAfterMs);
    if (!this.#faults.has(message) && this.#faults.size < MAX_FAULTS) {
      this.#faults.add(message);
      const sentence = `Cannot use the web seed at ${formatEndpoint(this.endpoint)}: ${message}`;
      onEvent({ kind: "warning", message: sentence });
    }
    return error;
  }
}

/** All of the range, in order. */
async function takeAll({ body }: BodyAnswer, length: number, take: Take): Promise<void> {
  let left = length;
  for await (const part of body) {
    left -= part.length;
    if (!await take(part)) throw ENDED;
  }
  if (left > 0) throw new WebSeedError("malformed", "it gives less than it was asked for");
}

/** Failures that are about one answer, and not about the server. */
const MALFORMED: Partial<Record<HttpFailure, string>> = {
  "unsupported-url": "it has no URL that may be asked",
  "malformed": "its answer is broken",
  "too-large": "it gives more than it was asked for",
  "redirects": "it redirects without end",
};

function asWebSeedError(error: unknown): WebSeedError {
  if (error instanceof WebSeedError) return error;
  if (!(error instanceof HttpError)) throw error;
  const words = MALFORMED[error.failure];
  if (words !== undefined) return new WebSeedError("malformed", words);
  if (error.failure === "timeout") return unreachable("no answer in time");
  return unreachable(error.message.replace(/^Cannot fetch.*?: /, ""));
}

function unreachable(fact: string): WebSeedError {
  return new WebSeedError("unreachable", fact);
}
