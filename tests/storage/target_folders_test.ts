import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { findFolders, prepareFolders, realFolder } from "../../src/storage/target_folders.ts";
import { TemporaryFolder } from "../workers/temporary_folder.ts";

Deno.test("prepareFolders() makes the folders; the state is nobody else's business (S14)", async () => {
  using folder = new TemporaryFolder();
  const folders = await prepareFolders(folder.at("a/out"), folder.at("a/out/.starling"));
  deepStrictEqual(folders, {
    outputDir: folder.at("a/out"),
    stateDir: folder.at("a/out/.starling"),
  });
  strictEqual(Deno.statSync(folder.at("a/out/.starling")).mode! & 0o777, 0o700);
});

Deno.test("prepareFolders() makes those above the state as any other, and leaves what is there", async () => {
  using folder = new TemporaryFolder();
  const modeOf = (path: string) => Deno.statSync(folder.at(path)).mode! & 0o777;
  Deno.mkdirSync(folder.at("usual"));
  await prepareFolders(folder.at("out"), folder.at("a/b/state"));
  deepStrictEqual(["a", "a/b", "a/b/state"].map(modeOf), [modeOf("usual"), modeOf("usual"), 0o700]);
  await prepareFolders(folder.at("out"), folder.at("usual"));
  Deno.chmodSync(folder.at("usual"), 0o750);
  await prepareFolders(folder.at("out"), folder.at("usual/"));
  strictEqual(modeOf("usual"), 0o750);
});

Deno.test("prepareFolders() follows the links that the user names", async () => {
  using folder = new TemporaryFolder();
  Deno.mkdirSync(folder.at("disk"));
  Deno.symlinkSync(folder.at("disk"), folder.at("out"));
  deepStrictEqual(await prepareFolders(folder.at("out"), folder.at("out/.starling")), {
    outputDir: folder.at("disk"),
    stateDir: folder.at("disk/.starling"),
  });
  Deno.symlinkSync(folder.at("disk"), folder.at("states"));
  const { stateDir } = await prepareFolders(folder.at("out"), folder.at("states"));
  strictEqual(stateDir, folder.at("disk"));
});

Deno.test("D8 prepareFolders() refuses a state folder in the output folder that is a link", async () => {
  using folder = new TemporaryFolder();
  Deno.mkdirSync(folder.at("out"));
  Deno.mkdirSync(folder.at("elsewhere"));
  Deno.symlinkSync(folder.at("elsewhere"), folder.at("out/.starling"));
  Deno.symlinkSync(folder.at("out"), folder.at("also"));
  for (const out of ["out", "also"]) {
    await rejects(prepareFolders(folder.at(out), folder.at(`${out}/.starling`)), {
      reason: "symlink",
    });
  }
  await rejects(prepareFolders(folder.at("also"), folder.at("out/.starling")), {
    reason: "symlink",
  });
});

Deno.test("D8 findFolders() finds what prepareFolders() takes, and makes nothing", async () => {
  using folder = new TemporaryFolder();
  const [out, state] = [folder.at("out"), folder.at("out/.starling")];
  await rejects(findFolders(out, state), { reason: "missing" });
  Deno.mkdirSync(out);
  await rejects(findFolders(out, state), { reason: "missing" });
  Deno.mkdirSync(folder.at("elsewhere"));
  Deno.symlinkSync(folder.at("elsewhere"), state);
  Deno.symlinkSync(out, folder.at("also"));
  for (const outputDir of [out, folder.at("also")]) {
    strictEqual(await findFolders(outputDir, state), undefined);
    strictEqual(await findFolders(outputDir, `${outputDir}/.starling`), undefined);
  }
  Deno.removeSync(state);
  Deno.mkdirSync(state);
  deepStrictEqual(await findFolders(folder.at("also"), `${folder.at("also")}/.starling`), {
    outputDir: out,
    stateDir: state,
  });
});

Deno.test("D4 prepareFolders() says that a file is in the way", async () => {
  using folder = new TemporaryFolder();
  folder.write("file", "");
  Deno.symlinkSync(folder.at("nowhere"), folder.at("link"));
  for (const path of ["file", "file/below", "link", "link/below"]) {
    await rejects(
      prepareFolders(folder.at(path), folder.at("state")),
      { reason: "not-regular", path: folder.at(path) },
    );
  }
});

Deno.test("realFolder() wants a folder that is there", async () => {
  using folder = new TemporaryFolder();
  strictEqual(await realFolder(`${folder.path}/./`), folder.path);
  await rejects(realFolder(folder.at("nothing")), { reason: "missing" });
});
