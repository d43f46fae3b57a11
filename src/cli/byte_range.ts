/** `--range FILE:START-END`: the bytes of a file that are wanted before all others. Pure. */
import type { FileIndex } from "../base/ids.ts";
import { type ListedFile, shownPath } from "./file_list.ts";
import { usageError } from "./failure.ts";
import { filesMeantBy } from "./select.ts";
import { formatCount, parseSize } from "./units.ts";

/** As written on the command line. */
export interface RangeOption {
  /** A glob, a number or a folder, as `--select` takes it. */
  readonly pattern: string;
  /** First byte; undefined for `-N`, the last N bytes. */
  readonly start: number | undefined;
  /** One past the last byte; undefined for `START-`, up to the end. With no start: N. */
  readonly end: number | undefined;
}

/** Bytes `start` (inclusive) to `end` (exclusive) of one file. */
export interface FileRange {
  readonly file: FileIndex;
  readonly start: number;
  readonly end: number;
}

/** `FILE:START-END`, `FILE:START-`, `FILE:-LAST`; undefined when it is none of these. */
export function parseRange(text: string): RangeOption | undefined {
  const match = /^(.+):([^:-]*)-([^:-]*)$/.exec(text);
  if (match === null) return undefined;
  const [, pattern = "", startText = "", endText = ""] = match;
  if (startText === "" && endText === "") return undefined;
  const start = startText === "" ? undefined : parseOffset(startText);
  const end = endText === "" ? undefined : parseOffset(endText);
  if (startText !== "" && start === undefined) return undefined;
  if (endText !== "" && (end === undefined || end <= (start ?? 0))) return undefined;
  return { pattern, start, end };
}

/** The ranges in the files of this torrent; throws a usage error for one that is not there. */
export function resolveRanges(
  files: ReadonlySet<ListedFile>,
  options: readonly RangeOption[],
): FileRange[] {
  return options.flatMap((option) =>
    filesMeantBy([...files], option.pattern).map((file) => resolveRange(file, option))
  );
}

function resolveRange(file: ListedFile, { start, end }: RangeOption): FileRange {
  const { index, size } = file;
  if (start === undefined) return { file: index, start: Math.max(0, size - end!), end: size };
  if (start >= size) {
    throw usageError(
      `the range starts at byte ${start} of ${shownPath(file.path)}, ` +
        `which has ${formatCount(size, "byte")}`,
    );
  }
  return { file: index, start, end: Math.min(end ?? size, size) };
}

function parseOffset(text: string): number | undefined {
  return text === "0" ? 0 : parseSize(text);
}
