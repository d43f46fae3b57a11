/** The files that an info dictionary lists (BEP 3 "info dictionary", BEP 47 for attributes). */
import { type BencodeDictionary, type BencodeValue, integerOf, listIn } from "./bencode.ts";
import type { ContentContext } from "./metainfo_content.ts";
import { metainfoError } from "./metainfo_error.ts";
import { type FileToPack, PackedFiles } from "./packed_files.ts";

/** As libtorrent: 2^48 - 1 bytes. */
export const MAX_FILE_LENGTH = 2 ** 48 - 1;
/** Directories in a path, as libtorrent. */
export const MAX_PATH_ELEMENTS = 100;
/** Where BEP 47 suggests to put padding, each file named by its length. */
const PADDING_FOLDER = ".pad";
/** How BitComet named padding before BEP 47, and still does. */
const BITCOMET_PADDING_PREFIX = "_____padding_file_";

/** What is looked for in each file's dictionary, in the order of `parseFile`. */
const FIELDS = ["attr", "length", "path", "path.utf-8", "symlink path"] as const;

/**
 * The files of a torrent; the only one of a single-file torrent has `[name]` as its path.
 * Throws `MetainfoError`.
 */
export function parseFiles(
  info: BencodeDictionary,
  { name, infoBytes, warnings }: ContentContext,
): PackedFiles {
  const files = new PackedFiles(infoBytes);
  const list = listIn(info, "files");
  if (list === undefined) files.push(parseFile(info, [name], 1));
  for (const entry of list ?? []) {
    const ordinal = files.length + 1;
    if (entry.kind !== "dictionary") {
      throw metainfoError("invalid-field", `file ${ordinal} is no dictionary`);
    }
    files.push(parseFile(entry, undefined, ordinal));
  }
  warnOfLinks(files, warnings);
  return files;
}

/** Says how many files are left out. */
export function warnOfLinks(files: PackedFiles, warnings: string[]): void {
  let linkCount = 0;
  for (const index of files.keys()) if (files.kindOf(index) === "symlink") linkCount++;
  if (linkCount > 0) warnings.push(`symbolic links are not made: ${linkCount} left out`);
}

/** `ordinal` counts from 1: it names the file in errors, where its own name may be anything. */
function parseFile(
  entry: BencodeDictionary,
  onlyPath: readonly string[] | undefined,
  ordinal: number,
): FileToPack {
  const [attr, size, rawPath, utf8Path, target] = entry.getAll(FIELDS);
  const attributes = attr?.kind === "string" ? attr.text : "";
  const isSymlink = attributes.includes("l");
  const isPadding = attributes.includes("p");
  checkLink(target, isSymlink, isPadding, ordinal);
  // BEP 47: a link has no length, or none that counts.
  const length = isSymlink ? 0 : integerOf(size);
  if (length === undefined || length < 0 || length > MAX_FILE_LENGTH) {
    throw metainfoError(
      "invalid-field",
      `the length of file ${ordinal} is not a number from 0 to ${MAX_FILE_LENGTH}`,
    );
  }
  const isNameless = isPadding && rawPath === undefined;
  const path = onlyPath ??
    (isNameless ? [PADDING_FOLDER, String(length)] : parsePath(utf8Path, rawPath, ordinal));
  if (isSymlink) return { path, length, kind: "symlink" };
  return { path, length, kind: isPadding || isPaddingByName(path) ? "padding" : "data" };
}

/** A link is never made, but one that is malformed makes the torrent suspect. */
function checkLink(
  target: BencodeValue | undefined,
  isSymlink: boolean,
  isPadding: boolean,
  ordinal: number,
): void {
  if (isSymlink && isPadding) {
    throw metainfoError("invalid-field", `file ${ordinal} is both padding and a symbolic link`);
  }
  if (isSymlink && target !== undefined && textsOf(target) === undefined) {
    throw metainfoError("invalid-field", `the target of file ${ordinal} is not a list of names`);
  }
}

function parsePath(
  utf8Path: BencodeValue | undefined,
  rawPath: BencodeValue | undefined,
  ordinal: number,
): readonly string[] {
  const path = textsOf(utf8Path) ?? textsOf(rawPath);
  if (path === undefined || path.length === 0) {
    throw metainfoError("invalid-field", `the path of file ${ordinal} is not a list of names`);
  }
  if (path.length > MAX_PATH_ELEMENTS) {
    throw metainfoError(
      "too-large",
      `the path of file ${ordinal} has ${path.length} names, more than ${MAX_PATH_ELEMENTS}`,
    );
  }
  return path;
}

function textsOf(value: BencodeValue | undefined): string[] | undefined {
  return value?.kind === "list" ? value.texts() : undefined;
}

/** Padding of those who do not give the attribute: `.pad/1234` or BitComet's. */
export function isPaddingByName(path: readonly string[]): boolean {
  if (path.length === 2 && path[0] === PADDING_FOLDER) return /^\d+$/.test(path[1]!);
  return path.at(-1)!.startsWith(BITCOMET_PADDING_PREFIX);
}
