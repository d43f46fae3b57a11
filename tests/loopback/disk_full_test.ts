import { deepStrictEqual, ok } from "node:assert/strict";
import { TemporaryFolder } from "../workers/temporary_folder.ts";
import type { FullDiskReport } from "./disk_full_main.ts";
import { isWithoutSmallDisk, runOnSmallDisk } from "./small_disk.ts";

const DISK_BYTES = 16 * 1024 * 1024;

Deno.test("D1 a full disk ends with its reason, and with room again goes on without a recheck", async (t) => {
  using folder = new TemporaryFolder();
  if (await isWithoutSmallDisk(folder.path, t.name)) return;
  const { code, stdout, stderr } = await runOnSmallDisk(folder.path, DISK_BYTES, [
    Deno.execPath(),
    "run",
    "--no-lock",
    "-A",
    new URL("./disk_full_main.ts", import.meta.url).href,
    folder.path,
  ]);
  deepStrictEqual(code, 0, stderr);
  const report: FullDiskReport = JSON.parse(stdout);
  deepStrictEqual(report.outcomes["no-space"], 1);
  ok(report.goodPieces > 40 && report.goodPieces < 66, stdout);
  ok(["saved", "no-space"].includes(report.checkpoint), stdout);
  deepStrictEqual(report.restoredPieces, report.goodPieces);
  // Only a sample, and what the journal names where the state could not be saved.
  ok(report.checkedBytes <= (report.goodPieces + 3) * 64 * 1024, stdout);
  ok(report.isComplete);
});
