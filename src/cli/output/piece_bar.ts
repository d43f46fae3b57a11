/** A bar that shows which pieces are here, are on their way, or are missing. Pure. */
import type { Bitfield } from "../../base/bitfield.ts";

/** All pieces of the cell are here. */
export const FULL_CELL = "=";
/** Some are here, or on their way. */
export const PARTIAL_CELL = "-";
const EMPTY_CELL = " ";

/** One character a cell; a cell stands for an equal share of the pieces, at least one. */
export function pieceBar(
  have: Bitfield,
  partialPieces: readonly number[],
  cellCount: number,
): string {
  const pieceCount = have.length;
  if (cellCount < 1) return "";
  if (have.isFull) return FULL_CELL.repeat(cellCount);
  const cells = Array.from({ length: cellCount }, (_, cell) => {
    const first = Math.floor(cell * pieceCount / cellCount);
    const end = Math.max(first + 1, Math.floor((cell + 1) * pieceCount / cellCount));
    return cellOf(have, first, end);
  });
  for (const piece of partialPieces) {
    const cell = Math.min(cellCount - 1, Math.floor(piece * cellCount / pieceCount));
    if (cells[cell] === EMPTY_CELL) cells[cell] = PARTIAL_CELL;
  }
  return cells.join("");
}

/** The bar of something that only counts: full cells up to the share that is done. */
export function plainBar(part: number, whole: number, cellCount: number): string {
  const full = whole === 0 ? cellCount : Math.floor(Math.min(1, part / whole) * cellCount);
  return FULL_CELL.repeat(full) + EMPTY_CELL.repeat(cellCount - full);
}

function cellOf(have: Bitfield, first: number, end: number): string {
  const hasFirst = have.has(first);
  for (let piece = first + 1; piece < end; piece++) {
    if (have.has(piece) !== hasFirst) return PARTIAL_CELL;
  }
  return hasFirst ? FULL_CELL : EMPTY_CELL;
}
