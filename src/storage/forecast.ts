/**
 * What `DiskStorage` would find where a torrent is to go, looked at without a trace: no folder is
 * made, no lock taken, no file created, renamed or opened for writing.
 */
import { Bitfield } from "../base/bitfield.ts";
import { StorageError } from "../base/errors.ts";
import type { FileIndex, PieceIndex } from "../base/ids.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { DiskPaths } from "../metainfo/paths.ts";
import { storageErrorOf } from "../workers/disk_errors.ts";
import type { FileFacts, JobRunner, PieceVerdict } from "../workers/protocol.ts";
import { Denials, type Identity } from "./denials.ts";
import { hashPieces } from "./disk_jobs.ts";
import { FilePlan } from "./file_plan.ts";
import { journalPath, readJournal } from "./journal.ts";
import { isTargetHeld, lockPath } from "./lock.ts";
import { ResumeFile } from "./resume.ts";
import { occupied, occupiedPlaces } from "./settle.ts";
import { isAnythingAt, isOversized, seeFiles, type Sightings } from "./sightings.ts";
import { nearestFolder } from "./room.ts";
import { findFolders, realFolder } from "./target_folders.ts";
import { isOurPart, judge, type Legacy, NOTHING_LEFT } from "./trust.ts";

/** Bytes of a file that nothing vouches for which are hashed to see whether it is ours at all. */
const MAX_PROBED_BYTES = 16 * 1024 * 1024;
/** The same of all files together. */
const MAX_PROBED_BYTES_IN_ALL = 256 * 1024 * 1024;

export interface ForecastOptions {
  readonly metainfo: Metainfo;
  readonly paths: DiskPaths;
  /** Need not be there. */
  readonly outputDir: string;
  readonly stateDir: string;
  readonly selected: ReadonlySet<FileIndex>;
  readonly overwrite: boolean;
  /** False: believe no saved state. */
  readonly trustState: boolean;
  /** Hash everything that a download would hash; otherwise only what shows whose a file is. */
  readonly check: boolean;
  /** Whose rights count. */
  readonly identity: Identity;
  readonly pool: JobRunner;
  readonly onProgress: (checkedBytes: number, totalBytes: number) => void;
  readonly signal: AbortSignal;
}

export interface Forecast {
  /** The output folder, or the nearest one above it that is there; absolute. */
  readonly folder: string;
  readonly isFolderThere: boolean;
  /** Another run holds the target. */
  readonly isHeld: boolean;
  /** Pieces that a download would need. */
  readonly wanted: Bitfield;
  /** Those that are here: hashed now, or claimed by a saved state that still holds. */
  readonly have: Bitfield;
  /** Those that may be here: a download would hash them. */
  readonly unchecked: Bitfield;
  /** All is here, under final names. */
  readonly isComplete: boolean;
  /** Why a download would stop before it begins, in the order in which it would find out. */
  readonly obstacles: readonly StorageError[];
  /** Selected files whose names belong to something else. */
  readonly occupied: ReadonlySet<FileIndex>;
  /** Selected files that are here in part or whole, empty ones too. */
  readonly present: ReadonlySet<FileIndex>;
}

