import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import { createFile, finishFiles, flushFolder, renameFile } from "../../src/workers/naming.ts";
import { OpenFiles } from "../../src/workers/open_files.ts";
import type { FileFacts } from "../../src/workers/protocol.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

class Shelf extends TemporaryFolder {
  readonly files = new OpenFiles(8);

  place(path: string) {
    return { root: this.path, path };
  }

  async finish(length: number, { mayReplace = false } = {}): Promise<FileFacts> {
    const [from, to] = [this.place("x.part"), this.place("x")];
    const finished: FileFacts[] = [];
    await finishFiles([{ from, to, length, mayReplace }], this.files, finished);
    return finished[0]!;
  }

  override [Symbol.dispose](): void {
    this.files.closeAll();
    super[Symbol.dispose]();
  }
}

Deno.test("finishFiles() gives a file its final name", async () => {
  using shelf = new Shelf();
  shelf.write("x.part", "12345");
  strictEqual((await shelf.finish(5)).size, 5);
  deepStrictEqual([shelf.text("x"), shelf.exists("x.part")], ["12345", false]);
});

Deno.test("finishFiles() names more files than may be open at once", async () => {
  using shelf = new Shelf();
  const unnamed = Array.from({ length: 30 }, (_, index) => {
    shelf.write(`${index}.part`, "1".repeat(index));
    const [from, to] = [shelf.place(`${index}.part`), shelf.place(`${index}`)];
    return { from, to, length: index, mayReplace: false };
  });
  const facts: FileFacts[] = [];
  await finishFiles(unnamed, shelf.files, facts);
  deepStrictEqual(facts.map(({ size }) => size), [...Array(30).keys()]);
  deepStrictEqual([shelf.exists("29.part"), shelf.text("29").length], [false, 29]);
});

Deno.test("D6 finishFiles() cuts a file that is too long", async () => {
  using shelf = new Shelf();
  shelf.write("x.part", "1234567");
  strictEqual((await shelf.finish(5)).size, 5);
  strictEqual(shelf.text("x"), "12345");
});

Deno.test("D5 finishFiles() gives no name to a file that somebody has shortened", async () => {
  using shelf = new Shelf();
  shelf.write("x.part", "1234");
  await rejects(shelf.finish(5), { reason: "io" });
  strictEqual(shelf.exists("x"), false);
});

Deno.test("D7 finishFiles() replaces nothing that is something else", async () => {
  using shelf = new Shelf();
  for (const other of ["12346", "123456", ""]) {
    shelf.write("x.part", "12345");
    shelf.write("x", other);
    await rejects(shelf.finish(5), { reason: "occupied", path: shelf.at("x") });
    deepStrictEqual([shelf.text("x"), shelf.text("x.part")], [other, "12345"]);
  }
});

Deno.test("finishFiles() replaces what is the same, and what it may", async () => {
  using shelf = new Shelf();
  shelf.write("x.part", "12345");
  shelf.write("x", "12345");
  await shelf.finish(5);
  shelf.write("x.part", "54321");
  await shelf.finish(5, { mayReplace: true });
  deepStrictEqual([shelf.text("x"), shelf.exists("x.part")], ["54321", false]);
});

Deno.test("finishFiles() compares files that are larger than what it reads at a time", async () => {
  using shelf = new Shelf();
  const long = new Uint8Array(600_000).map((_, index) => index * 3);
  shelf.write("x.part", long);
  long[599_999]! ^= 1;
  shelf.write("x", long);
  await rejects(shelf.finish(600_000), { reason: "occupied" });
  long[599_999]! ^= 1;
  shelf.write("x", long);
  await shelf.finish(600_000);
  strictEqual(shelf.exists("x.part"), false);
});

Deno.test("D8 finishFiles() does not write through a link at the final name", async () => {
  using shelf = new Shelf();
  using outside = new TemporaryFolder();
  outside.write("secret", "secret");
  shelf.write("x.part", "12345");
  Deno.symlinkSync(outside.at("secret"), shelf.at("x"));
  await rejects(shelf.finish(5), { reason: "symlink" });
  strictEqual(outside.text("secret"), "secret");
});

Deno.test("D4 finishFiles() says that a folder stands at the final name", async () => {
  using shelf = new Shelf();
  shelf.write("x.part", "12345");
  shelf.write("x/inside", "");
  await rejects(shelf.finish(5), { reason: "not-regular" });
  await rejects(shelf.finish(5, { mayReplace: true }), { reason: "not-regular" });
});

Deno.test("renameFile() moves a file to a name that is free, or that it may replace", () => {
  using shelf = new Shelf();
  shelf.write("x", "1");
  renameFile(shelf.place("x"), shelf.place("y"), shelf.files, false);
  strictEqual(shelf.text("y"), "1");
  shelf.write("x", "2");
  const rename = (mayReplace: boolean) =>
    renameFile(shelf.place("x"), shelf.place("y"), shelf.files, mayReplace);
  throws(() => rename(false), { reason: "occupied" });
  deepStrictEqual([shelf.text("x"), shelf.text("y")], ["2", "1"]);
  rename(true);
  deepStrictEqual([shelf.exists("x"), shelf.text("y")], [false, "2"]);
});

Deno.test("createFile() leaves a file that is there as it is", () => {
  using shelf = new Shelf();
  createFile(shelf.place("a/x"), shelf.files);
  strictEqual(shelf.text("a/x"), "");
  shelf.write("a/x", "12345");
  createFile(shelf.place("a/x"), shelf.files);
  strictEqual(shelf.text("a/x"), "12345");
});

Deno.test("flushFolder() fails for a folder that is not there", () => {
  using shelf = new Shelf();
  flushFolder(shelf.place(""));
  throws(() => flushFolder(shelf.place("a")), { reason: "missing", path: shelf.at("a") });
});
