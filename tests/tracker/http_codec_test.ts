import { deepStrictEqual, equal, ok, throws } from "node:assert/strict";
import { announceUrl, parseAnnounceResponse, refusalOf } from "../../src/tracker/http_codec.ts";
import { announceRequest, ascii, bytesOf } from "./announce_samples.ts";

const PARAMETERS = "info_hash=%00%0D%1A%274AN%5Bhu%82%8F%9C%A9%B6%C3%D0%DD%EA%F7" +
  "&peer_id=-SL0100-abcdefghijkl&port=6881&uploaded=1&downloaded=2&left=3" +
  "&compact=1&no_peer_id=1&numwant=50&key=0000beef";

/** A compact peer: 10.0.0.1:6881. */
const PEER = [10, 0, 0, 1, 0x1a, 0xe1];
const PEER_ENDPOINT = { host: "10.0.0.1", port: 6881 };

function assertMalformed(...answer: readonly (string | readonly number[])[]): void {
  throws(
    () => parseAnnounceResponse(bytesOf(...answer)),
    { name: "TrackerError", reason: "malformed" },
    answer.join(" "),
  );
}

Deno.test("announceUrl() carries every field, binary ones percent-encoded", () => {
  equal(
    announceUrl("http://t.example/announce", announceRequest()),
    `http://t.example/announce?${PARAMETERS}`,
  );
  equal(
    announceUrl(
      "http://t.example/announce",
      announceRequest({ event: "started", trackerId: Uint8Array.of(0x20, 0x41, 0x26, 0xff) }),
    ),
    `http://t.example/announce?${PARAMETERS}&event=started&trackerid=%20A%26%FF`,
  );
});

Deno.test("announceUrl() continues the query that the tracker's address has", () => {
  const suffixes = {
    "http://t.example/a?passkey=x": `&${PARAMETERS}`,
    "http://t.example/a?": PARAMETERS,
    "http://t.example/a?x=1&": PARAMETERS,
    "http://t.example/a": `?${PARAMETERS}`,
  };
  for (const [url, suffix] of Object.entries(suffixes)) {
    equal(announceUrl(url, announceRequest()), url + suffix);
    equal(announceUrl(`${url}#part`, announceRequest()), url + suffix);
  }
});

Deno.test("announceUrl() survives a URL parser byte by byte", () => {
  const url = new URL(announceUrl("http://t.example/announce", announceRequest()));
  equal(url.search, `?${PARAMETERS}`);
});

Deno.test("parseAnnounceResponse() reads compact peers of both families", () => {
  const answer = bytesOf(
    "d8:completei5e11:external ip4:",
    [192, 0, 2, 9],
    "10:incompletei6e8:intervali1800e12:min intervali900e5:peers12:",
    [...PEER, 8, 8, 8, 8, 0, 80],
    "6:peers618:",
    [0x20, 0x01, 0x0d, 0xb8, ...new Array<number>(11).fill(0), 1, 0x1a, 0xe1],
    "10:tracker id2:",
    [1, 255],
    "15:warning message5:beep\x07e",
  );
  deepStrictEqual(parseAnnounceResponse(answer), {
    intervalMs: 1_800_000,
    minIntervalMs: 900_000,
    endpoints: [PEER_ENDPOINT, { host: "8.8.8.8", port: 80 }, { host: "2001:db8::1", port: 6881 }],
    seeders: 5,
    leechers: 6,
    warning: "beep\\x07",
    trackerId: Uint8Array.of(1, 255),
    externalAddress: "192.0.2.9",
  });
});

Deno.test("parseAnnounceResponse() reads peers as dictionaries, IPv6 ones too", () => {
  const answer = ascii(
    "d8:intervali900e5:peersld2:ip8:10.0.0.17:peer id20:aaaaaaaaaaaaaaaaaaaa4:porti6881ee" +
      "d2:ip11:2001:DB8::14:porti1ee" + "e6:peers6ld2:ip3:::24:porti65535eeee",
  );
  deepStrictEqual(parseAnnounceResponse(answer).endpoints, [
    PEER_ENDPOINT,
    { host: "2001:db8::1", port: 1 },
    { host: "::2", port: 65_535 },
  ]);
});