/** Throws StorageError for an output folder that cannot be one, or the reason of `signal`. */
export async function foresee(options: ForecastOptions): Promise<Forecast> {
  const { metainfo, selected, overwrite, paths } = options;
  const denials = new Denials(options.identity);
  const { folder, isThere } = await nearestFolder(options.outputDir);
  const obstacles = isThere ? [] : denials.ofNewFolder(options.outputDir, folder);
  const state = await findState(options, isThere, denials);
  obstacles.push(...state.obstacles);
  const plan = new FilePlan({
    metainfo,
    paths,
    outputDir: folder,
    // Where there is no state nothing of ours can be in it, nor in the folder of the data.
    stateDir: state.folder ?? folder,
    selected,
    overwrite,
  });
  const wanted = plan.wantedPieces();
  const basis = { folder, isFolderThere: isThere, wanted };
  const isHeld = state.folder !== undefined &&
    await isTargetHeld({ stateDir: state.folder, name: paths.root });
  const legacy = await readLegacy(options, state.folder);
  if (!isThere) return { ...basis, ...nothing(wanted), isHeld, obstacles };
  try {
    const sightings = await seeFiles(plan, wanted, options.pool, legacy.state);
    const closer = { ...options, denials, stateFolder: state.folder };
    const found = await lookCloser(plan, wanted, sightings, legacy, closer);
    return { ...basis, ...found, isHeld, obstacles: [...obstacles, ...found.obstacles] };
  } catch (error) {
    const isInTheWay = error instanceof StorageError &&
      ["symlink", "not-regular", "name-too-long"].includes(error.reason);
    if (!isInTheWay) throw error;
    return { ...basis, ...nothing(wanted), isHeld, obstacles: [...obstacles, error] };
  }
}

/** The state folder, if it is there; and what stands in its way, or in that of its files. */
async function findState(
  { outputDir, stateDir, paths, metainfo }: ForecastOptions,
  isOutputThere: boolean,
  denials: Denials,
): Promise<{ readonly folder?: string; readonly obstacles: StorageError[] }> {
  try {
    const nearest = await nearestFolder(stateDir);
    if (!nearest.isThere) return { obstacles: denials.ofNewFolder(stateDir, nearest.folder) };
  } catch (error) {
    if (!(error instanceof StorageError) || error.reason === "permission") throw error;
    return { obstacles: [error] };
  }
  const folders = isOutputThere ? await findFolders(outputDir, stateDir) : { stateDir };
  const folder = folders && await realFolder(folders.stateDir);
  if (folder === undefined) {
    return { obstacles: [storageErrorOf("ELOOP", "use", stateDir)] };
  }
  const files = [lockPath(folder, paths.root), journalPath(folder, metainfo.infoHashHex)];
  return { folder, obstacles: files.flatMap((path) => denials.ofStateFile(path)) };
}

/** Nothing is here. */
function nothing(wanted: Bitfield) {
  return {
    have: new Bitfield(wanted.length),
    unchecked: new Bitfield(wanted.length),
    isComplete: false,
    occupied: new Set<FileIndex>(),
    present: new Set<FileIndex>(),
  };
}

async function readLegacy(
  { metainfo, trustState }: ForecastOptions,
  stateDir: string | undefined,
): Promise<Legacy> {
  if (stateDir === undefined) return NOTHING_LEFT;
  try {
    const state = await ResumeFile.of(stateDir, metainfo).load(() => {});
    const { pieces, modifiedMs } = await readJournal(journalPath(stateDir, metainfo.infoHashHex));
    return { state, isBelieved: trustState, journal: pieces, journalModifiedMs: modifiedMs };
  } catch (error) {
    // What cannot be read vouches for nothing.
    if (error instanceof StorageError && error.reason !== "permission") return NOTHING_LEFT;
    throw error;
  }
}

