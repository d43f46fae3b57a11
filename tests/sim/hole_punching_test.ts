/** Swarms in which NATs keep peers apart: uTP (BEP 29), and relays that help (BEP 55). */
import { ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import type { PeerId } from "../../src/base/ids.ts";
import { SharedPort } from "../../src/net/shared_port.ts";
import type { Network } from "../../src/net/transport.ts";
import { initiateHandshake } from "../../src/torrent/handshaking.ts";
import type { Torrent } from "../../src/torrent/torrent.ts";
import type { TorrentOptions } from "../../src/torrent/torrent_options.ts";
// Loaded before the clock stands still: `UtpNetwork` loads it when it is needed.
import "../../src/utp/service.ts";
import { UtpNetwork } from "../../src/utp/utp_network.ts";
import { MessageDecoder } from "../../src/wire/decoder.ts";
import { EXTENSION_HANDSHAKE_ID, parseExtensionHandshake } from "../../src/wire/extension.ts";
import { Lab, PORT } from "./lab.ts";
import { SimStorage } from "./sim_storage.ts";

const PIECE_LENGTH = 32_768;
const PIECES = 64;
const LINK = { latencyMs: 10, bytesPerSecond: 1_000_000 };
const LIMIT_MS = 5 * 60_000;
/** After a minute the seed hears of the newcomer, and they meet by chance. */
const SOON_MS = 40_000;
/** A dial fails in 15 s, but nobody answers by uTP in 4.3. */
const BEFORE_TCP_FAILS_MS = 10_000;
const AS_TCP_FAILS_MS = 16_000;
const SEED = "10.0.1.1", HUB = "10.0.2.1";
const NEWCOMER = "10.0.3.1", BYSTANDER = "10.0.4.1";
const PEX_ALONE = { trackers: false, dht: false, pex: true, lsd: false };

interface MemberOptions extends Partial<Pick<TorrentOptions, "peers" | "sources">> {
  readonly isSeed?: boolean;
  /** Nobody gets in to whom nothing went out before; by TCP nobody at all. */
  readonly isBehindNat?: boolean;
  readonly hasUtp?: boolean;
  readonly maxUploadRate?: number;
}

class Room {
  readonly lab: Lab;
  readonly #random = new SeededRandom(1);
  readonly #networks: UtpNetwork[] = [];

  constructor({ isPrivate = false } = {}) {
    const content = this.#random.bytes(PIECES * PIECE_LENGTH);
    this.lab = new Lab(content, PIECE_LENGTH, this.#random, { isPrivate });
  }

  add(host: string, options: MemberOptions = {}): Torrent {
    const { isSeed = false, isBehindNat = false, hasUtp = true, ...others } = options;
    const { maxUploadRate, ...torrent } = others;
    const { lab } = this;
    lab.network.setLink(host, { ...LINK, isBlackHole: isBehindNat });
    lab.network.datagrams.setLink(host, { latencyMs: LINK.latencyMs, isFiltered: isBehindNat });
    const disk = isSeed ? lab.createFullDisk() : lab.createDisk();
    const storage = new SimStorage(lab.metainfo, disk, lab.clock, { latencyMs: 1 });
    const network = hasUtp ? this.#networkOf(host) : lab.network.host(host);
    const limits = maxUploadRate === undefined ? {} : { maxUploadRate };
    const added = lab.addTorrent(lab.createClient(host, { network, ...limits }), storage, {
      uploadSlots: isSeed ? 8 : 0,
      sources: PEX_ALONE,
      keepSeeding: true,
      peers: [],
      ...torrent,
    });
    added.download().catch(() => {}); // ends with the laboratory
    return added;
  }

  #networkOf(address: string): Network {
    const { clock, network: { host } } = this.lab;
    const network = host.call(this.lab.network, address);
    const sharedPort = new SharedPort({ network, clock, address });
    const utp = new UtpNetwork({ network, sharedPort, clock, random: this.#random });
    this.#networks.push(utp);
    return utp;
  }

  async isComplete(torrent: Torrent): Promise<boolean> {
    return await this.lab.clock.run(() => torrent.snapshot().have === PIECES, LIMIT_MS);
  }

  async end(): Promise<void> {
    await this.lab.end();
    await Promise.all(this.#networks.map((network) => network.close()));
    await this.lab.clock.run(() => false, LIMIT_MS);
  }
}

async function inRoom(
  run: (room: Room) => Promise<void>,
  options: { isPrivate?: boolean } = {},
): Promise<void> {
  const room = new Room(options);
  try {
    await run(room);
  } finally {
    await room.end();
  }
}

function at(...hosts: string[]): Endpoint[] {
  return hosts.map((host) => ({ host, port: PORT }));
}

Deno.test("a download completes by uTP when TCP leads to nobody", async () => {
  await inRoom(async (room) => {
    room.add(SEED, { isSeed: true });
    room.lab.network.setLink(SEED, { ...LINK, isBlackHole: true });
    ok(await room.isComplete(room.add(NEWCOMER, { peers: at(SEED) })));
  });
});

/**
 * A hub that has nothing to give, and a slow seed that it knows: one that was told of somebody else
 * just now, and for the next minute of nobody (BEP 11).
 */
async function addCouple(
  room: Room,
  { hub = {}, seed = {} }: { hub?: MemberOptions; seed?: MemberOptions } = {},
): Promise<void> {
  room.add(HUB, hub);
  room.add(BYSTANDER, { peers: at(HUB), hasUtp: false });
  const maxUploadRate = 50_000;
  room.add(SEED, { isSeed: true, isBehindNat: true, peers: at(HUB), maxUploadRate, ...seed });
  await room.lab.clock.run(() => false, 5_000);
}

/** Of all that the peer has, how much it got from the seed. */
function bytesFromSeed(torrent: Torrent): number {
  return torrent.peerSnapshots().find(({ endpoint }) => endpoint.host === SEED)?.downloaded ?? 0;
}

Deno.test("one behind a NAT reaches a seed behind another with the help of who knows both", async () => {
  await inRoom(async (room) => {
    await addCouple(room);
    const newcomer = room.add(NEWCOMER, { isBehindNat: true, peers: at(HUB) });
    const hasBegun = () => bytesFromSeed(newcomer) > 0;
    ok(await room.lab.clock.run(hasBegun, BEFORE_TCP_FAILS_MS), "TCP is not waited for");
    ok(await room.isComplete(newcomer));
    strictEqual(bytesFromSeed(newcomer), PIECES * PIECE_LENGTH);
  });
});

Deno.test("one who knows both is asked when the dial fails if it came after nobody could be asked", async () => {
  await inRoom(async (room) => {
    await addCouple(room, { hub: { peers: at(NEWCOMER) } });
    await room.lab.clock.run(() => false, 10_000);
    const newcomer = room.add(NEWCOMER, { peers: at(SEED) });
    const hasBegun = () => bytesFromSeed(newcomer) > 0;
    ok(await room.lab.clock.run(hasBegun, AS_TCP_FAILS_MS));
  });
});

Deno.test("nobody is brought together when one of the three does not take part", async () => {
  const without = { hasUtp: false }, noPex = { sources: { ...PEX_ALONE, pex: false } };
  for (
    const [couple, newcomer] of [
      [{ hub: without }, {}],
      [{ seed: without }, {}],
      [{}, without],
      [{ hub: noPex }, {}],
    ] as const
  ) {
    await inRoom(async (room) => {
      await addCouple(room, couple);
      const torrent = room.add(NEWCOMER, { isBehindNat: true, peers: at(HUB), ...newcomer });
      await room.lab.clock.run(() => false, SOON_MS);
      strictEqual(bytesFromSeed(torrent), 0, JSON.stringify([couple, newcomer]));
    });
  }
});

/** The messages that a host's torrent understands, as it says to a peer that dials it. */
async function understoodBy(host: string, { lab }: Room): Promise<string[]> {
  const { clock, metainfo: { infoHash } } = lab;
  const { signal } = new AbortController();
  const connecting = lab.network.host("10.0.9.1").connect({ host, port: PORT }, {
    timeoutMs: LIMIT_MS,
    signal,
  });
  await lab.settled(connecting, LIMIT_MS);
  const connection = await connecting;
  const ourHandshake = { infoHash, peerId: new Uint8Array(20).fill(9) as PeerId };
  const options = { clock, random: new SeededRandom(2), offer: undefined };
  const shaking = initiateHandshake(connection, ourHandshake, options);
  await lab.settled(shaking, LIMIT_MS);
  const decoder = new MessageDecoder({ maxMessageLength: 2 ** 17 });
  while (true) {
    const reading = connection.read(decoder.space());
    await lab.settled(reading, LIMIT_MS);
    decoder.advance(await reading ?? 0);
    for (let message = decoder.next(); message !== undefined; message = decoder.next()) {
      if (message.kind !== "extended" || message.id !== EXTENSION_HANDSHAKE_ID) continue;
      connection.close();
      return [...parseExtensionHandshake(message.payload).messages.keys()];
    }
  }
}

Deno.test("a torrent says that it brings peers together, but not a private one (BEP 27)", async () => {
  for (const isPrivate of [false, true]) {
    await inRoom(async (room) => {
      room.add(SEED, { isSeed: true });
      const understood = await understoodBy(SEED, room);
      strictEqual(understood.includes("ut_holepunch"), !isPrivate, understood.join());
    }, { isPrivate });
  }
});
