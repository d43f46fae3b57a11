import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import { formatEndpoint } from "../../src/base/endpoint.ts";
import type { InfoHash, NodeId } from "../../src/base/ids.ts";
import { parseKrpc } from "../../src/dht/krpc.ts";
import type { KrpcMessage, KrpcQuery, KrpcResponse } from "../../src/dht/krpc.ts";
import { encodeError, encodeQuery, encodeResponse } from "../../src/dht/krpc_encoder.ts";
import { DhtNode, type DhtNodeOptions } from "../../src/dht/node.ts";

const INFO_HASH = new Uint8Array(20).fill(0xaa) as InfoHash;
const ROUTER = endpoint("127.0.0.1", 1_001);
const STRANGER = endpoint("127.0.0.1", 2_000);
const PORT = 7_000;

function endpoint(host: string, port = 6881): Endpoint {
  return { host, port };
}

/** An id that shares `prefix` bytes with the info-hash. */
function idNear(prefix: number, last = 0): NodeId {
  return new Uint8Array(20).fill(0xaa, 0, prefix).fill(last, 19) as NodeId;
}

/** A node at work, and what it sends. */
class Room {
  readonly node: DhtNode;
  readonly sent: { message: KrpcMessage; to: Endpoint }[] = [];
  readonly found: string[] = [];
  now = 0;

  constructor(options: Partial<DhtNodeOptions> = {}) {
    this.node = new DhtNode({
      families: ["ipv4"],
      random: new SeededRandom(1),
      now: 0,
      isReachable: () => true,
      ...options,
    });
  }

  drain(): void {
    for (const effect of this.node.drain()) {
      if (effect.kind === "found") this.found.push(...effect.peers.map(formatEndpoint));
      else this.sent.push({ message: parseKrpc(effect.bytes)!, to: effect.to });
    }
  }

  /** Queries sent to an endpoint that have not been looked at yet. */
  queriesTo(to: Endpoint): KrpcQuery[] {
    this.drain();
    const isIt = ({ message, to: { port, host } }: (typeof this.sent)[0]) =>
      message.kind === "query" && port === to.port && host === to.host;
    const queries = this.sent.filter(isIt).map(({ message }) => message as KrpcQuery);
    this.sent.splice(0, this.sent.length, ...this.sent.filter((item) => !isIt(item)));
    return queries;
  }

  /** Answers every query to an endpoint. */
  answer(from: Endpoint, id: NodeId, what: Partial<KrpcResponse> = {}): KrpcQuery[] {
    const queries = this.queriesTo(from);
    for (const { transaction } of queries) {
      const nothing = { nodes: [], values: [], token: undefined, observed: undefined };
      const response = { kind: "response" as const, transaction, id, ...nothing, ...what };
      this.node.handleDatagram(encodeResponse(response), from, this.now);
    }
    this.drain();
    return queries;
  }

  /** The answer to a query from `from`, if any. */
  ask(query: Omit<KrpcQuery, "kind" | "transaction" | "id">, from = STRANGER) {
    this.drain();
    this.sent.length = 0;
    const whole = { kind: "query", transaction: Uint8Array.of(1), id: idNear(0), ...query };
    this.node.handleDatagram(encodeQuery(whole as KrpcQuery), from, this.now);
    this.drain();
    return this.sent.find(({ to, message }) => to.port === from.port && message.kind !== "query")
      ?.message;
  }

  pass(durationMs: number): void {
    const end = this.now + durationMs;
    while (this.node.deadline() <= end) {
      this.now = Math.max(this.now + 1, this.node.deadline());
      this.node.handleTimeout(this.now);
    }
    this.now = end;
    this.drain();
  }

  search(port: number | undefined = undefined) {
    const portFor = port === undefined ? undefined : () => port;
    const options = { portFor, isSeed: () => false, isHungry: () => true };
    return this.node.search(INFO_HASH, options, this.now);
  }
}

