import type { PieceIndex } from "../../src/base/ids.ts";
import { StorageError } from "../../src/base/errors.ts";
import type { PieceRun, ReadOutcome, Storage } from "../../src/storage/storage.ts";
import { frameBlocks, headersLength } from "../../src/wire/block_run.ts";

/** A disk to read from: what it was asked for, and what it says, when the test wants it to. */
export class StoredRuns implements Pick<Storage, "read"> {
  readonly runs: PieceRun[] = [];
  readonly buffers: (ArrayBuffer | undefined)[] = [];
  readonly broken = new Set<number>();
  /** What reads wait for. */
  gate: Promise<void> = Promise.resolve();

  async read(run: PieceRun, buffer?: ArrayBuffer): Promise<ReadOutcome> {
    this.runs.push(run);
    this.buffers.push(buffer);
    await this.gate;
    if (this.broken.has(run.piece)) {
      const error = new StorageError("io", "/x", "Cannot read /x: it is broken");
      return { kind: "failed", error, lost: [run.piece] };
    }
    const length = headersLength(run) + run.length;
    const messages = buffer === undefined ? new Uint8Array(length) : new Uint8Array(buffer);
    // As different as may be, from piece to piece and from block to block.
    const content = messages.subarray(headersLength(run));
    content.forEach((_, index) => content[index] = contentAt(run.piece, run.begin + index));
    frameBlocks(messages, run);
    return { kind: "read", messages };
  }

  asStorage(): Storage {
    return this as unknown as Storage;
  }
}

/** A byte of a piece. */
function contentAt(piece: number, offset: number): number {
  return piece * 31 + (offset >> 14) * 7 + offset;
}

export function contentOf(piece: number, begin: number, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => contentAt(piece, begin + index));
}

export function requestOf(piece: number, begin: number, length = 16_384) {
  return { piece: piece as PieceIndex, begin, length };
}
