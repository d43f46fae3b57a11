/**
 * What a saved state says of pieces that the files of this run have no part in: it goes on being
 * true, so that another selection finds them again. Pure.
 */
import { Bitfield } from "../base/bitfield.ts";
import type { FileIndex, PieceIndex } from "../base/ids.ts";
import { looksAlike } from "../workers/file_looks.ts";
import type { FilePlan } from "./file_plan.ts";
import type { FileRecord } from "./resume_codec.ts";
import { Shares } from "./shares.ts";
import type { Sightings } from "./sightings.ts";
import { isBegunFile, isOurPart, type Legacy, touchedFiles } from "./trust.ts";

export interface KeptState {
  /** Claimed before, and nothing speaks against it. */
  readonly claimed: Bitfield;
  /** Claimed before, or being written, but nobody vouches for them any more. */
  readonly noted: Bitfield;
  /** Of wanted pieces too: where they are to be. */
  readonly shares: Shares;
  readonly files: ReadonlyMap<number, FileRecord>;
}

/** `wanted` are the pieces of this run, which find out themselves what is here of them. */
export function keptState(
  plan: FilePlan,
  wanted: Bitfield,
  sightings: Sightings,
  legacy: Legacy,
  areEdgesTrusted: boolean,
): KeptState {
  const { metainfo: { layout, files: { length: fileCount } } } = plan;
  const { state, journal } = legacy;
  const claimed = new Bitfield(layout.pieceCount), noted = new Bitfield(layout.pieceCount);
  const renewed = newRecords(plan, sightings, legacy);
  const isVouchedFor = vouching(plan, legacy, renewed, areEdgesTrusted);
  for (const value of [...state?.claimed.ones() ?? [], ...state?.noted.ones() ?? [], ...journal]) {
    const piece = layout.pieceIndex(value);
    if (piece === undefined || wanted.has(piece)) continue;
    if (isVouchedFor(piece)) claimed.set(piece);
    else noted.set(piece);
  }
  const areEdgesThere = state !== undefined && sightings.edges !== undefined;
  const shares = areEdgesThere ? state.shares.copy() : Shares.allOwn(fileCount);
  for (const file of sightings.files.keys()) {
    shares.put(layout, file, wanted, plan.isSelected(file));
  }
  const old = [...state?.files ?? []].filter(([file]) => !plan.isSelected(file as FileIndex));
  return { claimed, noted, shares, files: new Map([...old, ...renewed]) };
}

/**
 * Parts of files that are not selected, and that the last run may have written to since they were
 * recorded: that they are ours would be forgotten with the piece, which this run looks at. What has
 * a final name is recorded by whoever looks at all of it: it may be a stranger's.
 */
function newRecords(
  plan: FilePlan,
  sightings: Sightings,
  legacy: Legacy,
): Map<number, FileRecord> {
  const records = new Map<number, FileRecord>();
  for (const [file, { part }] of sightings.files) {
    if (plan.isSelected(file) || plan.isFinal(file) || part === undefined) continue;
    if (!isBegunFile(plan, file, legacy) || !isOurPart(plan, file, part, legacy)) continue;
    if (looksAlike(legacy.state?.files.get(file), part)) continue;
    records.set(file, { isFinal: false, size: part.size, modifiedMs: part.modifiedMs });
  }
  return records;
}

/** May a claim go on without a look, as long as its files stay as they are recorded? */
function vouching(
  plan: FilePlan,
  legacy: Legacy,
  renewed: ReadonlyMap<number, FileRecord>,
  areEdgesTrusted: boolean,
): (piece: PieceIndex) => boolean {
  const { layout } = plan.metainfo;
  const { state, isBelieved } = legacy;
  const touched = touchedFiles(plan, legacy);
  return (piece) =>
    isBelieved && state?.claimed.has(piece) === true &&
    layout.filesOf(piece).every((file) =>
      state.shares.isOwn(layout, file, piece)
        ? state.files.has(file) && !touched.has(file) && !renewed.has(file)
        : areEdgesTrusted // Their record will be a new one.
    );
}
