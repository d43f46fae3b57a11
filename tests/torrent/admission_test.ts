import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { PeerId } from "../../src/base/ids.ts";
import { Layout } from "../../src/metainfo/layout.ts";
import { PeerList } from "../../src/peer/peer_list.ts";
import { PieceTable } from "../../src/piece/piece_table.ts";
import { Admission, type Member } from "../../src/torrent/admission.ts";
import type { ReadyPeer } from "../../src/torrent/dialer.ts";
import { readyPeer } from "./ready_peer.ts";

const MINUTE_MS = 60_000;

interface Traits {
  readonly host?: string;
  readonly id?: number;
  readonly isIncoming?: boolean;
  readonly amInterested?: boolean;
  readonly isPeerInterested?: boolean;
  readonly isPeerChoking?: boolean;
  /** We have asked it, and got nothing since. */
  readonly isSnubbed?: boolean;
  readonly awaitedSince?: number;
  readonly downloadedBytes?: number;
  readonly rate?: number;
  readonly joinedAt?: number;
  readonly lastDataAt?: number;
  readonly isClosed?: boolean;
  /** It has the piece, which nobody else has. */
  readonly isOnlySource?: boolean;
}

/** A door with some members behind it, who joined at 0 unless told; `closed` tells who was made to leave. */
class Door {
  readonly closed: number[] = [];
  readonly peerList = new PeerList({ random: new SeededRandom(1) });
  readonly admission: Admission;

