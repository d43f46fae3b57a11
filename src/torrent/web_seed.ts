/** One web server that has the files of a torrent (BEP 19), by one or several URLs. */
import { assert } from "../base/assert.ts";
import type { Clock, Random } from "../base/ambient.ts";
import { type Endpoint, hostScope, isDialable } from "../base/endpoint.ts";
import { WebSeedError } from "../base/errors.ts";
import { type FileIndex, HASH_LENGTH, type PeerId } from "../base/ids.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { withDeadline } from "../net/deadline.ts";
import { type BodyAnswer, type FetchBounded, HttpError } from "../net/http.ts";
import type { Network } from "../net/transport.ts";
import { fileUrl, mayAsk } from "../web_seed/file_url.ts";
import { checkRangeAnswer, type FileRange, rangeHeaders } from "../web_seed/range_answer.ts";
import type { Introduced } from "./handshaking.ts";
import type { TorrentEvent } from "./snapshot.ts";
import { type FetchRange, WebSeedConnection } from "./web_seed_connection.ts";

/** From the first question to its answer, the look-up of the name included (T21). */
const ANSWER_TIMEOUT_MS = 20_000;
/** For one part of a file, the wait for others before it included. */
const RANGE_TIMEOUT_MS = 60_000;
/** Files that are asked for, one after the other, before a server is given up for now. */
const MAX_PROBES = 3;
/** Files whose place after redirects is remembered. */
const MAX_REMEMBERED_PLACES = 1_000;
/** As Azureus-style ids go (BEP 20): of nobody who could be met elsewhere. */
const PEER_ID_PREFIX = new TextEncoder().encode("-WS0000-");

const WANTED = Promise.resolve(true);
/** Nobody waits for the answer any more. */
const ENDED = new WebSeedError("unreachable", "it is not needed any more");

type Take = Parameters<FetchRange>[1];

/** One place of the files. */
interface Base {
  readonly url: string;
  /** Files that it does not have, or others by that name. */
  readonly lacking: Set<FileIndex>;
}

export interface WebSeedOptions {
  readonly metainfo: Metainfo;
  readonly network: Network;
  readonly fetch: FetchBounded;
  readonly clock: Clock;
  readonly random: Random;
  /** Is told, once for each fact, what makes it of no use. */
  readonly onEvent: (event: TorrentEvent) => void;
  /** It was not reached, or its connection has ended. */
  readonly onEnded: () => void;
}

export class WebSeed {
  readonly endpoint: Endpoint;
  readonly #options: WebSeedOptions;
  /** Those that may be of use; the first is asked. */
  readonly #bases: Base[];
  /** Files that there is anything to ask of. */
  readonly #files: readonly FileIndex[];
  /** Where redirects led, as long as there is a connection. */
  readonly #places = new Map<FileIndex, string>();
  readonly #peerId: PeerId;
  readonly #told = new Set<string>();
  #restsUntil = -Infinity;
  #isOpen = false;

  /** All `urls` are of the host and port of `endpoint`. */
  constructor(endpoint: Endpoint, urls: readonly string[], options: WebSeedOptions) {
    this.endpoint = endpoint;
    this.#bases = urls.map((url) => ({ url, lacking: new Set() }));
    this.#files = [...options.metainfo.files.entries()]
      .filter(([, { length, isPadding }]) => length > 0 && !isPadding)
      .map(([index]) => index as FileIndex);
    this.#options = options;
    const peerId = options.random.bytes(HASH_LENGTH);
    peerId.set(PEER_ID_PREFIX);
    this.#peerId = peerId as PeerId;
  }

  /** There is a connection, or there will be one. */
  get isOpen(): boolean {
    return this.#isOpen;
  }

