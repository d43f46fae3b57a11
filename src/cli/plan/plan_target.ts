/** Where a torrent would go, and what of it is there already. Writes nothing. */
import { Bitfield } from "../../base/bitfield.ts";
import type { PieceIndex } from "../../base/ids.ts";
import type { Layout } from "../../metainfo/layout.ts";
import { type Identity, ownIdentity } from "../../storage/denials.ts";
import { FilePlan } from "../../storage/file_plan.ts";
import { type Forecast, foresee } from "../../storage/forecast.ts";
import { type FreeSpace, freeSpace } from "../../storage/room.ts";
import { WorkerPool } from "../../workers/pool.ts";
import { checkWorkerPermission, workerCount } from "../environment/disk_workers.ts";
import type { Environment } from "../environment/environment.ts";
import { foldersOf } from "../environment/state_folders.ts";
import { listFiles } from "../files/file_list.ts";
import type { PlanOptions } from "../options/plan_options.ts";
import { HashProgress } from "../output/hash_progress.ts";
import type { Target } from "../tasks/target.ts";

/** Bytes of wanted pieces, padding left out. */
export interface ByteCounts {
  readonly wanted: number;
  readonly here: number;
  /** Here, if they are what they should be: a download would hash them. */
  readonly unchecked: number;
  /** Those that are not here for certain. */
  readonly toFetch: number;
}

export interface TargetOutlook extends Forecast {
  readonly bytes: ByteCounts;
  /** Pieces that are to be fetched. */
  readonly missing: Bitfield;
  readonly space: FreeSpace;
  /** The flag of Deno without which nobody knows whether we may write. */
  readonly accessFlag: string | undefined;
}

export interface LookOptions {
  readonly options: PlanOptions;
  readonly environment: Environment;
  /** Printable. */
  readonly name: string;
  readonly signal: AbortSignal;
}

/** Throws `StorageError`, `CommandError` exit 4, or the reason of the signal. */
export async function lookAtTarget(target: Target, look: LookOptions): Promise<TargetOutlook> {
  const recalled = await remembered(target, look);
  // Where nothing is to be done nobody needs to be asked who we are.
  const identity = recalled === undefined ? ownIdentity() : {};
  const forecast = recalled ?? await seen(target, look, identity);
  const { wanted, have, unchecked } = forecast;
  const missing = new Bitfield(wanted.length);
  for (const piece of wanted.ones()) {
    if (!have.has(piece) && !unchecked.has(piece)) missing.set(piece);
  }
  const { layout } = target.source.metainfo;
  const bytes = {
    wanted: bytesOf(layout, wanted),
    here: bytesOf(layout, have),
    unchecked: bytesOf(layout, unchecked),
    toFetch: bytesOf(layout, missing),
  };
  const space = await freeSpace(forecast.folder);
  return { ...forecast, bytes, missing, space, accessFlag: identity.flag };
}

/** What the receipt of a finished target says, where it still holds. */
async function remembered(
  { source, source: { metainfo, paths }, selected, indices }: Target,
  { options, environment }: LookOptions,
): Promise<Forecast | undefined> {
  const { noResume, overwrite } = options;
  if (noResume) return undefined;
  const recalled = await environment.recallTarget({
    ...foldersOf(options),
    infoHashHex: metainfo.infoHashHex,
    name: metainfo.name,
    paths: listFiles(source).map(({ path }) => path),
    files: [...selected],
  });
  if (recalled === undefined || recalled.intact.size < selected.size) return undefined;
  const { folders } = recalled;
  const plan = new FilePlan({ metainfo, paths, ...folders, selected: indices, overwrite });
  const wanted = plan.wantedPieces();
  return {
    folder: folders.outputDir,
    isFolderThere: true,
    isHeld: false,
    wanted,
    have: wanted,
    unchecked: new Bitfield(wanted.length),
    isComplete: true,
    obstacles: [],
    occupied: new Set(),
    present: indices,
  };
}

async function seen(
  { source: { metainfo, paths }, indices }: Target,
  { options, environment, name, signal }: LookOptions,
  identity: Identity,
): Promise<Forecast> {
  const { overwrite, noResume, check, json } = options;
  checkWorkerPermission(environment);
  const pool = new WorkerPool({ size: workerCount(environment) });
  const progress = new HashProgress(name, environment, { verb: "checked", isShown: !json });
  try {
    return await foresee({
      metainfo,
      paths,
      ...foldersOf(options),
      selected: indices,
      overwrite,
      trustState: !noResume,
      check,
      identity,
      pool,
      onProgress: (checked, total) => progress.show(checked, total),
      signal,
    });
  } finally {
    progress.end();
    pool.close();
  }
}

function bytesOf(layout: Layout, pieces: Bitfield): number {
  const isAllData = layout.dataLength === layout.totalLength;
  let bytes = 0;
  for (const index of pieces.ones()) {
    const piece = index as PieceIndex;
    if (isAllData) bytes += layout.pieceSize(piece);
    else for (const { length } of layout.fileSpans(piece)) bytes += length;
  }
  return bytes;
}