  constructor(
    members: readonly Traits[],
    { maxPeers = 100, isComplete = false, network = {} } = {},
  ) {
    const layout = new Layout({ pieceLength: 16_384, files: [{ length: 10, isPadding: false }] });
    const table = new PieceTable(layout);
    if (!isComplete) table.setWanted(layout.pieceIndex(0)!, 1);
    this.admission = new Admission({
      members: new Map(members.map((traits, index) => [index, this.#member(traits, index)])),
      table,
      availability: { count: () => members.filter((member) => member.isOnlySource).length },
      peerList: this.peerList,
      peerId: idOf(100),
      maxPeers,
      network,
    });
  }

  #member(traits: Traits, index: number): Member {
    const { host = `10.0.0.${index}`, id = index, lastDataAt, ...session } = traits;
    const { joinedAt = 0, isSnubbed } = traits;
    return {
      isClosed: traits.isClosed ?? false,
      isIncoming: traits.isIncoming ?? false,
      remote: { host, port: 1 },
      peerId: idOf(id),
      joinedAt,
      lastDataAt,
      session: {
        amInterested: session.amInterested ?? true,
        isPeerInterested: session.isPeerInterested ?? false,
        isPeerChoking: session.isPeerChoking ?? false,
        awaitedSince: session.awaitedSince ?? (isSnubbed ? lastDataAt ?? joinedAt : undefined),
        downloadedBytes: session.downloadedBytes ?? 0,
        downloadRate: () => session.rate ?? 0,
        theirHave: Bitfield.fromBytes(Uint8Array.of(traits.isOnlySource ? 128 : 0), 1)!,
      },
      close: () => this.closed.push(index),
    };
  }
}

function idOf(byte: number): PeerId {
  return new Uint8Array(20).fill(byte) as PeerId;
}

function comer({ host = "10.0.9.9", id = 200, isIncoming = true }: Traits = {}): ReadyPeer {
  const connection = {
    remote: { host, port: 2 },
    read: () => Promise.resolve(null),
    write: () => Promise.resolve(),
    close: () => {},
  };
  return readyPeer(connection, { peerId: idOf(id), isIncoming });
}

Deno.test("usefulCount() counts who gives a block a second, waits for us, or came ten seconds ago", () => {
  const asked = { awaitedSince: 5_000 };
  const cases: readonly (readonly [Traits, now: number, isUseful: boolean])[] = [
    [{ isPeerChoking: true }, 9_999, true],
    [{ isPeerChoking: true }, 10_000, false],
    [{ isPeerChoking: true, rate: 16_384 }, MINUTE_MS, true],
    [{ isPeerChoking: true, rate: 16_383 }, MINUTE_MS, false],
    [{}, 60 * MINUTE_MS, true],
    [asked, 9_999, true],
    [asked, 10_000, false],
    [{ ...asked, isSnubbed: true }, 10_000, false],
    [{ ...asked, rate: 16_384 }, MINUTE_MS, true],
    // What it gave is long ago; that a part came is little.
    [{ ...asked, downloadedBytes: 1e9, lastDataAt: MINUTE_MS }, MINUTE_MS, false],
    [{ rate: 16_384, amInterested: false }, 0, false],
  ];
  for (const [traits, now, isUseful] of cases) {
    strictEqual(
      new Door([traits]).admission.usefulCount(now),
      isUseful ? 1 : 0,
      JSON.stringify([traits, now]),
    );
  }
});

/** So many alike. */
function many(count: number, traits: Traits): Traits[] {
  return new Array<Traits>(count).fill(traits);
}

const GIVING: Traits = { awaitedSince: 0, rate: 1e6, downloadedBytes: 1e9, lastDataAt: MINUTE_MS };
const FLAPPING: Traits = { awaitedSince: 0 };
const TRICKLING: Traits = { awaitedSince: 0, rate: 1_000, downloadedBytes: 1e5 };

Deno.test("wantedCount() is all free places until thirty members are useful", () => {
  const wanted = (members: readonly Traits[]) => new Door(members).admission.wantedCount(MINUTE_MS);
  for (const idle of [FLAPPING, TRICKLING]) strictEqual(wanted(many(40, idle)), 60);
  strictEqual(wanted(many(29, GIVING)), 71);
  strictEqual(wanted(many(30, GIVING)), 0);
});

Deno.test("wantedCount() is of a few on trial beyond that, while there is one that was not met", () => {
  const cases: readonly (readonly [readonly Traits[], maxPeers: number, wanted: number])[] = [
    [many(30, GIVING), 80, 5],
    [[...many(30, GIVING), ...many(3, { ...GIVING, joinedAt: 30_001 })], 80, 2],
    [many(80, GIVING), 80, 5],
    [many(80, TRICKLING), 80, 20],
    [[...many(60, TRICKLING), ...many(20, { ...TRICKLING, joinedAt: 30_001 })], 80, 0],
    [many(2, TRICKLING), 2, 1],
    [many(1, TRICKLING), 1, 1],
    [many(1, GIVING), 1, 0],
  ];
  for (const [members, maxPeers, wanted] of cases) {
    const door = new Door(members, { maxPeers });
    strictEqual(door.admission.wantedCount(MINUTE_MS), 0, "nobody is known");
    door.peerList.add([{ host: "192.0.2.1", port: 1 }], "tracker");
    strictEqual(door.admission.wantedCount(MINUTE_MS), wanted, `${members.length} of ${maxPeers}`);
  }
});

Deno.test("wantedCount() is 0 for a torrent that is complete and has thirty who want it", () => {
  const wanting = { amInterested: false, isPeerInterested: true };
  const wanted = (count: number) => {
    const door = new Door(many(count, wanting), { isComplete: true });
    door.peerList.add([{ host: "192.0.2.1", port: 1 }], "tracker");
    return door.admission.wantedCount(MINUTE_MS);
  };
  deepStrictEqual([29, 30, 100].map(wanted), [71, 0, 0]);
});

Deno.test("isHungry() while too few are useful, and there is a place or nobody else to try", () => {
  const isHungry = (members: readonly Traits[], isKnown: boolean, isComplete = false) => {
    const door = new Door(members, { isComplete });
    if (isKnown) door.peerList.add([{ host: "192.0.2.1", port: 1 }], "tracker");
    return door.admission.isHungry(MINUTE_MS);
  };
  strictEqual(isHungry(many(29, GIVING), true), true);
  strictEqual(isHungry(many(30, GIVING), false), false);
  strictEqual(isHungry(many(100, TRICKLING), true), false);
  strictEqual(isHungry(many(100, TRICKLING), false), true);
  strictEqual(isHungry([], true, true), false);
});

Deno.test("refusal() makes the member leave that gave least for its time, for one that we dialled", () => {
  const members: Traits[] = [
    { ...GIVING, downloadedBytes: 6e6 },
    { ...GIVING, downloadedBytes: 2e6, joinedAt: 90_000 },
    { ...GIVING, downloadedBytes: 3e6 },
    { ...GIVING, downloadedBytes: 0, joinedAt: 90_001 },
  ].map((traits) => ({ ...traits, lastDataAt: 2 * MINUTE_MS }));
  const door = new Door(members, { maxPeers: 4 });
  strictEqual(door.admission.refusal(comer(), 2 * MINUTE_MS), "too-many-peers");
  strictEqual(
    door.admission.refusal(comer({ isIncoming: false }), 2 * MINUTE_MS),
    "too-many-peers",
    "one is on trial, and that is a quarter",
  );
  deepStrictEqual(door.closed, []);
  strictEqual(door.admission.refusal(comer({ isIncoming: false }), 2 * MINUTE_MS + 1), undefined);
  deepStrictEqual(door.closed, [3]);
  const older = new Door(members.slice(0, 3), { maxPeers: 3 });
  strictEqual(older.admission.refusal(comer({ isIncoming: false }), 2 * MINUTE_MS), undefined);
  deepStrictEqual(older.closed, [2], "not the second, which gave as fast in less time");
});

Deno.test("refusal() spares a quarter of the members, if each gave something and alone has a piece", () => {
  const slow = { ...TRICKLING, downloadedBytes: 1_000 };
  const leaves = (...least: Traits[]) => {
    const rest = many(8 - least.length, { ...TRICKLING, downloadedBytes: 1e6 });
    const door = new Door([...least, ...rest], { maxPeers: 8 });
    strictEqual(door.admission.refusal(comer({ isIncoming: false }), MINUTE_MS), undefined);
    return door.closed;
  };
  const only = { ...slow, isOnlySource: true };
  deepStrictEqual(leaves(slow), [0]);
  deepStrictEqual(leaves(only), [1]);
  deepStrictEqual(leaves({ ...only, downloadedBytes: 0 }), [0], "it only says that it has it");
  const door = new Door([...many(3, only), ...many(5, GIVING)], { maxPeers: 8 });
  door.admission.refusal(comer({ isIncoming: false }), MINUTE_MS);
  deepStrictEqual(door.closed, [0], "another has it, too");
});

Deno.test("holdUp() keeps those who cannot give for a while, and counts on them", () => {
  const asked = { awaitedSince: 0 };
  const door = new Door(many(40, asked), { maxPeers: 40 });
  door.peerList.add([{ host: "192.0.2.1", port: 1 }], "tracker");
  door.admission.holdUp(10 * MINUTE_MS);
  for (const now of [10 * MINUTE_MS, 10 * MINUTE_MS + 9_999]) {
    strictEqual(door.admission.usefulCount(now), 40);
    deepStrictEqual([door.admission.wantedCount(now), door.admission.placeCount(now)], [0, 0]);
    strictEqual(door.admission.refusal(comer({ isIncoming: false }), now), "too-many-peers");
  }
  strictEqual(door.admission.usefulCount(10 * MINUTE_MS + 10_000), 0);
  strictEqual(door.admission.refusal(comer(), 10 * MINUTE_MS + 10_000), undefined);
});

Deno.test("refusal() makes one leave that has flapped for two minutes, and no unchoke renews that", () => {
  for (const isPeerChoking of [true, false]) {
    const door = new Door([{ isPeerChoking, awaitedSince: 1_000 }], { maxPeers: 1 });
    strictEqual(door.admission.refusal(comer(), 2 * MINUTE_MS), "too-many-peers");
    strictEqual(door.admission.refusal(comer(), 2 * MINUTE_MS + 1_001), undefined);
    deepStrictEqual(door.closed, [0]);
  }
});

Deno.test("usefulCount() is of those who want something once we are complete", () => {
  const members = [{ isPeerInterested: true, isPeerChoking: true }, { isPeerInterested: false }];
  strictEqual(new Door(members, { isComplete: true }).admission.usefulCount(10 * MINUTE_MS), 1);
});

Deno.test("refusal() makes the member leave that has let us wait for longest when all places are taken", () => {
  const members: Traits[] = [
    {},
    { isPeerChoking: true, lastDataAt: 1_000 },
    { isSnubbed: true, lastDataAt: 500 },
    { isPeerChoking: true, lastDataAt: 2_000 },
  ];
  const door = new Door(members, { maxPeers: 4 });
  strictEqual(door.admission.refusal(comer(), 2 * MINUTE_MS), "too-many-peers");
  deepStrictEqual(door.closed, []);
  strictEqual(door.admission.refusal(comer(), 3 * MINUTE_MS), undefined);
  deepStrictEqual(door.closed, [2]);
});

Deno.test("S8 refusal() and placeCount() keep to fewer peers when the network has room for fewer", () => {
  const members: Traits[] = [{}, { amInterested: false }, {}];
  const door = new Door(members, { maxPeers: 4, network: { maxPeers: 3 } });
  strictEqual(door.admission.placeCount(0), 0);
  strictEqual(door.admission.refusal(comer(), 0), "too-many-peers");
  strictEqual(door.admission.refusal(comer(), MINUTE_MS + 1), undefined);
  deepStrictEqual(door.closed, [1]);
});

Deno.test("refusal() makes nobody leave whom we serve, and who has nothing for us", () => {
  const served = { amInterested: false, isPeerInterested: true };
  const members = [{ ...served, isPeerChoking: true }, { ...served, isSnubbed: true }];
  const door = new Door(members, { maxPeers: 2 });
  strictEqual(door.admission.placeCount(60 * MINUTE_MS), 0);
  strictEqual(door.admission.refusal(comer(), 60 * MINUTE_MS), "too-many-peers");
  deepStrictEqual(door.closed, []);
});

Deno.test("refusal() makes nobody leave for giving nothing once we are complete", () => {
  const members = [{ isPeerChoking: true, isPeerInterested: true, amInterested: false }];
  const door = new Door(members, { maxPeers: 1, isComplete: true });
  strictEqual(door.admission.refusal(comer(), 60 * MINUTE_MS), "too-many-peers");
});

Deno.test("refusal() makes somebody leave first to whom we are nothing either", () => {
  const members: Traits[] = [{ isSnubbed: true }, { amInterested: false }];
  const door = new Door(members, { maxPeers: 2 });
  strictEqual(door.admission.refusal(comer(), 60 * MINUTE_MS), undefined);
  deepStrictEqual(door.closed, [1]);
});

Deno.test("P3 refusal() keeps one of two connections with a peer, at --max-peers too", () => {
  const twin: Traits = { host: "10.0.9.9", id: 200 };
  const dialled = new Door([{ ...twin, isIncoming: false }], { maxPeers: 1 });
  strictEqual(dialled.admission.refusal(comer(twin), 0), undefined);
  deepStrictEqual(dialled.closed, [0], "that of the greater peer id stays");
  const accepted = new Door([{ ...twin, isIncoming: true }], { maxPeers: 1 });
  const ours = comer({ ...twin, isIncoming: false });
  strictEqual(accepted.admission.refusal(ours, 0), "duplicate-connection");
  deepStrictEqual(accepted.closed, []);
});

Deno.test("refusal() lets a second connection of one direction replace none", () => {
  for (const isIncoming of [true, false]) {
    for (const id of [50, 200]) { // Less than ours, and greater.
      const twin: Traits = { host: "10.0.9.9", id, isIncoming };
      const door = new Door([twin]);
      strictEqual(door.admission.refusal(comer(twin), 0), "duplicate-connection");
      deepStrictEqual(door.closed, []);
    }
  }
});

Deno.test("P3 refusal() takes nobody for a member by its address alone, or by its id", () => {
  for (const other of [{ host: "10.0.9.9", id: 50 }, { host: "10.0.9.8", id: 200 }]) {
    const door = new Door([{ host: "10.0.9.9", id: 200, isIncoming: true }]);
    strictEqual(door.admission.refusal(comer(other), 0), undefined);
    deepStrictEqual(door.closed, []);
  }
});

Deno.test("refusal() lets nobody in who is banned, though there is room", () => {
  const door = new Door([]);
  door.peerList.ban(comer().endpoint);
  strictEqual(door.admission.refusal(comer(), 0), "banned");
});

Deno.test("refusal() takes a member that is leaving for nobody's twin", () => {
  const door = new Door([{ host: "10.0.9.9", id: 200, isClosed: true }]);
  strictEqual(door.admission.refusal(comer(), 0), undefined);
  deepStrictEqual(door.closed, []);
});

Deno.test("placeCount() counts the places of those that make way", () => {
  const members: Traits[] = [
    {},
    { isPeerChoking: true },
    { isSnubbed: true, lastDataAt: 70_000 },
    { amInterested: false },
    { amInterested: false, joinedAt: 3 * MINUTE_MS },
  ];
  const { admission } = new Door(members, { maxPeers: 6 });
  strictEqual(admission.placeCount(MINUTE_MS), 1);
  strictEqual(admission.placeCount(MINUTE_MS + 1), 2);
  strictEqual(admission.placeCount(2 * MINUTE_MS), 2);
  strictEqual(admission.placeCount(2 * MINUTE_MS + 1), 3);
  strictEqual(admission.placeCount(4 * MINUTE_MS), 4);
  strictEqual(admission.placeCount(4 * MINUTE_MS + 1), 5);
});

Deno.test("P3 refusal() believes no peer id from another address", () => {
  const door = new Door([{ host: "10.0.9.8", id: 200 }]);
  strictEqual(door.admission.refusal(comer(), 0), undefined);
  deepStrictEqual(door.closed, []);
});
