/** Magnet links and info-hashes as sources of a whole `get`. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { StorageError } from "../../../src/base/errors.ts";
import { composeTorrent } from "../../../src/metainfo/compose.ts";
import { magnetLink } from "../../../src/metainfo/magnet.ts";
import { type Metainfo, parseMetainfo } from "../../../src/metainfo/metainfo.ts";
import { CommandRun } from "../command_run.ts";
import type { FakeSearch, FakeTorrent } from "../fake_engine.ts";
import type { FakeOptions } from "../fake_environment.ts";
import { makeMetainfo, makeTorrent } from "../torrents.ts";

const ALPHA = makeMetainfo({ name: "alpha" });
const PACK = makeMetainfo({
  name: "pack",
  files: [
    { path: "one.bin", length: 1000 },
    { path: "pad", length: 24, isPadding: true },
    { path: "two.txt", length: 500 },
  ],
});
const MET = { host: "192.0.2.2", port: 2 };

function keptTorrent({ infoBytes }: Metainfo): Uint8Array {
  return composeTorrent(infoBytes, { trackers: [["http://t.example/x"]], webSeeds: [] });
}

function startGet(
  args: readonly string[],
  { files = {}, ...options }: FakeOptions & { onSearch?: (search: FakeSearch) => void } = {},
  onOpen: (torrent: FakeTorrent) => void = (torrent) => torrent.complete(),
): CommandRun {
  return new CommandRun(["get", ...args], onOpen, { files, ...options });
}

/** Its search finds at once what it looks for. */
function finds({ infoBytes }: Metainfo) {
  return { onSearch: (search: FakeSearch) => search.succeed(infoBytes, [MET]) };
}

Deno.test("get finds the metadata of a magnet, keeps it, and downloads from whom it met", async () => {
  const get = startGet(["--json", "-o", "out", `${magnetLink(ALPHA)}&x.pe=192.0.2.1:1`]);
  await get.pass(10_000);
  deepStrictEqual(get.engine.torrents.size, 0);
  deepStrictEqual(get.events("added"), []);
  const [search] = get.engine.searches;
  deepStrictEqual(search!.request.infoHash, ALPHA.infoHash);
  search!.request.onEvent({ kind: "tracker", url: "http://t/…", ok: false, failure: "no" });
  search!.succeed(ALPHA.infoBytes, [MET]);
  deepStrictEqual(await get.end(), 0);
  deepStrictEqual(get.engine.only.request.source.metainfo.infoHashHex, ALPHA.infoHashHex);
  deepStrictEqual(get.engine.only.request.peers, [{ host: "192.0.2.1", port: 1 }, MET]);
  const events = get.environment.events.map(({ event }) => event);
  deepStrictEqual(events, ["tracker", "metadata", "added", "done"]);
  ok(get.environment.events.every(({ infoHash }) => infoHash === ALPHA.infoHashHex));
  const [{ bytes, seconds, kept } = {}] = get.events("metadata");
  deepStrictEqual([bytes, kept], [ALPHA.infoBytes.length, false]);
  ok(Number(seconds) >= 10);
  const path = `out/.starling/${ALPHA.infoHashHex}.torrent`;
  const receipt = `out/.starling/${ALPHA.infoHashHex}.receipt`;
  deepStrictEqual(Object.keys(get.environment.kept), [path, receipt]);
  deepStrictEqual(parseMetainfo(get.environment.kept[path]!).infoHashHex, ALPHA.infoHashHex);
});

Deno.test("get asks nobody for metadata that an earlier run kept", async () => {
  for (
    const [args, folder] of [
      [["-o", "out"], "out/.starling"],
      [["--state-dir", "state"], "state"],
    ] as const
  ) {
    const files = { [`${folder}/${ALPHA.infoHashHex}.torrent`]: keptTorrent(ALPHA) };
    const get = startGet(["--json", ...args, ALPHA.infoHashHex], { files });
    deepStrictEqual(await get.end(), 0);
    const receipt = `${folder}/${ALPHA.infoHashHex}.receipt`;
    deepStrictEqual(get.engine.searches.length, 0);
    deepStrictEqual(Object.keys(get.environment.kept), [receipt]);
    deepStrictEqual(get.events("metadata").map(({ kept }) => kept), [true]);
    const { metainfo } = get.engine.only.request.source;
    deepStrictEqual(metainfo.trackers, [["http://t.example/x"]]);
  }
});

