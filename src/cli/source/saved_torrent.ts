/** A .torrent as a file: alone (`get --metadata-only`), or beside the data (`--save-torrent`). */
import { dirname } from "node:path";
import type { Bytes } from "../../base/bytes.ts";
import { MetainfoError } from "../../base/errors.ts";
import { type Metainfo, parseMetainfo } from "../../metainfo/metainfo.ts";
import type { Environment } from "../environment/environment.ts";
import { foldersOf } from "../environment/state_folders.ts";
import type { SourceTorrent } from "../files/file_list.ts";
import type { GetOptions } from "../options/get_options.ts";
import { CommandError } from "../output/failure.ts";
import { STANDARD_OUTPUT, writeData } from "../output/standard_data.ts";
import { findTarget, targetPath } from "./create_target.ts";
import { readTorrentFile } from "./source.ts";

export interface SavedTorrent {
  readonly path: string;
  /** Bytes of the .torrent. */
  readonly length: number;
  /** False: it was there already, whatever trackers it names. */
  readonly isNew: boolean;
}

type SaveOptions =
  & Pick<GetOptions, "outputDir" | "overwrite">
  & Partial<Pick<GetOptions, "stateDir">>;

/**
 * The .torrent that `--output` names, if it is there. Throws `CommandError`, exit 6, when
 * something else is there that may not be replaced, and `StorageError` when nothing can be written
 * there: whoever is told so has not searched yet.
 */
export async function findSaved(
  infoHashHex: string,
  { outputDir, overwrite }: SaveOptions,
  environment: Environment,
): Promise<SavedTorrent | undefined> {
  if (outputDir === STANDARD_OUTPUT) return undefined;
  const torrent = await readSaved(outputDir, environment);
  if (torrent?.metainfo?.infoHashHex === infoHashHex) {
    return { path: outputDir, length: torrent.length, isNew: false };
  }
  if (torrent !== undefined) await findTarget({ output: outputDir, overwrite }, "", environment);
  await openTorrentFolder(outputDir, environment);
  return undefined;
}

/** The folder that the .torrent goes to: made where it is missing, and found to be writable. */
async function openTorrentFolder(output: string, environment: Environment): Promise<void> {
  const { openForWriting } = await import("../../storage/target_folders.ts");
  await openForWriting(await environment.inspect(output) === "folder" ? output : dirname(output));
}

/** Writes `bytes`, which are taken over. Throws `CommandError`, exit 6, or `StorageError`. */
export async function saveTorrent(
  bytes: Bytes,
  { metainfo, paths }: SourceTorrent,
  { outputDir, overwrite }: SaveOptions,
  environment: Environment,
): Promise<SavedTorrent> {
  const { length } = bytes;
  const output = outputDir === "." ? undefined : outputDir;
  const path = await targetPath(output, `${paths.root}.torrent`, environment);
  const saved = await readSaved(path, environment);
  if (saved?.metainfo?.infoHashHex === metainfo.infoHashHex) {
    return { path, length: saved.length, isNew: false };
  }
  await openTorrentFolder(path, environment);
  const target = await findTarget({ output: path, overwrite }, "", environment);
  // A finished target needs none of these.
  const { checkWorkerPermission } = await import("../environment/disk_workers.ts");
  const { writeTorrentFile } = await import("../../storage/torrent_file.ts");
  const { WorkerPool } = await import("../../workers/pool.ts");
  checkWorkerPermission(environment);
  const { random } = environment;
  const pool = new WorkerPool({ size: 1 });
  try {
    await writeTorrentFile(bytes, { ...target, mayReplace: overwrite, pool, random });
    return { path: target.shown, length, isNew: true };
  } finally {
    pool.close();
  }
}

/** `--output -`: the same to standard output. Throws `CommandError`; the signal's reason. */
export async function printTorrent(
  bytes: Bytes,
  { stdout }: Environment,
  signal: AbortSignal,
): Promise<SavedTorrent> {
  await writeData(bytes, stdout, { signal, whenGone: "run the same command again" });
  return { path: "standard output", length: bytes.length, isNew: true };
}

/**
 * `--save-torrent`: OUTPUT/NAME.torrent, whose folder is made. Throws as `saveTorrent`.
 */
export async function saveCopy(
  bytes: Bytes,
  source: SourceTorrent,
  options: SaveOptions,
  environment: Environment,
): Promise<SavedTorrent> {
  const { overwrite } = options;
  const { outputDir, stateDir } = foldersOf(options);
  const path = `${outputDir.replace(/\/+$/, "")}/${source.paths.root}.torrent`;
  const saved = await readSaved(path, environment);
  if (saved?.metainfo?.infoHashHex === source.metainfo.infoHashHex) {
    return { path, length: saved.length, isNew: false };
  }
  const { prepareFolders } = await import("../../storage/target_folders.ts");
  await prepareFolders(outputDir, stateDir);
  return await saveTorrent(bytes.slice(), source, { outputDir: path, overwrite }, environment);
}

/** A file that is there, and the torrent that it holds, if it holds one. */
async function readSaved(
  path: string,
  environment: Environment,
): Promise<{ readonly length: number; readonly metainfo?: Metainfo } | undefined> {
  try {
    const bytes = await readTorrentFile(path, environment);
    const { length } = bytes;
    return { length, metainfo: parseMetainfo(bytes) };
  } catch (error) {
    if (error instanceof MetainfoError) return { length: 0 };
    if (error instanceof CommandError) return undefined;
    throw error;
  }
}
