import { ok } from "node:assert/strict";
import { WebSeedError } from "../../src/base/errors.ts";
import type { FileIndex } from "../../src/base/ids.ts";
import { checkRangeAnswer } from "../../src/web_seed/range_answer.ts";
import { fuzz } from "./mutation.ts";

const RANGE = { file: 0 as FileIndex, fileOffset: 100, length: 50 };

/** The headers as they would come; undefined where no server could send them. */
function headersOf(contentRange: string): Headers | undefined {
  try {
    return new Headers({ "content-range": contentRange, "retry-after": contentRange });
  } catch {
    return undefined;
  }
}

Deno.test("fuzz: checkRangeAnswer() takes exactly the range, or throws WebSeedError", () => {
  fuzz({
    corpus: "range_answer",
    check(input, random) {
      const headers = headersOf(new TextDecoder("latin1").decode(input));
      if (headers === undefined) return;
      const status = [200, 206, 503][random.below(3)]!;
      try {
        checkRangeAnswer({ status, headers }, RANGE, 1_000);
      } catch (error) {
        ok(error instanceof WebSeedError && error.retryAfterMs <= 30 * 60_000, `${error}`);
        return;
      }
      ok(/^bytes 0*100-0*149\/(0*1000|\*)$/i.test(headers.get("content-range")!) && status === 206);
    },
  });
});
