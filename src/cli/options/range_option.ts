/** `--range FILE:START-END`, as it is written: the bytes of a file that are wanted first. Pure. */
import { parseSize } from "../output/units.ts";

/** As written on the command line. */
export interface RangeOption {
  /** A glob, a number or a folder, as `--select` takes it. */
  readonly pattern: string;
  /** First byte; undefined for `-N`, the last N bytes. */
  readonly start: number | undefined;
  /** One past the last byte; undefined for `START-`, up to the end. With no start: N. */
  readonly end: number | undefined;
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

function parseOffset(text: string): number | undefined {
  return text === "0" ? 0 : parseSize(text);
}