Deno.test("parseAnnounceResponse() takes an answer without peers for an empty one", () => {
  deepStrictEqual(parseAnnounceResponse(ascii("de")), {
    intervalMs: 1_800_000,
    minIntervalMs: undefined,
    endpoints: [],
    seeders: undefined,
    leechers: undefined,
    warning: undefined,
    trackerId: undefined,
    externalAddress: undefined,
  });
});

Deno.test("T6 parseAnnounceResponse() takes nothing from what is broken", () => {
  assertMalformed("");
  assertMalformed("<html>404</html>");
  assertMalformed("le");
  assertMalformed("i1e");
  assertMalformed("5:peers");
  assertMalformed("d5:peers");
  assertMalformed("d5:peers0:etrailing");
  assertMalformed("d5:peers5:12345e");
  assertMalformed("d5:peers7:1234567e");
  assertMalformed("d5:peersi1ee");
  assertMalformed("d5:peersdee");
  assertMalformed("d5:peers6:", PEER, "6:peers617:12345678901234567e");
  assertMalformed("d6:peers66:123456e");
  assertMalformed("l".repeat(100_000));
  assertMalformed("d1:a" + "l".repeat(10) + "e".repeat(10) + "e");
});

Deno.test("parseAnnounceResponse() takes line ends after the answer for none of it", () => {
  for (const end of ["\n", "\r\n", "\r\n\n\n"]) {
    deepStrictEqual(
      parseAnnounceResponse(bytesOf("d5:peers6:", PEER, "e", end)).endpoints,
      [PEER_ENDPOINT],
    );
    equal(refusalOf(ascii(`d14:failure reason4:gonee${end}`))?.words, "gone");
  }
  assertMalformed("\r\n");
});

Deno.test("T7 parseAnnounceResponse() skips the entries that are broken and keeps the others", () => {
  const answer = ascii(
    "d5:peersl" +
      "d2:ip8:10.0.0.1e" +
      "d4:porti6881ee" +
      "d2:ip8:10.0.0.14:porti-1ee" +
      "d2:ip8:10.0.0.14:porti0ee" +
      "d2:ip8:10.0.0.14:porti65536ee" +
      "d2:ip8:10.0.0.14:port4:6881e" +
      "d2:ip10:10.0.0.2564:porti1ee" +
      "d2:ipi1e4:porti1ee" +
      "d2:ip0:4:porti1ee" +
      "i5e" + "6:string" + "le" + "de" +
      "d2:ip8:10.0.0.14:porti6881ee" +
      "ee",
  );
  deepStrictEqual(parseAnnounceResponse(answer).endpoints, [PEER_ENDPOINT]);
});

Deno.test("T8 parseAnnounceResponse() fails with the tracker's words, made printable", () => {
  const words = "\x1b[31mno\n" + "x".repeat(5_000);
  throws(
    () => parseAnnounceResponse(ascii(`d14:failure reason${words.length}:${words}5:peers3:123e`)),
    (error: Error & { reason: string }) => {
      equal(error.reason, "failure-reason");
      ok(error.message.startsWith('it says "\\x1b[31mno\\x0axxx'));
      ok(error.message.length < 220);
      return true;
    },
  );
});

Deno.test("T9 parseAnnounceResponse() bounds the intervals", () => {
  const intervals = (fields: string) => {
    const { intervalMs, minIntervalMs } = parseAnnounceResponse(ascii(`d${fields}e`));
    return [intervalMs, minIntervalMs];
  };
  deepStrictEqual(intervals("8:intervali0e12:min intervali0e"), [300_000, undefined]);
  deepStrictEqual(intervals("8:intervali-7e12:min intervali-7e"), [300_000, undefined]);
  deepStrictEqual(intervals("8:intervali2147483648e"), [86_400_000, undefined]);
  deepStrictEqual(intervals("8:intervali9223372036854775807e"), [1_800_000, undefined]);
  deepStrictEqual(intervals("8:interval4:12001:xi1e"), [1_800_000, undefined]);
});

