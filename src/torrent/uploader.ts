/**
 * Answers what peers ask for: for each the oldest request first, and with it all that follow it
 * on disk and in the queue, in one write; what is short, with what comes after it, if that is here.
 * What a peer asks for next is read meanwhile.
 */
import type { Clock } from "../base/ambient.ts";
import type { StorageError, StorageReason } from "../base/errors.ts";
import { LimitedSet } from "../base/limited_map.ts";
import type { PieceIndex } from "../base/ids.ts";
import { RateMeter } from "../base/rate.ts";
import { BLOCK_LENGTH, type Layout } from "../metainfo/layout.ts";
import type { PeerSession } from "../peer/session.ts";
import type { PieceTable } from "../piece/piece_table.ts";
import type { Storage } from "../storage/storage.ts";
import { BLOCK_HEADER_LENGTH, headersLength } from "../wire/block_run.ts";
import { BlockCache, type CachedRun, RUN_LENGTH } from "./block_cache.ts";
import { CopyBuffers, GatheredBlocks, MAX_SHORT_BYTES } from "./gathered_blocks.ts";
import type { RateLimit } from "./rate_limit.ts";
import type { TorrentEvent } from "./snapshot.ts";

/** Bytes of blocks kept for those who ask for them next, for all peers of a torrent together. */
const CACHE_BUDGET_BYTES = 24 * 1024 * 1024;
/**
 * Bytes of runs that are read ahead of a peer, besides the one that comes next; less where its part
 * of the cache is less: what is read ahead of one would be read in vain for another.
 */
const MAX_READ_AHEAD_BYTES = RUN_LENGTH;
/** Requests looked at to find out what those runs are: twice as many as the longest run answers. */
const MAX_READ_AHEAD_REQUESTS = 2 * RUN_LENGTH / BLOCK_LENGTH;
/**
 * One write holds no more than a peer takes in this time, so that what it cancels is not sent,
 * and that whoever does not read holds next to nothing (P25).
 */
const WRITE_TIME_MS = 250;

/** With a limit, a write holds this part of what may go out in one turn: mostly one block. */
const LIMITED_TURN_SHARE = 1 / 64;

/** Failures to read that the user was told of and is not told of again. */
const MAX_TOLD = 1_000;
/** They are of a file as such; others are of a part of it. */
const LOSES_FILE: readonly StorageReason[] = ["missing", "changed"];

/** What is needed of a connection. */
export interface UploadPeer {
  readonly session: PeerSession;
  /** Writes messages whole, in between those of `session`; resolves to false when it cannot. */
  writeBlocks(messages: Uint8Array): Promise<boolean>;
}

/** What a write may yet hold. */
interface WriteLimits {
  /** Of blocks. */
  readonly maxBytes: number;
  /** Of messages. */
  readonly roomBytes: number;
}

interface Given {
  /** Of blocks. */
  readonly bytes: number;
  /** Of those the bytes of files: zeros, which peers of version 2 may ask for, are no copy of it. */
  readonly dataBytes: number;
}

interface Taken extends Given {
  readonly messages: Uint8Array;
}

export interface UploaderOptions {
  readonly storage: Storage;
  readonly layout: Layout;
  readonly limit: RateLimit;
  readonly clock: Clock;
  /** What cannot be given to anybody any more is no longer had. */
  readonly table: PieceTable;
  readonly onEvent: (event: TorrentEvent) => void;
}

export class Uploader {
  readonly #options: UploaderOptions;
  readonly #cache: BlockCache;
  /** Bytes of files that went out: what of them were zeros beyond an end, or padding, is no copy. */
  readonly meter = new RateMeter();
  /** Peers that are being served now. */
  #servedCount = 0;
  readonly #copyBuffers = new CopyBuffers();
  /** Failures to read, by what was said of them, the oldest first. */
  readonly #told = new LimitedSet<string>(MAX_TOLD);

  constructor(options: UploaderOptions) {
    this.#options = options;
    this.#cache = new BlockCache({ ...options, budgetBytes: CACHE_BUDGET_BYTES });
  }

  /** Sends what a peer asks for, at the allowed rate, until it asks for nothing or is gone. */
  async serve(peer: UploadPeer, signal: AbortSignal): Promise<void> {
    this.#servedCount++;
    try {
      await this.#serve(peer, signal);
    } finally {
      this.#servedCount--;
    }
  }

