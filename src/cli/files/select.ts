/**
 * Which files of a torrent a user means: by glob on the path in the torrent, by number
 * (`1,3-5`, as `info` counts), or by the name of a folder. Pure.
 */
import picomatch from "picomatch";
import type { IndexRange } from "../../metainfo/magnet.ts";
import { invalidSource, usageError } from "../output/failure.ts";
import { type ListedFile, shownPath } from "./file_list.ts";

const NUMBERS = /^\d+(-\d+)?(,\d+(-\d+)?)*$/;
/** As much as the matcher takes. */
const MAX_PATTERN_LENGTH = 65_536;
/** How many names a "nothing matches" lists. */
const MAX_NAMES_SHOWN = 5;

/** The files that any of the patterns means; throws a usage error for one that means none. */
export function selectFiles(
  files: readonly ListedFile[],
  patterns: readonly string[],
): Set<ListedFile> {
  if (patterns.length === 0) return new Set(files);
  return new Set(patterns.flatMap((pattern) => filesMeantBy(files, pattern)));
}

/**
 * The files that a magnet link selects, by index (BEP 53). Throws `CommandError`, exit 3, when
 * they are none of the torrent.
 */
export function selectIndices(
  files: readonly ListedFile[],
  ranges: readonly IndexRange[],
): Set<ListedFile> {
  const isMeant = ({ index }: ListedFile) =>
    ranges.some(({ first, last }) => first <= index && index <= last);
  const meant = new Set(files.filter(isMeant));
  if (meant.size > 0) return meant;
  throw invalidSource(
    `the link selects files that are not in the torrent, which has ${namesOf(files)}; ` +
      "choose with --select",
  );
}

/** The files that one pattern means, at least one; throws a usage error when there is none. */
export function filesMeantBy(files: readonly ListedFile[], pattern: string): ListedFile[] {
  const meant = NUMBERS.test(pattern)
    ? filesByNumber(files, pattern)
    : files.filter(matcherOf(pattern));
  if (meant.length > 0) return meant;
  throw usageError(`no file matches ${shownPath(pattern)}: the torrent has ${namesOf(files)}`);
}

function filesByNumber(files: readonly ListedFile[], pattern: string): ListedFile[] {
  return pattern.split(",").flatMap((range) => {
    const [first, last = first] = range.split("-").map(Number) as [number, number?];
    if (first < 1 || last > files.length || first > last) {
      throw usageError(`no files have the numbers ${range}: the torrent has 1 to ${files.length}`);
    }
    return files.slice(first - 1, last);
  });
}

/**
 * Does a pattern mean a path? One without `/` is matched against the last name, so that `*.iso`
 * finds one in any folder; one with `/` against the whole path.
 */
export function pathMatcher(pattern: string): (path: string) => boolean {
  const wanted = plainPattern(pattern);
  const matchesGlob = globMatcher(wanted);
  return (path) => path === wanted || matchesGlob(path);
}

/** Paths count with and without the torrent's name; a folder means all that is in it. */
function matcherOf(pattern: string): (file: ListedFile) => boolean {
  const wanted = plainPattern(pattern);
  const matchesGlob = globMatcher(wanted);
  const isMeant = pathMatcher(pattern);
  const startsNegated = wanted.startsWith("!");
  return ({ pathInTorrent, path }) => {
    const forms = [pathInTorrent, path];
    if (startsNegated) return forms.every(matchesGlob);
    return forms.some((form) => foldersAndSelf(form).some(isMeant));
  };
}

function plainPattern(pattern: string): string {
  return pattern.replace(/^\.\//, "").replace(/\/+$/, "");
}

function globMatcher(pattern: string): (path: string) => boolean {
  if (pattern === "") throw usageError("a pattern for paths is empty");
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw usageError(`a pattern for paths is longer than ${MAX_PATTERN_LENGTH} characters`);
  }
  return picomatch(pattern, { dot: true, basename: !pattern.includes("/") });
}

/** `a/b/c` → `a`, `a/b`, `a/b/c`. */
function foldersAndSelf(path: string): string[] {
  const names = path.split("/");
  return names.map((_, depth) => names.slice(0, depth + 1).join("/"));
}

function namesOf(files: readonly ListedFile[]): string {
  const names = files.slice(0, MAX_NAMES_SHOWN).map(({ path }) => shownPath(path));
  if (files.length > names.length) names.push(`${files.length - names.length} more`);
  return names.join(", ");
}
