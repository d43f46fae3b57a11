import { deepStrictEqual, ok } from "node:assert/strict";
import { CommandError } from "../../../src/cli/output/failure.ts";
import {
  LinkReader,
  type LinkReaderOptions,
  stateFoldersOf,
} from "../../../src/cli/source/link_reader.ts";
import { composeTorrent } from "../../../src/metainfo/compose.ts";
import { createMetainfo } from "../../../src/metainfo/create.ts";
import { magnetLink, parseMagnet } from "../../../src/metainfo/magnet.ts";
import { parseMetainfo } from "../../../src/metainfo/metainfo.ts";
import { pieceLayersOf } from "../../../src/metainfo/piece_layers.ts";
import type { TorrentEvent } from "../../../src/torrent/snapshot.ts";
import { dataOf, version2Torrent } from "../../metainfo/version_2_torrent.ts";
import type { ManualClock } from "../../sim/manual_clock.ts";
import { FakeEngine, type FakeSearch, makeSearchStatus } from "../fake_engine.ts";
import { FakeEnvironment, type FakeOptions } from "../fake_environment.ts";
import { makeMetainfo } from "../torrents.ts";

const METAINFO = makeMetainfo({ name: "alpha" });
const LINK = `${magnetLink(METAINFO)}&tr=http://a.example/x&x.pe=192.0.2.1:1&ws=http://w.example/`;
const KEPT = `state/${METAINFO.infoHashHex}.torrent`;
const MET = { host: "192.0.2.2", port: 2 };

interface Reading {
  readonly engine: FakeEngine;
  readonly environment: FakeEnvironment;
  readonly reader: LinkReader;
  readonly events: TorrentEvent[];
  readonly aborting: AbortController;
}

function startReading(
  { link = LINK, files = {}, onSearch, ...options }: {
    link?: string;
    files?: NonNullable<FakeOptions["files"]>;
    onSearch?: (search: FakeSearch) => void;
  } & Partial<LinkReaderOptions>,
): Reading {
  const engine = new FakeEngine(undefined, onSearch);
  const environment = new FakeEnvironment({ files });
  const events: TorrentEvent[] = [];
  const aborting = new AbortController();
  const reader = new LinkReader(parseMagnet(link), {
    environment,
    openEngine: () => Promise.resolve(engine),
    switches: switches({}),
    stateFolders: ["other", "state"],
    waitsForPeers: true,
    signal: aborting.signal,
    onEvent: (event) => events.push(event),
    ...options,
  });
  return { engine, environment, reader, events, aborting };
}

function switches(changes: Partial<LinkReaderOptions["switches"]>): LinkReaderOptions["switches"] {
  return {
    peers: [],
    noTracker: false,
    noDht: false,
    noLsd: false,
    bindAddress: undefined,
    proxy: undefined,
    metadataTimeoutMs: undefined,
    ...changes,
  };
}

async function failureOfReading(reading: Promise<unknown>): Promise<CommandError> {
  const error = await reading.then(() => undefined, (error) => error);
  ok(error instanceof CommandError, String(error));
  return error;
}

Deno.test("LinkReader asks peers, and adds to the torrent what the link says", async () => {
  const { engine, reader } = startReading({
    onSearch: (search) => search.succeed(METAINFO.infoBytes, [MET]),
  });
  const { source, bytes, peers, isKept } = await reader.read();
  deepStrictEqual(source.metainfo.infoHashHex, METAINFO.infoHashHex);
  deepStrictEqual(source.metainfo.trackers, [["http://a.example/x"]]);
  deepStrictEqual(source.metainfo.webSeeds, ["http://w.example/"]);
  deepStrictEqual(source.metainfoLength, bytes.length);
  deepStrictEqual(peers, [{ host: "192.0.2.1", port: 1 }, MET]);
  deepStrictEqual(isKept, false);
  const [{ request } = {}] = engine.searches;
  deepStrictEqual(request?.infoHash, METAINFO.infoHash);
  deepStrictEqual(request?.trackers, [["http://a.example/x"]]);
  deepStrictEqual(request?.peers, [{ host: "192.0.2.1", port: 1 }]);
});

