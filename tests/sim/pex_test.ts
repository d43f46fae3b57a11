/** Whole swarms in which peers are found through peers alone (PEX, BEP 11). */
import { deepStrictEqual, ok } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import type { Torrent } from "../../src/torrent/torrent.ts";
import type { TorrentOptions } from "../../src/torrent/torrent_options.ts";
import { Lab, PORT } from "./lab.ts";
import { SimStorage } from "./sim_storage.ts";

const PIECE_LENGTH = 32_768;
const PIECES = 64;
const LINK = { latencyMs: 10, bytesPerSecond: 1_000_000 };
/** A minute for the whole torrent: long enough for everybody to come and go. */
const SLOW_LINK = { latencyMs: 10, bytesPerSecond: PIECES * PIECE_LENGTH / 60 };
const PEX_ALONE = { trackers: false, dht: false, pex: true, lsd: false };
const NOTHING = { ...PEX_ALONE, pex: false };
const SEED = "10.0.1.1", HUB = "10.0.2.1", NEWCOMER = "10.0.3.1";

class Room {
  readonly lab: Lab;

  constructor(seed: number, isPrivate = false) {
    const random = new SeededRandom(seed);
    const content = random.bytes(PIECES * PIECE_LENGTH);
    this.lab = new Lab(content, PIECE_LENGTH, random, { isPrivate });
  }

  /** A peer that knows only these, and finds others through them. */
  add(
    host: string,
    peers: readonly Endpoint[],
    { isSeed = false, ...options }: Partial<TorrentOptions> & { isSeed?: boolean } = {},
  ): Torrent {
    const { lab } = this;
    lab.network.setLink(host, LINK);
    const disk = isSeed ? lab.createFullDisk() : lab.createDisk();
    const storage = new SimStorage(lab.metainfo, disk, lab.clock, { latencyMs: 1 });
    const torrent = lab.addTorrent(lab.createClient(host), storage, {
      uploadSlots: 0,
      sources: PEX_ALONE,
      keepSeeding: true,
      ...options,
      peers,
    });
    torrent.download().catch(() => {}); // ends with the laboratory
    return torrent;
  }

  /** Who is connected with whom, after some time. */
  async connectionsAfter(durationMs: number, torrent: Torrent): Promise<string[]> {
    await this.lab.clock.run(() => false, durationMs);
    return torrent.peerSnapshots().map(({ endpoint }) => endpoint.host).toSorted();
  }
}

async function inRoom(
  run: (room: Room) => Promise<void>,
  { isPrivate = false } = {},
): Promise<void> {
  const room = new Room(1, isPrivate);
  try {
    await run(room);
  } finally {
    await room.lab.end();
  }
}

function at(...hosts: string[]): Endpoint[] {
  return hosts.map((host) => ({ host, port: PORT }));
}

Deno.test("a downloader that knows one peer, which gives nothing, completes by those it names", async () => {
  await inRoom(async (room) => {
    room.lab.addSeed(SEED, SLOW_LINK);
    room.add(HUB, at(SEED));
    const newcomer = room.add(NEWCOMER, at(HUB));
    const done = () => newcomer.snapshot().have === PIECES;
    ok(await room.lab.clock.run(done, 5 * 60_000), `${newcomer.snapshot().have} pieces`);
  });
});

Deno.test("a newcomer is told of all others within five seconds", async () => {
  await inRoom(async (room) => {
    const others = Array.from({ length: 30 }, (_, index) => `10.0.4.${index + 1}`);
    room.lab.addSeed(SEED, SLOW_LINK);
    room.add(HUB, at(SEED, ...others));
    for (const host of others) room.add(host, []);
    await room.lab.clock.run(() => false, 10_000);
    const newcomer = room.add(NEWCOMER, at(HUB));
    const connected = await room.connectionsAfter(5_000, newcomer);
    deepStrictEqual(connected, [SEED, HUB, ...others].toSorted());
  });
});

Deno.test("who found the hub is named with the port where it listens, not the one it came from", async () => {
  await inRoom(async (room) => {
    room.add(HUB, []);
    for (const host of ["10.0.4.1", "10.0.4.2"]) room.add(host, at(HUB));
    const newcomer = room.add(NEWCOMER, at(HUB));
    const connected = await room.connectionsAfter(10_000, newcomer);
    deepStrictEqual(connected, [HUB, "10.0.4.1", "10.0.4.2"]);
    deepStrictEqual(newcomer.snapshot().peers.known, 3);
  });
});

Deno.test("those who were there hear of a newcomer within a minute and a bit", async () => {
  await inRoom(async (room) => {
    room.add(HUB, []);
    const early = room.add("10.0.4.1", at(HUB));
    room.add("10.0.4.2", at(HUB));
    await room.lab.clock.run(() => false, 10_000);
    room.add(NEWCOMER, at(HUB), { sources: NOTHING });
    const connected = await room.connectionsAfter(65_000, early);
    deepStrictEqual(connected, [HUB, NEWCOMER, "10.0.4.2"].toSorted());
  });
});

Deno.test("a seed dials the downloaders that it is told of, and no seeds", async () => {
  await inRoom(async (room) => {
    const others = ["10.0.4.1", "10.0.4.2"];
    room.lab.addSeed(SEED, SLOW_LINK);
    room.add(HUB, at(SEED, ...others));
    for (const host of others) room.add(host, [], { sources: NOTHING });
    await room.lab.clock.run(() => false, 5_000);
    const seed = room.add(NEWCOMER, at(HUB), { isSeed: true });
    deepStrictEqual(await room.connectionsAfter(5_000, seed), [HUB, ...others]);
    deepStrictEqual(seed.snapshot().peers.known, 3);
  });
});

Deno.test("without PEX on one side, or for a private torrent (BEP 27), nobody is named", async () => {
  for (
    const [hub, newcomer, isPrivate] of [
      [NOTHING, PEX_ALONE, false],
      [PEX_ALONE, NOTHING, false],
      [PEX_ALONE, PEX_ALONE, true],
    ] as const
  ) {
    await inRoom(async (room) => {
      room.lab.addSeed(SEED, SLOW_LINK);
      room.add(HUB, at(SEED), { sources: hub });
      const torrent = room.add(NEWCOMER, at(HUB), { sources: newcomer });
      deepStrictEqual(await room.connectionsAfter(90_000, torrent), [HUB]);
    }, { isPrivate });
  }
});

Deno.test("a peer that lied is not named to others", async () => {
  await inRoom(async (room) => {
    const liar = "10.0.9.1";
    room.lab.addSeed(SEED, SLOW_LINK);
    room.lab.addSeed(liar, LINK, () => true);
    const hub = room.add(HUB, at(SEED, liar));
    await room.lab.clock.run(() => hub.snapshot().peers.banned > 0, 30_000);
    deepStrictEqual(hub.snapshot().peers.banned, 1);
    const newcomer = room.add(NEWCOMER, at(HUB));
    deepStrictEqual(await room.connectionsAfter(5_000, newcomer), [SEED, HUB].toSorted());
    deepStrictEqual(newcomer.snapshot().peers.known, 2);
  });
});
