/** Whole swarms of our own client: who gives how much to whom. */
import { ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { Torrent } from "../../src/torrent/torrent.ts";
import type { TorrentOptions } from "../../src/torrent/torrent_options.ts";
import { fullBitfield, Lab, PORT } from "./lab.ts";
import { SimStorage } from "./sim_storage.ts";

const PIECE_LENGTH = 32_768;
const PIECES = 96;
const SIZE = PIECES * PIECE_LENGTH;
const LINK = { latencyMs: 10, bytesPerSecond: 1_000_000 };
const RATE = 50_000;
const SEED = "10.0.1.1";
const LIMIT_MS = 30 * 60_000;
/** What is seen of a choke may come late by this. */
const SEEN_WITHIN_MS = 1_000;

interface Member {
  readonly host: string;
  readonly torrent: Torrent;
  readonly result: Promise<void>;
}

class Swarm {
  readonly lab: Lab;
  readonly members: Member[] = [];
  readonly #changes = new Map<string, { isChoked: boolean; at: number }>();

  constructor(seed: number) {
    const random = new SeededRandom(seed);
    this.lab = new Lab(random.bytes(SIZE), PIECE_LENGTH, random);
  }

  /** Whoever comes later dials those who were here, the seed among them. */
  add(host: string, options: Partial<TorrentOptions> & { have?: number; rate?: number }): Member {
    const { have = 0, rate = RATE, ...rest } = options;
    const { lab } = this;
    const disk = lab.createDisk();
    if (have === PIECES) disk.claimed = fullBitfield(PIECES);
    for (let piece = 0; piece < have; piece++) disk.claimed.set(piece);
    for (const index of disk.claimed.ones()) {
      const piece = lab.metainfo.layout.pieceIndex(index)!;
      disk.pieces.set(piece, lab.contentOf(piece));
    }
    lab.network.setLink(host, LINK);
    const storage = new SimStorage(lab.metainfo, disk, lab.clock, { latencyMs: 1 });
    const torrent = lab.addTorrent(lab.createClient(host, { maxUploadRate: rate }), storage, {
      uploadSlots: 4,
      keepSeeding: true,
      ...rest,
      peers: [...lab.endpoints],
    });
    lab.endpoints.push({ host, port: PORT });
    const result = torrent.download();
    result.catch(() => {}); // `until` and `pass` look at the torrents
    const member = { host, torrent, result };
    this.members.push(member);
    return member;
  }

  async until(done: () => boolean): Promise<void> {
    ok(await this.lab.clock.run(() => this.#watch() && done(), LIMIT_MS), this.describe());
  }

  async pass(durationMs: number): Promise<void> {
    await this.lab.clock.run(() => !this.#watch(), durationMs);
  }

  describe(): string {
    return this.members.map(({ host, torrent }) => `${host} ${torrent.snapshot().have}`).join(", ");
  }

  /** Bytes that a member gave to a host. */
  given(from: Member, to: Member): number {
    return from.torrent.peerSnapshots().filter(({ endpoint }) => endpoint.host === to.host)
      .reduce((total, { uploaded }) => total + uploaded, 0);
  }

  /** P19: nobody sees a member change its mind twice within ten seconds. */
  #watch(): boolean {
    const now = this.lab.clock.now();
    const connected = new Set<string>();
    for (const { host, torrent } of this.members) {
      for (const { endpoint, isChokingUs } of torrent.peerSnapshots()) {
        const pair = `${endpoint.host}:${endpoint.port} to ${host}`;
        connected.add(pair);
        const last = this.#changes.get(pair);
        if (isChokingUs === (last?.isChoked ?? true)) continue;
        const period = now - (last?.at ?? -Infinity);
        ok(period >= 10_000 - SEEN_WITHIN_MS, `${pair} changed after ${period} ms`);
        this.#changes.set(pair, { isChoked: isChokingUs, at: now });
      }
    }
    // The next connection of the two begins choked, which is no change of mind.
    for (const pair of this.#changes.keys()) if (!connected.has(pair)) this.#changes.delete(pair);
    return true;
  }
}

async function inSwarm(seed: number, run: (swarm: Swarm) => Promise<void>): Promise<void> {
  const swarm = new Swarm(seed);
  try {
    await run(swarm);
  } finally {
    await swarm.lab.end();
  }
}

function isComplete({ torrent }: Member): boolean {
  return torrent.snapshot().have === PIECES;
}

function copies({ torrent }: Member): number {
  return torrent.snapshot().uploaded / SIZE;
}

Deno.test("eight leechers complete, and the seed uploads less than 2.5 copies", async () => {
  for (const uploadSlots of [4, 8]) {
    await inSwarm(uploadSlots, async (swarm) => {
      const seed = swarm.add(SEED, { have: PIECES, uploadSlots });
      const leechers: Member[] = [];
      for (let n = 1; n <= 8; n++) leechers.push(swarm.add(`10.0.2.${n}`, { uploadSlots }));
      await swarm.until(() => leechers.every(isComplete));
      ok(copies(seed) < 2.5, `${copies(seed)} copies`);
    });
  }
});

Deno.test("a super-seed uploads about one copy", async () => {
  await inSwarm(3, async (swarm) => {
    const seed = swarm.add(SEED, { have: PIECES, superSeed: true });
    const leechers: Member[] = [];
    for (let n = 1; n <= 8; n++) leechers.push(swarm.add(`10.0.2.${n}`, {}));
    await swarm.until(() => leechers.every(isComplete));
    ok(copies(seed) < 1.2, `${copies(seed)} copies`);
  });
});

Deno.test("a super-seed is no slower after another seed has looked in", async () => {
  await inSwarm(3, async (swarm) => {
    swarm.add(SEED, { have: PIECES, superSeed: true });
    const visitor = swarm.add("10.0.1.2", { have: PIECES, uploadSlots: 0, maxPeers: 1 });
    await swarm.pass(5_000);
    await swarm.lab.settled(visitor.torrent.stop(), 10_000);
    swarm.lab.endpoints.pop();
    const leechers: Member[] = [];
    for (let n = 1; n <= 8; n++) leechers.push(swarm.add(`10.0.2.${n}`, {}));
    await swarm.until(() => leechers.every(isComplete));
    const seconds = swarm.lab.clock.now() / 1000;
    ok(seconds < 90, `${seconds} s`);
  });
});

Deno.test("a super-seed gives everything to a lone peer", async () => {
  await inSwarm(4, async (swarm) => {
    swarm.add(SEED, { have: PIECES, superSeed: true });
    const leecher = swarm.add("10.0.2.1", {});
    await swarm.until(() => isComplete(leecher));
  });
});

Deno.test("those who give get more than free riders, who get something too", async () => {
  let toGivers = 0, toRiders = 0; // Whom the optimistic slots of one swarm meet is luck.
  for (const seed of [5, 6, 7]) {
    await inSwarm(seed, async (swarm) => {
      // The seed spreads pieces faster than the givers can pass them on: they have to choose.
      swarm.add(SEED, { have: PIECES, uploadSlots: 14, rate: 100_000 });
      const givers: Member[] = [], riders: Member[] = [];
      for (let n = 1; n <= 6; n++) {
        givers.push(swarm.add(`10.0.2.${n}`, { rate: 10_000, uploadSlots: 3 }));
      }
      for (let n = 1; n <= 4; n++) riders.push(swarm.add(`10.0.3.${n}`, { uploadSlots: 0 }));
      const gotten = (to: Member) =>
        givers.reduce((total, giver) => total + swarm.given(giver, to), 0);
      const mean = (members: Member[]) =>
        members.reduce((total, member) => total + gotten(member), 0) / members.length;
      await swarm.pass(120_000);
      ok(riders.every((rider) => gotten(rider) > 0), "the optimistic slot is theirs at times");
      toGivers += mean(givers);
      toRiders += mean(riders);
    });
  }
  ok(toGivers > 1.5 * toRiders, `givers ${toGivers}, riders ${toRiders}`);
});

Deno.test("a newcomer gets its first piece within a minute", async () => {
  await inSwarm(6, async (swarm) => {
    swarm.add(SEED, { have: PIECES, uploadSlots: 2 });
    for (let n = 1; n <= 8; n++) swarm.add(`10.0.2.${n}`, {});
    await swarm.pass(30_000);
    const newcomer = swarm.add("10.0.4.1", {});
    await swarm.pass(60_000);
    ok(newcomer.torrent.snapshot().have > 0);
  });
});

Deno.test("a seed with few slots lets everybody have a turn", async () => {
  await inSwarm(7, async (swarm) => {
    const seed = swarm.add(SEED, { have: PIECES, uploadSlots: 2, rate: 20_000 });
    const riders: Member[] = [];
    for (let n = 1; n <= 6; n++) riders.push(swarm.add(`10.0.3.${n}`, { uploadSlots: 0 }));
    await swarm.pass(10 * 60_000);
    const shares = riders.map((rider) => swarm.given(seed, rider));
    ok(Math.min(...shares) > Math.max(...shares) / 4, `${shares}`);
  });
});

Deno.test("two that want nothing part, a partial seed too (BEP 21)", async () => {
  for (const have of [PIECES, PIECES / 2]) {
    await inSwarm(8, async (swarm) => {
      const seed = swarm.add(SEED, { have: PIECES });
      const other = swarm.add("10.0.1.2", { have, sharesOnly: true });
      await swarm.pass(5_000);
      strictEqual(seed.torrent.snapshot().peers.connected, 0);
      strictEqual(other.torrent.snapshot().peers.connected, 0);
    });
  }
});

Deno.test("a leecher that completes says so to the partial seed that it knows (BEP 21)", async () => {
  await inSwarm(9, async (swarm) => {
    const partial = swarm.add("10.0.1.2", { have: PIECES / 2, sharesOnly: true });
    const leecher = swarm.add("10.0.2.1", {});
    await swarm.pass(5_000);
    strictEqual(partial.torrent.snapshot().peers.connected, 1);
    swarm.add(SEED, { have: PIECES });
    await swarm.until(() => isComplete(leecher));
    await swarm.pass(5_000);
    strictEqual(partial.torrent.snapshot().peers.connected, 0);
  });
});
