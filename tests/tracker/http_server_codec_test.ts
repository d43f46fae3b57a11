import { deepStrictEqual, equal, throws } from "node:assert/strict";
import {
  encodeHttpAnnounceResponse,
  encodeHttpFailure,
  encodeHttpScrapeResponse,
  parseAnnounceQuery,
  parseScrapeQuery,
  QueryError,
} from "../../src/tracker/http_server_codec.ts";
import { announceUrl, parseAnnounceResponse } from "../../src/tracker/http_codec.ts";
import { announceRequest, infoHash, peerId } from "./announce_samples.ts";

const counts = { seeders: 3, leechers: 4, downloaded: 5 };
const QUERY = new URL(announceUrl("http://t/", announceRequest())).search.slice(1);

function text(bytes: Uint8Array): string {
  return new TextDecoder("latin1").decode(bytes);
}

Deno.test("parseAnnounceQuery() reads what our own client asks", () => {
  const request = announceRequest({ event: "completed", left: 0 });
  const query = new URL(announceUrl("http://t/", request)).search.slice(1);
  deepStrictEqual(parseAnnounceQuery(query), {
    infoHash: Uint8Array.from(infoHash),
    peerId: Uint8Array.from(peerId),
    port: 6881,
    isSeeder: true,
    event: "completed",
    numWant: 50,
    isCompact: true,
    wantsPeerIds: false,
  });
});

Deno.test("parseAnnounceQuery() takes what is missing or odd as BEP 3 has it by default", () => {
  const bare = QUERY.replace(/&(left|compact|no_peer_id|numwant|key|uploaded|downloaded)=\w+/g, "");
  const { isSeeder, event, numWant, isCompact, wantsPeerIds } = parseAnnounceQuery(
    `${bare}&event=&numwant=-1&left&&x=%zz`,
  );
  deepStrictEqual(
    [isSeeder, event, numWant, isCompact, wantsPeerIds],
    [false, undefined, undefined, true, true],
  );
  equal(parseAnnounceQuery(`${bare}&event=paused&compact=0`).isCompact, false);
});

Deno.test("parseAnnounceQuery() refuses what it cannot register", () => {
  const refused = (query: string, message: RegExp) =>
    throws(() => parseAnnounceQuery(query), (error: Error) => {
      return error instanceof QueryError && message.test(error.message);
    });
  refused("", /info_hash/);
  refused(QUERY.replace("info_hash=", "hash="), /info_hash/);
  refused(QUERY.replace("%00", ""), /info_hash is not 20/);
  refused(QUERY.replace("%00", "%0"), /info_hash is not 20/);
  refused(QUERY.replace("%00", "%G0"), /info_hash is not 20/);
  refused(QUERY.replace("%00", "\u0100"), /info_hash is not 20/);
  refused(QUERY.replace("peer_id=-", "peer_id="), /peer_id is not 20/);
  for (const port of ["", "0", "65536", "-1", "1e3", "0x50", "123456"]) {
    refused(QUERY.replace("port=6881", `port=${port}`), /port is not/);
  }
  refused(QUERY.replace("port=6881", ""), /port is not/);
  refused(`${QUERY}&${"x".repeat(5_000)}`, /too long/);
  refused("&".repeat(1_000) + QUERY, /info_hash/);
});

Deno.test("parseScrapeQuery() takes up to 74 info-hashes, each once", () => {
  const hash = QUERY.split("&")[0]!;
  deepStrictEqual(parseScrapeQuery(`${hash}&${hash}`), [Uint8Array.from(infoHash)]);
  const other = hash.replace("%00", "%01");
  deepStrictEqual(parseScrapeQuery(`${hash}&x=1&${other}`).map((it) => it[0]), [0, 1]);
  throws(() => parseScrapeQuery(""), QueryError);
  throws(() => parseScrapeQuery("info_hash=short"), QueryError);
  const many = Array.from({ length: 75 }, () => "info_hash=aaaaaaaaaaaaaaaaaaaa");
  throws(() => parseScrapeQuery(many.join("&")), /more than 74/);
});

Deno.test("encodeHttpAnnounceResponse() gives IPv4 clients peers, and IPv6 clients peers6", () => {
  const announce = parseAnnounceQuery(QUERY);
  const ipv4 = { endpoint: { host: "10.0.0.1", port: 6881 }, peerId };
  const overIpv4 = encodeHttpAnnounceResponse(announce, {
    intervalMs: 900_000,
    counts,
    peers: [ipv4],
    clientAddress: "192.0.2.1",
  });
  equal(
    text(overIpv4),
    "d8:completei3e10:downloadedi5e11:external ip4:\xc0\x00\x02\x0110:incompletei4e" +
      "8:intervali900e5:peers6:\x0a\x00\x00\x01\x1a\xe1e",
  );
  const ipv6 = { endpoint: { host: "2001:db8::1", port: 6881 }, peerId };
  const overIpv6 = encodeHttpAnnounceResponse(announce, {
    intervalMs: 900_000,
    counts,
    peers: [ipv6],
    clientAddress: "2001:db8::9",
  });
  const { endpoints, externalAddress, seeders, leechers } = parseAnnounceResponse(overIpv6);
  deepStrictEqual(endpoints, [ipv6.endpoint]);
  equal(externalAddress, "2001:db8::9");
  deepStrictEqual([seeders, leechers], [3, 4]);
});

Deno.test("encodeHttpAnnounceResponse() has a long form with peer ids, or without", () => {
  const announce = { ...parseAnnounceQuery(QUERY), isCompact: false };
  const answer = {
    intervalMs: 1,
    counts,
    peers: [{ endpoint: { host: "10.0.0.1", port: 6881 }, peerId }],
    clientAddress: "192.0.2.1",
  };
  const withIds = text(encodeHttpAnnounceResponse({ ...announce, wantsPeerIds: true }, answer));
  equal(
    withIds.slice(withIds.indexOf("5:peers")),
    "5:peersld2:ip8:10.0.0.17:peer id20:-SL0100-abcdefghijkl4:porti6881eeee",
  );
  const without = text(encodeHttpAnnounceResponse(announce, answer));
  equal(without.slice(without.indexOf("5:peers")), "5:peersld2:ip8:10.0.0.14:porti6881eeee");
});

Deno.test("encodeHttpScrapeResponse() is BEP 48's", () => {
  equal(
    text(encodeHttpScrapeResponse([{ infoHash: new Uint8Array(20).fill(0x61), counts }])),
    "d5:filesd20:aaaaaaaaaaaaaaaaaaaad8:completei3e10:downloadedi5e10:incompletei4eeee",
  );
});

Deno.test("encodeHttpFailure() is what our own client reads as one", () => {
  throws(() => parseAnnounceResponse(encodeHttpFailure("full")), /it says "full"/);
});
