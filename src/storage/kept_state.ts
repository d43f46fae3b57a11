/**
 * What a saved state says of pieces that the files of this run have no part in: it goes on being
 * true, so that another selection finds them again. Pure.
 */
import { Bitfield } from "../base/bitfield.ts";
import type { FileIndex, PieceIndex } from "../base/ids.ts";
import type { FilePlan } from "./file_plan.ts";
import type { FileRecord } from "./resume_codec.ts";
import { Shares } from "./shares.ts";
import type { Sightings } from "./sightings.ts";
import { isAsLeft, isBegunFile, type Legacy, touchedFiles } from "./trust.ts";

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
  const isVouchedFor = vouching(plan, legacy, areEdgesTrusted);
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
  return { claimed, noted, shares, files: keptRecords(plan, sightings, legacy) };
}

function keptRecords(
  plan: FilePlan,
  sightings: Sightings,
  legacy: Legacy,
): Map<number, FileRecord> {
  const records = new Map<number, FileRecord>();
  for (const [file, record] of legacy.state?.files ?? []) {
    if (!plan.isSelected(file as FileIndex)) records.set(file, record);
  }
  const touched = touchedFiles(plan, legacy);
  for (const [file, { final, part }] of sightings.files) {
    if (plan.isSelected(file)) continue;
    // That it is ours would be forgotten with its piece, which this run looks at. A record that is
    // there is left behind by what was written since: nothing is claimed by it any more.
    if (records.has(file) ? !touched.has(file) : !isBegunFile(plan, file, legacy)) continue;
    const isFinal = plan.isFinal(file);
    const facts = isFinal ? final : part;
    if (facts === undefined || !isAsLeft(plan, file, facts, legacy)) continue;
    const { size, modifiedMs } = facts;
    records.set(file, { isFinal, size, modifiedMs });
  }
  return records;
}

/** May a claim go on without a look, as long as its files stay as they are recorded? */
function vouching(
  plan: FilePlan,
  legacy: Legacy,
  areEdgesTrusted: boolean,
): (piece: PieceIndex) => boolean {
  const { layout } = plan.metainfo;
  const { state, isBelieved } = legacy;
  const touched = touchedFiles(plan, legacy);
  return (piece) =>
    isBelieved && state?.claimed.has(piece) === true &&
    layout.filesOf(piece).every((file) =>
      state.shares.isOwn(layout, file, piece)
        ? state.files.has(file) && !touched.has(file)
        : areEdgesTrusted // Their record will be a new one.
    );
}
