/** What would become of each file: its name on disk, why it is another one, what is here. Pure. */
import type { PieceIndex } from "../base/ids.ts";
import type { NameChange } from "../metainfo/path_element.ts";
import type { ListedFile } from "./file_list.ts";
import type { TargetOutlook } from "./plan_target.ts";
import type { Target } from "./target.ts";

/** `in-the-way`: the name belongs to something else. `unchecked`: it is here, if it is good. */
export type FileState = "new" | "partial" | "unchecked" | "complete" | "in-the-way";

export interface PlannedFile {
  readonly file: ListedFile;
  readonly state: FileState;
  /** Bytes that are here for certain; those that are here if they are good. */
  readonly here: number;
  readonly unchecked: number;
  /** Why its path differs, below the root, from that in the torrent. */
  readonly changes: readonly NameChange[];
}

/** The selected files, one by one, in the order of the torrent. */
export function* plannedFiles(target: Target, outlook: TargetOutlook): Iterable<PlannedFile> {
  const { source: { paths, files }, selected } = target;
  for (const file of files) {
    if (!selected.has(file)) continue;
    const { changes = [] } = paths.files[file.index]!;
    const counts = countBytes(file, target, outlook);
    yield { file, state: stateOf(file, counts, outlook), ...counts, changes };
  }
}

/** How many names are not those in the torrent, the root's included. */
export function changedNameCount({ source: { paths }, selected }: Target): number {
  let count = paths.rootChanges.length > 0 ? 1 : 0;
  for (const { index } of selected) if (paths.files[index]!.changes !== undefined) count++;
  return count;
}

function countBytes(
  { index, size }: ListedFile,
  { source: { metainfo: { layout } } }: Target,
  { have, unchecked }: TargetOutlook,
): { here: number; unchecked: number } {
  const counts = { here: 0, unchecked: 0 };
  const range = layout.piecesOf(index);
  if (range === undefined) return counts;
  const { first, last } = range;
  const firstLength = first === last ? size : bytesIn(index, first);
  const lastLength = first === last ? 0 : bytesIn(index, last);
  for (let piece = first as number; piece <= last; piece++) {
    const length = piece === first ? firstLength : piece === last ? lastLength : layout.pieceLength;
    if (have.has(piece)) counts.here += length;
    else if (unchecked.has(piece)) counts.unchecked += length;
  }
  return counts;

  function bytesIn(file: typeof index, piece: PieceIndex): number {
    let length = 0;
    for (const span of layout.fileSpans(piece)) if (span.file === file) length += span.length;
    return length;
  }
}

function stateOf(
  { index, size }: ListedFile,
  { here, unchecked }: { here: number; unchecked: number },
  { occupied, present }: TargetOutlook,
): FileState {
  if (occupied.has(index)) return "in-the-way";
  if (size === 0) return present.has(index) ? "complete" : "new";
  if (here === size) return "complete";
  if (unchecked > 0) return "unchecked";
  return here > 0 ? "partial" : "new";
}

/** Why a name was changed, for people. */
export const CHANGE_WORDS: Readonly<Record<NameChange, string>> = {
  "separator": "a separator in a name",
  "dots": "nothing but dots",
  "empty": "empty",
  "control": "control characters",
  "invisible": "invisible characters",
  "invalid-text": "no valid text",
  "reserved": "reserved",
  "too-long": "too long",
  "duplicate": "taken by another of its files",
};
