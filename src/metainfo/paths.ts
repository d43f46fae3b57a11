/**
 * Names in a torrent → paths on this disk: under one root, no two alike, whatever the torrent
 * says. Pure, and linear in the size of the torrent.
 */
import type { FileIndex } from "../base/ids.ts";
import type { Metainfo } from "./metainfo.ts";
import { metainfoError } from "./metainfo_error.ts";
import type { MetainfoFile } from "./packed_files.ts";
import {
  exceedsBytes,
  foldName,
  MAX_ELEMENT_BYTES,
  type NameChange,
  numberedName,
  type Platform,
  safeName,
} from "./path_element.ts";

/** Where a file goes whose path, below the root, is not that in the torrent, and why. */
export interface ChangedPath {
  /** Below the root. */
  readonly path: string;
  readonly changes: readonly NameChange[];
}

/** Where the files of a torrent go: a path is made when it is asked for, as few differ. */
export class DiskPaths {
  /** The one name that everything is under: a folder, or the file of a single-file torrent. */
  readonly root: string;
  /** Why the root differs from the name in the torrent. */
  readonly rootChanges: readonly NameChange[];
  readonly changed: ReadonlyMap<FileIndex, ChangedPath>;
  readonly #torrent: Pick<Metainfo, "files" | "isMultiFile">;

  constructor(
    torrent: Pick<Metainfo, "files" | "isMultiFile">,
    { root, rootChanges, changed }: Pick<DiskPaths, "root" | "rootChanges" | "changed">,
  ) {
    this.root = root;
    this.rootChanges = rootChanges;
    this.changed = changed;
    this.#torrent = torrent;
  }

  /**
   * Relative to the output folder, "/" between names, starting with the root. "" for what is never
   * on disk: padding and symbolic links.
   */
  pathOf(index: FileIndex): string {
    const { files, isMultiFile } = this.#torrent;
    const file = files.at(index);
    if (!file.isOnDisk) return "";
    if (!isMultiFile) return this.root;
    const path = this.changed.get(index)?.path ?? file.joinedPath;
    return this.root === "" ? path : `${this.root}/${path}`;
  }

  /** The same under another name; under "" all that is in the folder stands by itself. */
  under(root: string): DiskPaths {
    return new DiskPaths(this.#torrent, { ...this, root });
  }
}

/** Unfinished files have it after their name; no other file is ever given such a path. */
export const PARTIAL_SUFFIX = ".part";
/** The folder of our own state, in the output folder: no torrent may write there. */
export const STATE_FOLDER = ".starling";

/** Names given instead of ones that were taken, in the whole torrent. */
const MAX_DUPLICATES = 500;
/** Names tried instead of one that was taken: so many files of one name are an attack. */
const MAX_COPIES = 100;
/** What the system takes as one path, in bytes; the output folder is still to be added. */
const MAX_PATH_BYTES: Readonly<Record<Platform, number>> = {
  linux: 4_095,
  darwin: 1_023,
  windows: 32_000,
};
const SUBSTITUTE = "_";
const FOLDED_PARTIAL_SUFFIX = foldName(PARTIAL_SUFFIX);

/**
 * Safe paths for all files. Throws `MetainfoError` when a path is too long for the platform or
 * too many files have the same name.
 */
export function diskPaths(metainfo: Metainfo, platform: Platform): DiskPaths {
  const rootChanges = new Set<NameChange>();
  const root = safeRoot(metainfo, platform, rootChanges);
  const tree = new Tree(root, platform);
  const changed = new Map<FileIndex, ChangedPath>();
  const changes = new Set<NameChange>(); // One for all: files are many, and few change.
  for (const file of metainfo.files) {
    if (!file.isOnDisk) continue;
    changes.clear();
    const path = metainfo.isMultiFile ? tree.place(file, changes) : "";
    if (exceedsBytes(`${root}/${path}`, MAX_PATH_BYTES[platform] - PARTIAL_SUFFIX.length)) {
      throw metainfoError("too-large", `a path of it is longer than ${platform} allows`);
    }
    if (changes.size > 0) changed.set(file.index, { path, changes: [...changes] });
  }
  return new DiskPaths(metainfo, { root, rootChanges: [...rootChanges], changed });
}

/** Is there room for `PARTIAL_SUFFIX` after the name? After every one that we give there is. */
export function canBePartial(path: string): boolean {
  const name = path.slice(path.lastIndexOf("/") + 1);
  return !exceedsBytes(name, MAX_ELEMENT_BYTES - PARTIAL_SUFFIX.length);
}

function safeRoot(metainfo: Metainfo, platform: Platform, changes: Set<NameChange>): string {
  const name = safeName(metainfo.name, platform, changes) || metainfo.infoHashHex;
  if (foldName(name) !== foldName(STATE_FOLDER)) return name;
  changes.add("reserved");
  return SUBSTITUTE + name;
}

interface Directory {
  readonly id: number;
  readonly name: string;
}

/**
 * The names that are taken. Keys are a directory's id and a folded name, so that each name is
 * looked at once, however deep it lies.
 */
class Tree {
  readonly #platform: Platform;
  readonly #top: Directory;
  readonly #files = new Set<string>();
  readonly #directories = new Map<string, Directory>();
  /** Does any of them end in the suffix? Seldom: then nobody is in the way of unfinished files. */
  #hasPartials = false;
  /** The highest number given instead of a taken name, by the key of that name. */
  readonly #copies = new Map<string, number>();
  #duplicates = 0;

