/** What would become of each file: its name on disk, why it is another one, what is here. Pure. */
import type { FileIndex } from "../../base/ids.ts";
import type { NameChange } from "../../metainfo/path_element.ts";
import { type ListedFile, listFiles } from "../files/file_list.ts";
import type { Target } from "../tasks/target.ts";
import type { TargetOutlook } from "./plan_target.ts";

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
export function* plannedFiles(target: Target, outlook: TargetOutlook): Generator<PlannedFile> {
  const { source, source: { metainfo, paths }, indices } = target;
  // Where the next file starts within the torrent: to look it up for each would be to search.
  let start = 0, index = 0;
  for (const file of listFiles(source)) {
    for (; index < file.index; index++) start += metainfo.files.lengthOf(index as FileIndex);
    if (!indices.has(file.index)) continue;
    const { changes = [] } = paths.changed.get(file.index) ?? {};
    const counts = countBytes(start, file.size, metainfo.pieceLength, outlook);
    yield { file, state: stateOf(file, counts, outlook), ...counts, changes };
  }
}

/** How many names are not those in the torrent, the root's included. */
export function changedNameCount({ source: { paths }, selected }: Target): number {
  let count = paths.rootChanges.length > 0 ? 1 : 0;
  for (const { index } of selected) if (paths.changed.has(index)) count++;
  return count;
}

/** Of the `size` bytes from `start` on. */
function countBytes(
  start: number,
  size: number,
  pieceLength: number,
  { have, unchecked }: TargetOutlook,
): { here: number; unchecked: number } {
  const counts = { here: 0, unchecked: 0 };
  const end = start + size;
  for (let from = start; from < end;) {
    const piece = Math.floor(from / pieceLength);
    const to = Math.min(end, (piece + 1) * pieceLength);
    if (have.has(piece)) counts.here += to - from;
    else if (unchecked.has(piece)) counts.unchecked += to - from;
    from = to;
  }
  return counts;
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
