import { deepStrictEqual, ok, throws } from "node:assert/strict";
import { selectFiles, selectIndices } from "../../../src/cli/files/select.ts";
import { CommandError } from "../../../src/cli/output/failure.ts";
import { makeFiles } from "../torrents.ts";

const FILES = makeFiles(
  "readme.txt",
  "disc/a.iso",
  "disc/a.iso.sha256",
  "disc/extra/b.iso",
  "docs/[draft] notes.txt",
  ".hidden",
  "7",
);

function pathsMeantBy(...patterns: string[]): string[] {
  return [...selectFiles(FILES, patterns)].map(({ pathInTorrent }) => pathInTorrent);
}

Deno.test("selectFiles() selects all without patterns", () => {
  deepStrictEqual(pathsMeantBy().length, FILES.length);
});

Deno.test("selectFiles() matches a pattern without slash against the last name", () => {
  deepStrictEqual(pathsMeantBy("*.iso"), ["disc/a.iso", "disc/extra/b.iso"]);
  deepStrictEqual(pathsMeantBy("readme.txt"), ["readme.txt"]);
  deepStrictEqual(pathsMeantBy(".hid*"), [".hidden"]);
});

Deno.test("selectFiles() matches a pattern with slash against the whole path", () => {
  deepStrictEqual(pathsMeantBy("disc/*.iso"), ["disc/a.iso"]);
  deepStrictEqual(pathsMeantBy("**/*.iso"), ["disc/a.iso", "disc/extra/b.iso"]);
  deepStrictEqual(pathsMeantBy("root/disc/a.iso"), ["disc/a.iso"]);
});

Deno.test("selectFiles() takes a folder for all that is in it", () => {
  const inDisc = ["disc/a.iso", "disc/a.iso.sha256", "disc/extra/b.iso"];
  deepStrictEqual(pathsMeantBy("disc"), inDisc);
  deepStrictEqual(pathsMeantBy("disc/"), inDisc);
  deepStrictEqual(pathsMeantBy("./disc"), inDisc);
  deepStrictEqual(pathsMeantBy("disc/extra"), ["disc/extra/b.iso"]);
});

Deno.test("selectFiles() takes a name with brackets for itself", () => {
  deepStrictEqual(pathsMeantBy("docs/[draft] notes.txt"), ["docs/[draft] notes.txt"]);
});

Deno.test("selectFiles() takes numbers and ranges, counted from 1", () => {
  deepStrictEqual(pathsMeantBy("1"), ["readme.txt"]);
  deepStrictEqual(pathsMeantBy("1,3-4"), ["readme.txt", "disc/a.iso.sha256", "disc/extra/b.iso"]);
  deepStrictEqual(pathsMeantBy("7"), ["7"]);
  deepStrictEqual(pathsMeantBy("./7"), ["7"]);
});

Deno.test("selectFiles() adds up patterns and keeps the order of the first", () => {
  deepStrictEqual(pathsMeantBy("*.iso", "1", "disc/a.iso"), [
    "disc/a.iso",
    "disc/extra/b.iso",
    "readme.txt",
  ]);
});

Deno.test("selectFiles() takes ! for all others", () => {
  deepStrictEqual(pathsMeantBy("!*.iso").length, FILES.length - 2);
});

Deno.test("selectFiles() counts only what is on disk", () => {
  const padded = makeFiles("a", ".pad/24", "b");
  deepStrictEqual(
    padded.map(({ number, pathInTorrent, index }) => [number, pathInTorrent, index]),
    [
      [1, "a", 0],
      [2, "b", 2],
    ],
  );
});

Deno.test("selectFiles() refuses what matches nothing and names some files", () => {
  const refusal = (pattern: string) => {
    try {
      selectFiles(FILES, [pattern]);
    } catch (error) {
      ok(error instanceof CommandError);
      deepStrictEqual(error.failure.exitCode, 2);
      return error.message;
    }
    throw new Error(`${pattern} was not refused`);
  };
  ok(refusal("*.mkv").includes("no file matches *.mkv: the torrent has root/readme.txt,"));
  ok(refusal("*.mkv").endsWith(", 2 more"));
  deepStrictEqual(refusal("8"), "no files have the numbers 8: the torrent has 1 to 7");
  for (const range of ["0", "2-1", "1-99999999999", "5,0"]) ok(refusal(range).includes("1 to 7"));
});

Deno.test("selectIndices() takes the files of a link by their index, the known ones", () => {
  const pathsOf = (...ranges: { first: number; last: number }[]) =>
    [...selectIndices(FILES, ranges)].map(({ pathInTorrent }) => pathInTorrent);
  deepStrictEqual(pathsOf({ first: 0, last: 1 }, { first: 6, last: 99 }), [
    "readme.txt",
    "disc/a.iso",
    "7",
  ]);
  throws(() => pathsOf({ first: 7, last: 9 }), (error) => {
    ok(error instanceof CommandError);
    deepStrictEqual(error.failure.exitCode, 3);
    ok(error.message.includes("which has root/readme.txt, root/disc/a.iso"), error.message);
    return true;
  });
});

for (const pattern of ["", "/", "./", "a".repeat(65_537)]) {
  const name = pattern.length > 10 ? `${pattern.length} characters` : `"${pattern}"`;
  Deno.test(`selectFiles() calls a pattern of ${name} a usage error`, () => {
    throws(
      () => pathsMeantBy(pattern),
      (error) => error instanceof CommandError && error.failure.exitCode === 2,
    );
  });
}
