import { deepStrictEqual, ok } from "node:assert/strict";
import { run } from "../../src/cli/run.ts";
import { FakeEnvironment } from "./fake_environment.ts";
import { makeTorrent } from "./torrents.ts";

const TORRENT = makeTorrent({
  name: "pack",
  files: [
    { path: "a/one.bin", length: 40_000 },
    { path: "pad", length: 25_536, isPadding: true },
    { path: "two.txt", length: 3 },
  ],
  trackers: [["http://a.example/announce", "udp://b.example:80"], ["http://c.example/announce"]],
  comment: "mind the \x1b[31mcolour",
  createdBy: "hand",
  creationDate: 1_650_547_020,
  isPrivate: true,
});

async function info(...args: string[]) {
  const environment = new FakeEnvironment({ args: ["info", ...args], files: { x: TORRENT } });
  const exitCode = await run(environment);
  return { exitCode, out: environment.out, err: environment.err };
}

Deno.test("info prints what a torrent holds, with the numbers that --select takes", async () => {
  const { exitCode, out, err } = await info("x");
  deepStrictEqual([exitCode, err], [0, ""]);
  const lines = out.split("\n");
  const value = (name: string) => lines.find((line) => line.trim().startsWith(name))?.trim();
  deepStrictEqual(value("Name"), "Name  pack");
  deepStrictEqual(value("Comment"), "Comment  mind the \\x1b[31mcolour");
  deepStrictEqual(value("Created  "), "Created  2022-04-21 13:17:00 UTC");
  deepStrictEqual(value("Content Size"), "Content Size  39.0 KiB (40003 bytes)");
  deepStrictEqual(value("Private"), "Private  yes");
  deepStrictEqual(value("Tracker 2"), "Tracker 2  http://c.example/announce");
  ok(value("Magnet")?.startsWith("Magnet  magnet:?xt=urn:btih:"));
  deepStrictEqual(lines.slice(-3), [
    "1   39.0 KiB  pack/a/one.bin",
    "2        3 B  pack/two.txt",
    "",
  ]);
});

Deno.test("info --json prints the contract of cli.md", async () => {
  const { exitCode, out } = await info("--json", "x");
  const { infoHash, magnet, ...rest } = JSON.parse(out);
  deepStrictEqual(exitCode, 0);
  ok(/^[0-9a-f]{40}$/.test(infoHash));
  ok(magnet.startsWith(`magnet:?xt=urn:btih:${infoHash}&dn=pack&tr=http%3A%2F%2Fa.example`));
  deepStrictEqual(rest, {
    name: "pack",
    size: 40_003,
    pieceLength: 32_768,
    pieces: 3,
    private: true,
    files: [{ path: "pack/a/one.bin", size: 40_000 }, { path: "pack/two.txt", size: 3 }],
    trackers: [["http://a.example/announce", "udp://b.example:80"], ["http://c.example/announce"]],
    comment: "mind the \x1b[31mcolour",
    createdBy: "hand",
    creationDate: 1_650_547_020,
    source: null,
    webSeeds: [],
    nodes: [],
  });
});

Deno.test("info says nothing on standard output when there is no torrent", async () => {
  const { exitCode, out, err } = await info("y");
  deepStrictEqual([exitCode, out], [3, ""]);
  deepStrictEqual(err, "starling: Cannot read y: there is no such file\n");
});
