/**
 * Reads blocks for peers, and tells what is lost when it cannot: a file that is gone or changed
 * is not read again (hostile-inputs D3, D5).
 */
import type { Bitfield } from "../base/bitfield.ts";
import { StorageError } from "../base/errors.ts";
import type { FileIndex, PieceIndex } from "../base/ids.ts";
import { errorOf } from "../workers/disk_errors.ts";
import { pathOf } from "../workers/folders.ts";
import type { FailedReply, JobRunner, ReadSpan } from "../workers/protocol.ts";
import type { FilePlan } from "./file_plan.ts";
import type { PieceRun, ReadOutcome } from "./storage.ts";
import type { Turns } from "./turns.ts";
import type { VerifiedFiles } from "./verified_files.ts";

/** Names may change between the question and the answer: once to the final name, once more. */
const READ_ATTEMPTS = 3;

export interface BlockReaderOptions {
  readonly plan: FilePlan;
  readonly pool: JobRunner;
  readonly turns: Turns;
  readonly verified: VerifiedFiles;
  /** The pieces that are here, live. */
  readonly have: Bitfield;
}

export class BlockReader {
  readonly #options: BlockReaderOptions;

  constructor(options: BlockReaderOptions) {
    this.#options = options;
  }

  /** See `Storage.read`. */
  async read(run: PieceRun, buffer: ArrayBuffer | undefined): Promise<ReadOutcome> {
    const { pool, turns } = this.#options;
    let room = buffer;
    for (let attempt = 1;; attempt++) {
      const spans = this.#spansOf(run);
      try {
        const reply = await pool.run<"frame">({ kind: "frame", run, spans, buffer: room });
        if (reply.kind === "framed") return { kind: "read", messages: reply.data };
        room = undefined;
        // A file may just have got its final name, or its first byte from us.
        await turns.idle();
        if (attempt < READ_ATTEMPTS && !isSame(spans, this.#spansOf(run))) continue;
        return { kind: "failed", error: errorOf(reply), lost: this.#lostBy(reply, run.piece) };
      } catch (error) {
        if (error instanceof StorageError) return { kind: "failed", error, lost: [] };
        throw error;
      }
    }
  }

  #spansOf({ piece, begin, length }: PieceRun): readonly ReadSpan[] {
    return this.#options.verified.readSpans(piece, begin, length);
  }

  /** All that we had of a file that is no longer what it was; else the piece alone. */
  #lostBy({ reason, path }: FailedReply, piece: PieceIndex): PieceIndex[] {
    const file = reason === "missing" || reason === "changed"
      ? this.#fileAt(path, piece)
      : undefined;
    if (file === undefined) return [piece];
    const { plan, have } = this.#options;
    return [...plan.metainfo.layout.eachPieceOf(file).filter((piece) => have.has(piece))];
  }

  #fileAt(path: string, piece: PieceIndex): FileIndex | undefined {
    const { plan } = this.#options;
    return plan.metainfo.layout.filesOf(piece).find((file) => {
      const place = plan.placeOf(file);
      return path === place.path || path === pathOf(place);
    });
  }
}

function isSame(before: readonly ReadSpan[], now: readonly ReadSpan[]): boolean {
  return before.every(({ place, verified }, index) =>
    place.path === now[index]!.place.path && verified === now[index]!.verified
  );
}
