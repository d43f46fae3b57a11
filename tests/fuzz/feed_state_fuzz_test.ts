import { createHash } from "node:crypto";
import { deepStrictEqual, ok } from "node:assert/strict";
import { decodeFeedState, encodeFeedState } from "../../src/feed/feed_state_codec.ts";
import { fuzz } from "./mutation.ts";

/** With the sum put right: else nothing but the sum would be tried. */
function withSum(input: Uint8Array): Uint8Array {
  try {
    const file = JSON.parse(new TextDecoder().decode(input));
    const sha256 = createHash("sha256").update(JSON.stringify(file.body)).digest("hex");
    return new TextEncoder().encode(JSON.stringify({ ...file, sha256 }));
  } catch {
    return input;
  }
}

Deno.test("fuzz: decodeFeedState() gives what can be saved again, or nothing", () => {
  fuzz({
    corpus: "feed_state",
    check(input) {
      decodeFeedState(input);
      const state = decodeFeedState(withSum(input));
      if (state === undefined) return;
      ok(state.items.every(({ tries, keys }) => tries >= 0 && keys.length <= 8));
      state.waiting();
      const again = decodeFeedState(encodeFeedState(state));
      deepStrictEqual([again?.items, again?.validators], [state.items, state.validators]);
    },
  });
});
