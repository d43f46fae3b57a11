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
import { looksAlike } from "../workers/file_looks.ts";
import type { FileFacts, Place } from "../workers/protocol.ts";
import type { FilePlan } from "./file_plan.ts";
import type { FileRecord, ResumeState } from "./resume_codec.ts";
import type { SeenFile, Sightings } from "./sightings.ts";

/** How long after its note in the journal a piece may still have been written. */
const MAX_WRITE_DELAY_MS = 60_000;

/** What the last run left. */
export interface Legacy {
  readonly state: ResumeState | undefined;
  /** False: the state says where to look, and nothing is taken on its word. */
  readonly isBelieved: boolean;
  /** Pieces that were being written; a hint. */
  readonly journal: ReadonlySet<number>;
  readonly journalModifiedMs: number;
}

/** When there was no last run, or nobody asks what it left. */
export const NOTHING_LEFT: Legacy = {
  state: undefined,
  isBelieved: false,
  journal: new Set(),
  journalModifiedMs: 0,
};

type Standing = "absent" | "trusted" | "doubtful";

interface Whereabouts {
  readonly standing: Standing;
  /** Where its bytes are; undefined when they are nowhere. */
  readonly source: Place | undefined;
}

export interface Verdicts {
  /** Where what a file has of a piece is, if it is anywhere. */
  readonly sourceOf: (file: FileIndex, piece: PieceIndex) => Place | undefined;
  /** Claimed, where they belong, and nothing speaks against it. */
  readonly trusted: readonly PieceIndex[];
  readonly toCheck: readonly PieceIndex[];
  readonly areEdgesTrusted: boolean;
  /** All is here, named and untouched: there is nothing to check and nothing to do. */
  readonly isComplete: boolean;
}

const ABSENT: Whereabouts = { standing: "absent", source: undefined };

/** Decides for all wanted pieces; sets in the plan which files are used under final names. */
export function judge(
  plan: FilePlan,
  wanted: Bitfield,
  sightings: Sightings,
  legacy: Legacy,
): Verdicts {
  const edges = judgeEdges(plan, sightings, legacy);
  const touched = touchedFiles(plan, legacy);
  const own = new Map<FileIndex, Whereabouts>();
  for (const [file, sighting] of sightings.files) {
    own.set(file, judgeOwn(plan, file, sighting, legacy, touched.has(file)));
  }
  const shareOf = (file: FileIndex, piece: PieceIndex) => {
    const verdict = own.get(file)!;
    if (isOwnShare(plan, file, piece, verdict, sightings, legacy)) return verdict;
    // What is lost with the edges, somebody else may have put where it belongs; and a file that
    // has its name holds what is also among them: to take it from there would be to begin it anew.
    const isSoughtAtHome = edges === ABSENT || isNamedByUs(plan, file, sightings, legacy);
    return isSoughtAtHome && plan.isSelected(file) ? doubted(verdict) : edges;
  };
  const trusted: PieceIndex[] = [], toCheck: PieceIndex[] = [];
  const isAnyHere = edges !== ABSENT || own.values().some((verdict) => verdict !== ABSENT);
  for (const index of isAnyHere ? wanted.ones() : []) {
    const piece = index as PieceIndex;
    const files = plan.metainfo.layout.filesOf(piece);
    const shares = files.map((file) => shareOf(file, piece));
    const isMoved = files.some((file, nth) =>
      plan.isSelected(file) === (shares[nth]!.source === plan.edges)
    );
    const action = judgePiece(piece, shares, isMoved, legacy);
    if (action === "trust") trusted.push(piece);
    else if (action === "check") toCheck.push(piece);
  }
  const isComplete = trusted.length === wanted.count &&
    plan.files.every((file) => plan.isFinal(file)) &&
    !legacy.journal.values().some((piece) => wanted.has(piece));
  return {
    sourceOf: (file, piece) => shareOf(file, piece).source,
    trusted,
    toCheck,
    areEdgesTrusted: edges.standing === "trusted",
    isComplete,
  };
}

/** Has the file the final name that a run of ours gave it, and is it as it was then? */
function isNamedByUs(
  plan: FilePlan,
  file: FileIndex,
  { files }: Sightings,
  { state }: Legacy,
): boolean {
  const record = state?.files.get(file);
  return plan.isFinal(file) && record?.isFinal === true &&
    looksAlike(record, files.get(file)!.final);
}

function doubted(verdict: Whereabouts): Whereabouts {
  return verdict === ABSENT ? ABSENT : { ...verdict, standing: "doubtful" };
}

/** May the piece be here, by the word of the last run? */
function isNoted(piece: PieceIndex, { state, journal }: Legacy): boolean {
  return journal.has(piece) || state?.claimed.has(piece) === true ||
    state?.noted.has(piece) === true;
}

/**
 * Does what has a name of the file look as the last run left the file? That is a matter of facts
 * alone, so a state that is not believed serves as well.
 */
function isAsLeft(
  plan: FilePlan,
  file: FileIndex,
  facts: FileFacts,
  legacy: Legacy,
): boolean {
  const record = legacy.state?.files.get(file);
  const mayBeYounger = isBegunFile(plan, file, legacy) && mayHaveLength(plan, file, facts);
  return looksAsLeft(facts, record, legacy, mayBeYounger);
}

/**
 * Is what is at the `.part` name of a file ours? Times say what to believe of it, and not whose it
 * is: copies and wrong clocks change them. So where a run has left a part, one that is as long as
 * the file is ours. With its final name we gave the other away, unless we were writing since then.
 */