  constructor(root: string, platform: Platform) {
    this.#platform = platform;
    this.#top = { id: 0, name: root };
  }

  /** The path below the root. */
  place(file: MetainfoFile, changes: Set<NameChange>): string {
    const names = file.path.map((raw) => safeName(raw, this.#platform, changes) || SUBSTITUTE);
    const wanted = names.pop()!;
    let directory = this.#top;
    for (let depth = 0; depth < names.length; depth++) {
      directory = this.#enter(directory, names[depth]!, changes);
      names[depth] = directory.name;
    }
    const wantedKey = keyOf(directory, wanted);
    const isFree = (key: string) => this.#isFree(key);
    const name = this.#freeName(directory, wanted, wantedKey, isFree, changes);
    const key = name === wanted ? wantedKey : keyOf(directory, name);
    this.#files.add(key);
    this.#hasPartials ||= key.endsWith(FOLDED_PARTIAL_SUFFIX);
    names.push(name);
    return names.join("/");
  }

  #enter(parent: Directory, wanted: string, changes: Set<NameChange>): Directory {
    const wantedKey = keyOf(parent, wanted);
    const existing = this.#directories.get(wantedKey);
    if (existing !== undefined) {
      // The first spelling serves all, so that all systems get the same tree.
      if (existing.name !== wanted) changes.add("duplicate");
      return existing;
    }
    const isFree = (key: string) => this.#isFreeForDirectory(key);
    const name = this.#freeName(parent, wanted, wantedKey, isFree, changes);
    const directory = { id: this.#directories.size + 1, name };
    const key = name === wanted ? wantedKey : keyOf(parent, name);
    this.#directories.set(key, directory);
    if (key !== wantedKey) this.#directories.set(wantedKey, directory);
    this.#hasPartials ||= key.endsWith(FOLDED_PARTIAL_SUFFIX) ||
      wantedKey.endsWith(FOLDED_PARTIAL_SUFFIX);
    return directory;
  }

  /** `wanted`, or else with a number. */
  #freeName(
    directory: Directory,
    wanted: string,
    wantedKey: string,
    isFree: (key: string) => boolean,
    changes: Set<NameChange>,
  ): string {
    if (isFree(wantedKey)) return wanted;
    changes.add("duplicate");
    if (++this.#duplicates > MAX_DUPLICATES) {
      throw metainfoError("invalid-field", `more than ${MAX_DUPLICATES} of its files share names`);
    }
    const firstNumber = (this.#copies.get(wantedKey) ?? 0) + 1;
    for (let number = firstNumber; number <= MAX_COPIES; number++) {
      const name = numberedName(wanted, number);
      if (!isFree(keyOf(directory, name))) continue;
      this.#copies.set(wantedKey, number);
      return name;
    }
    throw metainfoError("invalid-field", `more than ${MAX_COPIES} of its files share one name`);
  }

  /** A file needs its own name and, while it is unfinished, that with the suffix. */
  #isFree(key: string): boolean {
    return this.#isFreeForDirectory(key) &&
      (!this.#hasPartials || this.#isUntaken(key + FOLDED_PARTIAL_SUFFIX));
  }

  #isFreeForDirectory(key: string): boolean {
    if (!this.#isUntaken(key)) return false;
    if (!key.endsWith(FOLDED_PARTIAL_SUFFIX)) return true;
    return !this.#files.has(key.slice(0, -FOLDED_PARTIAL_SUFFIX.length));
  }

  #isUntaken(key: string): boolean {
    return !this.#files.has(key) && !this.#directories.has(key);
  }
}

function keyOf(directory: Directory, name: string): string {
  return `${directory.id}/${foldName(name)}`;
}
