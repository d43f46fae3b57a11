/** What stands on disk where a torrent's files may be, before anything is decided. */
import type { Bitfield } from "../base/bitfield.ts";
import type { FileIndex } from "../base/ids.ts";
import { canBePartial } from "../metainfo/paths.ts";
import { lookAt, pathOf } from "../workers/folders.ts";
import type { FileFacts, JobRunner, Place } from "../workers/protocol.ts";
import { inspectFiles } from "./disk_jobs.ts";
import type { FilePlan } from "./file_plan.ts";
import type { ResumeState } from "./resume_codec.ts";

/** How a file looks under either name. */
export interface SeenFile {
  readonly final: FileFacts | undefined;
  readonly part: FileFacts | undefined;
}

export interface Sightings {
  /** Of selected files, empty ones too, and of those that share a piece with one; by index. */
  readonly files: ReadonlyMap<FileIndex, SeenFile>;
  readonly edges: FileFacts | undefined;
}

const ABSENT: SeenFile = { final: undefined, part: undefined };

/**
 * Looks at all files that matter; `wanted` are the pieces of the selected ones, `state` is what the
 * last run saved of them. Where nothing of the target is there, no worker is asked: a new
 * download does not wait until one has started. Throws StorageError when something stands there
 * that is no ordinary file.
 */
export async function seeFiles(
  plan: FilePlan,
  wanted: Bitfield,
  pool: JobRunner,
  state: Pick<ResumeState, "files"> | undefined,
): Promise<Sightings> {
  const neighbours = neighboursOf(plan, wanted);
  const files = [...plan.selectedFiles, ...neighbours];
  const [edges] = await inspectFiles(pool, isAnythingAt(plan.edges) ? [plan.edges] : []);
  if (!plan.roots.some(isAnythingAt)) {
    return { files: new Map(files.map((file) => [file, ABSENT])), edges };
  }
  const finals = await inspectFiles(pool, files.map((file) => plan.finalPlace(file)));
  // Nobody asks for the other name of a file that looks finished, and was not left unfinished.
  const unclear = [...files.keys()].filter((index) => {
    const file = files[index]!;
    if (!canBePartial(plan.finalPlace(file).path)) return false;
    return state?.files.get(file)?.isFinal === false ||
      finals[index]?.size !== plan.lengthOf(file);
  });
  const parts = await inspectFiles(pool, unclear.map((index) => plan.partPlace(files[index]!)));
  const seen = new Map<FileIndex, SeenFile>();
  for (const [index, file] of files.entries()) {
    seen.set(file, { final: finals[index], part: undefined });
  }
  for (const [nth, index] of unclear.entries()) {
    seen.set(files[index]!, { final: finals[index], part: parts[nth] });
  }
  return { files: seen, edges };
}

/** Is it longer than it should be, under its final name? Then it is cut, once it is verified. */
export function isOversized(plan: FilePlan, file: FileIndex, { files }: Sightings): boolean {
  const { final } = files.get(file)!;
  return plan.isFinal(file) && final !== undefined && final.size > plan.lengthOf(file);
}

/** Is anything there, whatever it is? */
export function isAnythingAt(place: Place): boolean {
  return lookAt(pathOf(place)) !== undefined;
}

/** Files that were not selected and share a piece with one that was. */
function neighboursOf(plan: FilePlan, wanted: Bitfield): FileIndex[] {
  const { files, layout } = plan.metainfo;
  const neighbours: FileIndex[] = [];
  for (const { index: file, isPadding } of files) {
    const pieces = isPadding || plan.isSelected(file) ? undefined : layout.piecesOf(file);
    // All pieces between its first and its last are its own.
    const isNeighbour = pieces !== undefined &&
      (wanted.has(pieces.first) || wanted.has(pieces.last));
    if (isNeighbour) neighbours.push(file);
  }
  return neighbours;
}
