/**
 * What of a torrent is on disk already: believes the saved state where it may, hashes a sample
 * of what it believes, and hashes all that is doubtful.
 */
import { type Random, shuffle } from "../base/ambient.ts";
import { Bitfield } from "../base/bitfield.ts";
import type { FileIndex, PieceIndex } from "../base/ids.ts";
import type { FileFacts, JobRunner, PieceToHash, PieceVerdict } from "../workers/protocol.ts";
import { hashPieces } from "./disk_jobs.ts";
import type { FilePlan } from "./file_plan.ts";
import { type KeptState, keptState } from "./kept_state.ts";
import { createEmptyFiles, type FoundPieces, settleFiles } from "./settle.ts";
import { isOversized, seeFiles, type Sightings } from "./sightings.ts";
import { isOurPart, judge, type Legacy, type Verdicts } from "./trust.ts";
import { type CheckSoFar, type UnfinishedCheck, unfinishedCheck } from "./unfinished_check.ts";

/** Believed pieces that are hashed all the same, at most one a file (D13). */
const MAX_SAMPLED_PIECES = 64;

export interface RestoreOptions {
  readonly plan: FilePlan;
  readonly pool: JobRunner;
  readonly random: Random;
  readonly legacy: Legacy;
  readonly onProgress: (checkedBytes: number, totalBytes: number) => void;
  readonly onWarning: (message: string) => void;
  /** Cuts the check off. */
  readonly signal: AbortSignal;
  /**
   * Saves what is known when the check is cut off, or before pieces are moved; nothing ends, and
   * nothing is changed, before it is done. Never rejects.
   */
  readonly saveCheck: (check: UnfinishedCheck) => Promise<void>;
}

export interface Restored {
  /** Verified, and where they belong. */
  readonly have: Bitfield;
  /** Those of `have` that no saved state claims: they may not have been flushed. */
  readonly unclaimed: readonly PieceIndex[];
  /** Verified, but where an earlier selection put them. */
  readonly misplaced: readonly (PieceToHash & { readonly piece: PieceIndex })[];
  readonly sightings: Sightings;
  /** What the saved state says besides. */
  readonly kept: KeptState;
  /** Files of length 0 are being created; which they are. Rejects with StorageError. */
  readonly created: Promise<readonly FileIndex[]>;
  /** Files that are to be cut, once they are verified. */
  readonly oversized: readonly FileIndex[];
  /** All is here, named, untouched and claimed. */
  readonly isComplete: boolean;
}

/** Throws StorageError, or the reason of `signal`. */
export async function restorePieces(options: RestoreOptions): Promise<Restored> {
  const { plan, pool, legacy } = options;
  const wanted = plan.wantedPieces();
  const sightings = await seeFiles(plan, wanted, pool, legacy.state);
  const verdicts = judge(plan, wanted, sightings, legacy);
  const oddities = [...odditiesOf(plan, sightings)];
  const { found, isStillBelieved } = await findPieces(verdicts, { ...options, wanted, sightings });
  const isOurs = (file: FileIndex, part: FileFacts) => isOurPart(plan, file, part, legacy);
  await settleFiles(plan, sightings, found, { pool, isOurs, sourceOf: verdicts.sourceOf });
  // Whatever was refused is not touched: nothing is to be said of what becomes of it.
  for (const oddity of oddities) options.onWarning(oddity);
  // Settling may have renamed selected files.
  const sourceOf = (file: FileIndex, piece: PieceIndex) => {
    const source = verdicts.sourceOf(file, piece);
    return plan.isSelected(file) && source !== plan.edges ? plan.placeOf(file) : source;
  };
  const have = new Bitfield(plan.metainfo.layout.pieceCount);
  const misplaced: (PieceToHash & { piece: PieceIndex })[] = [];
  for (let index = 0; index < found.length; index++) {
    if (found[index] !== "good") continue;
    const piece = index as PieceIndex;
    if (isMisplaced(plan, piece, verdicts)) {
      misplaced.push({ piece, ...plan.toHash(piece, sourceOf) });
    } else have.set(piece);
  }
  const unclaimed = [...have.ones()].filter((piece) =>
    !(legacy.isBelieved && isClaimed(piece as PieceIndex, legacy))
  );
  return {
    have,
    unclaimed: unclaimed as PieceIndex[],
    misplaced,
    sightings,
    kept: keptState(
      plan,
      wanted,
      sightings,
      { ...legacy, isBelieved: isStillBelieved },
      verdicts.areEdgesTrusted,
    ),
    created: createEmptyFiles(plan, sightings, pool),
    oversized: plan.files.filter((file) => isOversized(plan, file, sightings)),
    isComplete: verdicts.isComplete,
  };
}

/**
 * What each piece is; undefined where nobody looked, as it is to be downloaded anyway.
 * `isStillBelieved`: all that was looked at is as the saved state says.
 */