async function lookCloser(
  plan: FilePlan,
  wanted: Bitfield,
  sightings: Sightings,
  legacy: Legacy,
  options: ForecastOptions & {
    readonly denials: Denials;
    readonly stateFolder: string | undefined;
  },
) {
  const { isComplete, trusted, toCheck, sourceOf } = judge(plan, wanted, sightings, legacy);
  const found = new Array<PieceVerdict | undefined>(wanted.length);
  for (const piece of trusted) found[piece] = "good";
  const unchecked = new Bitfield(wanted.length);
  for (const piece of toCheck) unchecked.set(piece);
  const toHash = options.check ? toCheck : [...probes(plan, unchecked)];
  await hashPieces(plan, toHash, { ...options, sourceOf }, (piece, verdict) => {
    found[piece] = verdict;
    unchecked.clear(piece);
  });
  const isOurs = (file: FileIndex, part: FileFacts) => isOurPart(plan, file, part, legacy);
  const taken = isComplete ? [] : [...occupiedPlaces(plan, sightings, found, { isOurs, sourceOf })]
    // Of a file that nobody has looked into nobody knows whose it is.
    .filter(({ file }) => !isUnseen(plan, file, unchecked));
  const have = new Bitfield(wanted.length);
  for (const [index, verdict] of found.entries()) if (verdict === "good") have.set(index);
  const present = plan.selectedFiles.filter((file) => {
    const { final, part } = sightings.files.get(file)!;
    return final !== undefined || (part !== undefined && !part.isHollow);
  });
  const isHere = (piece: number) => have.has(piece) || unchecked.has(piece);
  const isDone = (file: FileIndex) => isNamed(plan, file, sightings, isHere);
  const isAllNamed = have.count === wanted.count && plan.selectedFiles.every(isDone);
  const { denials, stateFolder } = options;
  return {
    have,
    unchecked,
    isComplete: isComplete || isAllNamed,
    obstacles: [
      // The state is saved, unless it says all of it already.
      ...isComplete || stateFolder === undefined ? [] : denials.ofFolder(stateFolder),
      ...taken.map(({ place }) => occupied(place)),
      ...hindrances(plan, sightings, { denials, isDone, isHere }),
    ],
    occupied: new Set(taken.map(({ file }) => file)),
    present: new Set(present),
  };
}

type IsHere = (piece: number) => boolean;

/** Nothing is written to it any more, if what was not hashed is good. */
function isNamed(
  plan: FilePlan,
  file: FileIndex,
  { files }: Sightings,
  isHere: IsHere,
): boolean {
  if (plan.lengthOf(file) === 0) return files.get(file)!.final?.size === 0;
  return plan.isFinal(file) && plan.metainfo.layout.eachPieceOf(file).every(isHere);
}

/** What keeps files that are not done from being written. */
function* hindrances(
  plan: FilePlan,
  sightings: Sightings,
  { denials, isDone, isHere }: {
    readonly denials: Denials;
    readonly isDone: (file: FileIndex) => boolean;
    readonly isHere: IsHere;
  },
): Iterable<StorageError> {
  for (const file of plan.selectedFiles) {
    if (isDone(file)) {
      if (isOversized(plan, file, sightings)) yield* denials.ofCutFile(plan.finalPlace(file));
      continue;
    }
    const part = plan.partPlace(file);
    // One that has nothing of the torrent under its final name is not touched, but replaced.
    const isKept = plan.isFinal(file) && plan.metainfo.layout.eachPieceOf(file).some(isHere);
    if (isKept && !plan.overwrite && isAnythingAt(part)) yield occupied(part);
    if (isKept) yield* denials.ofTargetFile(plan.finalPlace(file), true);
    else yield* denials.ofTargetFile(part, sightings.files.get(file)!.part !== undefined);
  }
}

/**
 * Pieces that show whether files which nothing vouches for are this torrent's: the first ones of
 * each, for whoever fills a file from its start has those.
 */
function* probes(plan: FilePlan, unchecked: Bitfield): Iterable<PieceIndex> {
  const { layout } = plan.metainfo;
  const chosen = new Set<number>();
  let bytesInAll = 0;
  for (const file of plan.files) {
    let bytes = 0;
    for (const piece of layout.eachPieceOf(file)) {
      if (!unchecked.has(piece)) continue;
      if (bytes >= MAX_PROBED_BYTES || bytesInAll >= MAX_PROBED_BYTES_IN_ALL) break;
      const size = layout.pieceSize(piece);
      bytes += size;
      if (chosen.has(piece)) continue;
      chosen.add(piece);
      bytesInAll += size;
      yield piece;
    }
  }
}

function isUnseen(plan: FilePlan, file: FileIndex, unchecked: Bitfield): boolean {
  return plan.lengthOf(file) > 0 &&
    plan.metainfo.layout.eachPieceOf(file).every((piece) => unchecked.has(piece));
}
