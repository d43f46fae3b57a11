/** Checks files on disk against a torrent without writing anything: `starling verify`. */
import type { FileIndex, PieceIndex } from "../base/ids.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { DiskPaths } from "../metainfo/paths.ts";
import type { JobRunner, PieceVerdict } from "../workers/protocol.ts";
import { hashPieces } from "./disk_jobs.ts";
import { FilePlan } from "./file_plan.ts";
import { seeFiles, type Sightings } from "./sightings.ts";
import { realFolder } from "./target_folders.ts";
import { judge, NOTHING_LEFT } from "./trust.ts";

export interface CheckOptions {
  readonly metainfo: Metainfo;
  readonly paths: DiskPaths;
  /** What `paths` are relative to; must be there. */
  readonly outputDir: string;
  readonly pool: JobRunner;
  readonly onProgress: (checkedBytes: number, totalBytes: number) => void;
  readonly signal: AbortSignal;
}

/**
 * `unknown`: nothing is wrong with it, but it shares a piece with bytes that are not there, so
 * nobody can tell. `bad` has the wrong size or a bad piece.
 */
export type FileVerdict = "good" | "bad" | "missing" | "unknown";

export interface CheckedFile {
  readonly file: FileIndex;
  /** As on disk, `.part` and all; the final name when it is missing. */
  readonly path: string;
  readonly verdict: FileVerdict;
}

export interface CheckReport {
  /** By `PieceIndex`; `missing` when any of its bytes is not there. */
  readonly pieces: readonly PieceVerdict[];
  /** The bad ones, those among them that a file lacks which is there and was cut short. */
  readonly bad: readonly PieceIndex[];
  /** Files that a download would write, in the order of the torrent. */
  readonly files: readonly CheckedFile[];
}

/** Throws StorageError where something stands that is no ordinary file, or `signal`'s reason. */
export async function checkFiles(options: CheckOptions): Promise<CheckReport> {
  const { metainfo, pool } = options;
  const outputDir = await realFolder(options.outputDir);
  const plan = new FilePlan({
    ...options,
    outputDir,
    stateDir: outputDir,
    selected: new Set(metainfo.files.keys()),
    overwrite: false,
  });
  const wanted = plan.wantedPieces();
  const sightings = await seeFiles(plan, wanted, pool, undefined);
  const { toCheck, sourceOf } = judge(plan, wanted, sightings, NOTHING_LEFT);
  const pieces = initialVerdicts(metainfo, wanted);
  await hashPieces(plan, toCheck, { ...options, sourceOf }, (piece, verdict) => {
    pieces[piece] = verdict;
  });
  const files = plan.selectedFiles.toSorted((a, b) => a - b)
    .map((file) => judgeFile(plan, file, sightings, pieces));
  return { pieces, bad: badPieces(metainfo, pieces, files), files };
}

/** A piece that is all padding has nothing on disk that could be wrong. */
function initialVerdicts(
  { layout }: Metainfo,
  wanted: { has(piece: number): boolean },
): PieceVerdict[] {
  return Array.from(
    { length: layout.pieceCount },
    (_, piece) => wanted.has(piece) ? "missing" : "good",
  );
}

function badPieces(
  { layout }: Metainfo,
  pieces: readonly PieceVerdict[],
  files: readonly CheckedFile[],
): PieceIndex[] {
  const absent = new Set<FileIndex>();
  for (const { file, verdict } of files) if (verdict === "missing") absent.add(file);
  const bad: PieceIndex[] = [];
  for (const [index, verdict] of pieces.entries()) {
    const piece = index as PieceIndex;
    const isCut = verdict === "missing" && !layout.filesOf(piece).some((file) => absent.has(file));
    if (verdict === "bad" || isCut) bad.push(piece);
  }
  return bad;
}

function judgeFile(
  plan: FilePlan,
  file: FileIndex,
  sightings: Sightings,
  pieces: readonly PieceVerdict[],
): CheckedFile {
  const { final, part } = sightings.files.get(file)!;
  const usesPart = part !== undefined && !plan.isFinal(file);
  const facts = usesPart ? part : final;
  const { path } = usesPart ? plan.partPlace(file) : plan.finalPlace(file);
  if (facts === undefined) return { file, path, verdict: "missing" };
  const verdicts = new Set(
    plan.metainfo.layout.eachPieceOf(file).map((piece) => pieces[piece]),
  );
  const isBad = facts.size !== plan.lengthOf(file) || verdicts.has("bad");
  return { file, path, verdict: isBad ? "bad" : verdicts.has("missing") ? "unknown" : "good" };
}
