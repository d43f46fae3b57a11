/** The files of a torrent as a user counts and names them: those on disk, from 1. Pure. */
import type { FileIndex } from "../../base/ids.ts";
import { printable } from "../../base/printable.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import type { DiskPaths } from "../../metainfo/paths.ts";

export interface ListedFile {
  readonly index: FileIndex;
  /** What `info` prints before the name, and `--select` takes: 1-based. */
  readonly number: number;
  /** As the torrent has it, `/`-separated, below the torrent's own name. */
  readonly pathInTorrent: string;
  /** As it is on disk, `/`-separated, from the output folder. */
  readonly path: string;
  readonly size: number;
}

/** A torrent, and what its files are called on this disk. */
export interface SourceTorrent {
  readonly metainfo: Metainfo;
  /** Bytes of the .torrent itself. */
  readonly metainfoLength: number;
  readonly paths: DiskPaths;
}

/** Longest path that is shown to a person; what is on disk may be longer. */
const MAX_SHOWN_PATH_LENGTH = 1000;

/** All files that are on disk, in the order of the torrent: one by one, for they may be many. */
export function* listFiles(
  { metainfo, paths }: Pick<SourceTorrent, "metainfo" | "paths">,
): Generator<ListedFile> {
  let number = 0;
  for (const file of metainfo.files) {
    if (!file.isOnDisk) continue;
    yield {
      index: file.index,
      number: ++number,
      pathInTorrent: metainfo.isMultiFile ? file.joinedPath : metainfo.name,
      path: paths.pathOf(file.index),
      size: file.length,
    };
  }
}

/** How many files are on disk. */
export function fileCountOf({ files }: Metainfo): number {
  let count = 0;
  for (const file of files) if (file.isOnDisk) count++;
  return count;
}

/** A path, safe to print. */
export function shownPath(path: string): string {
  return printable(path, MAX_SHOWN_PATH_LENGTH);
}
