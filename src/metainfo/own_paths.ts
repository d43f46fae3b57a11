/**
 * What the torrent itself calls the files whose names were made safe: so they are called where they
 * did not come from us. Only for reading. Pure.
 */
import type { FileIndex } from "../base/ids.ts";
import type { Metainfo } from "./metainfo.ts";
import { canBeName, foldName, type Platform } from "./path_element.ts";
import { type ChangedPath, DiskPaths, PARTIAL_SUFFIX } from "./paths.ts";

const SUFFIX = foldName(PARTIAL_SUFFIX);

/**
 * `paths`, made by `diskPaths`, with the torrent's own names below the root wherever a file can have
 * them: only the others are `changed` still. Whichever of the two is taken for each file, no two
 * files are alike: one whose own path some file system cannot tell from another's keeps the safe one.
 */
export function ownPaths(metainfo: Metainfo, paths: DiskPaths, platform: Platform): DiskPaths {
  if (paths.changed.size === 0) return paths;
  const { files } = metainfo;
  const taken = new Set<string>();
  for (const file of files.keys()) taken.add(foldName(paths.pathOf(file)));
  const own = new DiskPaths(metainfo, { ...paths, changed: new Map() });
  const changed = new Map<FileIndex, ChangedPath>();
  for (const [file, safe] of paths.changed) {
    const path = foldName(own.pathOf(file));
    const canBe = files.pathOf(file).every((name) => canBeName(name, platform));
    if (canBe && !isTaken(path, taken)) taken.add(path);
    else changed.set(file, safe);
  }
  return new DiskPaths(metainfo, { ...paths, changed });
}

/** May it be another's? A file may be there by its name, and unfinished with the suffix. */
function isTaken(path: string, taken: ReadonlySet<string>): boolean {
  const stem = path.endsWith(SUFFIX) ? path.slice(0, -SUFFIX.length) : path;
  return [path, stem, path + SUFFIX].some((claimed) => taken.has(claimed));
}
