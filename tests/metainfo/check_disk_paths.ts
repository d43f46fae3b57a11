/** What must hold of the paths of any torrent. */
import { equal, ok } from "node:assert/strict";
import { posix, win32 } from "node:path";
import type { Metainfo } from "../../src/metainfo/metainfo.ts";
import type { Platform } from "../../src/metainfo/path_element.ts";
import { type DiskPaths, PARTIAL_SUFFIX } from "../../src/metainfo/paths.ts";

/** Throws unless all paths lie under their root, and none is another's or that of a directory. */
export function checkDiskPaths(
  places: DiskPaths,
  metainfo: Pick<Metainfo, "files">,
  platform: Platform,
): void {
  const paths = pathsOnDisk(places, metainfo);
  checkContained(places.root, paths, platform);
  for (const path of paths) ok(!/[\p{Cc}\p{Cs}]/u.test(path), path);
  checkDistinct(paths);
  checkNoneWithinAnother(paths);
}

/** The same, but for names that only deceive, and files where others have a directory. */
export function checkReadPaths(
  places: DiskPaths,
  metainfo: Pick<Metainfo, "files">,
  platform: Platform,
): void {
  const paths = pathsOnDisk(places, metainfo);
  checkContained(places.root, paths, platform);
  checkDistinct(paths);
}

function pathsOnDisk(places: DiskPaths, { files }: Pick<Metainfo, "files">): string[] {
  return Array.from(files.keys(), (file) => places.pathOf(file)).filter((path) => path !== "");
}

function checkContained(root: string, paths: readonly string[], platform: Platform): void {
  const rules = platform === "windows" ? win32 : posix;
  const base = platform === "windows" ? "C:\\out" : "/out";
  equal(rules.dirname(rules.join(base, root)), base);
  for (const path of paths) {
    const full = rules.resolve(base, path);
    ok(path === root || full.startsWith(rules.join(base, root) + rules.sep), path);
    equal(full, rules.join(base, ...path.split("/")));
  }
}

function fold(path: string): string {
  return path.normalize("NFC").toLowerCase().normalize("NFC");
}

/** No path, finished or not, may be another's. */
function checkDistinct(paths: readonly string[]): void {
  const taken = new Set<string>();
  for (const path of paths) {
    for (const claimed of [fold(path), fold(path + PARTIAL_SUFFIX)]) {
      ok(!taken.has(claimed), claimed);
      taken.add(claimed);
    }
  }
}

/** Nor a directory of another. */
function checkNoneWithinAnother(paths: readonly string[]): void {
  const taken = new Set(paths.flatMap((path) => [fold(path), fold(path + PARTIAL_SUFFIX)]));
  for (const path of paths) {
    const names = fold(path).split("/");
    for (let depth = 1; depth < names.length; depth++) {
      ok(!taken.has(names.slice(0, depth).join("/")), path);
    }
  }
}
