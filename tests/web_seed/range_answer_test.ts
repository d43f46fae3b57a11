import { deepStrictEqual, doesNotThrow, strictEqual } from "node:assert/strict";
import { WebSeedError } from "../../src/base/errors.ts";
import type { FileIndex } from "../../src/base/ids.ts";
import { checkRangeAnswer, rangeHeaders } from "../../src/web_seed/range_answer.ts";

const FILE_LENGTH = 1_000;
const RANGE = { file: 0 as FileIndex, fileOffset: 100, length: 50 };
const WHOLE = { ...RANGE, fileOffset: 0, length: FILE_LENGTH };

/** Why it is none; undefined when it is an answer. */
function fault(
  status: number,
  headers: Record<string, string>,
  range = RANGE,
): WebSeedError | undefined {
  try {
    checkRangeAnswer({ status, headers: new Headers(headers) }, range, FILE_LENGTH);
    return undefined;
  } catch (error) {
    if (error instanceof WebSeedError) return error;
    throw error;
  }
}

Deno.test("rangeHeaders() names the first and the last byte, and wants nothing packed", () => {
  deepStrictEqual(rangeHeaders(RANGE), { "Range": "bytes=100-149", "Accept-Encoding": "identity" });
});

Deno.test("checkRangeAnswer() takes the bytes that were asked for, and a whole file for a whole one", () => {
  doesNotThrow(() => {
    for (const total of ["1000", "*"]) {
      const headers = new Headers({ "content-range": `bytes 100-149/${total}` });
      checkRangeAnswer({ status: 206, headers }, RANGE, FILE_LENGTH);
    }
  });
  strictEqual(fault(200, {}, WHOLE), undefined);
  strictEqual(fault(200, { "content-length": "1000" }, WHOLE), undefined);
  strictEqual(fault(206, { "content-range": "bytes 0-999/1000" }, WHOLE), undefined);
});

Deno.test("T21 checkRangeAnswer() throws the reason when an answer is anything else", () => {
  const cases: [string, number, Record<string, string>][] = [
    ["no-ranges", 200, {}],
    ["no-ranges", 200, { "content-length": "1000" }],
    ["other-file", 200, { "content-length": "999" }],
    ["other-file", 206, { "content-range": "bytes 100-149/999" }],
    ["other-file", 416, { "content-range": "bytes */90" }],
    ["malformed", 206, {}],
    ["malformed", 206, { "content-range": "bytes 100-148/1000" }],
    ["malformed", 206, { "content-range": "bytes 99-148/1000" }],
    ["malformed", 206, { "content-range": "bytes 100-149/" }],
    ["malformed", 206, { "content-range": "bytes -100--149/1000" }],
    ["malformed", 206, { "content-range": "items 100-149/1000" }],
    ["malformed", 206, { "content-type": "multipart/byteranges; boundary=x" }],
    ["malformed", 206, { "content-range": "bytes 100-149/1000", "content-encoding": "gzip" }],
    ["malformed", 200, { "content-encoding": "br" }],
    ["missing", 404, {}],
    ["missing", 410, {}],
    ["busy", 429, {}],
    ["busy", 503, {}],
    ["refused", 403, {}],
    ["refused", 500, {}],
    ["refused", 204, {}],
    ["refused", 304, {}],
  ];
  const reasons = cases.map(([, status, headers]) => fault(status, headers)?.reason);
  deepStrictEqual(reasons, cases.map(([reason]) => reason));
});

Deno.test("checkRangeAnswer() says how long the server wants to be left alone, up to half an hour", () => {
  const waits = ["120", "0", "999999999", "-5", "soon", "Wed, 21 Oct 2026 07:28:00 GMT"]
    .map((text) => fault(503, { "retry-after": text })?.retryAfterMs);
  deepStrictEqual(waits, [120_000, 0, 30 * 60_000, 0, 0, 0]);
});
