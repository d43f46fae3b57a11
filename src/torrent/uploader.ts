/** Answers what peers ask for: blocks from the disk into their output. */
import type { Clock } from "../base/ambient.ts";
import { StorageError } from "../base/errors.ts";
import { RateMeter } from "../base/rate.ts";
import type { UploadRequest } from "../peer/upload_queue.ts";
import type { Storage } from "../storage/storage.ts";
import type { PeerConnection } from "./connection.ts";
import type { RateLimit } from "./rate_limit.ts";

/** Blocks that are read and written together: 256 KiB, so that one write carries many. */
const MAX_BATCH_BLOCKS = 16;

export class Uploader {
  readonly #storage: Storage;
  readonly #limit: RateLimit;
  readonly #clock: Clock;
  /** Bytes of blocks that went out. */
  readonly meter = new RateMeter();

  constructor({ storage, limit, clock }: {
    readonly storage: Storage;
    readonly limit: RateLimit;
    readonly clock: Clock;
  }) {
    this.#storage = storage;
    this.#limit = limit;
    this.#clock = clock;
  }

  /** Puts the next blocks that the peer asked for into its output, at the allowed rate. */
  async serve({ session }: PeerConnection, signal: AbortSignal): Promise<void> {
    const requests: UploadRequest[] = [];
    let batchBytes = 0;
    while (requests.length < MAX_BATCH_BLOCKS && batchBytes < this.#limit.turnBytes) {
      const request = session.nextUpload();
      if (request === undefined) break;
      requests.push(request);
      batchBytes += request.length;
    }
    const blocks = await Promise.all(requests.map((request) => this.#read(request)));
    const now = this.#clock.now();
    for (const [index, request] of requests.entries()) {
      const block = blocks[index];
      if (block === undefined) {
        session.rejectUpload(request, now);
      } else {
        session.sendBlock(request, block, now);
        this.meter.add(block.length, now);
      }
    }
    await this.#limit.pass(batchBytes, signal);
  }

  /** Undefined when the disk fails: one peer goes without, the others are none the worse. */
  async #read({ piece, begin, length }: UploadRequest): Promise<Uint8Array | undefined> {
    try {
      return await this.#storage.read(piece, begin, length);
    } catch (error) {
      if (error instanceof StorageError) return undefined;
      throw error;
    }
  }
}