Deno.test("LinkReader asks nobody when the metadata was kept, and knows all trackers", async () => {
  const addresses = {
    trackers: [["http://b.example/", "http://a.example/x"]],
    webSeeds: ["http://w.example/"],
  };
  const kept = composeTorrent(METAINFO.infoBytes, addresses);
  const { engine, reader } = startReading({ files: { [KEPT]: kept } });
  const { source: { metainfo }, isKept } = await reader.read();
  deepStrictEqual(metainfo.trackers, [["http://a.example/x"], ["http://b.example/"]]);
  deepStrictEqual(metainfo.webSeeds, ["http://w.example/"]);
  deepStrictEqual([isKept, engine.searches.length], [true, 0]);
});

Deno.test("LinkReader makes a .torrent of version 2 with its piece layers, and keeps them", async () => {
  const metainfo = parseMetainfo(version2Torrent({ a: dataOf(70_000), b: dataOf(5) }));
  const pieceLayers = pieceLayersOf(metainfo);
  const link = magnetLink(metainfo);
  const found = startReading({
    link,
    onSearch: (search) => search.succeed(metainfo.infoBytes, [], pieceLayers),
  });
  const { bytes, source, isKept } = await found.reader.read();
  deepStrictEqual([isKept, source.metainfo.pieceHashes], [false, metainfo.pieceHashes]);
  const kept = startReading({ link, files: { [`state/${metainfo.infoHashHex}.torrent`]: bytes } });
  const again = await kept.reader.read();
  deepStrictEqual([again.isKept, kept.engine.searches.length], [true, 0]);
  deepStrictEqual(again.source.metainfo, source.metainfo);
});

Deno.test("LinkReader asks peers when what was kept is corrupt, another's, or cannot be read", async () => {
  const kept = composeTorrent(METAINFO.infoBytes, { trackers: [], webSeeds: [] });
  const corrupt = kept.slice();
  corrupt[kept.length - 5]! ^= 1;
  const another = composeTorrent(makeMetainfo({ name: "beta" }).infoBytes, {
    trackers: [],
    webSeeds: [],
  });
  const refused = new Deno.errors.NotCapable('Requires read access to "x", run again with …');
  for (const file of [corrupt, another, kept.subarray(0, 40), refused, "pipe" as const]) {
    const { engine, reader } = startReading({
      files: { [KEPT]: file },
      onSearch: (search) => search.succeed(METAINFO.infoBytes),
    });
    deepStrictEqual((await reader.read()).isKept, false);
    deepStrictEqual(engine.searches.length, 1);
  }
});

Deno.test("LinkReader keeps peers that it met to itself when the torrent is private", async () => {
  const metainfo = makeMetainfo({ isPrivate: true });
  const { reader } = startReading({
    link: `${magnetLink(metainfo)}&x.pe=192.0.2.1:1`,
    onSearch: (search) => search.succeed(metainfo.infoBytes, [MET]),
  });
  deepStrictEqual((await reader.read()).peers, [{ host: "192.0.2.1", port: 1 }]);
});

Deno.test("LinkReader refuses metadata that is no torrent: exit 3", async () => {
  const { reader } = startReading({
    onSearch: (search) => search.succeed(new TextEncoder().encode("d4:name1:xe")),
  });
  const { failure, message } = await failureOfReading(reader.read());
  deepStrictEqual(failure.exitCode, 3);
  ok(message.startsWith(`Cannot read ${METAINFO.infoHashHex}: `), message);
});

