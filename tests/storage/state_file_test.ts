import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import { openStateFile, readStateFile, replaceStateFile } from "../../src/storage/state_file.ts";
import { TemporaryFolder } from "../workers/temporary_folder.ts";

const BYTES = new TextEncoder().encode("new");

Deno.test("replaceStateFile() puts bytes in place, for nobody else to read (S14)", async () => {
  using folder = new TemporaryFolder();
  for (const text of ["first", "second"]) {
    await replaceStateFile(folder.at("state"), new TextEncoder().encode(text));
    strictEqual(folder.text("state"), text);
  }
  deepStrictEqual([...Deno.readDirSync(folder.path)].map(({ name }) => name), ["state"]);
  strictEqual(Deno.statSync(folder.at("state")).mode! & 0o777, 0o600);
});

Deno.test("D2 replaceStateFile() leaves the old file as it was when it fails", async () => {
  using folder = new TemporaryFolder();
  folder.write("state", "old");
  folder.write("state.tmp/inside", "in the way");
  await rejects(replaceStateFile(folder.at("state"), BYTES), { name: "StorageError" });
  strictEqual(folder.text("state"), "old");
});

Deno.test("replaceStateFile() starts afresh where the last run was killed", async () => {
  using folder = new TemporaryFolder();
  folder.write("state.tmp", "half of a much longer st");
  await replaceStateFile(folder.at("state"), BYTES);
  strictEqual(folder.text("state"), "new");
  strictEqual(folder.exists("state.tmp"), false);
});

Deno.test("D8 replaceStateFile() notices when its folder has become a link", async () => {
  using folder = new TemporaryFolder();
  folder.write("outside/other", "outside");
  Deno.symlinkSync(folder.at("outside"), folder.at("states"));
  await rejects(replaceStateFile(folder.at("states/state"), BYTES), { reason: "symlink" });
  strictEqual(folder.exists("outside/state"), false);
  strictEqual(folder.exists("outside/state.tmp"), false);
});

Deno.test("D12 replaceStateFile() does not write through links", async () => {
  using folder = new TemporaryFolder();
  folder.write("outside", "outside");
  Deno.symlinkSync(folder.at("outside"), folder.at("state"));
  Deno.symlinkSync(folder.at("outside"), folder.at("state.tmp"));
  await replaceStateFile(folder.at("state"), BYTES);
  strictEqual(folder.text("outside"), "outside");
  strictEqual(Deno.lstatSync(folder.at("state")).isFile, true);
});

Deno.test("readStateFile() reads what is there, up to a limit", async () => {
  using folder = new TemporaryFolder();
  strictEqual(await readStateFile(folder.at("state"), 3), undefined);
  folder.write("state", "new");
  deepStrictEqual(await readStateFile(folder.at("state"), 3), BYTES);
  await rejects(readStateFile(folder.at("state"), 2), { message: /too large/ });
});

Deno.test("D12 readStateFile() reads no link, no folder and no pipe", async () => {
  using folder = new TemporaryFolder();
  folder.write("outside", "outside");
  Deno.symlinkSync(folder.at("outside"), folder.at("link"));
  Deno.mkdirSync(folder.at("folder"));
  await new Deno.Command("mkfifo", { args: [folder.at("pipe")] }).output();
  for (const name of ["link", "folder", "pipe"]) {
    await rejects(readStateFile(folder.at(name), 100), { reason: "not-regular" }, name);
  }
});

Deno.test("openStateFile() opens what is there and makes what is not", () => {
  using folder = new TemporaryFolder();
  for (const text of ["", "12345"]) {
    using file = openStateFile(folder.at("state"));
    strictEqual(file.statSync().size, text.length);
    file.writeSync(new TextEncoder().encode("12345"));
  }
  strictEqual(Deno.statSync(folder.at("state")).mode! & 0o777, 0o600);
});

Deno.test("D8 openStateFile() replaces a link by a file of its own", () => {
  using folder = new TemporaryFolder();
  folder.write("outside", "outside");
  for (const target of ["outside", "nothing"]) {
    Deno.symlinkSync(folder.at(target), folder.at("state"));
    using file = openStateFile(folder.at("state"));
    file.writeSync(BYTES);
    Deno.removeSync(folder.at("state"));
  }
  strictEqual(folder.text("outside"), "outside");
  strictEqual(folder.exists("nothing"), false);
});

Deno.test("openStateFile() says what is wrong when it can do nothing", () => {
  using folder = new TemporaryFolder();
  folder.write("state/inside", "");
  throws(() => openStateFile(folder.at("state")), { name: "StorageError" });
  throws(() => openStateFile(folder.at("nowhere/state")), { reason: "missing" });
});