Deno.test("search() asks contacts at once, then whom they name, and announces at the end", () => {
  const room = new Room();
  room.node.addContacts([ROUTER], 0);
  const search = room.search(PORT);
  const named = endpoint("127.0.0.1", 1_002);
  const toRouter = room.answer(ROUTER, idNear(1), {
    nodes: [{ id: idNear(5), endpoint: named }],
    values: [endpoint("127.0.0.1", 5_000)],
    token: Uint8Array.of(1),
  });
  deepStrictEqual(toRouter.map(({ method }) => method).includes("get_peers"), true);
  deepStrictEqual(room.found, ["127.0.0.1:5000"]);
  const toNamed = room.answer(named, idNear(5), { token: Uint8Array.of(2) });
  ok(toNamed.some(({ method }) => method === "get_peers"));
  strictEqual(search.answered, 2);
  room.pass(100);
  for (const [where, token] of [[ROUTER, 1], [named, 2]] as const) {
    const [announce] = room.queriesTo(where).filter(({ method }) => method === "announce_peer");
    ok(announce?.method === "announce_peer");
    deepStrictEqual([announce.port, announce.token[0], announce.isSeed], [PORT, token, false]);
  }
});

Deno.test("search() hands on no peers that may not be dialled, and none twice in a round", () => {
  const room = new Room();
  const router = endpoint("203.0.113.1");
  room.node.addContacts([router], 0);
  room.search();
  const peers = [
    endpoint("198.51.100.1", 5_000),
    endpoint("198.51.100.1", 5_000),
    endpoint("127.0.0.1", 5_000),
    endpoint("224.0.0.1", 5_000),
    endpoint("198.51.100.2", 1),
  ];
  room.answer(router, idNear(1), { values: peers });
  deepStrictEqual(room.found, ["198.51.100.1:5000"]);
});

Deno.test("search() does not find us, as the one who names us sees us", () => {
  const room = new Room();
  room.node.addContacts([ROUTER], 0);
  room.search(PORT);
  const us = endpoint("127.0.0.1", PORT), neighbour = endpoint("127.0.0.2", PORT);
  const observed = endpoint("127.0.0.1", 6881);
  room.answer(ROUTER, idNear(1), { values: [us, neighbour], observed });
  deepStrictEqual(room.found, ["127.0.0.2:7000"]);
});

Deno.test("H6 search() asks no private nodes that the internet names", () => {
  const room = new Room();
  const router = endpoint("203.0.113.1"), inside = endpoint("192.168.1.1");
  room.node.addContacts([router], 0);
  room.search();
  room.answer(router, idNear(1), {
    nodes: [
      { id: idNear(3), endpoint: inside },
      { id: idNear(4), endpoint: endpoint("127.0.0.1", 9) },
    ],
  });
  room.pass(5_000);
  ok(room.sent.every(({ to }) => to.host === router.host));
});

Deno.test("H8 search() asks one node of a network at a time, but all of this machine", () => {
  const cases = [["203.0.113.", 1], ["127.0.0.", 8]] as const;
  for (const [network, expected] of cases) {
    const room = new Room();
    room.node.addContacts([endpoint(`${network}200`)], 0);
    room.search();
    const nodes = Array.from({ length: 8 }, (_, n) => (
      { id: idNear(4, n + 1), endpoint: endpoint(network.replace("113", "114") + (n + 1)) }
    ));
    room.answer(endpoint(`${network}200`), idNear(1), { nodes });
    const asked = new Set(
      room.sent.filter(({ message }) => message.kind === "query" && message.method === "get_peers")
        .map(({ to }) => to.host),
    );
    strictEqual(asked.size, expected, network);
  }
});

Deno.test("H2 answers that nobody asked for change nothing", () => {
  const room = new Room();
  const answer = {
    kind: "response" as const,
    transaction: Uint8Array.of(1, 2, 3, 4),
    id: idNear(1),
    nodes: [],
    values: [],
    token: undefined,
    observed: undefined,
  };
  room.node.handleDatagram(encodeResponse(answer), STRANGER, 0);
  const error = { transaction: answer.transaction, code: 201, text: "" };
  room.node.handleDatagram(encodeError(error), STRANGER, 0);
  strictEqual(room.node.status(0).nodes, 0);
  deepStrictEqual(room.node.drain(), []);
});

