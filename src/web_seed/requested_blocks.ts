/** Blocks that a web seed was asked for, as long as nothing is on its way for them. Pure. */
import { assert } from "../base/assert.ts";
import type { Layout } from "../metainfo/layout.ts";

/** A block as it is asked for: integers that are indices already. */
export interface RequestedBlock {
  readonly index: number;
  readonly begin: number;
  readonly length: number;
}

/** Blocks that lie end to end in the torrent. */
export interface RequestedRun {
  readonly blocks: readonly RequestedBlock[];
  /** Bytes of all of them. */
  readonly length: number;
}

/** More requests than any peer is ever sent; see peer/request_depth.ts. */
const MAX_REQUESTED = 10_000;
/** One HTTP request asks for no more, so that a lost one costs little: 4 MiB. */
const MAX_RUN_BYTES = 4 * 1024 * 1024;

export class RequestedBlocks {
  readonly #layout: Pick<Layout, "pieceLength">;
  /** By where they begin in the torrent, in the order in which they were asked for. */
  readonly #blocks = new Map<number, RequestedBlock>();

  constructor(layout: Pick<Layout, "pieceLength">) {
    this.#layout = layout;
  }

  add(block: RequestedBlock): void {
    assert(this.#blocks.size < MAX_REQUESTED);
    this.#blocks.set(this.#offsetOf(block), block);
  }

  /** False when the block is on its way, or was not asked for. */
  cancel(block: RequestedBlock): boolean {
    return this.#blocks.delete(this.#offsetOf(block));
  }

  /** The oldest request with those that go on where it ends; undefined when there is none. */
  takeRun(): RequestedRun | undefined {
    for (const start of this.#blocks.keys()) return this.#takeFrom(start);
    return undefined;
  }

  #takeFrom(start: number): RequestedRun {
    const blocks: RequestedBlock[] = [];
    let length = 0;
    for (
      let block = this.#blocks.get(start);
      block !== undefined && length + block.length <= MAX_RUN_BYTES;
      block = this.#blocks.get(start + length)
    ) {
      this.#blocks.delete(start + length);
      blocks.push(block);
      length += block.length;
    }
    return { blocks, length };
  }

  #offsetOf({ index, begin }: RequestedBlock): number {
    return index * this.#layout.pieceLength + begin;
  }
}
