import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { InfoHash, PeerId } from "../../src/base/ids.ts";
import { Layout } from "../../src/metainfo/layout.ts";
import { PeerList } from "../../src/peer/peer_list.ts";
import { PieceTable } from "../../src/piece/piece_table.ts";
import { Admission, type Member } from "../../src/torrent/admission.ts";
import type { ReadyPeer } from "../../src/torrent/dialer.ts";

const MINUTE_MS = 60_000;

interface Traits {
  readonly host?: string;
  readonly id?: number;
  readonly isIncoming?: boolean;
  readonly amInterested?: boolean;
  readonly isPeerInterested?: boolean;
  readonly isPeerChoking?: boolean;
  readonly isSnubbed?: boolean;
  readonly joinedAt?: number;
  readonly lastDataAt?: number;
  readonly isClosed?: boolean;
}

/** A door with some members behind it, who joined at 0 unless told; `closed` tells who was made to leave. */
class Door {
  readonly closed: number[] = [];
  readonly peerList = new PeerList({ random: new SeededRandom(1) });
  readonly admission: Admission;

  constructor(members: readonly Traits[], { maxPeers = 100, isComplete = false } = {}) {
    const layout = new Layout({ pieceLength: 16_384, files: [{ length: 10, isPadding: false }] });
    const table = new PieceTable(layout);
    if (!isComplete) table.setWanted(layout.pieceIndex(0)!, 1);
    this.admission = new Admission({
      members: new Map(members.map((traits, index) => [index, this.#member(traits, index)])),
      table,
      peerList: this.peerList,
      peerId: idOf(100),
      maxPeers,
    });
  }

  #member(traits: Traits, index: number): Member {
    const { host = `10.0.0.${index}`, id = index, lastDataAt, ...session } = traits;
    return {
      connection: {
        isClosed: traits.isClosed ?? false,
        isIncoming: traits.isIncoming ?? false,
        remote: { host, port: 1 },
        lastDataAt,
        session: {
          amInterested: session.amInterested ?? true,
          isPeerInterested: session.isPeerInterested ?? false,
          isPeerChoking: session.isPeerChoking ?? false,
          isSnubbed: session.isSnubbed ?? false,
        },
        close: () => this.closed.push(index),
      },
      peerId: idOf(id).toHex(),
      joinedAt: traits.joinedAt ?? 0,
    };
  }
}

function idOf(byte: number): PeerId {
  return new Uint8Array(20).fill(byte) as PeerId;
}

function comer({ host = "10.0.9.9", id = 200, isIncoming = true }: Traits = {}): ReadyPeer {
  const remote = { host, port: 2 };
  const flags = { fast: true, extended: true, dht: false };
  return {
    connection: {
      remote,
      read: () => Promise.resolve(null),
      write: () => Promise.resolve(),
      close: () => {},
    },
    handshake: { infoHash: new Uint8Array(20) as InfoHash, peerId: idOf(id), flags },
    endpoint: remote,
    isIncoming,
  };
}

Deno.test("usefulCount() leaves out who chokes us or owes us blocks, and gave nothing for a minute", () => {
  const members: Traits[] = [
    {},
    { isPeerChoking: true },
    { isSnubbed: true },
    { isPeerChoking: true, lastDataAt: 30_000 },
    { amInterested: false },
  ];
  const { admission } = new Door(members);
  strictEqual(admission.usefulCount(MINUTE_MS - 1), 4);
  strictEqual(admission.usefulCount(MINUTE_MS), 2);
  strictEqual(admission.usefulCount(MINUTE_MS + 30_000), 1);
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
