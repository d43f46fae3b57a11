/** Which bytes of which files of a torrent a `--range` means. Pure. */
import type { FileIndex } from "../../base/ids.ts";
import type { RangeOption } from "../options/range_option.ts";
import { usageError } from "../output/failure.ts";
import { formatCount } from "../output/units.ts";
import { type ListedFile, shownPath } from "./file_list.ts";
import { filesMeantBy } from "./select.ts";

/** Bytes `start` (inclusive) to `end` (exclusive) of one file. */
export interface FileRange {
  readonly file: FileIndex;
  readonly start: number;
  readonly end: number;
}

/**
 * The ranges in the files of this torrent. Of several files that a pattern means, those that end
 * before the range have no part in it. Throws a usage error when nothing is left.
 */
export function resolveRanges(
  files: ReadonlySet<ListedFile>,
  options: readonly RangeOption[],
): FileRange[] {
  return options.flatMap((option) => {
    const meant = filesMeantBy([...files], option.pattern);
    const longEnough = meant.filter(({ size }) => size > (option.start ?? 0));
    return (longEnough.length > 0 ? longEnough : meant).map((file) => resolveRange(file, option));
  });
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
