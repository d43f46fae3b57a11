import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../../src/base/bytes.ts";
import { type Endpoint, toCompact } from "../../src/base/endpoint.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import { type Encodable, encode } from "../../src/metainfo/bencode_encoder.ts";
import {
  encodePex,
  MAX_PEX_PEERS,
  parsePex,
  PexFlag,
  type PexMessage,
  type PexPeer,
} from "../../src/wire/pex.ts";

const A: Endpoint = { host: "192.0.2.1", port: 6881 };
const B: Endpoint = { host: "192.0.2.2", port: 0x4142 };
const SIX: Endpoint = { host: "2001:db8::1", port: 7000 };
const NOBODY: PexMessage = { added: [], dropped: [] };

function parse(fields: Record<string, Encodable>): PexMessage {
  return parsePex(encode(fields));
}

function compact(...endpoints: Endpoint[]): Uint8Array {
  return concatBytes(...endpoints.map((endpoint) => toCompact(endpoint)));
}

function nth(index: number): Endpoint {
  return { host: `10.0.${index >>> 8}.${index & 255}`, port: 6881 };
}

function nth6(index: number): Endpoint {
  return { host: `2001:db8::${(index + 1).toString(16)}`, port: 6881 };
}

function plain(endpoint: Endpoint): PexPeer {
  return { endpoint, flags: 0 };
}

Deno.test("encodePex() writes the fields of BEP 11", () => {
  const payload = encodePex({
    added: [
      { endpoint: A, flags: PexFlag.reachable },
      { endpoint: SIX, flags: PexFlag.uploadOnly | PexFlag.reachable },
    ],
    dropped: [B],
  });
  strictEqual(
    new TextDecoder("latin1").decode(payload),
    "d5:added6:\xc0\0\x02\x01\x1a\xe17:added.f1:\x10" +
      "6:added618:\x20\x01\x0d\xb8" + "\0".repeat(11) + "\x01\x1bX8:added6.f1:\x12" +
      "7:dropped6:\xc0\0\x02\x02AB8:dropped60:e",
  );
});

Deno.test("parsePex() gives what was encoded", () => {
  const port = fc.integer({ min: 1, max: 65_535 });
  const endpoint = (host: fc.Arbitrary<string>) =>
    fc.tuple(host, port).map(([host, port]) => ({ host, port }));
  const ipv4 = endpoint(fc.ipV4());
  const ipv6 = endpoint(fc.constantFrom("2001:db8::5", "fe80::1", "::1", "2001:db8::6"));
  const both = fc.tuple(fc.array(ipv4, { maxLength: 25 }), fc.array(ipv6, { maxLength: 25 }));
  fc.assert(fc.property(both, both, fc.nat(255), (added, dropped, flags) => {
    const message = {
      added: added.flat().map((endpoint) => ({ endpoint, flags })),
      dropped: dropped.flat(),
    };
    deepStrictEqual(parsePex(encodePex(message)), message);
  }));
});

Deno.test("parsePex() throws or ignores, and never invents, when a message ends early", () => {
  const payload = encodePex({ added: [A, B, SIX].map(plain), dropped: [A, SIX] });
  for (let length = 0; length < payload.length; length++) {
    throws(
      () => parsePex(payload.subarray(0, length)),
      (error) => error instanceof ProtocolError && error.reason === "malformed-message",
    );
  }
});

Deno.test("P29 parsePex() throws what is no dictionary", () => {
  for (const text of ["", "le", "i1e", "d", "d5:added99999:xe", "de ", "l".repeat(100_000)]) {
    throws(() => parsePex(new TextEncoder().encode(text)), {
      name: "ProtocolError",
      reason: "malformed-message",
      message: /list of peers/,
    });
  }
});

Deno.test("P29 parsePex() throws what is longer than 500 KiB", () => {
  const ofLength = (length: number) => {
    const padding = length - encode({ x: new Uint8Array(500_000) }).length + 500_000;
    return encode({ x: new Uint8Array(padding) });
  };
  deepStrictEqual(parsePex(ofLength(512_000)), NOBODY);
  throws(() => parsePex(ofLength(512_001)), {
    name: "ProtocolError",
    reason: "message-too-large",
  });
});

Deno.test("P29 parsePex() ignores what makes no sense, and keeps the rest", () => {
  deepStrictEqual(parse({}), NOBODY);
  for (const wrong of [[], {}, 7, "12345", new Uint8Array(7)]) {
    deepStrictEqual(parse({ added: wrong, added6: compact(SIX), dropped: wrong }), {
      added: [plain(SIX)],
      dropped: [],
    });
    deepStrictEqual(parse({ added: compact(A), added6: wrong, dropped6: wrong }), {
      added: [plain(A)],
      dropped: [],
    });
  }
});

Deno.test("P29 parsePex() ignores flags that are not one for each peer", () => {
  for (const flags of [new Uint8Array(0), Uint8Array.of(1), Uint8Array.of(1, 2, 3), 5, []]) {
    deepStrictEqual(parse({ added: compact(A, B), "added.f": flags }).added, [A, B].map(plain));
  }
  deepStrictEqual(parse({ added: compact(A, B), "added.f": Uint8Array.of(1, 255) }).added, [
    { endpoint: A, flags: 1 },
    { endpoint: B, flags: 255 },
  ]);
});

Deno.test("parsePex() drops peers of port 0, and gives the others their own flags", () => {
  const added = compact(A, { host: "192.0.2.9", port: 0 }, B);
  deepStrictEqual(parse({ added, "added.f": Uint8Array.of(1, 2, 3) }).added, [
    { endpoint: A, flags: 1 },
    { endpoint: B, flags: 3 },
  ]);
});

Deno.test("P29 parsePex() reads 50 peers, of both families when there are too many", () => {
  const many = Array.from({ length: 10_000 }, (_, index) => nth(index));
  const many6 = Array.from({ length: 10_000 }, (_, index) => nth6(index));
  const cases: readonly (readonly [number, number, number, number])[] = [
    [10_000, 0, 50, 0],
    [0, 10_000, 0, 50],
    [10_000, 10_000, 25, 25],
    [10_000, 3, 47, 3],
    [3, 10_000, 3, 47],
    [30, 20, 30, 20],
  ];
  for (const [given, given6, kept, kept6] of cases) {
    const four = compact(...many.slice(0, given)), six = compact(...many6.slice(0, given6));
    const message = parse({ added: four, added6: six, dropped: four, dropped6: six });
    const expected = [...many.slice(0, kept), ...many6.slice(0, kept6)];
    deepStrictEqual(message, { added: expected.map(plain), dropped: expected });
    ok(message.added.length <= MAX_PEX_PEERS);
  }
});