Deno.test("LinkReader refuses a torrent that only one of a link's two info-hashes is of: exit 3", async () => {
  const hybrid = parseMetainfo(createMetainfo({
    name: "a",
    format: "hybrid",
    files: [{ path: ["a"], length: 3 }],
    isSingleFile: true,
    pieceLength: 16_384,
    pieceHashes: new Uint8Array(20),
    pieceRoots: new Uint8Array(32).fill(7),
  }));
  const other = "ab".repeat(32);
  const cases = [
    [hybrid, hybrid.infoHashV2Hex!, 0],
    [hybrid, other, 3],
    [METAINFO, other, 3],
  ] as const;
  for (const [{ infoHashHex, infoBytes }, infoHashV2Hex, exitCode] of cases) {
    const link = magnetLink({ infoHashHex, infoHashV2Hex, trackers: [] });
    const onSearch = (search: FakeSearch) => search.succeed(infoBytes);
    const kept = composeTorrent(infoBytes, { trackers: [], webSeeds: [] });
    for (const files of [{}, { [`state/${infoHashHex}.torrent`]: kept }]) {
      const { reader } = startReading({ link, files, onSearch });
      if (exitCode === 0) {
        deepStrictEqual((await reader.read()).source.metainfo.infoHashHex, infoHashHex);
        continue;
      }
      const { failure, message } = await failureOfReading(reader.read());
      deepStrictEqual(failure.exitCode, exitCode);
      ok(message.startsWith(`Cannot read ${infoHashHex}: the info-hash of version 2`), message);
    }
  }
});

Deno.test("LinkReader gives up at the nearer of two limits, also after weeks", async () => {
  const day = 86_400_000;
  const cases: [metadataTimeoutMs: number, deadlineMs: number | undefined, string, number][] = [
    [20_000, undefined, "metadata-timeout", 20_000],
    [20_000, 30_000, "metadata-timeout", 20_000],
    [20_000, 10_000, "deadline", 10_000],
    [30 * day, undefined, "metadata-timeout", 30 * day],
  ];
  for (const [metadataTimeoutMs, deadlineMs, limit, afterMs] of cases) {
    const { engine, environment, reader } = startReading({
      switches: switches({ metadataTimeoutMs }),
      deadlineMs,
    });
    const { clock } = environment;
    const sleeps = spySleeps(clock);
    let error: CommandError | undefined;
    void failureOfReading(reader.read()).then((failure) => error = failure);
    await environment.clock.run(() => error !== undefined, afterMs - 1);
    deepStrictEqual(error, undefined);
    ok(reader.status.startsWith("looking for the metadata: "));
    engine.searches[0]!.statusChanges = { nodesAsked: 9 };
    ok(await environment.clock.run(() => error !== undefined, 1));
    const { exitCode, evidence } = error!.failure;
    deepStrictEqual([exitCode, evidence["limit"], evidence["nodesAsked"]], [10, limit, 9]);
    ok(engine.searches[0]!.calls.includes("stop"));
    // What a timer of the system takes.
    ok(sleeps.every((durationMs) => durationMs < 2 ** 31), `${sleeps}`);
  }
});

Deno.test("LinkReader counts --stall from the last piece hashes, and other limits do not", async () => {
  const cases: [metadataTimeoutMs: number | undefined, string, number][] = [
    [undefined, "stall", 17_000],
    [16_000, "metadata-timeout", 16_000],
  ];
  for (const [metadataTimeoutMs, limit, afterMs] of cases) {
    const { engine, environment: { clock }, reader } = startReading({
      switches: switches({ metadataTimeoutMs }),
      stallMs: 10_000,
    });
    const startedAt = clock.now();
    let error: CommandError | undefined;
    void failureOfReading(reader.read()).then((failure) => error = failure);
    await clock.run(() => engine.searches.length > 0, 0);
    const search = engine.searches[0]!;
    const pieceHashes = { here: 3, needed: 900 };
    // The last came seven seconds after the beginning.
    search.status = () =>
      makeSearchStatus({ pieceHashes, sinceProgressMs: clock.now() - startedAt - 7_000 });
    await clock.run(() => error !== undefined, afterMs - 1);
    deepStrictEqual(error, undefined);
    ok(await clock.run(() => error !== undefined, 1));
    const { evidence } = error!.failure;
    deepStrictEqual([evidence["limit"], evidence["waitedMs"]], [limit, afterMs]);
  }
});

/** How long is slept, from now on. */
function spySleeps(clock: ManualClock): number[] {
  const sleeps: number[] = [];
  const sleep = clock.sleep.bind(clock);
  clock.sleep = (durationMs, signal) => {
    sleeps.push(durationMs);
    return sleep(durationMs, signal);
  };
  return sleeps;
}

