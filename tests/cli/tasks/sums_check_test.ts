import { deepStrictEqual, rejects, throws } from "node:assert/strict";
import { listFiles } from "../../../src/cli/files/file_list.ts";
import { parseTorrent } from "../../../src/cli/source/source.ts";
import { expectedSums, readSums } from "../../../src/cli/tasks/sums_check.ts";
import { FakeEnvironment } from "../fake_environment.ts";
import { makeTorrent } from "../torrents.ts";

const A = "a".repeat(64), B = "b".repeat(64);
const NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const PACK = await parseTorrent(
  makeTorrent({
    name: "pack",
    files: [
      { path: "one.bin", length: 1000 },
      { path: "two.txt", length: 500 },
      { path: "empty", length: 0 },
    ],
  }),
  "x",
  { platform: "linux" },
);
const FILES = [...listFiles(PACK)];
const [ONE, TWO, EMPTY] = FILES;

function failure(exitCode: number, words: RegExp) {
  return (error: Error & { failure?: { exitCode: number; detail: string } }) => {
    deepStrictEqual(
      [error.failure?.exitCode, words.test(error.message)],
      [exitCode, true],
      `${error}`,
    );
    return true;
  };
}

Deno.test("readSums() reads a file, and says what is none", async () => {
  const list = (text: string) => new TextEncoder().encode(text);
  const files = {
    sums: list(`${A}  x\n`),
    page: new Uint8Array(9),
    absolute: list(`${A}  /data/pack/x\n${B}  ../y\n`),
    pipe: "pipe",
  } as const;
  const environment = new FakeEnvironment({ files, stdin: list(`${B}  y\n`) });
  const { signal } = new AbortController();
  const read = (list: string) => readSums(list, { proxy: undefined }, environment, signal);
  deepStrictEqual([...await read("sums")], [["x", A]]);
  await rejects(read("page"), failure(8, /^Cannot read page: no line .*; --sums needs a list/));
  await rejects(read("nowhere"), failure(8, /there is no such file; --sums needs/));
  await rejects(read("absolute"), failure(8, /^Cannot read absolute: its paths are absolute/));
  await rejects(read("pipe"), failure(8, /no ordinary file; a pipe is read from standard input/));
  deepStrictEqual([...await read("-")], [["y", B]]);
});

Deno.test("readSums() fetches a URL without the headers that are for .torrents", async () => {
  const statuses = [200, 404, 503];
  const asked: unknown[] = [];
  const environment = new FakeEnvironment({
    fetch: (url, { headers }) => {
      asked.push([url, headers]);
      const bytes = new TextEncoder().encode(`${A}  x\n`);
      return Promise.resolve({ status: statuses.shift()!, bytes, url });
    },
  });
  const { signal } = new AbortController();
  const url = "http://127.0.0.1/SHA256SUMS";
  const read = () => readSums(url, { proxy: undefined }, environment, signal);
  deepStrictEqual([...await read()], [["x", A]]);
  deepStrictEqual(asked, [[url, {}]]);
  await rejects(read(), failure(8, /the server says 404/));
  await rejects(read(), failure(10, /the server says 503/));
});

Deno.test("expectedSums() wants a line for every selected file, and for no other", () => {
  const sums = new Map([["one.bin", A], ["two.txt", B]]);
  deepStrictEqual([...expectedSums(sums, new Set([ONE!, TWO!]), PACK)], [[0, A], [1, B]]);
  deepStrictEqual([...expectedSums(sums, new Set([TWO!]), PACK)], [[1, B]]);
  throws(
    () => expectedSums(sums, new Set(FILES), PACK),
    failure(8, /^this file is not in the list of --sums: pack\/empty; /),
  );
  const contradictory = new Map([["one.bin", null], ["two.txt", B]]);
  throws(() => expectedSums(contradictory, new Set([ONE!, TWO!]), PACK), failure(8, /pack\/one/));
});

Deno.test("expectedSums() knows without a look what a file without bytes is", () => {
  deepStrictEqual([...expectedSums(new Map([["empty", NOTHING]]), new Set([EMPTY!]), PACK)], [
    [2, NOTHING],
  ]);
  throws(
    () => expectedSums(new Map([["empty", A]]), new Set([EMPTY!]), PACK),
    failure(8, /^this file is not what --sums says: pack\/empty; /),
  );
});
