/**
 * What a saved state is worth, file by file, given how the files look now: which pieces may be
 * believed, and which must be hashed. Pure.
 *
 * A file is believed when it looks as it did when the state was saved. If pieces of it were
 * being written when the last run ended, it may be younger, but not by more than such a write
 * takes. Whatever else changed it, all of it is hashed; no other file is (D5, D10, D12).
 */
import type { Bitfield } from "../base/bitfield.ts";
import type { FileIndex, PieceIndex } from "../base/ids.ts";
import type { FileFacts, Place } from "../workers/protocol.ts";
import type { FilePlan } from "./file_plan.ts";
import type { FileRecord, ResumeState } from "./resume_codec.ts";
import type { Sighting, Sightings } from "./sightings.ts";

/** How long after its note in the journal a piece may still have been written. */
const MAX_WRITE_DELAY_MS = 60_000;

/** What the last run left. */
export interface Legacy {
  readonly state: ResumeState | undefined;
  /** Pieces that were being written; a hint. */
  readonly journal: ReadonlySet<number>;
  readonly journalModifiedMs: number;
}

/**
 * `moved` bytes are where an earlier selection put them: claimed pieces are hashed there and
 * written anew where they belong.
 */
type Standing = "absent" | "trusted" | "doubtful" | "moved";

interface FileVerdict {
  readonly standing: Standing;
  /** Where its bytes are; undefined when they are nowhere. */
  readonly source: Place | undefined;
}

export interface Verdicts {
  readonly sourceOf: (file: FileIndex) => Place | undefined;
  /** Claimed, and nothing speaks against it. */
  readonly trusted: readonly PieceIndex[];
  readonly toCheck: readonly PieceIndex[];
  /** All is here, named and untouched: there is nothing to check and nothing to do. */
  readonly isComplete: boolean;
}

/** Decides for all wanted pieces; sets in the plan which files are used under final names. */
export function judge(
  plan: FilePlan,
  wanted: Bitfield,
  sightings: Sightings,
  legacy: Legacy,
): Verdicts {
  const touched = touchedFiles(plan, legacy);
  const verdicts = new Map<FileIndex, FileVerdict>();
  for (const [file, sighting] of sightings.files) {
    verdicts.set(
      file,
      plan.isSelected(file)
        ? judgeSelected(plan, file, sighting, sightings.edges, legacy, touched.has(file))
        : judgeNeighbour(plan, file, sighting, sightings.edges, legacy, touched.size > 0),
    );
  }
  const trusted: PieceIndex[] = [], toCheck: PieceIndex[] = [];
  const isAnyHere = verdicts.values().some(({ standing }) => standing !== "absent");
  for (const index of isAnyHere ? wanted.ones() : []) {
    const piece = index as PieceIndex;
    const standings = plan.metainfo.layout.filesOf(piece).map((file) =>
      verdicts.get(file)!.standing
    );
    const action = judgePiece(piece, standings, legacy);
    if (action === "trust") trusted.push(piece);
    else if (action === "check") toCheck.push(piece);
  }
  const isComplete = trusted.length === wanted.count && legacy.journal.size === 0 &&
    plan.files.every((file) => plan.isFinal(file));
  return { sourceOf: (file) => verdicts.get(file)?.source, trusted, toCheck, isComplete };
}

function judgePiece(
  piece: PieceIndex,
  standings: readonly Standing[],
  { state, journal }: Legacy,
): "trust" | "check" | "fetch" {
  const isClaimed = state?.claimed.has(piece) ?? false;
  if (standings.includes("absent")) return "fetch";
  if (standings.includes("moved")) return isClaimed ? "check" : "fetch";
  if (standings.includes("doubtful")) return "check";
  return isClaimed ? "trust" : journal.has(piece) ? "check" : "fetch";
}

function judgeSelected(
  plan: FilePlan,
  file: FileIndex,
  sighting: Sighting,
  edges: FileFacts | undefined,
  legacy: Legacy,
  isTouched: boolean,
): FileVerdict {
  const record = legacy.state?.files.get(file);
  // What was written of it then went to the edges, so no write of ours explains a change.
  const wasUnselected = legacy.state !== undefined && !legacy.state.selected.has(file);
  const isFinal = usesFinalName(plan, file, sighting, record);
  const facts = isFinal ? sighting.final : sighting.part;
  plan.setFinal(file, isFinal);
  if (facts !== undefined) {
    // A rename changes neither size nor time: it may have been finished after the last save.
    const isTrusted = isBelievable(facts, record, legacy, isTouched && !wasUnselected);
    return { standing: isTrusted ? "trusted" : "doubtful", source: plan.placeOf(file) };
  }
  return wasUnselected && edges !== undefined
    ? { standing: "moved", source: plan.edges }
    : { standing: "absent", source: undefined };
}

/** Which of two names holds the data: as the state says, else the one that looks finished. */
function usesFinalName(
  plan: FilePlan,
  file: FileIndex,
  { final, part }: Sighting,
  record: FileRecord | undefined,
): boolean {
  if (final === undefined) return false;
  if (part === undefined) return true;
  return record?.isFinal ?? final.size === plan.lengthOf(file);
}

function judgeNeighbour(
  plan: FilePlan,
  file: FileIndex,
  { final, part }: Sighting,
  edges: FileFacts | undefined,
  legacy: Legacy,
  isTouched: boolean,
): FileVerdict {
  const { state } = legacy;
  if (state !== undefined && state.selected.has(file)) {
    if (final !== undefined) return { standing: "moved", source: plan.finalPlace(file) };
    if (part !== undefined) return { standing: "moved", source: plan.partPlace(file) };
    return { standing: "absent", source: undefined };
  }
  if (state === undefined && final?.size === plan.lengthOf(file)) {
    return { standing: "doubtful", source: plan.finalPlace(file) };
  }
  if (edges === undefined) return { standing: "absent", source: undefined };
  const isTrusted = isBelievable(edges, state?.edges, legacy, isTouched);
  return { standing: isTrusted ? "trusted" : "doubtful", source: plan.edges };
}

/** Does a file look as the last run left it? */
function isBelievable(
  facts: FileFacts,
  record: FileRecord | undefined,
  { state, journalModifiedMs }: Legacy,
  isTouched: boolean,
): boolean {
  if (state === undefined) return false;
  if (record?.size === facts.size && record.modifiedMs === facts.modifiedMs) return true;
  // A file without a record came into being after the state, so nothing of it is claimed.
  const isOlder = record !== undefined &&
    (facts.size < record.size || facts.modifiedMs < record.modifiedMs);
  return isTouched && !isOlder && facts.modifiedMs <= journalModifiedMs + MAX_WRITE_DELAY_MS;
}

/** Files that have a part in a piece of the journal. */
function touchedFiles(plan: FilePlan, { journal }: Legacy): Set<FileIndex> {
  const { layout } = plan.metainfo;
  const touched = new Set<FileIndex>();
  for (const value of journal) {
    const piece = layout.pieceIndex(value);
    if (piece === undefined) continue;
    for (const file of layout.filesOf(piece)) touched.add(file);
  }
  return touched;
}