Deno.test("T11 parseAnnounceResponse() keeps 3,000 peers of 10,000", () => {
  const peers = new Array<number>(60_000).fill(7);
  equal(parseAnnounceResponse(bytesOf("d5:peers60000:", peers, "e")).endpoints.length, 3_000);
  const list = "d2:ip7:8.8.8.84:porti80ee".repeat(10_000);
  equal(parseAnnounceResponse(ascii(`d5:peersl${list}ee`)).endpoints.length, 3_000);
});

Deno.test("parseAnnounceResponse() ignores nonsense in fields that it can do without", () => {
  const answer = ascii(
    "d8:complete1:x11:external ip3:abc10:incompletei-1e10:tracker id300:" + "x".repeat(300) +
      "15:warning messagei1ee",
  );
  const { seeders, leechers, externalAddress, trackerId, warning } = parseAnnounceResponse(answer);
  deepStrictEqual(
    [seeders, leechers, externalAddress, trackerId, warning],
    [undefined, undefined, undefined, undefined, undefined],
  );
});

Deno.test("parseAnnounceResponse() reads the external address as bytes or text (BEP 24)", () => {
  const external = (...field: (string | number[])[]) =>
    parseAnnounceResponse(bytesOf("d11:external ip", ...field, "e")).externalAddress;
  equal(external("4:", [1, 2, 3, 4]), "1.2.3.4");
  equal(external("16:", [0x20, 1, ...new Array<number>(13).fill(0), 9]), "2001::9");
  equal(external("7:1.2.3.4"), "1.2.3.4");
  equal(external("16:2001:db8:1234::1"), "2001:db8:1234::1");
  // No shorter text is as likely as an address whose bytes happen to read so: 49.58.58.50.
  equal(external("4:1::2"), "49.58.58.50");
  equal(external("9:localhost"), undefined);
});

Deno.test("refusalOf() finds a tracker's words in an error page, if they are there", () => {
  deepStrictEqual(refusalOf(ascii("d14:failure reason4:gonee")), { words: "gone", retryInMs: 0 });
  equal(refusalOf(ascii("de")), undefined);
  equal(refusalOf(ascii("8:retry in5:never")), undefined);
  equal(refusalOf(ascii("<h1>502</h1>")), undefined);
});

Deno.test("T9 refusalOf() reads for how long the tracker sends us away, in bounds (BEP 31)", () => {
  const retryInMs = (value: string) =>
    refusalOf(ascii(`d14:failure reason2:no8:retry in${value}e`))?.retryInMs;
  equal(retryInMs("i5e"), 300_000);
  equal(retryInMs("5:never"), Infinity);
  equal(retryInMs("i1440e"), 86_400_000);
  equal(retryInMs("i1441e"), 86_400_000);
  equal(retryInMs("i9007199254740991e"), 86_400_000);
  for (const nonsense of ["i0e", "i-5e", "i9223372036854775807e", "1:5", "5:Never", "le", "de"]) {
    equal(retryInMs(nonsense), 0, nonsense);
  }
});

Deno.test("parseAnnounceResponse() fails with the time that the tracker wants (BEP 31)", () => {
  throws(
    () => parseAnnounceResponse(ascii("d14:failure reason4:busy8:retry ini2ee")),
    { name: "TrackerError", reason: "failure-reason", retryInMs: 120_000, isFinal: false },
  );
  throws(
    () => parseAnnounceResponse(ascii("d14:failure reason2:no8:retry in5:nevere")),
    { name: "TrackerError", reason: "failure-reason", isFinal: true },
  );
});
