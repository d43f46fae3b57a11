import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { StorageError } from "../../src/base/errors.ts";
import { freeSpace, nearestFolder } from "../../src/storage/room.ts";
import { TemporaryFolder } from "../workers/temporary_folder.ts";

Deno.test("nearestFolder() goes up to what is there, and makes nothing", async () => {
  using folder = new TemporaryFolder();
  const { path } = folder;
  deepStrictEqual(await nearestFolder(path), { folder: path, isThere: true });
  deepStrictEqual(await nearestFolder(`${path}/a/b/c`), { folder: path, isThere: false });
  deepStrictEqual([...Deno.readDirSync(path)], []);
  Deno.symlinkSync(path, `${path}/link`);
  deepStrictEqual(await nearestFolder(`${path}/link`), { folder: path, isThere: true });
  const here = Deno.realPathSync(".");
  deepStrictEqual(await nearestFolder("no/such/folder"), { folder: here, isThere: false });
});

Deno.test("nearestFolder() throws for what is no folder, or below such a thing", async () => {
  using folder = new TemporaryFolder();
  folder.write("file", "x");
  Deno.symlinkSync(folder.at("nowhere"), folder.at("link"));
  for (const path of ["file", "file/below", "link", "link/below"]) {
    await rejects(
      nearestFolder(folder.at(path)),
      (error) => error instanceof StorageError && error.reason === "not-regular",
    );
  }
});

Deno.test("freeSpace() is what df says, or unknown where the folder is not there", async () => {
  const { bytes } = await freeSpace(Deno.realPathSync("."));
  ok(bytes !== undefined && bytes > 1_000_000 && bytes % 512 === 0, `${bytes}`);
  deepStrictEqual(await freeSpace("/no/such/folder"), {});
});