Deno.test("H1 what is no message is not answered", () => {
  const room = new Room();
  for (const text of ["", "d", "de", "hello", "d1:ad2:id20:", "x".repeat(4_000)]) {
    room.node.handleDatagram(new TextEncoder().encode(text), STRANGER, 0);
  }
  deepStrictEqual(room.node.drain(), []);
});

Deno.test("H4 an announcement needs the token of its sender", () => {
  const room = new Room();
  const ask = { method: "get_peers", infoHash: INFO_HASH, want: undefined, isReadOnly: false };
  const given = room.ask({ ...ask, withoutSeeds: false } as never) as KrpcResponse;
  ok(given.token !== undefined);
  const announce = (token: Uint8Array, from: Endpoint) =>
    room.ask({
      method: "announce_peer",
      infoHash: INFO_HASH,
      token,
      port: PORT,
      isSeed: false,
      isReadOnly: false,
    } as never, from);
  const bad = announce(Uint8Array.of(1, 2), STRANGER);
  ok(bad?.kind === "error" && bad.code === 203 && bad.text === "invalid token");
  strictEqual(announce(given.token, endpoint("127.0.0.2", 2_001))?.kind, "error");
  strictEqual(announce(given.token, STRANGER)?.kind, "response");
  const told = room.ask({ ...ask, withoutSeeds: false } as never) as KrpcResponse;
  deepStrictEqual(told.values, [endpoint(STRANGER.host, PORT)]);
  deepStrictEqual(told.observed, STRANGER);
});

Deno.test("H3 who asks too much is not answered for a while", () => {
  const room = new Room();
  const ping = { method: "ping", isReadOnly: true } as never;
  for (let n = 0; n < 50; n++) strictEqual(room.ask(ping)?.kind, "response");
  strictEqual(room.ask(ping), undefined);
  strictEqual(room.ask(ping, endpoint("127.0.0.1", 2_001))?.kind, "response");
});

Deno.test("H7 who asks is put into no table before it has answered, a read-only node never", () => {
  const room = new Room();
  room.ask({ method: "ping", isReadOnly: true } as never);
  deepStrictEqual(room.queriesTo(STRANGER), []);
  room.ask({ method: "ping", isReadOnly: false } as never);
  strictEqual(room.node.status(0).nodes, 0);
  const pings = room.answer(STRANGER, idNear(2));
  deepStrictEqual(pings.map(({ method }) => method), ["ping"]);
  strictEqual(room.node.status(0).nodes, 1);
});

Deno.test("queries say that we only ask while nobody has reached us (BEP 43)", () => {
  const room = new Room({ isReachable: () => false });
  room.node.addContacts([ROUTER], 0);
  room.search();
  ok(room.queriesTo(ROUTER).every(({ isReadOnly }) => isReadOnly));
  room.ask({ method: "ping", isReadOnly: true } as never);
  room.pass(10_000);
  const later = room.queriesTo(ROUTER);
  ok(later.length > 0 && later.every(({ isReadOnly }) => !isReadOnly));
});

Deno.test("an id that our address does not allow is changed once five networks agree (BEP 42)", () => {
  const room = new Room();
  const nodes = Array.from({ length: 6 }, (_, n) => endpoint(`20.${n}.1.1`));
  room.node.addContacts(nodes, 0);
  room.search();
  const observed = endpoint("124.31.75.21", 6881);
  const ids = nodes.map((node, n) => {
    const [query] = room.queriesTo(node);
    const { transaction } = query!;
    const response = { kind: "response", transaction, id: idNear(0, n + 1), observed } as const;
    const nothing = { nodes: [], values: [], token: undefined };
    room.node.handleDatagram(encodeResponse({ ...response, ...nothing }), node, 0);
    return room.node.save(0).ownId.toHex();
  });
  strictEqual(new Set(ids.slice(0, 4)).size, 1);
  const last = room.node.save(0);
  ok(ids[0] !== last.ownId.toHex());
  strictEqual(last.externalHost, observed.host);
});

