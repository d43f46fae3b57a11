import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../../src/base/bytes.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import {
  type Socks5Credentials,
  Socks5Handshake,
  type Socks5Outcome,
} from "../../src/net/socks5.ts";

const NAMED: Endpoint = { host: "tracker.example", port: 6969 };
const ME = { username: "me", password: "p@ss" };
const STREAM = Uint8Array.of(0x13, 0x42);

const text = (value: string) => new TextEncoder().encode(value);
const bytes = (...values: number[]) => Uint8Array.from(values);

/** Both sides of good negotiations: what we say and what the proxy answers, in turns. */
const DIALOGUES: readonly {
  readonly name: string;
  readonly to: Endpoint;
  readonly credentials: Socks5Credentials;
  readonly ours: readonly Uint8Array[];
  readonly theirs: readonly Uint8Array[];
}[] = [
  {
    name: "a name, no password, IPv4",
    to: NAMED,
    credentials: {},
    ours: [
      bytes(5, 1, 0),
      concatBytes(bytes(5, 1, 0, 3, 15), text("tracker.example"), bytes(0x1b, 0x39)),
    ],
    theirs: [bytes(5, 0), bytes(5, 0, 0, 1, 192, 0, 2, 7, 0x12, 0x34)],
  },
  {
    name: "an IPv4 address, a password, a bound name",
    to: { host: "198.51.100.7", port: 80 },
    credentials: ME,
    ours: [
      bytes(5, 2, 0, 2),
      concatBytes(bytes(1, 2), text("me"), bytes(4), text("p@ss")),
      bytes(5, 1, 0, 1, 198, 51, 100, 7, 0, 80),
    ],
    theirs: [
      bytes(5, 2),
      bytes(1, 0),
      concatBytes(bytes(5, 0, 0, 3, 2), text("ab"), bytes(0, 0)),
    ],
  },
  {
    name: "an IPv6 address, a password that nobody wants, a bound IPv6 address",
    to: { host: "2001:db8::1", port: 51_413 },
    credentials: ME,
    ours: [
      bytes(5, 2, 0, 2),
      concatBytes(
        bytes(5, 1, 0, 4, 0x20, 1, 0xd, 0xb8),
        new Uint8Array(11),
        bytes(1, 0xc8, 0xd5),
      ),
    ],
    theirs: [bytes(5, 0), concatBytes(bytes(5, 0, 0, 4), new Uint8Array(18))],
  },
  {
    name: "an empty bound name",
    to: NAMED,
    credentials: {},
    ours: [
      bytes(5, 1, 0),
      concatBytes(bytes(5, 1, 0, 3, 15), text("tracker.example"), bytes(0x1b, 0x39)),
    ],
    theirs: [bytes(5, 0), bytes(5, 0, 0, 3, 0, 0, 0)],
  },
];

/** Feeds the chunks, cut to what is wanted; what we said, what came of it, and what is left. */
function negotiate(
  to: Endpoint,
  credentials: Socks5Credentials,
  chunks: readonly Uint8Array[],
): { said: Uint8Array; outcome: Socks5Outcome | undefined; rest: Uint8Array } {
  const handshake = new Socks5Handshake(to, credentials);
  const said: Uint8Array[] = [...handshake.drain()];
  const left = [...chunks];
  while (left.length > 0 && handshake.outcome === undefined) {
    const chunk = left.shift()!;
    const taken = chunk.subarray(0, handshake.wanted);
    handshake.handle(taken);
    said.push(...handshake.drain());
    if (taken.length < chunk.length) left.unshift(chunk.subarray(taken.length));
  }
  return { said: concatBytes(...said), outcome: handshake.outcome, rest: concatBytes(...left) };
}

Deno.test("Socks5Handshake says what RFC 1928 and RFC 1929 say, and takes no byte too many", () => {
  for (const { name, to, credentials, ours, theirs } of DIALOGUES) {
    const handshake = new Socks5Handshake(to, credentials);
    const turns = [concatBytes(...handshake.drain())];
    for (const answer of theirs) {
      for (let offset = 0; offset < answer.length;) {
        const { wanted } = handshake;
        handshake.handle(answer.subarray(offset, offset + wanted));
        offset += wanted;
      }
      turns.push(concatBytes(...handshake.drain()));
    }
    deepStrictEqual(turns.filter(({ length }) => length > 0), ours, name);
    deepStrictEqual([handshake.outcome, handshake.wanted], [{ kind: "connected" }, 0], name);
  }
});