Deno.test("LinkReader fails at once, or says that it waits, when there is nobody to ask", async () => {
  const link = `magnet:?xt=urn:btih:${METAINFO.infoHashHex}&tr=http://a.example/x`;
  const nobody = switches({ noTracker: true, noDht: true, noLsd: true });
  const { engine, reader } = startReading({ link, switches: nobody, waitsForPeers: false });
  const { failure } = await failureOfReading(reader.read());
  deepStrictEqual([failure.exitCode, failure.evidence["limit"]], [10, "nobody-to-ask"]);
  deepStrictEqual(engine.searches.length, 0);
  const proxy = { kind: "socks5", endpoint: { host: "127.0.0.1", port: 1080 } } as const;
  const proxied = switches({ noTracker: true, proxy });
  const behind = startReading({ link, switches: proxied, waitsForPeers: false });
  deepStrictEqual((await failureOfReading(behind.reader.read())).failure.exitCode, 10);
  const waiting = startReading({
    link,
    switches: nobody,
    onSearch: (search) => search.succeed(METAINFO.infoBytes),
  });
  await waiting.reader.read();
  deepStrictEqual(waiting.events.map(({ kind }) => kind), ["warning"]);
  const all: Partial<LinkReaderOptions["switches"]>[] = [
    { noTracker: false },
    { noDht: false },
    { noLsd: false },
    { peers: [MET] },
  ];
  for (const changes of all) {
    const asking = startReading({
      link,
      switches: { ...nobody, ...changes },
      waitsForPeers: false,
      onSearch: (search) => search.succeed(METAINFO.infoBytes),
    });
    await asking.reader.read();
    deepStrictEqual(asking.engine.searches.length, 1);
  }
});

Deno.test("LinkReader fails at once when its way to everybody is barred otherwise", async () => {
  const magnet = `magnet:?xt=urn:btih:${METAINFO.infoHashHex}`;
  const proxy = { kind: "socks5", endpoint: { host: "127.0.0.1", port: 1080 } } as const;
  const onlyHere = switches({ noDht: true, bindAddress: "127.0.0.1" });
  const cases = [
    { link: magnet, switches: onlyHere },
    { link: magnet, switches: { ...onlyHere, bindAddress: "::1" } },
    { link: `${magnet}&tr=wss://a.example/`, switches: onlyHere },
    { link: `${magnet}&tr=udp://a.example:80`, switches: switches({ proxy }) },
  ];
  for (const options of cases) {
    const { engine, reader } = startReading({ ...options, waitsForPeers: false });
    const { failure } = await failureOfReading(reader.read());
    deepStrictEqual([failure.exitCode, failure.evidence["limit"]], [10, "nobody-to-ask"]);
    deepStrictEqual(engine.searches.length, 0);
  }
  for (
    const options of [
      { link: magnet, switches: { ...onlyHere, bindAddress: "192.0.2.7" } },
      { link: `${magnet}&tr=http://a.example/`, switches: switches({ proxy }) },
      { link: `${magnet}&tr=udp://a.example:80`, switches: onlyHere },
    ]
  ) {
    const onSearch = (search: FakeSearch) => search.succeed(METAINFO.infoBytes);
    const { engine, reader } = startReading({ ...options, waitsForPeers: false, onSearch });
    await reader.read();
    deepStrictEqual(engine.searches.length, 1);
  }
});

Deno.test("LinkReader ends its search when it is told to, and when the search fails", async () => {
  const { engine, environment, reader, aborting } = startReading({});
  let error: unknown;
  void reader.read().catch((reason) => error = reason);
  await environment.clock.run(() => engine.searches.length > 0, 1);
  aborting.abort();
  await environment.clock.run(() => error !== undefined, 1);
  deepStrictEqual((error as Error).name, "AbortError");
  const failing = startReading({ onSearch: (search) => search.fail(new Error("no port")) });
  deepStrictEqual(await failing.reader.read().catch((reason) => reason.message), "no port");
  deepStrictEqual(failing.engine.searches[0]!.calls, ["find", "stop"]);
});

Deno.test("stateFoldersOf() looks in the folder and beside it, or where it is told", () => {
  deepStrictEqual(stateFoldersOf("a/b", undefined), ["a/b/.starling", "a/.starling"]);
  deepStrictEqual(stateFoldersOf("a/b", "s"), ["s"]);
});
