import { deepStrictEqual } from "node:assert/strict";
import type { FileIndex, PieceIndex } from "../../src/base/ids.ts";
import { VerifiedFiles } from "../../src/storage/verified_files.ts";
import { DiskTarget, sampleData } from "./disk_target.ts";

/** Pieces of 16 KiB: `a` is 0–6, `b` 6–12; 6 is shared. */
const TWO = sampleData("t", { a: 100_000, b: 100_000 }, 16_384);
const A = 0 as FileIndex, B = 1 as FileIndex;
const SHARED = 6 as PieceIndex, OF_A = 0 as PieceIndex, OF_B = 7 as PieceIndex;

function facts(modifiedMs: number) {
  return { size: 100_000, modifiedMs, links: 1 };
}

const SEEN = {
  files: new Map([
    [A, { final: facts(1), part: undefined }],
    [B, { final: facts(2), part: facts(3) }],
  ]),
  edges: { size: 9, modifiedMs: 4, links: 1 },
};

/** When each file of a piece was last changed, as far as that is known. */
function timesOf(files: VerifiedFiles, piece: PieceIndex): (number | undefined)[] {
  return files.readSpans(piece, 0, 16_384).map(({ verified }) => verified?.modifiedMs);
}

Deno.test("readSpans() says how files looked under the names that they have", async () => {
  await using target = new DiskTarget(TWO);
  const plan = target.plan();
  plan.setFinal(A, true);
  const files = new VerifiedFiles(plan, SEEN, []);
  deepStrictEqual([OF_A, SHARED, OF_B].map((piece) => timesOf(files, piece)), [[1], [1, 3], [3]]);
});

Deno.test("nothing is known of files that are cut or written to, until they are finished", async () => {
  await using target = new DiskTarget(TWO);
  const plan = target.plan();
  plan.setFinal(A, true);
  const files = new VerifiedFiles(plan, SEEN, [A]);
  deepStrictEqual(timesOf(files, SHARED), [undefined, 3]);
  files.finished(A, facts(7));
  deepStrictEqual(timesOf(files, SHARED), [7, 3]);
  files.touched(OF_B);
  deepStrictEqual(timesOf(files, SHARED), [7, undefined]);
});

Deno.test("D20 bytes of files that were not selected are among the edges", async () => {
  await using target = new DiskTarget(TWO);
  const plan = target.plan({ selected: target.select("b") });
  const files = new VerifiedFiles(plan, SEEN, []);
  deepStrictEqual(timesOf(files, SHARED), [4, 3]);
  files.touched(SHARED);
  deepStrictEqual(timesOf(files, SHARED), [undefined, undefined]);
});
