/** The files of a torrent as a user counts and names them: those on disk, from 1. Pure. */
import type { FileIndex } from "../../base/ids.ts";
import { printable } from "../../base/printable.ts";
import type { Metainfo } from "../../metainfo/metainfo.ts";
import { isOnDisk } from "../../metainfo/metainfo_files.ts";
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
  readonly files: readonly ListedFile[];
}

/** Longest path that is shown to a person; what is on disk may be longer. */
const MAX_SHOWN_PATH_LENGTH = 1000;

/** All files that are on disk, in the order of the torrent. */
export function listFiles(metainfo: Metainfo, paths: DiskPaths): ListedFile[] {
  const listed: ListedFile[] = [];
  for (let index = 0; index < metainfo.files.length; index++) {
    const file = metainfo.files[index]!;
    if (!isOnDisk(file)) continue;
    listed.push({
      index: index as FileIndex,
      number: listed.length + 1,
      pathInTorrent: metainfo.isMultiFile ? file.path.join("/") : metainfo.name,
      path: paths.files[index]!.path,
      size: file.length,
    });
  }
  return listed;
}

/** A path, safe to print. */
export function shownPath(path: string): string {
  return printable(path, MAX_SHOWN_PATH_LENGTH);
}
