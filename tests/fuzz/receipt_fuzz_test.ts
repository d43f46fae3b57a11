import { deepStrictEqual } from "node:assert/strict";
import { encodeReceipt, parseReceipt } from "../../src/storage/receipt_codec.ts";
import { fuzz } from "./mutation.ts";

const INFO_HASH = "a".repeat(40);

Deno.test("fuzz: parseReceipt() takes what can be written and read again, and never throws", () => {
  fuzz({
    corpus: "receipt",
    check(input) {
      const receipt = parseReceipt(input, INFO_HASH);
      if (receipt === undefined) return;
      // Without what a later version may have added.
      const written = encodeReceipt(receipt);
      deepStrictEqual(encodeReceipt(parseReceipt(written, INFO_HASH)!), written);
    },
  });
});
