import { deepStrictEqual, ok } from "node:assert/strict";
import { run } from "../../src/cli/run.ts";
import { type BencodeDictionary, decode, dictionaryIn } from "../../src/metainfo/bencode.ts";
import { createMetainfo } from "../../src/metainfo/create.ts";
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

/** The same file as a torrent of version 2 and as a hybrid. */
const [VERSION_2, HYBRID] = (["v2", "hybrid"] as const).map((format) =>
  createMetainfo({
    name: "one.bin",
    format,
    files: [{ path: ["one.bin"], length: 3 }],
    isSingleFile: true,
    pieceLength: 16_384,
    pieceHashes: new Uint8Array(format === "v2" ? 0 : 20),
    pieceRoots: new Uint8Array(32).fill(7),
  })
);

async function info(...args: string[]) {
  const files = { x: TORRENT, v2: VERSION_2!, hybrid: HYBRID! };
  const environment = new FakeEnvironment({ args: ["info", ...args], files });
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
    infoHashV2: null,
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

Deno.test("info names both info-hashes of a hybrid, and of version 2 the one that it has", async () => {
  const hashOf = async (algorithm: string, torrent: Uint8Array) => {
    const { raw } = dictionaryIn(decode(torrent) as BencodeDictionary, "info")!;
    return new Uint8Array(await crypto.subtle.digest(algorithm, new Uint8Array(raw))).toHex();
  };
  const sha1 = await hashOf("SHA-1", HYBRID!), sha256 = await hashOf("SHA-256", HYBRID!);
  const only = await hashOf("SHA-256", VERSION_2!);
  const cases = [
    ["hybrid", sha1, sha256, `xt=urn:btih:${sha1}&xt=urn:btmh:1220${sha256}`],
    ["v2", only, only, `xt=urn:btmh:1220${only}`],
  ] as const;
  for (const [file, infoHash, infoHashV2, topics] of cases) {
    const described = JSON.parse((await info("--json", file)).out);
    deepStrictEqual([described.infoHash, described.infoHashV2], [infoHash, infoHashV2]);
    deepStrictEqual(described.magnet, `magnet:?${topics}&dn=one.bin`);
  }
  const rows = async (file: string) =>
    (await info(file)).out.split("\n").filter((line) => line.includes("Info Hash"));
  deepStrictEqual(await rows("hybrid"), [`   Info Hash  ${sha1}`, `Info Hash v2  ${sha256}`]);
  deepStrictEqual(await rows("v2"), [`   Info Hash  ${only}`]);
});

Deno.test("info says nothing on standard output when there is no torrent", async () => {
  const { exitCode, out, err } = await info("y");
  deepStrictEqual([exitCode, out], [3, ""]);
  deepStrictEqual(err, "starling: Cannot read y: there is no such file\n");
});
