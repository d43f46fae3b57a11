import { deepStrictEqual, ok } from "node:assert/strict";
import { Socks5Handshake } from "../../src/net/socks5.ts";
import { fuzz } from "./mutation.ts";

/** Of a whole negotiation: method, password, head of the reply, a name with its length, port. */
const MAX_TAKEN = 2 + 2 + 4 + 1 + 257;
const SECRET = "hunter2";

function negotiate(input: Uint8Array, cut: (left: number) => number) {
  const handshake = new Socks5Handshake(
    { host: "tracker.example", port: 80 },
    { username: "me", password: SECRET },
  );
  const said = [...handshake.drain()];
  let taken = 0;
  while (taken < input.length && handshake.outcome === undefined) {
    const wanted = Math.min(handshake.wanted, input.length - taken);
    ok(wanted > 0, "wants nothing and is not over");
    const length = cut(wanted);
    handshake.handle(input.subarray(taken, taken + length));
    said.push(...handshake.drain());
    taken += length;
  }
  return { taken, said, outcome: handshake.outcome, wanted: handshake.wanted };
}

Deno.test("fuzz: Socks5Handshake takes any answer in bounds, cut anywhere, and tells no password", () => {
  fuzz({
    corpus: "socks5_replies",
    check(input, random) {
      const whole = negotiate(input, (wanted) => wanted);
      const pieces = negotiate(input, (wanted) => 1 + random.below(wanted));
      deepStrictEqual(pieces, whole);
      ok(whole.taken <= MAX_TAKEN);
      deepStrictEqual(whole.outcome === undefined, whole.wanted > 0);
      ok(whole.outcome?.kind !== "failed" || !whole.outcome.reason.includes(SECRET));
    },
  });
});
