import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { StorageError } from "../../src/base/errors.ts";
import { writeTorrentFile } from "../../src/storage/torrent_file.ts";
import { TemporaryFolder } from "../workers/temporary_folder.ts";
import { LocalJobs } from "./local_jobs.ts";

async function write(
  folder: TemporaryFolder,
  text: string,
  { mayReplace = false, jobs = new LocalJobs() } = {},
) {
  const bytes = new TextEncoder().encode(text);
  const random = new SeededRandom(1);
  try {
    await writeTorrentFile(bytes, {
      folder: folder.path,
      name: "x",
      mayReplace,
      pool: jobs,
      random,
    });
  } finally {
    await jobs.forget();
  }
}

function namesIn(folder: TemporaryFolder): string[] {
  return [...Deno.readDirSync(folder.path)].map(({ name }) => name);
}

Deno.test("writeTorrentFile() writes all of it and leaves nothing else", async () => {
  using folder = new TemporaryFolder();
  await write(folder, "d1:ai1ee");
  deepStrictEqual(folder.text("x"), "d1:ai1ee");
  deepStrictEqual(namesIn(folder), ["x"]);
});

Deno.test("writeTorrentFile() replaces a file only when it may", async () => {
  using folder = new TemporaryFolder();
  folder.write("x", "something longer than what comes");
  await rejects(write(folder, "new"), { reason: "occupied" });
  deepStrictEqual(folder.text("x"), "something longer than what comes");
  deepStrictEqual(namesIn(folder), ["x"]);
  await write(folder, "new", { mayReplace: true });
  deepStrictEqual(folder.text("x"), "new");
});

Deno.test("writeTorrentFile() leaves what was there when the disk fails", async () => {
  using folder = new TemporaryFolder();
  folder.write("x", "old");
  const jobs = new LocalJobs();
  jobs.fault = ({ kind }) => kind === "write" ? { reason: "no-space", path: "x" } : undefined;
  await rejects(write(folder, "new", { mayReplace: true, jobs }), (error: Error) => {
    ok(error instanceof StorageError && error.reason === "no-space");
    // Nothing is kept, as a download would say.
    ok(error.message.endsWith("; make room and run it again"), error.message);
    return true;
  });
  deepStrictEqual(folder.text("x"), "old");
  deepStrictEqual(namesIn(folder), ["x"]);
});

Deno.test("writeTorrentFile() names the file that was asked for when it cannot be made", async () => {
  using folder = new TemporaryFolder();
  const suffix = new SeededRandom(1).bytes(8).toHex();
  Deno.mkdirSync(`${folder.path}/.starling-${suffix}.tmp/x`, { recursive: true });
  await rejects(write(folder, "new"), (error: Error) => {
    ok(error instanceof StorageError && error.path === `${folder.path}/x`, error.message);
    ok(error.message.startsWith(`Cannot write ${folder.path}/x: `), error.message);
    return true;
  });
});
