/**
 * After the check: which files keep the final names under which they were found. One that is
 * not complete becomes `NAME.part` again; one that is something else is not touched (D6, D7).
 */
import { StorageError } from "../base/errors.ts";
import type { FileIndex } from "../base/ids.ts";
import type { JobRunner, PieceVerdict, Place } from "../workers/protocol.ts";
import { createFiles, runOrThrow } from "./disk_jobs.ts";
import type { FilePlan } from "./file_plan.ts";
import type { Sightings } from "./sightings.ts";

/**
 * Tells the plan which files are there. `verdicts` are by piece; "missing" is also one that has
 * bytes of another file which are not there. `isKnown` are files that an earlier run worked on.
 * Throws StorageError "occupied" when a name belongs to something else.
 */
export async function settleFiles(
  plan: FilePlan,
  sightings: Sightings,
  verdicts: readonly PieceVerdict[],
  { pool, isKnown }: { pool: JobRunner; isKnown: (file: FileIndex) => boolean },
): Promise<void> {
  if (sightings.edges !== undefined) plan.setEdgesPresent();
  const unfinished: { from: Place; to: Place }[] = [];
  for (const file of plan.files) {
    const { final, part } = sightings.files.get(file)!;
    const tally = tallyPieces(plan, file, verdicts);
    if (part !== undefined) {
      const isForeign = !part.isHollow && !isKnown(file) && tally.good === 0 && tally.bad > 0;
      if (isForeign && !plan.overwrite) throw occupied(plan.partPlace(file));
      plan.setPresent(file);
    }
    if (final === undefined) continue;
    if (!plan.isFinal(file)) {
      refuseUnlessReplaceable(plan, file, final.size);
      continue;
    }
    if (tally.good > 0) plan.setPresent(file);
    if (tally.good === tally.all) continue;
    if (tally.good > 0) unfinished.push({ from: plan.finalPlace(file), to: plan.partPlace(file) });
    // Where only neighbours are missing nobody can tell yet: `finish` will compare.
    else if (tally.bad > 0) refuseUnlessReplaceable(plan, file, undefined);
    else refuseUnlessReplaceable(plan, file, final.size);
    plan.setFinal(file, false);
  }
  if (unfinished.length > 0) {
    await runOrThrow<"rename">(pool, { kind: "rename", files: unfinished });
  }
}

/**
 * Creates the selected files of length 0 that are not there; returns which. Throws StorageError
 * "occupied".
 */
export async function createEmptyFiles(
  plan: FilePlan,
  sightings: Sightings,
  pool: JobRunner,
): Promise<FileIndex[]> {
  const isReplaced = (file: FileIndex) => (sightings.files.get(file)!.final?.size ?? 0) > 0;
  const replaced = plan.emptyFiles.filter(isReplaced);
  for (const file of replaced) refuseUnlessReplaceable(plan, file, undefined);
  const absent = plan.emptyFiles.filter((file) => sightings.files.get(file)!.final === undefined);
  await createFiles(pool, absent.map((file) => plan.finalPlace(file)));
  await createFiles(pool, replaced.map((file) => plan.partPlace(file)));
  if (replaced.length > 0) {
    const files = replaced.map((file) => plan.finishOf(file));
    await runOrThrow<"finish">(pool, { kind: "finish", files });
  }
  return [...absent, ...replaced];
}

function tallyPieces(
  plan: FilePlan,
  file: FileIndex,
  verdicts: readonly PieceVerdict[],
): { all: number; good: number; bad: number } {
  const { first, last } = plan.metainfo.layout.piecesOf(file)!;
  let good = 0, bad = 0;
  for (let piece = first as number; piece <= last; piece++) {
    if (verdicts[piece] === "good") good++;
    else if (verdicts[piece] === "bad") bad++;
  }
  return { all: last - first + 1, good, bad };
}

/** What has the right `size` may still turn out to be ours; what has not, may not. */
function refuseUnlessReplaceable(plan: FilePlan, file: FileIndex, size: number | undefined): void {
  if (plan.overwrite || size === plan.lengthOf(file)) return;
  throw occupied(plan.finalPlace(file));
}

function occupied({ root, path }: Place): StorageError {
  return new StorageError(
    "occupied",
    `${root}/${path}`,
    `Cannot download to ${root}/${path}: the file there is something else; ` +
      "use --overwrite to replace it",
  );
}