Deno.test("get says in its plain lines and in its live view what the search is doing", async () => {
  const link = `magnet:?xt=urn:btih:${ALPHA.infoHashHex}&dn=the%20name`;
  const plain = startGet([link]);
  await plain.pass(1_000);
  plain.engine.searches[0]!.statusChanges = { peersKnown: 3, nodesAsked: 45 };
  await plain.pass(30_000);
  const doing = "looking for the metadata: 3 peers known, 0 connected, 45 DHT nodes asked";
  deepStrictEqual(plain.out, `the name: ${doing}\n`);
  plain.engine.searches[0]!.succeed(ALPHA.infoBytes);
  deepStrictEqual(await plain.end(), 0);
  ok(/^alpha: found the metadata: \d+ B in 3\ds$/m.test(plain.out), plain.out);

  const live = startGet([link], { terminal: { columns: 100, rows: 20 } });
  await live.pass(1_000);
  live.engine.searches[0]!.statusChanges = { peersKnown: 3, nodesAsked: 45 };
  await live.pass(1_000);
  ok(live.out.includes(doing), live.out);
  live.environment.signal("SIGINT");
  deepStrictEqual(await live.end(), 130);
  ok(live.out.includes("interrupted before the download began"), live.out);
});

Deno.test("get exits 10 with evidence when no metadata came in time", async () => {
  const cases: [string[], limit: string, waitedMs: number][] = [
    [["--metadata-timeout", "20s"], "metadata-timeout", 20_000],
    [["--deadline", "1m"], "deadline", 60_000],
    [["--deadline", "1m", "--stall", "30s"], "stall", 30_000],
  ];
  for (const [args, limit, waitedMs] of cases) {
    const get = startGet(["--json", ...args, ALPHA.infoHashHex]);
    await get.pass(1_000);
    get.engine.searches[0]!.statusChanges = { peersKnown: 2, peersTried: 2, nodesAsked: 45 };
    deepStrictEqual(await get.end(), 10);
    const [{ verdict, exitCode, retryable, evidence } = {}] = get.events("failed");
    deepStrictEqual([verdict, exitCode, retryable], ["no-metadata", 10, true]);
    const { nodesAsked, peersTried, ...rest } = evidence as Record<string, unknown>;
    deepStrictEqual([nodesAsked, peersTried, rest["limit"]], [45, 2, limit]);
    ok(Math.abs(Number(rest["waitedMs"]) - waitedMs) < 1_000, `${rest["waitedMs"]}`);
    const words = "2 of 2 known peers tried, none reached, 45 DHT nodes asked";
    ok(get.err.includes(words) && get.err.trimEnd().split("\n").length === 1, get.err);
    deepStrictEqual(get.environment.kept, {});
  }
});

Deno.test("get --deadline counts the search, and what is left of it is the download's", async () => {
  const get = startGet(["--deadline", "1m", ALPHA.infoHashHex], {}, () => {});
  await get.pass(40_000);
  get.engine.searches[0]!.succeed(ALPHA.infoBytes);
  await get.pass(19_000);
  deepStrictEqual(get.exitCode, undefined);
  await get.pass(2_000);
  deepStrictEqual(await get.end(), 14);
});

Deno.test("get downloads what the link selects, until the user selects", async () => {
  const link = `${magnetLink(PACK)}&so=2`;
  const selectedBy = async (...args: string[]) => {
    const get = startGet([...args, link], finds(PACK));
    deepStrictEqual(await get.end(), 0);
    return [...get.engine.only.request.selected];
  };
  deepStrictEqual(await selectedBy(), [2]);
  deepStrictEqual(await selectedBy("--select", "1"), [0]);
  const get = startGet([`${magnetLink(PACK)}&so=1,7-9`], finds(PACK));
  deepStrictEqual(await get.end(), 3);
  ok(get.err.includes("the link selects files that are not in the torrent"), get.err);
});

Deno.test("get looks once for a torrent that is named twice, in whatever way", async () => {
  const get = startGet([ALPHA.infoHashHex, magnetLink(ALPHA), "a.torrent"], {
    files: { "a.torrent": makeTorrent({ name: "alpha" }) },
    ...finds(ALPHA),
  });
  deepStrictEqual(await get.end(), 0);
  deepStrictEqual([get.engine.searches.length, get.engine.torrents.size], [1, 1]);
  deepStrictEqual(get.err.match(/it was named twice and is downloaded once/g)?.length, 2);
});

Deno.test("get goes on when the metadata cannot be kept, and says so", async () => {
  const keepError = new StorageError("io", "x", "Cannot save x: Input/output error");
  const get = startGet([ALPHA.infoHashHex], { keepError, ...finds(ALPHA) });
  deepStrictEqual(await get.end(), 0);
  ok(get.err.includes("the metadata is not kept: Cannot save x"), get.err);
});

Deno.test("S4 get names the flag that is missing before it looks for metadata", async () => {
  const flag = "--allow-write=out/.starling";
  const missing = { access: "write", target: "out/.starling", flag };
  const get = startGet(["-o", "out", ALPHA.infoHashHex], { missing });
  deepStrictEqual(await get.end(), 4);
  ok(get.err.includes(flag), get.err);
  deepStrictEqual(get.engine.searches.length, 0);
});

Deno.test("get exits 3 for a link without an info-hash", async () => {
  const get = startGet(["magnet:?dn=x&tr=http://t.example/secret/announce"]);
  deepStrictEqual(await get.end(), 3);
  deepStrictEqual(
    get.err,
    "starling: Cannot read magnet:?…: it has no info-hash (xt=urn:btih:…)\n",
  );
});
