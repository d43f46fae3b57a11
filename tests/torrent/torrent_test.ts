import { deepStrictEqual, match, ok, rejects, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { formatEndpoint } from "../../src/base/endpoint.ts";
import { StoppedError, StorageError } from "../../src/base/errors.ts";
import type { FileIndex, PieceIndex } from "../../src/base/ids.ts";
import { untilAborted } from "../../src/base/until_aborted.ts";
import type { Client } from "../../src/torrent/client.ts";
import type { Torrent } from "../../src/torrent/torrent.ts";
import type { TorrentOptions } from "../../src/torrent/torrent_options.ts";
import { fullBitfield, Lab, PORT } from "../sim/lab.ts";
import { type DiskFaults, type SimDisk, SimStorage } from "../sim/sim_storage.ts";

const PIECE_LENGTH = 32_768;
const MINUTE_MS = 60_000;
const FAST = { latencyMs: 5, bytesPerSecond: 2_000_000 };
const SLOW = { latencyMs: 50, bytesPerSecond: 20_000 };

interface Downloader {
  readonly torrent: Torrent;
  readonly storage: SimStorage;
  readonly disk: SimDisk;
  readonly result: Promise<void>;
}

interface DownloaderOptions {
  readonly disk?: SimDisk;
  readonly faults?: DiskFaults;
  readonly host?: string;
  readonly client?: Client;
}

async function inLab(pieces: number, run: (lab: Lab) => Promise<void>): Promise<void> {
  const random = new SeededRandom(pieces);
  const lab = new Lab(random.bytes(pieces * PIECE_LENGTH - 1000), PIECE_LENGTH, random);
  try {
    await run(lab);
  } finally {
    await lab.end();
  }
}

function download(
  lab: Lab,
  options: Partial<TorrentOptions> & DownloaderOptions = {},
): Downloader {
  const { disk = lab.createDisk(), faults = { latencyMs: 1 }, host = "10.0.0.1" } = options;
  const storage = new SimStorage(lab.metainfo, disk, lab.clock, faults);
  const { client = lab.createClient(host) } = options;
  const torrent = lab.addTorrent(client, storage, options);
  const result = torrent.download();
  result.catch(() => {}); // each test looks at it in its own time
  return { torrent, storage, disk, result };
}

async function complete(lab: Lab, downloader: Downloader, limitMs = MINUTE_MS): Promise<void> {
  ok(await lab.settled(downloader.result, limitMs), downloader.torrent.verdict().detail);
  await downloader.result;
  const { disk, storage } = downloader;
  strictEqual(disk.pieces.size, lab.metainfo.layout.pieceCount);
  for (const [piece, bytes] of disk.pieces) deepStrictEqual(bytes, lab.contentOf(piece));
  ok(storage.isFinished);
}

Deno.test("download() fetches everything from one seed, finishes and leaves", async () => {
  await inLab(20, async (lab) => {
    lab.addSeed("10.0.1.1", FAST);
    const downloader = download(lab);
    await complete(lab, downloader);
    const { state, have, pieces, bytes, size, peers, wasted } = downloader.torrent.snapshot();
    deepStrictEqual({ state, have, pieces }, { state: "complete", have: 20, pieces: 20 });
    strictEqual(bytes, size);
    strictEqual(peers.connected, 0);
    strictEqual(peers.contributed, 1);
    strictEqual(wasted, 0);
    strictEqual(downloader.torrent.verdict().cause, "complete");
  });
});

Deno.test("snapshot() says what was selected, and how far it is, while the disk is checked", async () => {
  await inLab(3, async (lab) => {
    class SlowlyChecked extends SimStorage {
      override restore(
        onProgress: (bytes: number, total: number) => void = () => {},
        signal = new AbortController().signal,
      ): Promise<never> {
        onProgress(1, 2);
        return untilAborted(new Promise<never>(() => {}), signal);
      }
    }
    const { metainfo, clock } = lab;
    const storage = new SlowlyChecked(metainfo, lab.createDisk(), clock, { latencyMs: 1 });
    const torrent = lab.addTorrent(lab.createClient("10.0.0.1"), storage, {});
    const result = torrent.download();
    const expected = [
      "checking",
      { bytes: 1, total: 2 },
      [0, 3],
      [0, metainfo.layout.totalLength],
    ];
    const shown = () => {
      const { state, checked, have, pieces, bytes, size } = torrent.snapshot();
      return [state, checked, [have, pieces], [bytes, size]];
    };
    deepStrictEqual(shown(), expected);
    await Promise.all([rejects(result), torrent.stop()]);
    deepStrictEqual(shown(), expected, "nobody knows more when it is cut off");
  });
});

Deno.test("download() opens no connection when everything is here already", async () => {
  await inLab(3, async (lab) => {
    lab.addSeed("10.0.1.1", FAST);
    const disk = lab.createDisk();
    disk.claimed = fullBitfield(3);
    const downloader = download(lab, { disk });
    ok(await lab.settled(downloader.result, 1_000));
    await downloader.result;
    strictEqual(downloader.torrent.snapshot().peers.known, 0);
    ok(downloader.storage.isFinished);
  });
});

Deno.test("download() shares the work between seeds when several are as fast", async () => {
  await inLab(40, async (lab) => {
    for (let index = 0; index < 4; index++) lab.addSeed(`10.0.1.${index}`, SLOW);
    const downloader = download(lab);
    const aloneMs = 40 * PIECE_LENGTH / SLOW.bytesPerSecond * 1000;
    await complete(lab, downloader, aloneMs / 3);
  });
});

Deno.test("download() does not wait for one slow peer when it holds the last blocks", async () => {
  await inLab(10, async (lab) => {
    lab.addSeed("10.0.1.1", { latencyMs: 10, bytesPerSecond: 500 });
    lab.addSeed("10.0.1.2", { latencyMs: 10, bytesPerSecond: 200_000 });
    const fastAloneMs = 10 * PIECE_LENGTH / 200_000 * 1000;
    await complete(lab, download(lab), fastAloneMs + 5_000);
  });
});

Deno.test("download() takes blocks from others when a peer stalls in the middle of one", async () => {
  await inLab(10, async (lab) => {
    lab.addSeed("10.0.1.1", { ...FAST, stallsAfterBytes: 50_000 });
    lab.addSeed("10.0.1.2", SLOW);
    await complete(lab, download(lab), 10 * PIECE_LENGTH / SLOW.bytesPerSecond * 1000 + 15_000);
  });
});

Deno.test("download() comes back to a seed when its connection breaks again and again", async () => {
  await inLab(10, async (lab) => {
    lab.addSeed("10.0.1.1", { ...FAST, resetsAfterBytes: 120_000 });
    await complete(lab, download(lab), 5 * MINUTE_MS);
  });
});

Deno.test("P17 download() bans exactly the liar when one of four seeds lies", async () => {
  await inLab(40, async (lab) => {
    const random = new SeededRandom(7);
    for (const host of ["10.0.1.1", "10.0.1.2", "10.0.1.3"]) {
      lab.addSeed(host, { latencyMs: 10, bytesPerSecond: 100_000 });
    }
    lab.addSeed(
      "10.0.1.4",
      { latencyMs: 10, bytesPerSecond: 100_000 },
      () => random.below(3) === 0,
    );
    const downloader = download(lab);
    await complete(lab, downloader);
    const banned = lab.events.flatMap((event) =>
      event.kind === "peer-banned" ? [formatEndpoint(event.endpoint)] : []
    );
    deepStrictEqual(banned, ["10.0.1.4:6881"]);
    strictEqual(downloader.torrent.snapshot().peers.banned, 1);
  });
});

Deno.test("P18 download() waits and says why when all peers lie", async () => {
  await inLab(3, async (lab) => {
    lab.addSeed("10.0.1.1", FAST, () => true);
    lab.addSeed("10.0.1.2", FAST, () => true);
    const downloader = download(lab);
    strictEqual(await lab.settled(downloader.result, 5 * MINUTE_MS), false);
    const { cause, exitCode } = downloader.torrent.verdict();
    deepStrictEqual({ cause, exitCode }, { cause: "only-bad-data", exitCode: 16 });
  });
});

Deno.test("download() rejects with the storage's error when the disk is full, and keeps the rest", async () => {
  await inLab(10, async (lab) => {
    lab.addSeed("10.0.1.1", FAST);
    const downloader = download(lab, { faults: { latencyMs: 1, capacity: 4 } });
    ok(await lab.settled(downloader.result, MINUTE_MS));
    await rejects(downloader.result, StorageError);
    strictEqual(downloader.disk.claimed.count, 4);
    strictEqual(downloader.torrent.snapshot().state, "stopped");
    await complete(lab, download(lab, { disk: downloader.disk, host: "10.0.0.2" }));
  });
});

Deno.test("D17 S9 download() does not ask for more than the budget holds when the disk is slow", async () => {
  await inLab(40, async (lab) => {
    lab.addSeed("10.0.1.1", FAST);
    const memoryBudgetBytes = 4 * PIECE_LENGTH;
    const downloader = download(lab, { memoryBudgetBytes, faults: { latencyMs: 300 } });
    let most = 0;
    await lab.clock.run(() => {
      most = Math.max(most, downloader.torrent.snapshot().memoryBytes);
      return downloader.torrent.snapshot().state === "complete";
    }, MINUTE_MS);
    ok(most <= memoryBudgetBytes, `${most} bytes`);
    await complete(lab, downloader);
  });
});

Deno.test("download() fetches only what was selected", async () => {
  await inLab(10, async (lab) => {
    lab.addSeed("10.0.1.1", FAST);
    const downloader = download(lab, { selected: new Set<FileIndex>() });
    ok(await lab.settled(downloader.result, 1_000));
    strictEqual(downloader.disk.pieces.size, 0);
  });
});

Deno.test("download() says that it can only wait when there is no source of peers", async () => {
  await inLab(3, async (lab) => {
    const { torrent, result } = download(lab, { peers: [] });
    strictEqual(await lab.settled(result, MINUTE_MS), false);
    const warnings = lab.events.flatMap((event) => event.kind === "warning" ? [event.message] : []);
    strictEqual(warnings.length, 1);
    match(warnings[0]!, /no peer is named/);
    strictEqual(torrent.verdict().exitCode, 12);
  });
});

/** The order in which pieces were verified. */
function orderOf(lab: Lab): number[] {
  return lab.events.flatMap((event) => event.kind === "piece" ? [event.piece] : []);
}

Deno.test("download() goes through the pieces in order when it is sequential", async () => {
  await inLab(30, async (lab) => {
    lab.addSeed("10.0.1.1", FAST);
    await complete(lab, download(lab, { sequential: true }));
    deepStrictEqual(orderOf(lab), Array.from({ length: 30 }, (_, piece) => piece));
  });
});

Deno.test("download() fetches the named range first", async () => {
  await inLab(30, async (lab) => {
    lab.addSeed("10.0.1.1", FAST);
    const range = { file: 0 as FileIndex, start: 20 * PIECE_LENGTH, end: 22 * PIECE_LENGTH + 1 };
    await complete(lab, download(lab, { firstRanges: [range] }));
    deepStrictEqual(orderOf(lab).slice(0, 3), [20, 21, 22]);
  });
});

Deno.test("stop() saves what is here, and download() rejects", async () => {
  await inLab(40, async (lab) => {
    lab.addSeed("10.0.1.1", { latencyMs: 10, bytesPerSecond: 100_000 });
    const downloader = download(lab);
    strictEqual(await lab.settled(downloader.result, 3_000), false);
    const stopping = downloader.torrent.stop();
    ok(await lab.settled(Promise.allSettled([stopping, downloader.result]), 5_000));
    await stopping;
    await rejects(downloader.result, StoppedError);
    ok(downloader.disk.claimed.count > 0);
    strictEqual(downloader.disk.claimed.count, downloader.disk.pieces.size);
  });
});

Deno.test("download() saves every few seconds while it runs", async () => {
  await inLab(40, async (lab) => {
    lab.addSeed("10.0.1.1", { latencyMs: 10, bytesPerSecond: 100_000 });
    const downloader = download(lab);
    await lab.clock.run(() => false, 9_000);
    const { claimed, pieces } = downloader.disk;
    ok(claimed.count > 0 && claimed.count <= pieces.size, `${claimed.count} of ${pieces.size}`);
  });
});

Deno.test("download() keeps to --max-peers, and lets a useful peer in for a useless one", async () => {
  await inLab(40, async (lab) => {
    for (let index = 0; index < 3; index++) lab.addScripted(`10.0.2.${index}`, { kind: "empty" });
    const downloader = download(lab, { maxPeers: 3 });
    await lab.clock.run(() => false, 2 * MINUTE_MS);
    strictEqual(downloader.torrent.snapshot().peers.connected, 3);
    const seed = lab.createClient("10.0.1.1");
    const disk = lab.createDisk();
    disk.claimed = fullBitfield(40);
    for (const piece of disk.claimed.ones()) {
      disk.pieces.set(piece as PieceIndex, lab.contentOf(piece as PieceIndex));
    }
    const seeding = lab.addTorrent(seed, new SimStorage(lab.metainfo, disk, lab.clock, FAST), {
      peers: [{ host: "10.0.0.1", port: 6881 }],
      uploadSlots: 4,
      keepSeeding: true,
      onEvent: () => {},
    });
    seeding.download().catch(() => {});
    await complete(lab, downloader, 10 * MINUTE_MS);
  });
});

Deno.test("D5 a seed whose file changes offers no more of it, says so once, and serves the rest", async () => {
  await inLab(20, async (lab) => {
    const disk = lab.createDisk();
    const everything = fullBitfield(20);
    disk.claimed = everything;
    for (const piece of everything.ones() as Iterable<PieceIndex>) {
      if (piece !== 7) disk.pieces.set(piece, lab.contentOf(piece));
    }
    const seed = download(lab, { disk, host: "10.0.1.1", keepSeeding: true, uploadSlots: 8 });
    ok(await lab.settled(seed.result, MINUTE_MS));
    lab.endpoints.push({ host: "10.0.1.1", port: PORT });
    const early = download(lab, { host: "10.0.0.2" });
    ok(!await lab.settled(early.result, 2 * MINUTE_MS));
    strictEqual(early.torrent.snapshot().have, 19);
    const warnings = lab.events.filter(({ kind }) => kind === "warning");
    deepStrictEqual(warnings, [{
      kind: "warning",
      message: "Cannot read sim: it was changed; what was in it is not uploaded any more",
    }]);
    // Whoever comes later is not even told of it.
    const late = download(lab, { host: "10.0.0.3", uploadSlots: 0 });
    ok(!await lab.settled(late.result, MINUTE_MS));
    const [peer] = late.torrent.peerSnapshots();
    strictEqual(peer?.progress, 19 / 20);
    for (const { torrent } of [seed, early, late]) await lab.settled(torrent.stop(), MINUTE_MS);
  });
});

Deno.test("download() stays to seed when asked, until it is stopped", async () => {
  await inLab(20, async (lab) => {
    lab.addSeed("10.0.1.1", FAST);
    const { torrent, result } = download(lab, { keepSeeding: true });
    ok(await lab.settled(result, MINUTE_MS));
    strictEqual(torrent.snapshot().state, "seeding");
    const seeding = torrent.seed();
    ok(!await lab.settled(seeding, MINUTE_MS));
    ok(await lab.settled(torrent.stop(), MINUTE_MS));
    ok(await lab.settled(seeding, 0));
    strictEqual(torrent.snapshot().state, "complete");
  });
});

Deno.test("download() wants nothing that is not here when it only shares", async () => {
  await inLab(20, async (lab) => {
    lab.addSeed("10.0.1.1", FAST);
    const disk = lab.createDisk();
    for (const piece of [3, 4] as PieceIndex[]) {
      disk.claimed.set(piece);
      disk.pieces.set(piece, lab.contentOf(piece));
    }
    const { torrent, result } = download(lab, { disk, keepSeeding: true, sharesOnly: true });
    ok(await lab.settled(result, MINUTE_MS));
    await lab.clock.run(() => false, MINUTE_MS);
    const { state, have, pieces, downloaded } = torrent.snapshot();
    deepStrictEqual([state, have, pieces, downloaded], ["seeding", 2, 2, 0]);
  });
});

Deno.test("download() asks at most --max-downloads peers at a time", async () => {
  await inLab(40, async (lab) => {
    for (let index = 0; index < 5; index++) lab.addSeed(`10.0.1.${index}`, SLOW);
    const downloader = download(lab, { maxDownloads: 2 });
    let most = 0;
    await lab.clock.run(() => {
      const busy = downloader.torrent.peerSnapshots().filter(({ downloaded }) => downloaded > 0);
      most = Math.max(most, busy.length);
      return false;
    }, 10_000);
    strictEqual(most, 2);
  });
});

/** The events of announces, with how many bytes were left, of a run that wants so many of 20. */
async function announcesOf(pieces: number): Promise<[string | null, number][]> {
  const heard: [string | null, number][] = [];
  await inLab(20, async (lab) => {
    lab.addSeed("10.0.1.1", FAST);
    const fetch = (url: string) => {
      const query = new URL(url).searchParams;
      heard.push([query.get("event"), Number(query.get("left"))]);
      const bytes = new TextEncoder().encode("d8:intervali1800e5:peers0:e");
      return Promise.resolve({ status: 200, bytes, url });
    };
    const { result } = download(lab, {
      client: lab.createClient("10.0.0.1", { fetch }),
      metainfo: { ...lab.metainfo, trackers: [["http://8.8.8.8/announce"]] },
      sources: { trackers: true, dht: false, pex: false, lsd: false },
      selected: new Set<FileIndex>(),
      firstRanges: [{ file: 0 as FileIndex, start: 0, end: pieces * PIECE_LENGTH - 1000 }],
    });
    ok(await lab.settled(result, MINUTE_MS));
  });
  return heard;
}

Deno.test("download() announces completed only when nothing is left (BEP 3, BEP 21)", async () => {
  const some = 2 * PIECE_LENGTH, all = 20 * PIECE_LENGTH - 1000;
  deepStrictEqual(await announcesOf(2), [["started", some], ["stopped", all - some]]);
  deepStrictEqual(await announcesOf(20), [["started", all], ["completed", 0], ["stopped", 0]]);
});
