import { deepStrictEqual, rejects } from "node:assert/strict";
import { findTarget } from "../../../src/cli/source/create_target.ts";
import { TemporaryFolder } from "../../workers/temporary_folder.ts";
import { FakeEnvironment } from "../fake_environment.ts";

const environment = new FakeEnvironment({ usesDisk: true });

Deno.test("findTarget() takes a file, a folder, or the current folder", async () => {
  using folder = new TemporaryFolder();
  const target = { folder: folder.path, name: "x.torrent", shown: folder.at("x.torrent") };
  const find = (output?: string) => findTarget({ output, overwrite: false }, "x", environment);
  deepStrictEqual(await find(folder.at("x.torrent")), target);
  deepStrictEqual(await find(folder.path), target);
  deepStrictEqual(await find(`${folder.path}/`), target);
  deepStrictEqual(await find(), {
    folder: Deno.realPathSync("."),
    name: "x.torrent",
    shown: "x.torrent",
  });
});

Deno.test("findTarget() refuses what may not be replaced, and folders that are not there", async () => {
  using folder = new TemporaryFolder();
  folder.write("x.torrent", "x");
  const find = (output: string, overwrite: boolean) =>
    findTarget({ output: folder.at(output), overwrite }, "x", environment);
  await rejects(find("x.torrent", false), { name: "CommandError" });
  await rejects(find("", false), { name: "CommandError" });
  deepStrictEqual((await find("x.torrent", true)).name, "x.torrent");
  await rejects(find("none/x.torrent", true), { reason: "missing" });
});