async function findPieces(
  verdicts: Verdicts,
  options: RestoreOptions & { readonly wanted: Bitfield; readonly sightings: Sightings },
): Promise<{ readonly found: FoundPieces; readonly isStillBelieved: boolean }> {
  const { plan, legacy, signal, saveCheck } = options, { isBelieved } = legacy;
  const { sourceOf } = verdicts;
  const found = new Array<PieceVerdict | undefined>(plan.metainfo.layout.pieceCount);
  for (const piece of verdicts.trusted) found[piece] = "good";
  if (verdicts.isComplete) return { found, isStillBelieved: isBelieved };
  const sample = samplePieces(plan, verdicts.trusted, options.random);
  const total = plan.sizeOf(sample) + plan.sizeOf(verdicts.toCheck);
  let bytesBefore = 0;
  const check = async (pieces: readonly PieceIndex[], totalBytes: number) => {
    const onProgress = (bytes: number) => options.onProgress(bytesBefore + bytes, totalBytes);
    const hashing = { ...options, sourceOf, onProgress };
    await hashPieces(plan, pieces, hashing, (piece, verdict) => {
      found[piece] = verdict;
    });
    bytesBefore += plan.sizeOf(pieces);
  };
  /** All the rest: it may take hours. */
  const checkRest = async (
    rest: Pick<CheckSoFar, "legacy" | "trusted" | "toCheck">,
    totalBytes: number,
  ) => {
    const save = async () => {
      const unfinished = unfinishedCheck({ ...options, ...rest, sourceOf, found });
      if (unfinished !== undefined) await saveCheck(unfinished);
    };
    try {
      await check(rest.toCheck, totalBytes);
    } catch (error) {
      if (signal.aborted) await save();
      throw error;
    }
    // A file that a piece is moved to looks as one of ours again, also where it was changed or is
    // begun anew: what is not there must be neither claimed nor recorded when that begins.
    const isToMove = (piece: PieceIndex) =>
      found[piece] === "good" && isMisplaced(plan, piece, verdicts);
    if (rest.toCheck.some(isToMove)) await save();
  };
  await check(sample, total);
  if (sample.every((piece) => found[piece] === "good")) {
    await checkRest({ ...verdicts, legacy }, total);
    return { found, isStillBelieved: isBelieved };
  }
  // The state is newer than the data, or the disk is failing: nothing of it is believed.
  options.onWarning("The files are not as the saved state says, so all of them are checked");
  const rest = [...verdicts.trusted, ...verdicts.toCheck].toSorted((a, b) => a - b);
  for (const piece of rest) found[piece] = undefined;
  const isStillBelieved = false, disbelieved = { ...legacy, isBelieved: isStillBelieved };
  await checkRest(
    { legacy: disbelieved, trusted: [], toCheck: rest },
    total + plan.sizeOf(verdicts.trusted),
  );
  return { found, isStillBelieved };
}

/** A believed piece from each of several files that are spread over the torrent. */
function samplePieces(
  plan: FilePlan,
  trusted: readonly PieceIndex[],
  random: Random,
): PieceIndex[] {
  if (trusted.length === 0) return [];
  const isTrusted = new Set(trusted);
  const files = [...plan.files];
  shuffle(files, random);
  const sample = new Set<PieceIndex>();
  for (const file of files) {
    if (sample.size === MAX_SAMPLED_PIECES) break;
    const { first, last } = plan.metainfo.layout.piecesOf(file)!;
    const count = last - first + 1, start = random.below(count);
    for (let step = 0; step < count; step++) {
      const piece = first + (start + step) % count as PieceIndex;
      if (!isTrusted.has(piece)) continue;
      sample.add(piece);
      break;
    }
  }
  return [...sample].toSorted((a, b) => a - b);
}

/** By the saved state, be it believed or not. */
function isClaimed(piece: PieceIndex, { state }: Legacy): boolean {
  return state?.claimed.has(piece) === true;
}

/** Does some file's share of the piece lie elsewhere than it is to be? */
function isMisplaced(plan: FilePlan, piece: PieceIndex, { sourceOf }: Verdicts): boolean {
  return plan.metainfo.layout.filesOf(piece).some((file) =>
    plan.isSelected(file) === (sourceOf(file, piece) === plan.edges)
  );
}

/** What may surprise whoever has put the files there, in a sentence for each. */
function* odditiesOf(plan: FilePlan, sightings: Sightings): Iterable<string> {
  for (const file of plan.files) {
    const { final, part } = sightings.files.get(file)!;
    const { path } = plan.finalPlace(file);
    if (isOversized(plan, file, sightings)) {
      yield `${path} is longer than the torrent says; it is cut once it is verified`;
    }
    if (((plan.isFinal(file) ? final : part)?.links ?? 1) > 1) {
      yield `${path} has other names too (hard links); what they show changes with it`;
    }
  }
}