Deno.test("H12 a bootstrap that is dead is asked ever more rarely", () => {
  const room = new Room();
  room.node.addContacts([ROUTER], 0);
  room.search();
  room.pass(60_000);
  const early = room.queriesTo(ROUTER).length;
  room.pass(9 * 60_000);
  const later = room.queriesTo(ROUTER).length / 9;
  ok(early > later && later >= 1 && early < 30, `${early} in the first minute, then ${later}`);
});

Deno.test("save() keeps nodes of an earlier run that nobody could ask, and those that answer", () => {
  const nodes = Array.from({ length: 40 }, (_, n) => (
    { id: idNear(n % 10, n), endpoint: endpoint("127.0.0.1", 3_000 + n) }
  ));
  const saved = { ownId: idNear(0, 9), nodes, externalHost: undefined, savedAtMs: 0 };
  const offline = new Room({ saved });
  offline.search();
  offline.pass(10 * 60_000);
  strictEqual(offline.node.save(1).nodes.length, 40);
  const online = new Room({ saved });
  online.search();
  for (let second = 0; second < 300; second++) {
    online.answer(nodes[9]!.endpoint, nodes[9]!.id);
    online.pass(1_000);
  }
  deepStrictEqual(online.node.save(1).nodes, [nodes[9]]);
  deepStrictEqual(online.node.save(1).ownId, saved.ownId);
});

Deno.test("save() keeps nodes of a family that this run does not have, and nobody asks them", () => {
  const foreign = Array.from({ length: 5 }, (_, n) => (
    { id: idNear(n), endpoint: endpoint(`2001:db8:${n}::1`) }
  ));
  const usable = { id: idNear(7), endpoint: endpoint("127.0.0.1", 3_000) };
  const nodes = [...foreign, usable];
  const room = new Room({
    saved: { ownId: idNear(0, 9), nodes, externalHost: undefined, savedAtMs: 0 },
  });
  room.pass(1);
  ok(room.answer(usable.endpoint, usable.id).length > 0);
  room.pass(60_000);
  deepStrictEqual(room.sent.filter(({ to }) => to.host !== usable.endpoint.host), []);
  deepStrictEqual(room.node.save(1).nodes, [usable, ...foreign]);
});

Deno.test("searches ask no more contacts than there is room for queries", () => {
  const room = new Room();
  room.node.addNode(STRANGER, 0); // One query more, so that the last search gets but a part.
  room.node.addContacts(Array.from({ length: 8 }, (_, n) => endpoint("127.0.0.1", 3_000 + n)), 0);
  for (let n = 0; n < 80; n++) {
    const infoHash = new Uint8Array(20).fill(n) as InfoHash;
    const options = { isSeed: () => false, isHungry: () => true };
    room.node.search(infoHash, options, room.now);
  }
  room.drain();
  strictEqual(room.sent.length, 512);
  for (let second = 0; second < 60; second++) room.pass(1_000);
});

Deno.test("search() begins with eight saved nodes at once, so that dead ones cost little", () => {
  const nodes = Array.from({ length: 40 }, (_, n) => (
    { id: idNear(n % 10, n), endpoint: endpoint("127.0.0.1", 3_000 + n) }
  ));
  const room = new Room({
    saved: { ownId: idNear(0, 9), nodes, externalHost: undefined, savedAtMs: 0 },
  });
  room.search();
  room.drain();
  const isSearch = ({ message }: (typeof room.sent)[0]) =>
    message.kind === "query" && message.method === "get_peers";
  strictEqual(room.sent.filter(isSearch).length, 8);
  room.pass(700);
  strictEqual(room.sent.filter(isSearch).length, 16);
});
