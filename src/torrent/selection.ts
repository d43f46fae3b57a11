/** Which pieces a torrent is about, and which of them come first. Pure. */
import type { FileIndex, PieceIndex } from "../base/ids.ts";
import type { PieceRange } from "../metainfo/layout.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { PieceTable } from "../piece/piece_table.ts";

export interface Selection {
  readonly metainfo: Metainfo;
  readonly selected: ReadonlySet<FileIndex>;
  /** Bytes `start` to `end` (not included) that come first. */
  readonly firstRanges: readonly { file: FileIndex; start: number; end: number }[];
}

/** Marks every piece that has bytes of what was selected. */
export function selectFiles(
  table: PieceTable,
  { metainfo: { layout }, selected, firstRanges }: Selection,
): void {
  const mark = (range: PieceRange | undefined, priority: 1 | 2) => {
    if (range === undefined) return;
    for (let piece: number = range.first; piece <= range.last; piece++) {
      table.setWanted(piece as PieceIndex, priority);
    }
  };
  for (const file of selected) mark(layout.piecesOf(file), 1);
  for (const { file, start, end } of firstRanges) mark(layout.piecesOfRange(file, start, end), 2);
}

/** Marks these pieces and no others. */
export function selectPieces(table: PieceTable, pieces: Iterable<number>): void {
  for (const piece of pieces) table.setWanted(piece as PieceIndex, 1);
}
