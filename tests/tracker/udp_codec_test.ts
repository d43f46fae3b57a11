import { deepStrictEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../../src/base/bytes.ts";
import type { IpFamily } from "../../src/base/endpoint.ts";
import {
  encodeAnnounceRequest,
  encodeConnectRequest,
  encodeConnectResponse,
  encodeUdpAnnounceResponse,
  encodeUdpError,
  encodeUdpScrapeResponse,
  parseUdpRequest,
  parseUdpResponse,
} from "../../src/tracker/udp_codec.ts";
import { announceRequest, ascii, bytesOf, infoHash, peerId } from "./announce_samples.ts";

const connectionId = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const counts = { seeders: 3, leechers: 4, downloaded: 5 };

function expecting(kind: "connect" | "announce", family: IpFamily = "ipv4") {
  return { kind, transactionId: 7, family } as const;
}

Deno.test("encodeConnectRequest() is the packet of BEP 15", () => {
  equal(encodeConnectRequest(0xdeadbeef).toHex(), "000004172710198000000000deadbeef");
});

Deno.test("encodeAnnounceRequest() is the packet of BEP 15", () => {
  const request = announceRequest({
    downloaded: 2 ** 32 + 1,
    left: Number.MAX_SAFE_INTEGER,
    uploaded: 0,
    event: "started",
    key: 0xffffffff,
    numWant: 200,
    port: 65_535,
  });
  const packet = encodeAnnounceRequest(connectionId, 7, request, "/");
  equal(packet.length, 98);
  equal(
    packet.toHex(),
    "0102030405060708" + "00000001" + "00000007" + infoHash.toHex() + peerId.toHex() +
      "0000000100000001" + "001fffffffffffff" + "0000000000000000" + "00000002" + "00000000" +
      "ffffffff" + "000000c8" + "ffff",
  );
  const events = [undefined, "completed", "started", "stopped"] as const;
  const numbers = events.map((event) =>
    encodeAnnounceRequest(connectionId, 7, announceRequest({ event }), "/")[83]
  );
  deepStrictEqual(numbers, [0, 1, 2, 3]);
});

Deno.test("T15 encodeAnnounceRequest() splits path and query into options of 255 bytes", () => {
  const options = (path: string) =>
    encodeAnnounceRequest(connectionId, 7, announceRequest(), path).subarray(98);
  deepStrictEqual(options(""), new Uint8Array(0));
  deepStrictEqual(options("/announce?a=b"), bytesOf([2, 13], "/announce?a=b"));
  const long = "/" + "x".repeat(599);
  deepStrictEqual(
    options(long),
    bytesOf([2, 255], long.slice(0, 255), [2, 255], long.slice(255, 510), [2, 90], long.slice(510)),
  );
  equal(options("/" + "x".repeat(254)).length, 257, "no empty option follows a full one");
});

Deno.test("parseUdpResponse() reads what the server's half writes", () => {
  deepStrictEqual(parseUdpResponse(encodeConnectResponse(7, connectionId), expecting("connect")), {
    kind: "connected",
    connectionId,
  });
  const endpoints = [{ host: "10.0.0.1", port: 6881 }, { host: "8.8.8.8", port: 65_535 }];
  const announced = parseUdpResponse(
    encodeUdpAnnounceResponse(7, { intervalMs: 1_800_000, counts, endpoints }),
    expecting("announce"),
  );
  deepStrictEqual(announced, {
    kind: "announced",
    response: {
      intervalMs: 1_800_000,
      minIntervalMs: undefined,
      leechers: 4,
      seeders: 3,
      endpoints,
      warning: undefined,
      trackerId: undefined,
      externalAddress: undefined,
    },
  });
  const ipv6 = [{ host: "2001:db8::1", port: 1234 }];
  const overIpv6 = parseUdpResponse(
    encodeUdpAnnounceResponse(7, { intervalMs: 1_800_000, counts, endpoints: ipv6 }),
    expecting("announce", "ipv6"),
  );
  ok(overIpv6?.kind === "announced");
  deepStrictEqual(overIpv6.response.endpoints, ipv6);
  deepStrictEqual(parseUdpResponse(encodeUdpError(7, "no\x1b"), expecting("connect")), {
    kind: "error",
    message: "no\\x1b",
  });
});

Deno.test("T12 parseUdpResponse() ignores what is too short, for others or of another action", () => {
  const connected = encodeConnectResponse(7, connectionId);
  const announced = encodeUdpAnnounceResponse(7, { intervalMs: 1, counts, endpoints: [] });
  for (let length = 0; length < connected.length; length++) {
    equal(parseUdpResponse(connected.subarray(0, length), expecting("connect")), undefined);
  }
  for (let length = 0; length < announced.length; length++) {
    equal(parseUdpResponse(announced.subarray(0, length), expecting("announce")), undefined);
  }
  equal(parseUdpResponse(encodeConnectResponse(8, connectionId), expecting("connect")), undefined);
  equal(parseUdpResponse(encodeUdpError(8, "no"), expecting("connect")), undefined);
  equal(parseUdpResponse(connected, expecting("announce")), undefined);
  equal(parseUdpResponse(announced, expecting("connect")), undefined);
  equal(
    parseUdpResponse(encodeUdpScrapeResponse(7, [counts]), expecting("announce")),
    undefined,
  );
});

Deno.test("T12 parseUdpResponse() takes trailing bytes where BEP 15 allows them, and no half peer", () => {
  const connected = concatBytes(encodeConnectResponse(7, connectionId), Uint8Array.of(9, 9));
  equal(parseUdpResponse(connected, expecting("connect"))?.kind, "connected");
  const announced = encodeUdpAnnounceResponse(7, { intervalMs: 1, counts, endpoints: [] });
  throws(
    () => parseUdpResponse(concatBytes(announced, ascii("12345")), expecting("announce")),
    { name: "TrackerError", reason: "malformed" },
  );
  const sixBytes = concatBytes(announced, Uint8Array.of(1, 2, 3, 4, 5, 6));
  throws(() => parseUdpResponse(sixBytes, expecting("announce", "ipv6")), { reason: "malformed" });
});

Deno.test("T11 parseUdpResponse() keeps 3,000 peers of 10,000", () => {
  const peers = new Uint8Array(60_000).fill(1);
  const head = encodeUdpAnnounceResponse(7, { intervalMs: 1, counts, endpoints: [] });
  const announced = parseUdpResponse(concatBytes(head, peers), expecting("announce"));
  ok(announced?.kind === "announced");
  equal(announced.response.endpoints.length, 3_000);
});

Deno.test("parseUdpRequest() reads what the client's half writes", () => {
  deepStrictEqual(parseUdpRequest(encodeConnectRequest(9)), { kind: "connect", transactionId: 9 });
  const request = announceRequest({ event: "completed", left: 0, numWant: 30 });
  deepStrictEqual(
    parseUdpRequest(encodeAnnounceRequest(connectionId, 9, request, "/announce?x")),
    {
      kind: "announce",
      transactionId: 9,
      connectionId,
      announce: {
        infoHash: Uint8Array.from(infoHash),
        peerId: Uint8Array.from(peerId),
        isSeeder: true,
        event: "completed",
        numWant: 30,
        port: 6881,
      },
    },
  );
});

Deno.test("parseUdpRequest() takes left beyond 32 bits for something, and numwant -1 for any", () => {
  const packet = encodeAnnounceRequest(connectionId, 9, announceRequest({ left: 2 ** 32 }), "/");
  packet.fill(255, 92, 96);
  const request = parseUdpRequest(packet);
  ok(request?.kind === "announce");
  equal(request.announce.isSeeder, false);
  equal(request.announce.numWant, undefined);
});

Deno.test("parseUdpRequest() reads a scrape of up to 74 torrents", () => {
  const head = concatBytes(connectionId, Uint8Array.of(0, 0, 0, 2, 0, 0, 0, 9));
  const scrape = parseUdpRequest(concatBytes(head, infoHash, infoHash));
  ok(scrape?.kind === "scrape");
  deepStrictEqual(scrape.infoHashes.map((hash) => hash.toHex()), [
    infoHash.toHex(),
    infoHash.toHex(),
  ]);
  equal(parseUdpRequest(head), undefined);
  equal(parseUdpRequest(concatBytes(head, infoHash.subarray(1))), undefined);
  equal(parseUdpRequest(concatBytes(head, new Uint8Array(74 * 20)))?.kind, "scrape");
  equal(parseUdpRequest(concatBytes(head, new Uint8Array(75 * 20))), undefined);
});

Deno.test("parseUdpRequest() ignores what is short, unknown or opened by another protocol", () => {
  const announce = encodeAnnounceRequest(connectionId, 9, announceRequest(), "/");
  for (let length = 0; length < 98; length++) {
    equal(parseUdpRequest(announce.subarray(0, length)), undefined);
  }
  const badEvent = announce.slice();
  badEvent[83] = 5;
  equal(parseUdpRequest(badEvent), undefined);
  const badAction = announce.slice();
  badAction[11] = 3;
  equal(parseUdpRequest(badAction), undefined);
  const otherProtocol = encodeConnectRequest(9);
  otherProtocol[7]! ^= 1;
  equal(parseUdpRequest(otherProtocol), undefined);
});

Deno.test("encodeUdpScrapeResponse() keeps the order of the request", () => {
  const other = { seeders: 6, leechers: 8, downloaded: 7 };
  equal(
    encodeUdpScrapeResponse(7, [counts, other]).toHex(),
    "00000002" + "00000007" + "000000030000000500000004" + "000000060000000700000008",
  );
});

Deno.test("parseUdpResponse() and parseUdpRequest() agree with the writers on any values", () => {
  const uint32 = fc.nat(0xffffffff);
  fc.assert(fc.property(
    fc.record({ left: fc.maxSafeNat(), port: fc.integer({ min: 1, max: 65_535 }), key: uint32 }),
    uint32,
    fc.string(),
    (values, transactionId, path) => {
      const packet = encodeAnnounceRequest(
        connectionId,
        transactionId,
        announceRequest(values),
        path,
      );
      const request = parseUdpRequest(packet);
      ok(request?.kind === "announce");
      equal(request.transactionId, transactionId);
      equal(request.announce.port, values.port);
      equal(request.announce.isSeeder, values.left === 0);
    },
  ));
});