Deno.test("Socks5Handshake does the same however the answers are cut", () => {
  for (const { name, to, credentials, ours, theirs } of DIALOGUES) {
    const stream = concatBytes(...theirs, STREAM);
    const expected = { said: concatBytes(...ours), outcome: { kind: "connected" }, rest: STREAM };
    for (let cut = 0; cut <= stream.length; cut++) {
      const chunks = [stream.subarray(0, cut), stream.subarray(cut)];
      deepStrictEqual(negotiate(to, credentials, chunks), expected, `${name}, cut at ${cut}`);
    }
    const single = [...stream].map((byte) => bytes(byte));
    deepStrictEqual(negotiate(to, credentials, single), expected, name);
  }
});

Deno.test("Socks5Handshake has no outcome while an answer is incomplete", () => {
  for (const { name, to, credentials, theirs } of DIALOGUES) {
    const stream = concatBytes(...theirs);
    for (let length = 0; length < stream.length; length++) {
      const { outcome } = negotiate(to, credentials, [stream.subarray(0, length)]);
      strictEqual(outcome, undefined, `${name}, ${length} bytes`);
    }
  }
});

Deno.test("Socks5Handshake fails as the proxy says", () => {
  const rows: readonly (readonly [string, Socks5Credentials, readonly number[], string])[] = [
    ["HTTP", {}, [...text("HT")], "proxy: the proxy does not speak SOCKS5"],
    ["SOCKS4", {}, [0, 0x5b], "proxy: the proxy does not speak SOCKS5"],
    ["no method", {}, [5, 255], "proxy: the proxy wants a user name and a password"],
    [
      "no method for a user",
      ME,
      [5, 255],
      "proxy: the proxy wants another way to log in than a user name and a password",
    ],
    [
      "a method that was not offered",
      {},
      [5, 2],
      "proxy: the proxy wants another way to log in than a user name and a password",
    ],
    [
      "GSSAPI",
      ME,
      [5, 1],
      "proxy: the proxy wants another way to log in than a user name and a password",
    ],
    [
      "a wrong password",
      ME,
      [5, 2, 1, 1],
      "proxy: the proxy refuses the user name or the password",
    ],
    [
      "a wrong password, with another version",
      ME,
      [5, 2, 5, 255],
      "proxy: the proxy refuses the user name or the password",
    ],
    ["failure", {}, [5, 0, 5, 1, 0, 1], "unreachable: the proxy cannot reach it"],
    ["ruleset", {}, [5, 0, 5, 2, 0, 1], "refused: the proxy does not allow it"],
    ["network", {}, [5, 0, 5, 3, 0, 1], "unreachable: the proxy finds its network unreachable"],
    ["host", {}, [5, 0, 5, 4, 0, 1], "unreachable: the proxy finds the host unreachable"],
    ["refused", {}, [5, 0, 5, 5, 0, 1], "refused: the connection is refused"],
    ["TTL", {}, [5, 0, 5, 6, 0, 1], "timeout: the proxy has no answer"],
    ["command", {}, [5, 0, 5, 7, 0, 1], "proxy: the proxy makes no connections"],
    ["address type", {}, [5, 0, 5, 8, 0, 0], "unreachable: the proxy does not know such addresses"],
    ["Tor's own", {}, [5, 0, 5, 0xf4, 0, 0], "unreachable: the proxy fails with code 244"],
    ["a broken version", {}, [5, 0, 4, 0, 0, 1], "proxy: the proxy's answer is broken"],
    ["a broken address type", {}, [5, 0, 5, 0, 0, 2], "proxy: the proxy's answer is broken"],
  ];
  for (const [name, credentials, answer, expected] of rows) {
    const { outcome, said } = negotiate(NAMED, credentials, [Uint8Array.from(answer)]);
    ok(outcome?.kind === "failed", name);
    strictEqual(`${outcome.failure}: ${outcome.reason}`, expected, name);
    ok(!new TextDecoder().decode(said).includes("p@ss") || answer[1] === 2, name);
  }
});

Deno.test("S14 Socks5Handshake tells the password to nobody who did not ask for it", () => {
  for (const method of [0, 1, 3, 0x80, 255]) {
    const { said } = negotiate(NAMED, ME, [bytes(5, method)]);
    ok(!new TextDecoder("latin1").decode(said).includes("p@ss"), `${method}`);
  }
});

Deno.test("Socks5Handshake wants at most 257 bytes at a time, whatever it is told", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 600 }), fc.boolean(), (stream, hasPassword) => {
      const handshake = new Socks5Handshake(NAMED, hasPassword ? ME : {});
      let taken = 0;
      while (taken < stream.length && handshake.outcome === undefined) {
        ok(handshake.wanted > 0 && handshake.wanted <= 257);
        const chunk = stream.subarray(taken, taken + handshake.wanted);
        handshake.handle(chunk);
        taken += chunk.length;
      }
      ok(taken <= 2 + 2 + 4 + 1 + 257);
    }),
  );
});
