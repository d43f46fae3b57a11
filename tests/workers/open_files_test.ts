import {
  deepStrictEqual,
  notStrictEqual,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import { fstatSync, writeSync } from "node:fs";
import { FlushError, StorageError } from "../../src/base/errors.ts";
import { errorOf } from "../../src/workers/disk_errors.ts";
import { runJobs } from "../../src/workers/jobs.ts";
import { OpenFiles } from "../../src/workers/open_files.ts";
import type { Place } from "../../src/workers/protocol.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

class Opened extends TemporaryFolder {
  readonly files: OpenFiles;

  constructor(maxOpenFiles = 8) {
    super();
    this.files = new OpenFiles(maxOpenFiles);
  }

  place(path: string): Place {
    return { root: this.path, path };
  }

  override [Symbol.dispose](): void {
    this.files.closeAll();
    super[Symbol.dispose]();
  }
}

/** Has `method` of `owner` do something else until it is disposed of. */
function replacing<Owner extends object, Name extends keyof Owner>(
  owner: Owner,
  name: Name,
  method: Owner[Name],
): Disposable {
  const before = owner[name];
  owner[name] = method;
  return { [Symbol.dispose]: () => owner[name] = before };
}

Deno.test("D16 forWriting() creates a file with its folders, sparse and as long as asked", () => {
  using opened = new Opened();
  const descriptor = opened.files.forWriting(opened.place("a/b/file"), {
    fileLength: 1 << 30,
    mayCreate: true,
  });
  deepStrictEqual([fstatSync(descriptor).size, fstatSync(descriptor).blocks], [1 << 30, 0]);
});

Deno.test("forWriting() makes a file longer that is there, and never shorter", () => {
  using opened = new Opened();
  opened.write("short", "12345");
  opened.write("long", "1234567890");
  opened.files.forWriting(opened.place("short"), { fileLength: 8, mayCreate: true });
  opened.files.forWriting(opened.place("long"), { fileLength: 8, mayCreate: true });
  strictEqual(opened.text("short"), "12345\0\0\0");
  strictEqual(opened.text("long"), "1234567890");
});

Deno.test("forReading() makes nothing", () => {
  using opened = new Opened();
  throws(() => opened.files.forReading(opened.place("a/file")), { reason: "missing" });
  throws(() => opened.files.forReading(opened.place("file")), { reason: "missing" });
  strictEqual(opened.exists("a"), false);
  strictEqual(opened.exists("file"), false);
});

Deno.test("OpenFiles keeps no more files open than it may: the oldest go", () => {
  using opened = new Opened(3);
  const { files } = opened;
  const first = files.forWriting(opened.place("0"), { fileLength: 0, mayCreate: true });
  files.forWriting(opened.place("1"), { fileLength: 0, mayCreate: true });
  files.forWriting(opened.place("2"), { fileLength: 0, mayCreate: true });
  strictEqual(files.forWriting(opened.place("0"), { fileLength: 0, mayCreate: true }), first);
  for (let index = 3; index < 100; index++) {
    files.forWriting(opened.place(`${index}`), { fileLength: 0, mayCreate: true });
    strictEqual(files.forWriting(opened.place("0"), { fileLength: 0, mayCreate: true }), first);
    strictEqual(files.size, 3);
    strictEqual(opened.openFileCount, 3);
  }
});

Deno.test("OpenFiles opens a file again that was open for reading and is to be written", () => {
  using opened = new Opened();
  opened.write("file", "12345");
  const reading = opened.files.forReading(opened.place("file"));
  const writing = opened.files.forWriting(opened.place("file"), { fileLength: 0, mayCreate: true });
  strictEqual(opened.files.size, 1);
  strictEqual(opened.files.forReading(opened.place("file")), writing);
  writeSync(writing, new Uint8Array([0x61]), 0, 1, 0);
  strictEqual(opened.text("file"), "a2345");
  notStrictEqual(reading, undefined);
});

Deno.test("forReading() and flush() need no permission to write", async () => {
  using opened = new Opened();
  opened.write("file", "12345");
  Deno.chmodSync(opened.at("file"), 0o400);
  opened.files.forReading(opened.place("file"));
  await opened.files.flush([opened.place("file")]);
});

Deno.test("D8 OpenFiles refuses a file that is a symbolic link, dangling or not", async () => {
  using opened = new Opened();
  using outside = new TemporaryFolder();
  outside.write("secret", "secret");
  Deno.symlinkSync(outside.at("secret"), opened.at("link"));
  Deno.symlinkSync(outside.at("nothing"), opened.at("dangling"));
  const refusal = { name: "StorageError", reason: "symlink" };
  for (const path of ["link", "dangling"]) {
    throws(
      () => opened.files.forWriting(opened.place(path), { fileLength: 100, mayCreate: true }),
      refusal,
    );
    throws(() => opened.files.forReading(opened.place(path)), refusal);
    await rejects(opened.files.flush([opened.place(path)]), refusal);
    throws(() => opened.files.inspect(opened.place(path)), refusal);
  }
  strictEqual(outside.text("secret"), "secret");
  strictEqual(outside.exists("nothing"), false);
});

Deno.test("D9 OpenFiles refuses what is no ordinary file, without opening it", async () => {
  using opened = new Opened();
  // To open a pipe would wait for ever for somebody at its other end.
  await new Deno.Command("mkfifo", { args: [opened.at("pipe")] }).output();
  Deno.mkdirSync(opened.at("folder"));
  using socket = Deno.listen({ transport: "unix", path: opened.at("socket") });
  strictEqual(socket.addr.transport, "unix");
  for (const path of ["pipe", "folder", "socket"]) {
    const refusal = { reason: "not-regular" };
    throws(
      () => opened.files.forWriting(opened.place(path), { fileLength: 0, mayCreate: true }),
      refusal,
      path,
    );
    throws(() => opened.files.forReading(opened.place(path)), refusal, path);
    throws(() => opened.files.inspect(opened.place(path)), refusal, path);
  }
});

Deno.test("inspect() tells size, time and the number of names, and opens nothing", () => {
  using opened = new Opened();
  opened.write("a/file", "12345");
  Deno.utimeSync(opened.at("a/file"), 1_700_000_000, 1_700_000_000);
  Deno.linkSync(opened.at("a/file"), opened.at("other"));
  deepStrictEqual(opened.files.inspect(opened.place("a/file")), {
    size: 5,
    modifiedMs: 1_700_000_000_000,
    links: 2,
  });
  strictEqual(opened.files.inspect(opened.place("a/nothing")), undefined);
  strictEqual(opened.files.inspect(opened.place("b/nothing")), undefined);
  strictEqual(opened.files.size, 0);
});

Deno.test("flush() tells how the files look, and fails when one is gone (D5)", async () => {
  using opened = new Opened();
  opened.write("file", "12345");
  opened.write("a/file", "123");
  const flushed = await opened.files.flush([opened.place("file"), opened.place("a/file")]);
  deepStrictEqual(flushed.map(({ size }) => size), [5, 3]);
  opened.files.startJob();
  Deno.removeSync(opened.at("file"));
  const gone = { name: "StorageError", reason: "missing" };
  await rejects(opened.files.flush([opened.place("a/file"), opened.place("file")]), gone);
  await rejects(opened.files.flush([opened.place("b/file")]), gone);
});

Deno.test("flush() leaves what remains to threads once it has taken its time", async () => {
  for (const [stepMs, isOverAtOnce] of [[0, true], [0.1, false]] as const) {
    using opened = new Opened();
    const places = Array.from({ length: 8 }, (_, index) => opened.place(`${index}`));
    for (const place of places) {
      opened.files.forWriting(place, { fileLength: 5, mayCreate: true });
    }
    let now = 0;
    using _stub = replacing(performance, "now", () => now += stepMs);
    let isOver = false;
    const flushing = opened.files.flush(places).then(() => isOver = true);
    // Threads answer later than all that is ready to run.
    for (let turn = 0; turn < 100; turn++) await Promise.resolve();
    strictEqual(isOver, isOverAtOnce);
    await flushing;
  }
});

Deno.test("D8 OpenFiles refuses a file that is swapped after it was looked at, before it is opened", async () => {
  using outside = new TemporaryFolder();
  const opening: readonly ((files: OpenFiles, place: Place) => unknown)[] = [
    (files, place) => files.forReading(place),
    (files, place) => files.forWriting(place, { fileLength: 100, mayCreate: true }),
    (files, place) => files.flush([place]),
  ];
  const swaps: readonly ((path: string) => void)[] = [
    (path) => Deno.symlinkSync(outside.at("secret"), path),
    (path) => Deno.writeTextFileSync(path, "another"),
  ];
  for (const open of opening) {
    for (const swap of swaps) {
      using opened = new Opened();
      outside.write("secret", "secret");
      opened.write("file", "12345");
      const look = Deno.lstatSync;
      const path = opened.at("file");
      using _stub = replacing(Deno, "lstatSync", (looked) => {
        const info = look(looked);
        if (looked === path) {
          Deno.renameSync(path, opened.at("aside"));
          swap(path);
        }
        return info;
      });
      const refusal = {
        reason: "missing",
        message: `Cannot open ${path}: another file has taken its place`,
      };
      await rejects(async () => await open(opened.files, opened.place("file")), refusal);
      deepStrictEqual([opened.files.size, opened.openFileCount], [0, 0]);
      strictEqual(outside.text("secret"), "secret");
    }
  }
});

Deno.test("D5 a file open for reading is opened again when its name leads to another one", () => {
  using opened = new Opened();
  const file = opened.place("file");
  opened.write("file", "old");
  opened.files.forReading(file);
  Deno.renameSync(opened.at("file"), opened.at("moved"));
  opened.write("file", "new");
  opened.files.startJob();
  const descriptor = opened.files.forWriting(file, { fileLength: 0, mayCreate: false });
  writeSync(descriptor, new Uint8Array([0x4e]), 0, 1, 0);
  deepStrictEqual([opened.text("moved"), opened.text("file")], ["old", "New"]);
});

Deno.test("D5 OpenFiles refuses a stranger at the name of a file that is written, unless it may be new", async () => {
  using opened = new Opened();
  const file = opened.place("file");
  opened.write("file", "old");
  opened.files.forWriting(file, { fileLength: 3, mayCreate: true });
  Deno.renameSync(opened.at("file"), opened.at("moved"));
  opened.write("file", "new");
  opened.files.startJob();
  const refusal = { name: "StorageError", reason: "missing" };
  const again = (mayCreate: boolean) => opened.files.forWriting(file, { fileLength: 3, mayCreate });
  // However often one asks: what was written is not in it.
  for (let count = 0; count < 2; count++) {
    throws(() => again(false), refusal);
    throws(() => opened.files.forReading(file), refusal);
    await rejects(opened.files.flush([file]), refusal);
  }
  writeSync(again(true), new Uint8Array([0x4e]), 0, 1, 0);
  deepStrictEqual([opened.text("moved"), opened.text("file")], ["old", "New"]);
});

Deno.test("D5 forWriting() refuses a file that is shorter than it was, open or not", () => {
  using opened = new Opened();
  const file = opened.place("file");
  const wish = { fileLength: 8, mayCreate: false, wasLong: true };
  const refusal = { name: "StorageError", reason: "io", message: /someone else has shortened it/ };
  opened.write("file", "12345");
  // In one job as in the next.
  throws(() => opened.files.forWriting(file, wish), refusal);
  throws(() => opened.files.forWriting(file, wish), refusal);
  opened.files.forWriting(file, { ...wish, wasLong: false });
  Deno.truncateSync(opened.at("file"), 5);
  opened.files.startJob();
  throws(() => opened.files.forWriting(file, wish), refusal);
  throws(() => opened.files.forWriting(file, wish), refusal);
  strictEqual(opened.text("file"), "12345");
});

Deno.test("D5 forWriting() does not make a new file in the place of one that was there", () => {
  using opened = new Opened();
  const file = opened.place("a/file");
  opened.files.forWriting(file, { fileLength: 0, mayCreate: true });
  const again = () => opened.files.forWriting(file, { fileLength: 0, mayCreate: false });
  again();
  for (const path of ["a/file", "a"]) {
    Deno.removeSync(opened.at(path));
    opened.files.startJob();
    throws(again, { name: "StorageError", reason: "missing" });
    strictEqual(opened.exists(path), false);
  }
});

Deno.test("release() closes a file and gives its path", () => {
  using opened = new Opened();
  const descriptor = opened.files.forWriting(opened.place("file"), {
    fileLength: 0,
    mayCreate: true,
  });
  strictEqual(opened.files.release(opened.place("file")), opened.at("file"));
  throws(() => fstatSync(descriptor), { code: "EBADF" });
  strictEqual(opened.files.release(opened.place("file")), opened.at("file"));
});

Deno.test("S8 OpenFiles gives up its files when the process may open no more", async () => {
  using folder = new TemporaryFolder();
  const url = new URL("../../src/workers/open_files.ts", import.meta.url);
  folder.write(
    "main.ts",
    `import { OpenFiles } from "${url}";
    const files = new OpenFiles(10_000);
    const root = ${JSON.stringify(folder.path)};
    for (let index = 0; index < 300; index++) files.forWriting({ root, path: "f" + index }, { fileLength: 1, mayCreate: true });
    console.log(files.size < 300 ? "gave up some" : "kept all");`,
  );
  const { stdout, stderr } = await new Deno.Command("sh", {
    args: ["-c", `ulimit -n 100; "${Deno.execPath()}" run --no-lock -A "${folder.at("main.ts")}"`],
  }).output();
  const text = new TextDecoder();
  deepStrictEqual([text.decode(stdout), text.decode(stderr)], ["gave up some\n", ""]);
  strictEqual(folder.exists("f299"), true);
});

Deno.test("S8 flush() flushes every file when the process cannot have all of them open", async () => {
  using folder = new TemporaryFolder();
  const url = new URL("../../src/workers/open_files.ts", import.meta.url);
  folder.write(
    "main.ts",
    `import { OpenFiles } from "${url}";
    const files = new OpenFiles(32);
    const root = ${JSON.stringify(folder.path)};
    const places = ["0", "1", "2", "3", "4"].map((path) => ({ root, path }));
    for (const { path } of places) Deno.writeTextFileSync(root + "/" + path, path);
    const others: Deno.FsFile[] = [];
    try { for (;;) others.push(Deno.openSync("/dev/null")); } catch { /* no more to be had */ }
    // Of the first three, two numbers are taken by the last two, and one is closed.
    for (let count = 0; count < 3; count++) others.pop()!.close();
    const facts = await files.flush(places).catch((error) => [error.message]);
    for (const other of others) other.close();
    console.log(facts.map(({ size }) => size).join());`,
  );
  const { stdout } = await new Deno.Command("sh", {
    args: ["-c", `ulimit -n 100; "${Deno.execPath()}" run --no-lock -A "${folder.at("main.ts")}"`],
  }).output();
  strictEqual(new TextDecoder().decode(stdout), "1,1,1,1,1\n");
});

Deno.test("attempt() in OpenFiles turns what the system says into a StorageError", () => {
  using opened = new Opened();
  const name = "x".repeat(300);
  throws(
    () => opened.files.forWriting(opened.place(name), { fileLength: 0, mayCreate: true }),
    (error) => error instanceof StorageError && error.reason === "name-too-long",
  );
});

Deno.test({
  name:
    "D3 flush() rejects with FlushError when the system cannot flush a file, and jobs tell so " +
    "(Linux only: elsewhere no file at hand refuses)",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const files = new OpenFiles(2);
    const place = { root: `/proc/${Deno.pid}`, path: "environ" };
    await rejects(files.flush([place]), FlushError);
    const [reply] = await runJobs([{ kind: "flush", places: [place], folders: [] }], files);
    ok(reply!.kind === "failed" && errorOf(reply!) instanceof FlushError);
    files.closeAll();
  },
});
