import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { type Endpoint, formatEndpoint, parseEndpoint } from "../../src/base/endpoint.ts";
import type { PeerConnection } from "../../src/torrent/connection.ts";
import { HolePunching } from "../../src/torrent/hole_punching.ts";
import { type HolepunchMessage, parseHolepunch } from "../../src/wire/holepunch_message.ts";

const TARGET = parseEndpoint("198.51.100.7:6881")!;
const LOCAL = parseEndpoint("192.168.0.7:6881")!;

interface PeerTraits {
  /** Where it can be dialled, as far as we know. */
  readonly listensAt?: string | undefined;
  readonly takesHolepunch?: boolean;
  /** It says that it is connected with the target. */
  readonly knowsTarget?: boolean;
}

class Room {
  readonly peers = new Map<number, PeerConnection>();
  readonly met: string[] = [];
  /** "receiver kind endpoint error" */
  readonly said: string[] = [];
  /** Those to whom something was said, and not sent. */
  readonly waiting = new Set<string>();
  readonly #listensAt = new Map<PeerConnection, Endpoint | undefined>();
  readonly punching = new HolePunching({
    peers: this.peers,
    extensionHandshakes: { listensAt: (peer) => this.#listensAt.get(peer) },
    random: new SeededRandom(1),
    onMeeting: (endpoint, from) =>
      this.met.push(`${formatEndpoint(endpoint)} by ${formatEndpoint(from)}`),
    now: 0,
  });

  add(remote: string, traits: PeerTraits = {}): PeerConnection {
    const { listensAt = remote, takesHolepunch = true, knowsTarget = false } = traits;
    const peer = {
      remote: parseEndpoint(remote)!,
      session: {
        takesHolepunch,
        canReach: (endpoint: Endpoint) =>
          knowsTarget && formatEndpoint(endpoint) === formatEndpoint(TARGET),
        sayHolepunch: (payload: Uint8Array) => {
          this.waiting.add(remote);
          const { kind, endpoint, error } = parseHolepunch(payload);
          this.said.push(`${remote} ${kind} ${formatEndpoint(endpoint)} ${error}`);
        },
      },
      flush: () => this.waiting.delete(remote),
    } as unknown as PeerConnection;
    this.peers.set(this.peers.size, peer);
    this.#listensAt.set(peer, traits.listensAt === "" ? undefined : parseEndpoint(listensAt));
    return peer;
  }

  hear(kind: HolepunchMessage["kind"], endpoint: Endpoint, from: PeerConnection, now = 0): void {
    this.punching.handle({ kind, endpoint, error: 0 }, from, now);
  }
}

Deno.test("seek() asks one of those who know the endpoint", () => {
  const room = new Room();
  room.add("203.0.113.1:1000");
  strictEqual(room.punching.seek(TARGET, 0), false);
  deepStrictEqual(room.said, []);
  room.add("203.0.113.2:1000", { knowsTarget: true });
  strictEqual(room.punching.seek(TARGET, 0), true);
  deepStrictEqual(room.said, ["203.0.113.2:1000 rendezvous 198.51.100.7:6881 0"]);
  strictEqual(room.waiting.size, 0);
});

Deno.test("P33 seek() tells when it has asked too often to ask now", () => {
  const room = new Room();
  room.add("203.0.113.2:1000", { knowsTarget: true });
  for (let times = 0; times < 20; times++) strictEqual(room.punching.seek(TARGET, 0), true);
  strictEqual(room.punching.seek(TARGET, 0), false);
  strictEqual(room.punching.seek(TARGET, 500), true);
});

Deno.test("handle() has both connect to each other where they listen when one asks for it", () => {
  const room = new Room();
  const initiator = room.add("203.0.113.1:50000", { listensAt: "203.0.113.1:7000" });
  room.add("198.51.100.7:40000", { listensAt: formatEndpoint(TARGET) });
  room.hear("rendezvous", TARGET, initiator);
  deepStrictEqual(room.said, [
    "198.51.100.7:40000 connect 203.0.113.1:7000 0",
    "203.0.113.1:50000 connect 198.51.100.7:6881 0",
  ]);
  strictEqual(room.waiting.size, 0);
});

Deno.test("handle() says why two are not brought together (BEP 55)", () => {
  const at = formatEndpoint(TARGET);
  const rows: [name: string, target: PeerTraits | undefined, endpoint: Endpoint, error: number][] =
    [
      ["nobody is there", undefined, TARGET, 2],
      ["it listens elsewhere", { listensAt: "198.51.100.7:6882" }, TARGET, 2],
      ["it does not take part", { takesHolepunch: false, listensAt: at }, TARGET, 3],
      ["a local address, asked for from outside", { listensAt: "192.168.0.7:6881" }, LOCAL, 1],
    ];
  for (const [name, target, endpoint, error] of rows) {
    const room = new Room();
    const from = room.add("203.0.113.1:50000");
    if (target !== undefined) room.add(at, target);
    room.hear("rendezvous", endpoint, from);
    const expected = `203.0.113.1:50000 error ${formatEndpoint(endpoint)} ${error}`;
    deepStrictEqual(room.said, [expected], name);
  }
});

Deno.test("handle() brings nobody together with itself, nor whom nobody could dial", () => {
  const room = new Room();
  const from = room.add("203.0.113.1:50000");
  room.hear("rendezvous", from.remote, from);
  deepStrictEqual(room.said, ["203.0.113.1:50000 error 203.0.113.1:50000 1"]);
  const silent = room.add("203.0.113.2:50000", { listensAt: "" });
  const deaf = room.add("203.0.113.3:50000", { takesHolepunch: false });
  for (const peer of [silent, deaf]) room.hear("rendezvous", from.remote, peer);
  strictEqual(room.said.length, 1);
});

Deno.test("handle() goes where it is told to, but to no place that the peer has no business with", () => {
  const room = new Room();
  const relay = room.add("203.0.113.1:50000"), neighbour = room.add("192.168.0.1:50000");
  room.hear("connect", TARGET, relay);
  room.hear("connect", LOCAL, relay);
  room.hear("connect", parseEndpoint("127.0.0.1:22")!, neighbour);
  room.hear("connect", LOCAL, neighbour);
  deepStrictEqual(room.met, [
    "198.51.100.7:6881 by 203.0.113.1:50000",
    "192.168.0.7:6881 by 192.168.0.1:50000",
  ]);
});

Deno.test("handle() ignores errors and what later versions say", () => {
  const room = new Room();
  const peer = room.add("203.0.113.1:50000", { knowsTarget: true });
  for (const kind of ["error", "unknown"] as const) room.hear(kind, TARGET, peer);
  deepStrictEqual([room.said, room.met], [[], []]);
});

Deno.test("P33 seek() and handle() do no more than 20 of a kind at once, and 2 a second", () => {
  const room = new Room();
  room.add("198.51.100.7:6881", { knowsTarget: true });
  const peers = Array.from({ length: 100 }, (_, index) => room.add(`203.0.113.${index}:5000`));
  const kinds: readonly [run: (from: PeerConnection, now: number) => void, count: () => number][] =
    [
      [(_, now) => room.punching.seek(TARGET, now), () => room.said.length],
      [(from, now) => room.hear("rendezvous", TARGET, from, now), () => room.said.length / 2],
      [(from, now) => room.hear("connect", TARGET, from, now), () => room.met.length],
    ];
  for (const [run, count] of kinds) {
    room.said.length = 0;
    for (const from of peers) run(from, 0);
    strictEqual(count(), 20);
    for (const from of peers) run(from, 10_000);
    strictEqual(count(), 40);
  }
});

Deno.test("P33 handle() hears no peer more than 5 times at once, and once in 5 s, whatever it says", () => {
  for (const kind of ["rendezvous", "connect"] as const) {
    const room = new Room();
    const flooding = room.add("203.0.113.1:50000"), honest = room.add("203.0.113.2:50000");
    const count = () => room.said.length + room.met.length;
    for (let turn = 0; turn < 100; turn++) room.hear(kind, TARGET, flooding);
    strictEqual(count(), 5);
    for (let now = 0; now < 60_000; now += 250) room.hear(kind, TARGET, flooding, now);
    strictEqual(count(), 5 + 11);
    room.hear(kind, TARGET, honest, 60_000);
    strictEqual(count(), 5 + 11 + 1);
  }
});
