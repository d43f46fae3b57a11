import { deepStrictEqual, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { type Endpoint, formatEndpoint, parseEndpoint } from "../../src/base/endpoint.ts";
import { PeerExchange } from "../../src/peer/peer_exchange.ts";
import { encodePex, parsePex, PexFlag, type PexMessage, type PexPeer } from "../../src/wire/pex.ts";

const SECOND = 1_000, MINUTE = 60_000;
const PUBLIC = "192.0.2.1", PRIVATE = "10.0.0.1";

function endpoint(text: string): Endpoint {
  const parsed = parseEndpoint(text);
  ok(parsed !== undefined);
  return parsed;
}

function peer(text: string, flags = 0): PexPeer {
  return { endpoint: endpoint(text), flags };
}

function nth(index: number): PexPeer {
  return peer(`198.51.${index >>> 8}.${index & 255}:6881`);
}

function many(count: number, from = 0): PexPeer[] {
  return Array.from({ length: count }, (_, index) => nth(from + index));
}

function tell(exchange: PeerExchange, known: readonly PexPeer[], now: number): PexMessage {
  const payload = exchange.tell(known, now, now);
  return payload === undefined ? { added: [], dropped: [] } : parsePex(payload);
}

function listOf(...texts: string[]): Uint8Array {
  return encodePex({ added: texts.map((text) => peer(text)), dropped: [] });
}

Deno.test("tell() tells of everybody soon after the start, and then what has changed, each minute", () => {
  const exchange = new PeerExchange({ host: PUBLIC, now: 0 });
  const [a, b, c] = [peer("198.51.100.1:1881", PexFlag.reachable), nth(2), nth(3)];
  ok(!exchange.isDue(1, SECOND - 1) && exchange.isDue(1, SECOND));
  deepStrictEqual(tell(exchange, [a, b], SECOND), { added: [a, b], dropped: [] });
  ok(!exchange.isDue(2, SECOND + MINUTE - 1) && exchange.isDue(2, SECOND + MINUTE));
  deepStrictEqual(tell(exchange, [a, c], SECOND + MINUTE), { added: [c], dropped: [b.endpoint] });
});

Deno.test("isDue() is false until something has changed, and then true at once", () => {
  const exchange = new PeerExchange({ host: PUBLIC, now: 0 });
  deepStrictEqual(exchange.tell([], 1, SECOND), undefined);
  ok(!exchange.isDue(1, 10 * MINUTE) && exchange.isDue(2, SECOND));
  exchange.tell([nth(1)], 2, SECOND);
  ok(!exchange.isDue(2, 10 * MINUTE) && exchange.isDue(3, 10 * MINUTE));
});

Deno.test("isDue() stays true while there is more to tell", () => {
  const exchange = new PeerExchange({ host: PUBLIC, now: 0 });
  const due: boolean[] = [];
  for (let minute = 1; minute <= 4; minute++) {
    due.push(exchange.isDue(1, minute * MINUTE));
    if (due.at(-1)) exchange.tell(many(120), 1, minute * MINUTE);
  }
  deepStrictEqual(due, [true, true, true, false]);
});

Deno.test("tell() tells of 50 at a time, of the others later", () => {
  const exchange = new PeerExchange({ host: PUBLIC, now: 0 });
  const counts = [1, 2, 3, 4].map((minute) => tell(exchange, many(120), minute * MINUTE).added);
  deepStrictEqual(counts.map((added) => added.length), [50, 50, 20, 0]);
  deepStrictEqual(counts.flat(), many(120));
  const dropped = [5, 6, 7, 8].map((minute) => tell(exchange, [], minute * MINUTE).dropped.length);
  deepStrictEqual(dropped, [50, 50, 20, 0]);
});

Deno.test("tell() never remembers more than a thousand", () => {
  const exchange = new PeerExchange({ host: PUBLIC, now: 0 });
  let told = 0;
  for (let minute = 1; minute <= 30; minute++) {
    told += tell(exchange, many(2_000), minute * MINUTE).added.length;
  }
  ok(!exchange.isDue(30 * MINUTE, 60 * MINUTE), "nothing can be told until something changes");
  deepStrictEqual(told, 1_000);
});

/** Who may be told of whom, and whose word is taken for whom: the other's address, the endpoint. */
const SCOPES: readonly (readonly [host: string, endpoint: string, expected: boolean])[] = [
  [PUBLIC, "198.51.100.1:6881", true],
  [PUBLIC, "[2001:db8::1]:6881", true],
  [PUBLIC, "198.51.100.1:1", false],
  [PUBLIC, "10.0.0.2:6881", false],
  [PUBLIC, "192.168.1.2:6881", false],
  [PUBLIC, "172.16.1.2:6881", false],
  [PUBLIC, "[fd00::1]:6881", false],
  [PUBLIC, "127.0.0.1:6881", false],
  [PUBLIC, "[::1]:6881", false],
  [PUBLIC, "169.254.169.254:8000", false],
  [PUBLIC, "[fe80::1]:6881", false],
  [PUBLIC, "0.0.0.0:6881", false],
  [PUBLIC, "255.255.255.255:6881", false],
  [PUBLIC, "224.0.0.1:6881", false],
  [PUBLIC, "[::ffff:10.0.0.1]:6881", false],
  ["2001:db8::9", "10.0.0.2:6881", false],
  [PRIVATE, "198.51.100.1:6881", true],
  [PRIVATE, "192.168.1.2:6881", true],
  [PRIVATE, "127.0.0.1:6881", false],
  [PRIVATE, "169.254.1.1:6881", false],
  ["fe80::2", "[fe80::1]:6881", true],
  ["fe80::2", "10.0.0.2:6881", true],
  ["fe80::2", "127.0.0.1:6881", false],
  ["127.0.0.1", "127.0.0.2:6881", true],
  ["127.0.0.1", "[::1]:6881", true],
  ["127.0.0.1", "10.0.0.2:6881", true],
  ["127.0.0.1", "198.51.100.1:6881", true],
];

for (const [host, text, expected] of SCOPES) {
  Deno.test(`P29 ${host} ${expected ? "may" : "must not"} be told of ${text}, or name it`, () => {
    const exchange = new PeerExchange({ host, now: 0 });
    const peers = expected ? [peer(text)] : [];
    deepStrictEqual(exchange.hear(listOf(text), 0), peers);
    deepStrictEqual(tell(exchange, [peer(text)], 0).added, peers);
  });
}

Deno.test("tell() leaves out who has no address", () => {
  const exchange = new PeerExchange({ host: PUBLIC, now: 0 });
  deepStrictEqual(exchange.tell([peer("seed.example:6881")], 1, 0), undefined);
});

Deno.test("P29 hear() takes six messages in a minute, and throws at the seventh", () => {
  const exchange = new PeerExchange({ host: PUBLIC, now: 0 });
  const list = listOf("198.51.100.1:6881");
  const flood = { name: "ProtocolError", reason: "pex-flood" };
  for (let turn = 0; turn < 6; turn++) deepStrictEqual(exchange.hear(list, turn).length, 1);
  throws(() => exchange.hear(list, MINUTE - 1), flood);
});

Deno.test("P29 hear() counts every minute anew", () => {
  const exchange = new PeerExchange({ host: PUBLIC, now: 0 });
  for (let turn = 0; turn < 100; turn++) exchange.hear(listOf(), turn * MINUTE / 6);
});

Deno.test("P29 hear() takes 50 endpoints of a message", () => {
  const exchange = new PeerExchange({ host: PUBLIC, now: 0 });
  const groups = many(10_000).flatMap(({ endpoint: { host } }) => [...host.split("."), 26, 225]);
  const bytes = Uint8Array.from(groups.map(Number));
  const payload = Uint8Array.from([
    ...new TextEncoder().encode(`d5:added${bytes.length}:`),
    ...bytes,
    0x65,
  ]);
  deepStrictEqual(exchange.hear(payload, 0).length, 50);
});

Deno.test("knows() what the peer has told and not taken back, as far as it may name it", () => {
  const exchange = new PeerExchange({ host: PUBLIC, now: 0 });
  const [a, b] = [nth(1), nth(2)], local = peer("192.168.0.1:6881");
  exchange.hear(encodePex({ added: [a, b, local], dropped: [] }), 0);
  const known = () => [a, b, local].map(({ endpoint }) => exchange.knows(endpoint));
  deepStrictEqual(known(), [true, true, false]);
  exchange.hear(encodePex({ added: [], dropped: [a.endpoint] }), MINUTE);
  deepStrictEqual(known(), [false, true, false]);
});

Deno.test("knows() the last 200 that the peer has told", () => {
  const exchange = new PeerExchange({ host: PUBLIC, now: 0 });
  for (let turn = 0; turn < 5; turn++) {
    exchange.hear(encodePex({ added: many(50, 50 * turn), dropped: [] }), turn * MINUTE);
  }
  const known = many(250).filter(({ endpoint }) => exchange.knows(endpoint));
  deepStrictEqual(known, many(200, 50));
});

Deno.test("P29 hear() throws what is malformed", () => {
  const exchange = new PeerExchange({ host: PUBLIC, now: 0 });
  throws(() => exchange.hear(new TextEncoder().encode("le"), 0), {
    name: "ProtocolError",
    reason: "malformed-message",
  });
});

Deno.test("what a peer is told adds up to whom we know, whatever comes and goes", () => {
  const known = fc.uniqueArray(fc.nat(80), { maxLength: 80 });
  fc.assert(fc.property(fc.array(known, { maxLength: 20 }), (moments) => {
    const teller = new PeerExchange({ host: PUBLIC, now: 0 });
    const believed = new Set<string>();
    let now = 0;
    const pass = (indexes: readonly number[]) => {
      now += MINUTE;
      const { added, dropped } = tell(teller, indexes.map(nth), now);
      ok(added.length <= 50 && dropped.length <= 50);
      for (const endpoint of dropped) ok(believed.delete(formatEndpoint(endpoint)), "was told");
      for (const { endpoint } of added) {
        ok(!believed.has(formatEndpoint(endpoint)), "told twice");
        believed.add(formatEndpoint(endpoint));
      }
    };
    for (const indexes of moments) pass(indexes);
    const last = moments.at(-1) ?? [];
    for (let turn = 0; turn < 2; turn++) pass(last);
    deepStrictEqual(
      [...believed].toSorted(),
      last.map((index) => formatEndpoint(nth(index).endpoint)).toSorted(),
    );
  }));
});
