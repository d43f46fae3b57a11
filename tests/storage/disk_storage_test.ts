import { deepStrictEqual, ok } from "node:assert/strict";
import { DiskTarget, sampleData } from "./disk_target.ts";

const KIB = 1024;

function severalFiles() {
  return sampleData("several", {
    "a.bin": 100_000,
    "empty": 0,
    ".pad/28672": 28_672 + 2_400,
    "sub/b.bin": 5_000,
    "sub/c.bin": 300_000,
    "sub/deep/d": 1,
  }, 64 * KIB);
}

Deno.test("DiskStorage stores several files, and finds them complete the next time", async () => {
  await using target = new DiskTarget(severalFiles());
  {
    await using run = await target.run();
    deepStrictEqual(run.have.count, 0);
    await target.writeAll(run.storage);
    await run.storage.finish();
    deepStrictEqual(run.done.toSorted(), [
      "several/a.bin 100000",
      "several/empty 0",
      "several/sub/b.bin 5000",
      "several/sub/c.bin 300000",
      "several/sub/deep/d 1",
    ]);
  }
  target.assertContents();
  deepStrictEqual(target.listing().length, 5);
  await using again = await target.run();
  ok(again.have.isFull);
  deepStrictEqual(again.checkedBytes, 0);
  deepStrictEqual(again.done, []);
  deepStrictEqual(again.warnings, []);
});
