/** What all tests of bad torrents ask of the error. */
import { equal, ok, throws } from "node:assert/strict";
import { MetainfoError, type MetainfoReason } from "../../src/base/errors.ts";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";

/** Asserts one clear printable sentence of the reason that says `problem`. */
export function rejectsTorrent(bytes: Uint8Array, reason: MetainfoReason, problem: RegExp): void {
  throws(() => parseMetainfo(bytes), (error) => {
    ok(error instanceof MetainfoError, `${error}`);
    ok(problem.test(error.message), error.message);
    equal(error.reason, reason, error.message);
    ok(/^Cannot read the torrent: [\x20-\x7e]+$/.test(error.message), error.message);
    return true;
  });
}
