import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import fc from "fast-check";
import { StorageError } from "../../src/base/errors.ts";
import { findSource } from "../../src/storage/source_tree.ts";
import { TemporaryFolder } from "../workers/temporary_folder.ts";

const NOTHING = () => false;
const { signal } = new AbortController();

async function pathsIn(path: string, isExcluded: (path: string) => boolean = NOTHING) {
  const { files } = await findSource(path, { isExcluded, signal });
  return files.map((file) => file.path.join("/"));
}

async function refusal(path: string): Promise<StorageError> {
  try {
    await findSource(path, { isExcluded: NOTHING, signal });
  } catch (error) {
    ok(error instanceof StorageError, String(error));
    return error;
  }
  throw new Error("it was not refused");
}

Deno.test("findSource() finds files of any depth, hidden and empty ones too, in byte order", async () => {
  using folder = new TemporaryFolder();
  const names = [".hid/f", "A", "B", "a b/q", "a-b", "a.txt", "a/x", "empty", "z", "é", "！", "🐦"];
  for (const name of names.toReversed()) folder.write(`t/${name}`, name === "empty" ? "" : "x");
  Deno.mkdirSync(folder.at("t/no files here"));
  deepStrictEqual(await pathsIn(folder.at("t")), names);
});

Deno.test("findSource() sorts as bytes compare, whatever the names", async () => {
  const name = fc.string({ unit: "grapheme", minLength: 1, maxLength: 4 })
    .filter((text) => text.isWellFormed() && !/[/\0\ufffd]|^\.{1,2}$/u.test(text));
  const paths = fc.array(fc.array(name, { minLength: 1, maxLength: 3 }), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(paths, async (paths) => {
      using folder = new TemporaryFolder();
      Deno.mkdirSync(folder.at("t"));
      const written: string[] = [];
      for (const path of paths) {
        try {
          folder.write(`t/${path.join("/")}`, "x");
          written.push(path.join("/"));
        } catch {
          // A file stands where a folder should, or the reverse.
        }
      }
      const expected = [...new Set(written)].map((path) => new TextEncoder().encode(path).toHex());
      const found = (await pathsIn(folder.at("t"))).map((path) =>
        new TextEncoder().encode(path).toHex()
      );
      deepStrictEqual(found, expected.toSorted());
    }),
    { numRuns: 50 },
  );
});

Deno.test("findSource() takes a single file, and names what the user named", async () => {
  using folder = new TemporaryFolder();
  folder.write("data.bin", "x");
  Deno.mkdirSync(folder.at("sub"));
  Deno.symlinkSync("data.bin", folder.at("latest"));
  const options = { isExcluded: NOTHING, signal };
  deepStrictEqual(await findSource(folder.at("data.bin"), options), {
    name: "data.bin",
    isSingleFile: true,
    files: [{ path: [], place: { root: folder.path, path: "data.bin" } }],
    links: [],
  });
  deepStrictEqual((await findSource(folder.at("latest"), options)).name, "latest");
  deepStrictEqual((await findSource(folder.at("sub/"), options)).name, "sub");
  deepStrictEqual((await findSource(folder.at("sub/."), options)).name, "sub");
  deepStrictEqual((await findSource(folder.at("sub/../sub/"), options)).name, "sub");
});

Deno.test("findSource() does not enter what is excluded", async () => {
  using folder = new TemporaryFolder();
  folder.write("t/a/b/c", "x");
  folder.write("t/d", "x");
  Deno.symlinkSync("/", folder.at("t/a/out"));
  deepStrictEqual(await pathsIn(folder.at("t"), (path) => path === "a"), ["d"]);
});

Deno.test("findSource() follows symbolic links within the tree, to where the bytes are", async () => {
  using folder = new TemporaryFolder();
  folder.write("t/sub/x", "x");
  Deno.symlinkSync("sub/x", folder.at("t/file"));
  Deno.symlinkSync("sub", folder.at("t/folder"));
  const { files, links } = await findSource(folder.at("t"), { isExcluded: NOTHING, signal });
  const root = folder.at("t");
  deepStrictEqual(files, [
    { path: ["file"], place: { root, path: "sub/x" } },
    { path: ["folder", "x"], place: { root, path: "sub/x" } },
    { path: ["sub", "x"], place: { root, path: "sub/x" } },
  ]);
  deepStrictEqual(links.toSorted(), ["file", "folder"]);
});

Deno.test("findSource() refuses links out of the tree, to nothing, and in circles", async () => {
  for (
    const [target, reason, words] of [
      ["../secret", "symlink", /leads out of the folder; leave it out with --exclude/],
      ["/etc", "symlink", /leads out of the folder/],
      ["../t-2/x", "symlink", /leads out of the folder/],
      ["nowhere", "missing", /a symbolic link that leads nowhere; leave it out with --exclude/],
      ["..", "symlink", /a folder that it is in/],
      [".", "symlink", /a folder that it is in/],
    ] as const
  ) {
    using folder = new TemporaryFolder();
    folder.write("secret", "x");
    folder.write("t-2/x", "x");
    Deno.mkdirSync(folder.at("t/in"), { recursive: true });
    Deno.symlinkSync(target.replace("../", "../../"), folder.at("t/in/link"));
    const error = await refusal(folder.at("t"));
    deepStrictEqual(error.reason, reason);
    ok(words.test(error.message), error.message);
    ok(error.message.includes("t/in/link"), error.message);
  }
});

Deno.test("findSource() refuses what is neither file nor folder, and names that are not UTF-8", async () => {
  using folder = new TemporaryFolder();
  Deno.mkdirSync(folder.at("t"));
  const shell = (line: string) =>
    new Deno.Command("sh", { args: ["-c", line], cwd: folder.at("t") }).outputSync();
  shell("mkfifo pipe");
  for (const [path, advice] of [["t", "leave it out with --exclude"], ["t/pipe", "name another"]]) {
    const { reason, message } = await refusal(folder.at(path!));
    deepStrictEqual([reason, message.split("; ")[1]], ["not-regular", advice]);
  }
  shell("rm pipe; printf x > \"$(printf 'bad\\377name')\"");
  const error = await refusal(folder.at("t"));
  deepStrictEqual(error.reason, "not-text");
  ok(error.message.endsWith("its name is not UTF-8; leave it out with --exclude"), error.message);
  shell("rm bad*; printf x > 'good\ufffdname'");
  deepStrictEqual(await pathsIn(folder.at("t")), ["good\ufffdname"]);
});

Deno.test("findSource() says what is not there, and stops when it is told to", async () => {
  using folder = new TemporaryFolder();
  deepStrictEqual((await refusal(folder.at("nothing"))).reason, "missing");
  folder.write("t/x", "x");
  const stop = new AbortController();
  stop.abort(new Error("enough"));
  await rejects(
    findSource(folder.at("t"), { isExcluded: NOTHING, signal: stop.signal }),
    /enough/,
  );
});
