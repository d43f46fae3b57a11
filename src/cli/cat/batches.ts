/** What goes out in one write: a round to a worker, and a write, cost more than what is short. */
import type { Bytes } from "../../base/bytes.ts";
import type { PieceIndex } from "../../base/ids.ts";
import type { PieceSpan } from "../../metainfo/layout.ts";

/** Bytes as they are, or a part of a piece. */
export type Part = Bytes | PieceSpan;

/** Bytes of a batch, which are held however slow whoever reads them is. */
export const MAX_BATCH_BYTES = 1024 * 1024;
/** Parts of a batch, however short they are: all of them are asked for at once. */
const MAX_BATCH_PARTS = 1024;

/**
 * The parts in order, none longer than MAX_BATCH_BYTES, in batches as long as may be. Nothing that
 * could go out waits for a piece: one that is not here when it is its turn begins a new batch.
 */
export function* batches(
  parts: Iterable<Part>,
  isHere: (piece: PieceIndex) => boolean,
): Iterable<readonly Part[]> {
  let batch: Part[] = [], bytes = 0;
  for (const part of parts) {
    const isFull = bytes + part.length > MAX_BATCH_BYTES || batch.length === MAX_BATCH_PARTS;
    const mustWait = isSpan(part) && !isHere(part.piece);
    if (batch.length > 0 && (isFull || mustWait)) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(part);
    bytes += part.length;
  }
  if (batch.length > 0) yield batch;
}

export function isSpan(part: Part): part is PieceSpan {
  return "piece" in part;
}
