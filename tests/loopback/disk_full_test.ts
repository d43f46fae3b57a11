import { deepStrictEqual, ok } from "node:assert/strict";
import { TemporaryFolder } from "../workers/temporary_folder.ts";
import type { FullDiskReport } from "./disk_full_main.ts";

const MIB = 1024 * 1024;
const DISK_OPTIONS = `size=${16 * MIB}`;

/** Runs a command where a small disk of its own is mounted at `folder`. */
async function runOnSmallDisk(
  folder: string,
  command: readonly string[],
): Promise<{ success: boolean; stdout: string; stderr: string }> {
  const script = 'mount -t tmpfs -o "$1" none "$2" && shift 2 && exec "$@"';
  const args = ["-Urm", "sh", "-c", script, "sh", DISK_OPTIONS, folder, ...command];
  const { success, stdout, stderr } = await new Deno.Command("unshare", { args }).output();
  const text = new TextDecoder();
  return { success, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** Why no disk can be mounted here; undefined when it can. */
async function obstacle(folder: string): Promise<string | undefined> {
  try {
    const { success, stderr } = await runOnSmallDisk(folder, ["true"]);
    return success ? undefined : stderr.trim();
  } catch (error) {
    return String(error);
  }
}

Deno.test("D1 a full disk ends with its reason, and with room again goes on without a recheck", async (t) => {
  using folder = new TemporaryFolder();
  const why = await obstacle(folder.path);
  if (why !== undefined) {
    await Deno.stderr.write(new TextEncoder().encode(`skipped ${t.name}: ${why}\n`));
    return;
  }
  const { success, stdout, stderr } = await runOnSmallDisk(folder.path, [
    Deno.execPath(),
    "run",
    "--no-lock",
    "-A",
    new URL("./disk_full_main.ts", import.meta.url).href,
    folder.path,
  ]);
  ok(success, stderr);
  const report: FullDiskReport = JSON.parse(stdout);
  deepStrictEqual(report.outcomes["no-space"], 1);
  ok(report.goodPieces > 40 && report.goodPieces < 66, stdout);
  ok(["saved", "no-space"].includes(report.checkpoint), stdout);
  deepStrictEqual(report.restoredPieces, report.goodPieces);
  // Only a sample, and what the journal names where the state could not be saved.
  ok(report.checkedBytes <= (report.goodPieces + 3) * 64 * 1024, stdout);
  ok(report.isComplete);
});
