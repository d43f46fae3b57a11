import { deepStrictEqual, equal, notDeepStrictEqual, ok } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { concatBytes } from "../../src/base/bytes.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import type { AnnounceRequest } from "../../src/tracker/announce.ts";
import { SwarmRegistry } from "../../src/tracker/swarm_registry.ts";
import {
  encodeAnnounceRequest,
  encodeConnectRequest,
  parseUdpResponse,
} from "../../src/tracker/udp_codec.ts";
import { UdpService } from "../../src/tracker/udp_service.ts";
import { announceRequest, infoHash } from "./announce_samples.ts";

const client = { host: "10.0.0.1", port: 5000 };

class Harness {
  now = 0;
  readonly service: UdpService;

  constructor(allowed?: ReadonlySet<string>) {
    const random = new SeededRandom(1);
    const options = { random, intervalMs: 900_000 };
    this.service = new UdpService(
      new SwarmRegistry({ ...options, ...(allowed === undefined ? {} : { allowed }) }),
      options,
    );
  }

  answer(packet: Uint8Array, from: Endpoint = client): Uint8Array | undefined {
    return this.service.answer(packet, from, this.now);
  }

  connect(from: Endpoint = client): Uint8Array {
    const answer = this.answer(encodeConnectRequest(7), from);
    equal(answer?.length, 16);
    const family = from.host.includes(":") ? "ipv6" : "ipv4";
    const response = parseUdpResponse(answer!, { kind: "connect", transactionId: 7, family });
    ok(response?.kind === "connected");
    return response.connectionId;
  }

  /** The peers told to a client, or the error. */
  announce(
    connectionId: Uint8Array,
    { from = client, ...changes }: Partial<AnnounceRequest> & { from?: Endpoint } = {},
  ) {
    const packet = encodeAnnounceRequest(connectionId, 8, announceRequest(changes), "/announce");
    const answer = this.answer(packet, from);
    const family = from.host.includes(":") ? "ipv6" : "ipv4";
    const response = parseUdpResponse(answer!, { kind: "announce", transactionId: 8, family });
    if (response?.kind === "announced") return response.response.endpoints;
    ok(response?.kind === "error");
    return response.message;
  }
}

Deno.test("UdpService registers who has connected, and tells of the others", () => {
  const harness = new Harness();
  const id = harness.connect();
  deepStrictEqual(harness.announce(id, { port: 1001 }), []);
  deepStrictEqual(harness.announce(id, { port: 1002 }), [{ host: "10.0.0.1", port: 1001 }]);
  const ipv6 = { host: "2001:db8::1", port: 9 };
  const id6 = harness.connect(ipv6);
  deepStrictEqual(harness.announce(id6, { port: 1003, from: ipv6 }), []);
  deepStrictEqual(harness.announce(id6, { port: 1004, from: ipv6 }), [{ ...ipv6, port: 1003 }]);
});

Deno.test("UdpService takes a connection id for one to two minutes, then no more", () => {
  const harness = new Harness();
  harness.now = 59_999;
  const id = harness.connect();
  harness.now = 119_999;
  deepStrictEqual(harness.announce(id), []);
  harness.now = 120_000;
  equal(harness.announce(id), "connection id is not valid");
});

Deno.test("UdpService takes a connection id from its own address alone, whatever the port", () => {
  const harness = new Harness();
  const id = harness.connect();
  const error = "connection id is not valid";
  equal(harness.announce(id, { from: { host: "10.0.0.2", port: 5000 } }), error);
  deepStrictEqual(harness.announce(id, { from: { host: "10.0.0.1", port: 5001 } }), []);
  equal(harness.announce(new Uint8Array(8)), error);
  notDeepStrictEqual(id, harness.connect({ host: "10.0.0.2", port: 5000 }));
  const another = new UdpService(
    new SwarmRegistry({ random: new SeededRandom(2), intervalMs: 1 }),
    { random: new SeededRandom(2), intervalMs: 1 },
  );
  const packet = encodeAnnounceRequest(id, 8, announceRequest(), "/");
  equal(another.answer(packet, client, 0)?.[3], 3, "another tracker's secret is another");
});

Deno.test("UdpService says in words what it refuses", () => {
  const harness = new Harness(new Set());
  const id = harness.connect();
  equal(harness.announce(id), "this torrent is not served here");
  equal(harness.announce(id, { port: 0 }), "port is 0");
});

Deno.test("UdpService answers scrapes of those who have connected", () => {
  const harness = new Harness();
  const id = harness.connect();
  harness.announce(id, { left: 0, event: "completed" });
  const scrape = concatBytes(
    id,
    Uint8Array.of(0, 0, 0, 2, 0, 0, 0, 9),
    infoHash,
    new Uint8Array(20),
  );
  const expected = [0, 0, 0, 2, 0, 0, 0, 9, ...[0, 0, 0, 1, 0, 0, 0, 1], ...new Array(16).fill(0)];
  deepStrictEqual(harness.answer(scrape), Uint8Array.from(expected));
  scrape[0]! ^= 1;
  equal(harness.answer(scrape)?.[3], 3);
});

Deno.test("UdpService is silent to what it does not know", () => {
  const harness = new Harness();
  equal(harness.answer(new Uint8Array(0)), undefined);
  equal(harness.answer(new Uint8Array(1_000)), undefined);
  equal(harness.answer(encodeConnectRequest(1).subarray(1)), undefined);
});

Deno.test("UdpService never answers a stranger with more bytes than he sent", () => {
  const harness = new Harness();
  const strangers = [
    encodeConnectRequest(1),
    encodeAnnounceRequest(new Uint8Array(8), 1, announceRequest(), ""),
    concatBytes(new Uint8Array(8), Uint8Array.of(0, 0, 0, 2, 0, 0, 0, 9), infoHash),
  ];
  for (const packet of strangers) ok(harness.answer(packet)!.length <= packet.length);
});

Deno.test("UdpService keeps an answer within one packet of any path", () => {
  const harness = new Harness();
  for (const host of ["10.0.0.1", "2001:db8::1"]) {
    const from = { host, port: 5000 };
    const id = harness.connect(from);
    for (let port = 1; port <= 300; port++) harness.announce(id, { port, from });
    const packet = encodeAnnounceRequest(id, 8, announceRequest({ numWant: 10_000 }), "");
    const { length } = harness.answer(packet, from)!;
    ok(length > 1_000 && length < 1_400, `${length} bytes`);
  }
});
