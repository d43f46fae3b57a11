/** What stands on disk where a torrent's files may be, before anything is decided. */
import type { Bitfield } from "../base/bitfield.ts";
import type { FileIndex, PieceIndex } from "../base/ids.ts";
import type { WorkerPool } from "../workers/pool.ts";
import type { FileFacts } from "../workers/protocol.ts";
import { inspectFiles } from "./disk_jobs.ts";
import type { FilePlan } from "./file_plan.ts";

/** How a file looks under either name. */
export interface Sighting {
  readonly final: FileFacts | undefined;
  readonly part: FileFacts | undefined;
}

export interface Sightings {
  /** Of selected files, empty ones too, and of those that share a piece with one; by index. */
  readonly files: ReadonlyMap<FileIndex, Sighting>;
  readonly edges: FileFacts | undefined;
}

const ABSENT: Sighting = { final: undefined, part: undefined };

/**
 * Looks at all files that matter; `wanted` are the pieces of the selected ones. When
 * `isTargetThere` is false there is nothing to look at. Throws StorageError when something
 * stands there that is no ordinary file.
 */
export async function seeFiles(
  plan: FilePlan,
  wanted: Bitfield,
  pool: WorkerPool,
  isTargetThere: boolean,
): Promise<Sightings> {
  const neighbours = neighboursOf(plan, wanted);
  const files = [...plan.files, ...plan.emptyFiles, ...neighbours];
  const [edges] = await inspectFiles(pool, [plan.edges]);
  if (!isTargetThere) return { files: new Map(files.map((file) => [file, ABSENT])), edges };
  const places = files.flatMap((file) => [plan.finalPlace(file), plan.partPlace(file)]);
  const facts = await inspectFiles(pool, places);
  const seen = files.map((
    file,
    index,
  ): [FileIndex, Sighting] => [file, { final: facts[2 * index], part: facts[2 * index + 1] }]);
  return { files: new Map(seen), edges };
}

/** Files that were not selected and share a piece with one that was. */
function neighboursOf(plan: FilePlan, wanted: Bitfield): FileIndex[] {
  const neighbours = new Set<FileIndex>();
  const { layout } = plan.metainfo;
  for (const piece of wanted.ones()) {
    for (const file of layout.filesOf(piece as PieceIndex)) {
      if (!plan.isSelected(file)) neighbours.add(file);
    }
  }
  return [...neighbours];
}