  async #serve(peer: UploadPeer, signal: AbortSignal): Promise<void> {
    const { session } = peer;
    while (!signal.aborted) {
      const request = session.firstUpload;
      if (request === undefined) return;
      const cached = this.#cache.acquire(request);
      let sent = 0;
      try {
        const outcome = await cached.outcome;
        if (outcome.kind === "failed") {
          this.#fail(outcome.error, outcome.lost, session, cached);
        } else if (!signal.aborted) {
          sent = await this.#send(peer, cached);
        }
      } finally {
        this.#cache.release(cached);
      }
      if (sent > 0) await this.#options.limit.pass(sent, signal);
    }
  }

  /**
   * Sends what is wanted of a run, and what is gathered behind it; returns how many bytes of blocks
   * that was. The first request may be another than before: what is cancelled meanwhile is not sent.
   */
  async #send(peer: UploadPeer, cached: CachedRun): Promise<number> {
    const { session } = peer;
    const maxBytes = this.#maxWriteBytes(session);
    const first = this.#take(session, cached, { maxBytes, roomBytes: Infinity });
    if (first.bytes === 0) return 0;
    const gathered = new GatheredBlocks(first.messages, this.#copyBuffers);
    const more = this.#gather(session, gathered, maxBytes - first.bytes);
    const bytes = first.bytes + more.bytes;
    this.#readAhead(session);
    try {
      if (!await peer.writeBlocks(gathered.messages)) return 0;
    } finally {
      gathered.release();
    }
    const now = this.#options.clock.now();
    session.noteUploaded(bytes, now);
    this.meter.add(first.dataBytes + more.dataBytes, now);
    return bytes;
  }

  /** Adds the answers to what is asked for next, as far as they are here. */
  #gather(session: PeerSession, gathered: GatheredBlocks, maxBytes: number): Given {
    let bytes = 0, dataBytes = 0;
    for (let request = session.firstUpload; request; request = session.firstUpload) {
      const { roomBytes } = gathered;
      if (BLOCK_HEADER_LENGTH + request.length > roomBytes) break;
      if (bytes + request.length > maxBytes) break;
      const cached = this.#cache.present(request);
      if (cached === undefined || cached.size > MAX_SHORT_BYTES) break;
      const taken = this.#take(session, cached, { maxBytes: maxBytes - bytes, roomBytes });
      gathered.add(taken.messages);
      bytes += taken.bytes;
      dataBytes += taken.dataBytes;
    }
    return { bytes, dataBytes };
  }

  /**
   * Takes requests as long as their answers follow each other: at most `maxBytes` of blocks in
   * `roomBytes` of messages, but one in any case, if the run has it.
   */
  #take(session: PeerSession, cached: CachedRun, { maxBytes, roomBytes }: WriteLimits): Taken {
    let start = 0, end = 0, begin = 0, bytes = 0;
    for (let request = session.firstUpload; request; request = session.firstUpload) {
      const offset = cached.offsetOf(request);
      if (offset === undefined) break;
      const next = offset + BLOCK_HEADER_LENGTH + request.length;
      if (bytes === 0) [start, begin] = [offset, request.begin];
      else if (offset !== end || bytes + request.length > maxBytes) break;
      else if (next - start > roomBytes) break;
      session.nextUpload();
      end = next;
      bytes += request.length;
    }
    const dataBytes = this.#options.layout.dataLengthIn(cached.run.piece, begin, bytes);
    return { messages: cached.messages!.subarray(start, end), bytes, dataBytes };
  }

  #maxWriteBytes(session: PeerSession): number {
    const { clock, limit } = this.#options;
    const bytes = limit.isUnlimited
      ? session.uploadRate(clock.now()) * WRITE_TIME_MS / 1000
      // The same for all, as they take turns.
      : limit.turnBytes * LIMITED_TURN_SHARE;
    return Math.min(bytes, RUN_LENGTH);
  }

  /**
   * Half of what is left of a peer's part of the cache, beside the run that it is sent and the one
   * that comes next: as much is used, and so kept, while what was read ahead waits for its turn.
   */
  get #readAheadPartBytes(): number {
    const length = Math.min(RUN_LENGTH, this.#options.layout.pieceLength);
    const runBytes = headersLength({ length }) + length;
    return (CACHE_BUDGET_BYTES / this.#servedCount - 2 * runBytes) / 2;
  }

  #readAhead(session: PeerSession): void {
    const maxBytes = Math.min(this.#readAheadPartBytes, MAX_READ_AHEAD_BYTES);
    if (maxBytes < 0) return;
    let last: number | undefined;
    let looked = 0, bytesAhead = 0;
    for (const request of session.uploads) {
      if (++looked > MAX_READ_AHEAD_REQUESTS) return;
      const run = this.#cache.keyOf(request);
      if (run === last) continue;
      last = run;
      bytesAhead += this.#cache.readAhead(request);
      if (bytesAhead > maxBytes) return;
    }
  }

  /** One peer goes without, the others are none the worse. */
  #fail(
    error: StorageError,
    lost: readonly PieceIndex[],
    session: PeerSession,
    cached: CachedRun,
  ): void {
    this.#withhold(lost, error);
    const now = this.#options.clock.now();
    while (session.firstUpload?.piece === cached.run.piece) session.rejectUpload(now);
  }

  /** Afterwards the pieces are not had. The user is told once of a file, and why (D3). */
  #withhold(lost: readonly PieceIndex[], { message, reason }: StorageError): void {
    const { table, onEvent } = this.#options;
    const spoiled = lost.filter((piece) => table.have.has(piece));
    if (spoiled.length === 0) return;
    for (const piece of spoiled) table.withhold(piece);
    const part = LOSES_FILE.includes(reason) ? "what was in it" : "what cannot be read of it";
    const sentence = `${message}; ${part} is not uploaded any more`;
    if (this.#told.has(sentence)) return;
    this.#told.add(sentence);
    onEvent({ kind: "warning", message: sentence });
  }
}
