/** The files that a torrent is to be made of, found below a path that the user named. */
import { basename, dirname } from "node:path";
import { compareBytes } from "../base/bytes.ts";
import { StorageError } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import { codeOf, toStorageError } from "../workers/disk_errors.ts";
import type { Place } from "../workers/protocol.ts";

/** Files and folders looked at: more than a .torrent of 10 MB can name. */
const MAX_ENTRIES = 1_000_000;
const MAX_SHOWN_LENGTH = 1000;
/** What the runtime puts in the place of bytes that are not UTF-8. */
const REPLACEMENT = "\u{fffd}";

export interface SourceFile {
  /** Names below the torrent's own; empty for the only file of a single-file torrent. */
  readonly path: readonly string[];
  /** Where its bytes are: elsewhere than `path` says when that is a symbolic link. */
  readonly place: Place;
}

export interface SourceTree {
  /** The last name of what the user named; empty for the root of a disk. */
  readonly name: string;
  readonly isSingleFile: boolean;
  /** In byte order of their paths, as mktorrent has them. */
  readonly files: readonly SourceFile[];
  /** Paths, from the top, of the symbolic links that were followed. */
  readonly links: readonly string[];
}

export interface TreeOptions {
  /** Whether a path from the top, of a file or a folder, is left out. */
  readonly isExcluded: (path: string) => boolean;
  readonly signal: AbortSignal;
}

/**
 * Finds all files at or below `path`. Throws StorageError for what cannot be part of a torrent
 * and is not excluded: special files, names that are not UTF-8, symbolic links that lead out of
 * the tree, nowhere, or back into a folder that they are in.
 */
export async function findSource(path: string, options: TreeOptions): Promise<SourceTree> {
  const top = await lookUp(path, path, "name another");
  const name = nameOf(path) ?? basename(top.path);
  if (top.info.isFile) {
    const place = { root: dirname(top.path), path: basename(top.path) };
    return { name, isSingleFile: true, files: [{ path: [], place }], links: [] };
  }
  if (!top.info.isDirectory) throw notOrdinary(path, "name another");
  const walk = new Walk(path, top.path, options);
  await walk.enter(top.path, []);
  return { name, isSingleFile: false, files: inByteOrder(walk.files), links: walk.links };
}

class Walk {
  readonly files: SourceFile[] = [];
  readonly links: string[] = [];
  readonly #shownTop: string;
  readonly #root: string;
  readonly #options: TreeOptions;
  /** The folders, without symbolic links, that the walk is in. */
  readonly #inside: string[] = [];
  #entryCount = 0;

  constructor(shownTop: string, root: string, options: TreeOptions) {
    this.#shownTop = shownTop.replace(/\/+$/, "");
    this.#root = root;
    this.#options = options;
  }

  /** `folder` is absolute; `path` is what the torrent calls it. */
  async enter(folder: string, path: readonly string[]): Promise<void> {
    this.#inside.push(folder);
    for (const entry of await this.#read(folder, path)) {
      this.#options.signal.throwIfAborted();
      const entryPath = [...path, entry.name], at = withSlash(folder) + entry.name;
      if (!this.#options.isExcluded(entryPath.join("/"))) await this.#take(entry, at, entryPath);
    }
    this.#inside.pop();
  }

  async #take(entry: Deno.DirEntry, at: string, path: readonly string[]): Promise<void> {
    await this.#checkName(entry.name, at, path);
    if (entry.isSymlink) await this.#follow(at, path);
    else if (entry.isDirectory) await this.enter(at, path);
    else if (entry.isFile) this.#add(at, path);
    else throw notOrdinary(this.#shown(path));
  }

  async #follow(at: string, path: readonly string[]): Promise<void> {
    const shown = this.#shown(path);
    const target = await lookUp(at, shown);
    const refuse = (fact: string) => refusal("symlink", shown, `it is a symbolic link ${fact}`);
    if (this.#inside.includes(target.path)) throw refuse("to a folder that it is in");
    if (!target.path.startsWith(withSlash(this.#root))) {
      throw refuse("that leads out of the folder");
    }
    this.links.push(path.join("/"));
    if (target.info.isDirectory) await this.enter(target.path, path);
    else if (target.info.isFile) this.#add(target.path, path);
    else throw notOrdinary(shown);
  }

  #add(at: string, path: readonly string[]): void {
    this.files.push({
      path,
      place: { root: this.#root, path: at.slice(withSlash(this.#root).length) },
    });
  }

  /** Names that are not UTF-8 come changed, and then nothing is there. */
  async #checkName(name: string, at: string, path: readonly string[]): Promise<void> {
    if (!name.includes(REPLACEMENT)) return;
    try {
      await Deno.lstat(at);
    } catch {
      throw refusal("not-text", this.#shown(path), "its name is not UTF-8");
    }
  }

  async #read(folder: string, path: readonly string[]): Promise<Deno.DirEntry[]> {
    const entries: Deno.DirEntry[] = [];
    try {
      for await (const entry of Deno.readDir(folder)) {
        entries.push(entry);
        if (++this.#entryCount <= MAX_ENTRIES) continue;
        throw refusal("io", this.#shownTop, `it holds more than ${MAX_ENTRIES} files and folders`);
      }
    } catch (error) {
      throw toStorageError(error, "read the folder", this.#shown(path));
    }
    return entries;
  }

  #shown(path: readonly string[]): string {
    return printable([this.#shownTop, ...path].join("/"), MAX_SHOWN_LENGTH);
  }
}

/** What stands at the end of all symbolic links. */
async function lookUp(
  at: string,
  shown: string,
  advice?: string,
): Promise<{ path: string; info: Deno.FileInfo }> {
  try {
    const path = await Deno.realPath(at);
    return { path, info: await Deno.stat(path) };
  } catch (error) {
    if (codeOf(error) === "ENOENT" && await isSymlink(at)) {
      throw refusal("missing", shown, "it is a symbolic link that leads nowhere", advice);
    }
    throw toStorageError(error, "read", shown);
  }
}

async function isSymlink(path: string): Promise<boolean> {
  try {
    return (await Deno.lstat(path)).isSymlink;
  } catch {
    return false;
  }
}

/** The last name as the user wrote it; undefined for `.`, `..`, `/` and their like. */
function nameOf(path: string): string | undefined {
  const name = basename(path);
  return name === "" || name === "." || name === ".." ? undefined : name;
}

/** What mktorrent sorts by: the bytes of whole paths, `a-b` before `a/x`. */
function inByteOrder(files: readonly SourceFile[]): SourceFile[] {
  const utf8 = new TextEncoder();
  return files.map((file) => ({ file, key: utf8.encode(file.path.join("/")) }))
    .sort((one, other) => compareBytes(one.key, other.key))
    .map(({ file }) => file);
}

function withSlash(folder: string): string {
  return folder.endsWith("/") ? folder : `${folder}/`;
}

function notOrdinary(shown: string, advice?: string): StorageError {
  return refusal("not-regular", shown, "it is neither a file nor a folder", advice);
}

function refusal(
  reason: StorageError["reason"],
  shown: string,
  fact: string,
  advice = "leave it out with --exclude",
): StorageError {
  return new StorageError(reason, shown, `Cannot make a torrent of ${shown}: ${fact}; ${advice}`);
}
