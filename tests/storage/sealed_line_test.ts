import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { seal, unseal } from "../../src/storage/sealed_line.ts";

const TEXT = new TextEncoder();
const SEALED = TEXT.encode(`{"a":1}\n${createHash("sha1").update('{"a":1}').digest("hex")}\n`);

Deno.test("seal() adds the SHA-1 of the line, as a line", async () => {
  deepStrictEqual(await seal('{"a":1}'), SEALED);
});

Deno.test("unseal() gives back what seal() took", async () => {
  const line = fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\n"));
  await fc.assert(
    fc.asyncProperty(line, async (text) => strictEqual(await unseal(await seal(text)), text)),
  );
});

Deno.test("D12 unseal() gives nothing of a file that is cut anywhere, empty or too long", async () => {
  for (let length = 0; length < SEALED.length; length++) {
    strictEqual(await unseal(SEALED.subarray(0, length)), undefined, `${length} bytes`);
  }
  strictEqual(await unseal(new Uint8Array([...SEALED, 0x0a])), undefined);
});

Deno.test("D12 unseal() sees a byte order mark, and gives back one that was sealed", async () => {
  strictEqual(await unseal(new Uint8Array([0xef, 0xbb, 0xbf, ...SEALED])), undefined);
  strictEqual(await unseal(await seal("\ufeff{}")), "\ufeff{}");
});

Deno.test("D12 unseal() gives nothing of a file with any bit flipped", async () => {
  for (let bit = 0; bit < SEALED.length * 8; bit++) {
    const flipped = SEALED.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    strictEqual(await unseal(flipped), undefined, `bit ${bit}`);
  }
});
