/**
 * After the check: which files keep the final names under which they were found. One that is
 * not complete becomes `NAME.part` again; one that is something else is not touched (D6, D7).
 */
import { StorageError } from "../base/errors.ts";
import type { FileIndex, PieceIndex } from "../base/ids.ts";
import { errorOf } from "../workers/disk_errors.ts";
import { pathOf } from "../workers/folders.ts";
import type { FileFacts, JobRunner, PieceVerdict, Place } from "../workers/protocol.ts";
import { createFiles, runOrThrow } from "./disk_jobs.ts";
import type { FilePlan } from "./file_plan.ts";
import type { Sightings } from "./sightings.ts";

/** What each piece is, by its index; undefined where nobody has looked. */
export type FoundPieces = readonly (PieceVerdict | undefined)[];

/** What is known besides. */
export interface Settling {
  /** Is what is at the `.part` name of a file what an earlier run left there? */
  readonly isOurs: (file: FileIndex, part: FileFacts) => boolean;
  /** Where what a file has of a piece was found. */
  readonly sourceOf: (file: FileIndex, piece: PieceIndex) => Place | undefined;
}

/**
 * Names that belong to something else, so that the torrent cannot have them, in its order.
 * `found` are by piece; "missing" is also one that has bytes of another file which are not there.
 */
export function* occupiedPlaces(
  plan: FilePlan,
  sightings: Sightings,
  found: FoundPieces,
  { isOurs, sourceOf }: Settling,
): Iterable<{ readonly file: FileIndex; readonly place: Place }> {
  if (plan.overwrite) return;
  const tallyOf = tallies(plan, found, sourceOf);
  for (const file of plan.files) {
    const { final, part } = sightings.files.get(file)!;
    if (final === undefined && part === undefined) continue;
    const { good, bad } = tallyOf(file);
    // That we worked on a file of this name once says nothing of what has the name now.
    const isForeign = part !== undefined && !part.isHollow && good === 0 && !isOurs(file, part) &&
      (bad > 0 || isOddLength(plan, file, part));
    if (isForeign) yield { file, place: plan.partPlace(file) };
    if (final === undefined || (plan.isFinal(file) && good > 0)) continue;
    // What has the right size may still turn out to be ours, where it is not known to be bad: of
    // one whose neighbours alone are missing nobody can tell yet, and `finish` will compare.
    const isProven = plan.isFinal(file) && bad > 0;
    if (isProven || final.size !== plan.lengthOf(file)) {
      yield { file, place: plan.finalPlace(file) };
    }
  }
  for (const file of plan.emptyFiles) {
    if (holdsBytes(sightings, file)) yield { file, place: plan.finalPlace(file) };
  }
}

/**
 * Tells the plan which files are there, and gives those that are not complete their `.part` names
 * back. Throws StorageError "occupied" when a name belongs to something else.
 */
export async function settleFiles(
  plan: FilePlan,
  sightings: Sightings,
  found: FoundPieces,
  { pool, ...settling }: Settling & { readonly pool: JobRunner },
): Promise<void> {
  for (const { place } of occupiedPlaces(plan, sightings, found, settling)) {
    throw occupied(place);
  }
  if (sightings.edges !== undefined) plan.setEdgesPresent();
  const unfinished: { from: Place; to: Place }[] = [];
  const tallyOf = tallies(plan, found, settling.sourceOf);
  for (const file of plan.files) {
    const { final, part } = sightings.files.get(file)!;
    if (part !== undefined) plan.setPresent(file, part.size);
    if (final === undefined || !plan.isFinal(file)) continue;
    const { good, all } = tallyOf(file);
    if (good > 0) plan.setPresent(file, final.size);
    if (good === all) continue;
    if (good > 0) unfinished.push({ from: plan.finalPlace(file), to: plan.partPlace(file) });
    plan.setFinal(file, false);
  }
  if (unfinished.length > 0) {
    await runOrThrow<"rename">(pool, {
      kind: "rename",
      files: unfinished,
      mayReplace: plan.overwrite,
    });
  }
}

/** Creates the selected files of length 0 that are not there; returns which. */
export async function createEmptyFiles(
  plan: FilePlan,
  sightings: Sightings,
  pool: JobRunner,
): Promise<FileIndex[]> {
  const replaced = plan.emptyFiles.filter((file) => holdsBytes(sightings, file));
  const absent = plan.emptyFiles.filter((file) => sightings.files.get(file)!.final === undefined);
  await createFiles(pool, absent.map((file) => plan.finalPlace(file)));
  await createFiles(pool, replaced.map((file) => plan.partPlace(file)));
  if (replaced.length > 0) {
    const files = replaced.map((file) => plan.finishOf(file));
    const { failure } = await runOrThrow<"finish">(pool, { kind: "finish", files });
    if (failure !== undefined) throw errorOf(failure);
  }
  return [...absent, ...replaced];
}

interface Tally {
  readonly all: number;
  readonly good: number;
  /** Those that prove the file to be something else. */
  readonly bad: number;
}

/** What was found of the pieces of a file, as far as it says something of that file. */
function tallies(
  plan: FilePlan,
  found: FoundPieces,
  sourceOf: Settling["sourceOf"],
): (file: FileIndex) => Tally {
  const { layout } = plan.metainfo;
  // What was found among the edges says nothing of the file.
  const isItsOwn = (file: FileIndex, piece: PieceIndex) => sourceOf(file, piece) !== plan.edges;
  const isAllHere = (file: FileIndex, piece: PieceIndex) =>
    plan.isSelected(file) && plan.isFinal(file) && isItsOwn(file, piece);
  /** By piece the files that may have made it bad; of thousands two say as much as all. */
  const suspects = new Map<PieceIndex, readonly FileIndex[]>();
  const isProof = (file: FileIndex, piece: PieceIndex) =>
    suspects.getOrInsertComputed(
      piece,
      () => layout.filesOf(piece).filter((other) => !isAllHere(other, piece)).slice(0, 2),
    ).every((other) => other === file);
  return (file) => {
    const { first, last } = layout.piecesOf(file)!;
    let good = 0, bad = 0;
    for (let piece = first; piece <= last; piece++) {
      if (!isItsOwn(file, piece)) continue;
      if (found[piece] === "good") good++;
      else if (found[piece] === "bad" && isProof(file, piece)) bad++;
    }
    return { all: last - first + 1, good, bad };
  };
}

/** We make a part as long as its file before the first byte goes in. */
function isOddLength(plan: FilePlan, file: FileIndex, { size }: FileFacts): boolean {
  return size > 0 && size !== plan.lengthOf(file);
}

function holdsBytes({ files }: Sightings, file: FileIndex): boolean {
  return (files.get(file)!.final?.size ?? 0) > 0;
}

/** The error of such a place. */
export function occupied(place: Place): StorageError {
  const path = pathOf(place);
  return new StorageError(
    "occupied",
    path,
    `Cannot download to ${path}: the file there is something else; ` +
      "use --overwrite to replace it",
  );
}
