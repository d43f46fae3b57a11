/**
 * Runs of blocks in memory, as messages: read ahead of one peer, there for the next that asks.
 * The least recently used makes way for a new one, which is read into its buffer.
 */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { BLOCK_LENGTH, type Layout } from "../metainfo/layout.ts";
import type { UploadRequest } from "../peer/upload_queue.ts";
import type { PieceRun, ReadOutcome, Storage } from "../storage/storage.ts";
import { BLOCK_HEADER_LENGTH, headersLength } from "../wire/block_run.ts";

/** Bytes of a piece that are read at once: enough to hide the way to a worker and back. */
export const RUN_LENGTH = 64 * BLOCK_LENGTH;

/** A run that somebody uses: its messages stay as they are until it is released. */
export class CachedRun {
  /** Who uses it, the disk included. */
  users = 1;
  /** It could not be read, and may be tried again. */
  hasFailed = false;
  #messages: Bytes | undefined;

  constructor(readonly run: PieceRun, readonly outcome: Promise<ReadOutcome>) {
    void this.#settle();
  }

  /** Bytes of its messages. */
  get size(): number {
    return headersLength(this.run) + this.run.length;
  }

  /** Undefined before it was read, and when it could not be. */
  get messages(): Bytes | undefined {
    return this.#messages;
  }

  /** Where the message is that answers the request; undefined when it is not among them. */
  offsetOf({ piece, begin, length }: UploadRequest): number | undefined {
    const offset = begin - this.run.begin;
    if (piece !== this.run.piece || offset < 0 || offset >= this.run.length) return undefined;
    if (offset % BLOCK_LENGTH !== 0) return undefined;
    if (length !== Math.min(BLOCK_LENGTH, this.run.length - offset)) return undefined;
    return offset + offset / BLOCK_LENGTH * BLOCK_HEADER_LENGTH;
  }

  async #settle(): Promise<void> {
    const outcome = await this.outcome;
    if (outcome.kind === "read") this.#messages = outcome.messages;
    else this.hasFailed = true;
    this.users--;
  }
}

export interface BlockCacheOptions {
  readonly storage: Storage;
  readonly layout: Layout;
  /** Bytes kept. There are more only while they are sent, at most a run for each peer. */
  readonly budgetBytes: number;
}

export class BlockCache {
  readonly #options: BlockCacheOptions;
  /** By place in the torrent, the least recently used first. */
  readonly #runs = new Map<number, CachedRun>();
  #bytes = 0;

  constructor(options: BlockCacheOptions) {
    this.#options = options;
  }

  /** Bytes of messages that are here or being read. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * The run that answers a request, with its neighbours; to be released. Whoever asks for anything
   * but one of our blocks gets a run of its own, which nobody shares and nobody keeps.
   */
  acquire(request: UploadRequest): CachedRun {
    if (!this.#isBlock(request)) {
      return this.#use(new CachedRun(request, this.#options.storage.read(request)));
    }
    const run = this.#runOf(request), key = this.#placeOf(run);
    // What was read ahead in vain stays until now, or it would be tried again and again.
    this.#dropIfFailed(this.#runs.get(key));
    const known = this.#runs.get(key);
    if (known === undefined) return this.#use(this.#load(run, key));
    this.#touch(known, key);
    return this.#use(known);
  }

  /** The run that answers a request, if it has been read; it may change with the next call. */
  present(request: UploadRequest): CachedRun | undefined {
    if (!this.#isBlock(request)) return undefined;
    const key = this.keyOf(request);
    const known = this.#runs.get(key);
    if (known?.messages === undefined) return undefined;
    this.#touch(known, key);
    return known;
  }

  release(cached: CachedRun): void {
    assert(cached.users > 0);
    cached.users--;
    this.#dropIfFailed(cached);
  }

  /** Reads the run that a request will need, unless all room is in use; returns its length. */
  readAhead(request: UploadRequest): number {
    if (!this.#isBlock(request)) return request.length;
    const run = this.#runOf(request), key = this.#placeOf(run);
    if (!this.#runs.has(key) && this.#hasRoom()) this.#load(run, key);
    return run.length;
  }

  /** Names the run that answers a request: where it starts in the torrent. */
  keyOf(request: UploadRequest): number {
    return this.#placeOf(this.#runOf(request));
  }

  #touch(cached: CachedRun, key: number): void {
    this.#runs.delete(key);
    this.#runs.set(key, cached);
  }

  #use(cached: CachedRun): CachedRun {
    cached.users++;
    return cached;
  }

  #load(run: PieceRun, key: number): CachedRun {
    const length = headersLength(run) + run.length;
    const buffer = this.#makeRoom(length);
    const cached = new CachedRun(run, this.#options.storage.read(run, buffer));
    this.#runs.set(key, cached);
    this.#bytes += length;
    return cached;
  }

  #dropIfFailed(cached: CachedRun | undefined): void {
    if (cached?.hasFailed) this.#drop(cached, this.#placeOf(cached.run));
  }

  /** Gives up runs that nobody uses until the budget holds; a buffer of theirs to use again. */
  #makeRoom(length: number): ArrayBuffer | undefined {
    let spare: ArrayBuffer | undefined;
    for (const [key, cached] of this.#runs) {
      if (this.#bytes + length <= this.#options.budgetBytes) break;
      if (cached.users > 0) continue;
      this.#drop(cached, key);
      if (cached.size === length) spare = cached.messages?.buffer;
    }
    return spare;
  }

  #hasRoom(): boolean {
    if (this.#bytes + RUN_LENGTH <= this.#options.budgetBytes) return true;
    return this.#runs.values().some(({ users }) => users === 0);
  }

  #drop(cached: CachedRun, key: number): void {
    if (this.#runs.get(key) !== cached) return;
    this.#runs.delete(key);
    this.#bytes -= cached.size;
  }

  #isBlock({ piece, begin, length }: UploadRequest): boolean {
    const left = this.#options.layout.pieceSize(piece) - begin;
    return begin % BLOCK_LENGTH === 0 && length === Math.min(BLOCK_LENGTH, left);
  }

  #runOf({ piece, begin }: UploadRequest): PieceRun {
    const start = begin - begin % RUN_LENGTH;
    const left = this.#options.layout.pieceSize(piece) - start;
    return { piece, begin: start, length: Math.min(RUN_LENGTH, left) };
  }

  #placeOf({ piece, begin }: PieceRun): number {
    return piece * this.#options.layout.pieceLength + begin;
  }
}
