/** A part of a file that is asked for over HTTP, and what is an answer to that (RFC 9110, 14). Pure. */
import { WebSeedError } from "../base/errors.ts";
import type { FileIndex } from "../base/ids.ts";
import type { BodyAnswer } from "../net/http.ts";

/** Bytes of one file, at least one. */
export interface FileRange {
  readonly file: FileIndex;
  readonly fileOffset: number;
  readonly length: number;
}

/** A server that is busy is left alone for no longer than this, whatever it says. */
const MAX_RETRY_AFTER_MS = 30 * 60_000;

/** "Too Many Requests" and "Service Unavailable". */
const BUSY_STATUSES: readonly number[] = [429, 503];

/** What to ask with: all that is not named here is as always. */
export function rangeHeaders({ fileOffset, length }: FileRange): Record<string, string> {
  return {
    "Range": `bytes=${fileOffset}-${fileOffset + length - 1}`,
    // A range of what was packed would be of no use.
    "Accept-Encoding": "identity",
  };
}

/**
 * Throws WebSeedError unless the body of the answer is exactly the range of a file that has
 * `fileLength` bytes. All of a file is an answer to who asked for all of it.
 */
export function checkRangeAnswer(
  { status, headers }: Pick<BodyAnswer, "status" | "headers">,
  range: FileRange,
  fileLength: number,
): void {
  if (status === 206) return checkContentRange(headers, range, fileLength);
  if (status === 200) return checkWhole(headers, range, fileLength);
  if (status === 404 || status === 410) throw new WebSeedError("missing", "it has no such file");
  if (status === 416) throw otherFile();
  const reason = BUSY_STATUSES.includes(status) ? "busy" : "refused";
  throw new WebSeedError(reason, `it answers with HTTP status ${status}`, retryAfterMs(headers));
}

function checkContentRange(headers: Headers, range: FileRange, fileLength: number): void {
  checkEncoding(headers);
  const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/i.exec(headers.get("content-range")?.trim() ?? "");
  if (match === null) throw new WebSeedError("malformed", "it does not say which bytes it gives");
  const [, first, last, total] = match;
  if (total !== "*" && Number(total) !== fileLength) throw otherFile();
  const { fileOffset, length } = range;
  if (Number(first) !== fileOffset || Number(last) !== fileOffset + length - 1) {
    throw new WebSeedError("malformed", "it gives other bytes than it was asked for");
  }
}

function checkWhole(headers: Headers, { length }: FileRange, fileLength: number): void {
  checkEncoding(headers);
  const stated = headers.get("content-length");
  if (stated !== null && Number(stated) !== fileLength) throw otherFile();
  if (length < fileLength) {
    throw new WebSeedError(
      "no-ranges",
      "it gives whole files alone (it answers no Range requests)",
    );
  }
}

function checkEncoding(headers: Headers): void {
  const encoding = headers.get("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding === "identity") return;
  throw new WebSeedError("malformed", "it packs what it gives");
}

function otherFile(): WebSeedError {
  return new WebSeedError("other-file", "its file has another length");
}

/** Seconds alone: nobody needs the date. */
function retryAfterMs(headers: Headers): number {
  const seconds = headers.get("retry-after")?.trim() ?? "";
  return /^\d{1,9}$/.test(seconds) ? Math.min(Number(seconds) * 1000, MAX_RETRY_AFTER_MS) : 0;
}
