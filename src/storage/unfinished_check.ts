/**
 * What may be saved of a check that was cut off, or before pieces are moved: the next run goes on
 * where it was, however often that happens. Pure.
 *
 * Claimed is what was found good; noted, to be hashed by the next run, what nobody has looked at;
 * what is bad is neither, so that it is fetched. A file's looks are recorded once a piece of it
 * was good: until then it may be a stranger's, and all of it is looked at again. A file that is not
 * there has no record any more.
 */
import { Bitfield } from "../base/bitfield.ts";
import type { FileIndex, PieceIndex } from "../base/ids.ts";
import { looksAlike } from "../workers/file_looks.ts";
import { pathOf } from "../workers/folders.ts";
import type { FileFacts, Place } from "../workers/protocol.ts";
import type { FilePlan } from "./file_plan.ts";
import type { FileRecord, ResumeState } from "./resume_codec.ts";
import type { FoundPieces } from "./settle.ts";
import { Shares } from "./shares.ts";
import type { Sightings } from "./sightings.ts";
import { isOurPart, type Legacy, type Verdicts } from "./trust.ts";

export interface CheckSoFar {
  readonly plan: FilePlan;
  readonly wanted: Bitfield;
  /** As the files were before the check. */
  readonly sightings: Sightings;
  /** Not believed any more once a sample was not as the state says. */
  readonly legacy: Legacy;
  readonly sourceOf: Verdicts["sourceOf"];
  /** Believed without a look. */
  readonly trusted: readonly PieceIndex[];
  /** To be hashed, or hashed by now. */
  readonly toCheck: readonly PieceIndex[];
  readonly found: FoundPieces;
}

export interface UnfinishedCheck {
  /** To be saved once `places` are flushed. */
  readonly state: ResumeState;
  /** The files of pieces that were found good. */
  readonly places: readonly Place[];
}

/** Undefined when no piece has been looked at. */
export function unfinishedCheck(check: CheckSoFar): UnfinishedCheck | undefined {
  const { plan, legacy: { state: old }, sourceOf, toCheck, found } = check;
  if (toCheck.every((piece) => found[piece] === undefined)) return undefined;
  const { layout, files: { length: fileCount } } = plan.metainfo;
  const { claimed, noted } = before(check), files = recordsOf(check);
  const shares = old?.shares.copy() ?? Shares.allOwn(fileCount);
  const places = new Map<string, Place>();
  for (const piece of toCheck) {
    const sources = layout.filesOf(piece).map((file) => [file, sourceOf(file, piece)!] as const);
    if (found[piece] !== undefined) {
      noted.clear(piece);
      if (found[piece] === "good") {
        claimed.set(piece);
        for (const [, place] of sources) places.set(pathOf(place), place);
      }
    } else if (sources.every(([file, at]) => at === plan.edges || isRecorded(check, file, files))) {
      noted.set(piece);
    } else if (old?.claimed.has(piece)) claimed.set(piece); // Its file is doubted once more.
    for (const [file, source] of sources) {
      shares.putPiece(layout, file, piece, source !== plan.edges);
    }
  }
  const state = { claimed, noted, shares, files, edges: old?.edges };
  return { state, places: [...places.values()] };
}

/** What is said of pieces that are no matter of the check: no claim that is not believed. */
function before(check: CheckSoFar): { readonly claimed: Bitfield; readonly noted: Bitfield } {
  const { plan: { metainfo: { layout } }, legacy: { state, isBelieved } } = check;
  const claimed = new Bitfield(layout.pieceCount);
  const noted = state?.noted.copy() ?? new Bitfield(layout.pieceCount);
  for (const value of state?.claimed.ones() ?? []) {
    const piece = value as PieceIndex;
    if (!check.wanted.has(piece)) (isBelieved ? claimed : noted).set(piece);
    else if (isPartlyAway(check, piece)) noted.set(piece);
  }
  for (const piece of check.trusted) claimed.set(piece);
  return { claimed, noted };
}

/** Is a file of it not there, or the edges? They may come back, and are looked at then. */
function isPartlyAway({ plan, sourceOf }: CheckSoFar, piece: PieceIndex): boolean {
  return plan.metainfo.layout.filesOf(piece).some((file) => sourceOf(file, piece) === undefined);
}

function recordsOf(check: CheckSoFar): Map<number, FileRecord> {
  const { plan, legacy } = check;
  const records = new Map(legacy.state?.files);
  for (const file of plan.files) {
    const facts = factsOf(check, file), isFinal = plan.isFinal(file);
    if (facts === undefined) {
      records.delete(file); // Whatever comes there next is another.
      continue;
    }
    const isOurs = hasGoodPiece(check, file) ||
      (!isFinal && (facts.isHollow === true || isOurPart(plan, file, facts, legacy)));
    if (isOurs) records.set(file, { isFinal, size: facts.size, modifiedMs: facts.modifiedMs });
  }
  return records;
}

function hasGoodPiece({ plan, sourceOf, found }: CheckSoFar, file: FileIndex): boolean {
  return plan.metainfo.layout.eachPieceOf(file)
    .some((piece) => found[piece] === "good" && sourceOf(file, piece) !== plan.edges);
}

/** Will the file, as it is, be believed what the records say? */
function isRecorded(
  check: CheckSoFar,
  file: FileIndex,
  records: ReadonlyMap<number, FileRecord>,
): boolean {
  return looksAlike(records.get(file), factsOf(check, file));
}

function factsOf({ plan, sightings }: CheckSoFar, file: FileIndex): FileFacts | undefined {
  const { final, part } = sightings.files.get(file)!;
  return plan.isFinal(file) ? final : part;
}