export function isOurPart(
  plan: FilePlan,
  file: FileIndex,
  part: FileFacts,
  legacy: Legacy,
): boolean {
  if (isAsLeft(plan, file, part, legacy)) return true;
  if (part.size !== plan.lengthOf(file)) return false;
  const record = legacy.state?.files.get(file);
  if (record?.isFinal === false) return true;
  return record === undefined
    ? isBegunFile(plan, file, legacy)
    : touchedFiles(plan, legacy).has(file);
}

/** Were pieces of the file being written when a run ended, and has nobody looked at them since? */
export function isBegunFile(
  plan: FilePlan,
  file: FileIndex,
  { state, journal }: Legacy,
): boolean {
  return plan.metainfo.layout.eachPieceOf(file)
    .some((piece) => journal.has(piece) || state?.noted.has(piece));
}

/** `isMoved`: bytes are where an earlier selection put them, and to be written where they belong. */
function judgePiece(
  piece: PieceIndex,
  shares: readonly Whereabouts[],
  isMoved: boolean,
  legacy: Legacy,
): "trust" | "check" | "fetch" {
  if (shares.includes(ABSENT)) return "fetch";
  if (shares.some(({ standing }) => standing === "doubtful")) return "check";
  if (!isMoved && legacy.state?.claimed.has(piece)) return "trust";
  return isNoted(piece, legacy) ? "check" : "fetch";
}

/** Whether what a file has of a piece is in its own file, or else among the edges. */
function isOwnShare(
  plan: FilePlan,
  file: FileIndex,
  piece: PieceIndex,
  own: Whereabouts,
  { files }: Sightings,
  legacy: Legacy,
): boolean {
  const { layout } = plan.metainfo;
  if (legacy.state === undefined) {
    return plan.isSelected(file)
      ? own !== ABSENT || layout.filesOf(piece).length === 1
      : files.get(file)!.final?.size === plan.lengthOf(file);
  }
  // No run of ours has put a piece anywhere that it has not noted.
  return !isNoted(piece, legacy) || legacy.state.shares.isOwn(layout, file, piece);
}

function judgeOwn(
  plan: FilePlan,
  file: FileIndex,
  sighting: SeenFile,
  legacy: Legacy,
  isTouched: boolean,
): Whereabouts {
  const record = legacy.state?.files.get(file);
  const isFinal = usesFinalName(plan, file, sighting, record);
  const facts = isFinal ? sighting.final : sighting.part;
  plan.setFinal(file, isFinal);
  if (facts === undefined) return ABSENT;
  // A rename changes neither size nor time: it may have been finished after the last save.
  const mayBeYounger = isTouched && mayHaveLength(plan, file, facts);
  const isTrusted = isBelievable(facts, record, legacy, mayBeYounger);
  return { standing: isTrusted ? "trusted" : "doubtful", source: plan.placeOf(file) };
}

/** Which of two names holds the data: as the state says, else the one that looks finished. */
function usesFinalName(
  plan: FilePlan,
  file: FileIndex,
  { final, part }: SeenFile,
  record: FileRecord | undefined,
): boolean {
  if (final === undefined) return false;
  if (part === undefined) return true;
  return record?.isFinal ?? final.size === plan.lengthOf(file);
}

function judgeEdges(plan: FilePlan, { edges }: Sightings, legacy: Legacy): Whereabouts {
  if (edges === undefined) return ABSENT;
  const isTrusted = isBelievable(edges, legacy.state?.edges, legacy, legacy.journal.size > 0);
  return { standing: isTrusted ? "trusted" : "doubtful", source: plan.edges };
}

/** What we write to is as long as its file from the first byte on, or all of it is in one piece. */
function mayHaveLength(plan: FilePlan, file: FileIndex, { size }: FileFacts): boolean {
  const { first, last } = plan.metainfo.layout.piecesOf(file)!;
  return size === plan.lengthOf(file) || (first === last && size < plan.lengthOf(file));
}

/** Does a file look as a state left it that is believed? */
function isBelievable(
  facts: FileFacts,
  record: FileRecord | undefined,
  legacy: Legacy,
  mayBeYounger: boolean,
): boolean {
  if (legacy.state === undefined || !legacy.isBelieved) return false;
  return looksAsLeft(facts, record, legacy, mayBeYounger);
}

/** `mayBeYounger`: pieces of it may have been written since its record was made. */
function looksAsLeft(
  facts: FileFacts,
  record: FileRecord | undefined,
  { journalModifiedMs }: Legacy,
  mayBeYounger: boolean,
): boolean {
  if (looksAlike(record, facts)) return true;
  // A file without a record came into being after the state, so nothing of it is claimed.
  const isOlder = record !== undefined &&
    (facts.size < record.size || facts.modifiedMs < record.modifiedMs);
  return mayBeYounger && !isOlder && facts.modifiedMs <= journalModifiedMs + MAX_WRITE_DELAY_MS;
}

/** Files into which a piece of the journal may have been written. */
export function touchedFiles(plan: FilePlan, { state, journal }: Legacy): Set<FileIndex> {
  const { layout } = plan.metainfo;
  const touched = new Set<FileIndex>();
  for (const value of journal) {
    const piece = layout.pieceIndex(value);
    if (piece === undefined) continue;
    for (const file of layout.filesOf(piece)) {
      // What goes to the edges explains no change of a file.
      if (state?.shares.isOwn(layout, file, piece) !== false) touched.add(file);
    }
  }
  return touched;
}
