/** What would become of each file: its name on disk, why it is another one, what is here. Pure. */
import type { Layout } from "../../metainfo/layout.ts";
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
  for (const file of listFiles(source)) {
    if (!indices.has(file.index)) continue;
    const { changes = [] } = paths.changed.get(file.index) ?? {};
    const counts = countBytes(file, metainfo.layout, outlook);
    yield { file, state: stateOf(file, counts, outlook), ...counts, changes };
  }
}

/** How many names are not those in the torrent, the root's included. */
export function changedNameCount({ source: { paths }, selected }: Target): number {
  let count = paths.rootChanges.length > 0 ? 1 : 0;
  for (const { index } of selected) if (paths.changed.has(index)) count++;
  return count;
}

function countBytes(
  { index }: ListedFile,
  layout: Layout,
  { have, unchecked }: TargetOutlook,
): { here: number; unchecked: number } {
  const counts = { here: 0, unchecked: 0 };
  for (const { piece, length } of layout.pieceSpans(index, layout.pieceLength)) {
    if (have.has(piece)) counts.here += length;
    else if (unchecked.has(piece)) counts.unchecked += length;
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