  /**
   * Asks for the first byte of a file, and plays a peer from then on. Throws WebSeedError when
   * there is no answer that would do.
   */
  async open(signal: AbortSignal): Promise<Introduced> {
    const { metainfo: { infoHash, layout } } = this.#options;
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
      lacking: this.#bases[0]!.lacking,
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
    if (clock.now() < this.#restsUntil) throw unusable("it wants to be left alone");
    await withDeadline(
      { clock, timeoutMs: ANSWER_TIMEOUT_MS, signal },
      async (ending) => {
        await this.#checkName(ending);
        await this.#fetchAnyByte(ending);
      },
      (reason) => reason === "aborted" ? ENDED : this.#fail(unusable("no answer in time")),
    );
  }

  /** Of a file that is there: that one is not says little of the others. */
  async #fetchAnyByte(signal: AbortSignal): Promise<void> {
    for (let probesLeft = MAX_PROBES;; probesLeft--) {
      const base = this.#bases[0];
      const file = this.#files.find((file) => !base?.lacking.has(file));
      if (base === undefined || file === undefined) throw unusable("it was of no use");
      try {
        return await this.#fetchRange({ file, fileOffset: 0, length: 1 }, () => WANTED, signal);
      } catch (error) {
        if (!(error instanceof WebSeedError && isOfFile(error)) || probesLeft === 1) throw error;
      }
    }
  }

  /** A public name that leads to this machine is a trap (T17). */
  async #checkName(signal: AbortSignal): Promise<void> {
    const { network, fetch } = this.#options;
    const { host, port } = this.endpoint;
    const scope = hostScope(host);
    if (fetch.isProxied || scope !== "name") return;
    const addresses = await network.resolve(host);
    if (signal.aborted) throw ENDED;
    if (addresses.every((host) => isDialable({ host, port }, scope))) return;
    throw this.#fail(unusable("its name leads to this machine"));
  }

  async #fetchRange(range: FileRange, take: Take, signal: AbortSignal): Promise<void> {
    const { metainfo } = this.#options;
    const base = this.#bases[0];
    if (base === undefined) throw ENDED;
    const place = this.#places.get(range.file);
    try {
      await this.#get(place ?? fileUrl(base.url, metainfo, range.file), range, take, signal);
    } catch (error) {
      if (signal.aborted) throw ENDED;
      const failure = asWebSeedError(error);
      // A mirror says nothing of what led there.
      if (place === undefined) this.#learn(failure, base, range.file);
      throw this.#fail(failure);
    }
  }

  async #get(url: string, range: FileRange, take: Take, signal: AbortSignal): Promise<void> {
    const fileLength = this.#options.metainfo.files[range.file]!.length;
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

  /** What will not be otherwise in this run. Several that were under way may say the same. */
  #learn(error: WebSeedError, base: Base, file: FileIndex): void {
    if (isOfFile(error)) base.lacking.add(file);
    if (this.#bases[0] !== base) return;
    this.#bases.shift();
    const isOver = error.reason === "no-ranges" || base.lacking.size === this.#files.length;
    // The others have their turn before.
    if (!isOver) this.#bases.push(base);
  }

  #fail(error: WebSeedError): WebSeedError {
    const { clock, onEvent } = this.#options;
    const { message, retryAfterMs } = error;
    this.#restsUntil = Math.max(this.#restsUntil, clock.now() + retryAfterMs);
    if (!this.#told.has(message)) {
      this.#told.add(message);
      const sentence = `Cannot use the web seed at ${this.endpoint.host}: ${message}`;
      onEvent({ kind: "warning", message: sentence });
    }
    return error;
  }
}

/** Other files may be there. */
function isOfFile({ reason }: WebSeedError): boolean {
  return reason === "missing" || reason === "other-file";
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

function asWebSeedError(error: unknown): WebSeedError {
  if (error instanceof WebSeedError) return error;
  if (error instanceof HttpError) return unusable(error.message.replace(/^Cannot fetch.*?: /, ""));
  throw error;
}

function unusable(fact: string): WebSeedError {
  return new WebSeedError("unreachable", fact);
}
