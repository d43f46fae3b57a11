/** Where the data of a torrent is that somebody has already. */
import { basename, dirname, join } from "node:path";
import { ownPaths } from "../../metainfo/own_paths.ts";
import { canBeName } from "../../metainfo/path_element.ts";
import { DiskPaths } from "../../metainfo/paths.ts";
import { concurrently } from "../../storage/concurrently.ts";
import type { DataPlace, Environment } from "../environment/environment.ts";
import { listFiles, shownPath, type SourceTorrent } from "../files/file_list.ts";
import { CommandError, fileError } from "../output/failure.ts";
import { isLink } from "./link.ts";
import { STANDARD_INPUT } from "./source.ts";

/** Whether a folder is the torrent's own shows in a few of its names. */
const MAX_NAMES_LOOKED_AT = 20;
/** Files of which either name is looked for, at a time: a torrent may change the names of all. */
const LOOKS_AT_ONCE = 16;

/**
 * Which words are torrents: all of them, but for a last one that is not the first, is no URL or
 * link nor standard input, and does not end in `.torrent`; that is where the data is.
 */
export function splitWords(
  words: readonly string[],
): { torrents: readonly string[]; path: string } {
  const last = words.at(-1)!;
  const isTorrent = words.length === 1 || last === STANDARD_INPUT ||
    /\.torrent$|^https?:\/\//i.test(last) || isLink(last);
  return isTorrent ? { torrents: words, path: "." } : { torrents: words.slice(0, -1), path: last };
}

/**
 * `path` is the folder that the data is in, as `--output` of `get`, or the data itself: the file
 * of a single-file torrent, the folder of another, whatever its name is now. What is not there by
 * its safe name is looked for by the one that the torrent gives it. Throws `CommandError`.
 */
export async function findData(
  source: SourceTorrent,
  path: string,
  environment: Environment,
): Promise<DataPlace> {
  try {
    return await find(source, path, environment);
  } catch (error) {
    throw fileError(`Cannot look at ${shownPath(path)}`, error);
  }
}

async function find(
  { metainfo, paths }: SourceTorrent,
  path: string,
  environment: Environment,
): Promise<DataPlace> {
  const below = (root: string) =>
    presentPaths({ metainfo, paths: paths.under(root) }, path, environment);
  const roots = new Set([paths.root]);
  const isReserved = paths.rootChanges.includes("reserved"); // That is our own state folder.
  if (!isReserved && canBeName(metainfo.name, environment.platform)) roots.add(metainfo.name);
  for (const root of roots) {
    if (await environment.inspect(`${path}/${root}`) === undefined) continue;
    return { outputDir: path, paths: await below(root), folder: path };
  }
  const standing = await environment.inspect(path);
  if (standing === "file" && !metainfo.isMultiFile) {
    const folder = dirname(path);
    return { outputDir: folder, paths: paths.under(basename(path)), folder };
  }
  if (standing === "file") {
    const wanted = "name the folder that the data is in, or the torrent's own";
    throw new CommandError(
      "disk",
      `Cannot use ${shownPath(path)} as the place of the data: it is a file; ${wanted}`,
    );
  }
  const usual = { outputDir: path, paths, folder: path };
  if (standing !== "folder" || !metainfo.isMultiFile) return usual;
  const within = await below("");
  for (const name of firstNames({ metainfo, paths: within })) {
    if (await environment.inspect(`${path}/${name}`) !== undefined) {
      return { outputDir: path, paths: within, folder: join(path, "..") };
    }
  }
  return usual;
}

/** `paths`, but for files that are not there and are by the torrent's own names. */
async function presentPaths(
  { metainfo, paths }: Pick<SourceTorrent, "metainfo" | "paths">,
  folder: string,
  environment: Environment,
): Promise<DiskPaths> {
  const own = ownPaths(metainfo, paths, environment.platform);
  // What cannot be looked at is told by whoever reads it.
  const look = (path: string) => environment.inspect(`${folder}/${path}`).catch(() => undefined);
  const changed = new Map(paths.changed);
  await concurrently(LOOKS_AT_ONCE, paths.changed.keys(), async (file) => {
    const isOwn = !own.changed.has(file) && await look(own.pathOf(file)) === "file" &&
      await look(paths.pathOf(file)) === undefined;
    if (isOwn) changed.delete(file);
  });
  return new DiskPaths(metainfo, { ...paths, changed });
}

/** Names right below the torrent's folder, some of them. */
function firstNames(torrent: Pick<SourceTorrent, "metainfo" | "paths">): Set<string> {
  const names = new Set<string>();
  for (const { path } of listFiles(torrent)) {
    names.add(path.split("/")[0]!);
    if (names.size === MAX_NAMES_LOOKED_AT) break;
  }
  return names;
}
