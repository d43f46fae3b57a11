import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Endpoint } from "../../src/base/endpoint.ts";
import { DialMethods } from "../../src/torrent/dial_methods.ts";
import { PayloadMethod } from "../../src/wire/mse.ts";

const { plaintext: PLAINTEXT, rc4: RC4 } = PayloadMethod;
const EITHER = PLAINTEXT | RC4;

function peer(port: number): Endpoint {
  return { host: "10.0.0.1", port };
}

Deno.test("first() offers what the mode says when nothing is known of the endpoint", () => {
  strictEqual(new DialMethods("off").first(peer(1)), undefined);
  strictEqual(new DialMethods("prefer").first(peer(1)), PLAINTEXT);
  strictEqual(new DialMethods("require").first(peer(1)), RC4);
});

Deno.test("fallback() wants more of whom knows encryption, and none of whom does not", () => {
  const methods = new DialMethods("prefer");
  deepStrictEqual(methods.fallback(PLAINTEXT, true), { offer: EITHER });
  deepStrictEqual(methods.fallback(PLAINTEXT, false), { offer: undefined });
  strictEqual(methods.fallback(EITHER, true), undefined);
  deepStrictEqual(methods.fallback(EITHER, false), { offer: undefined });
  strictEqual(methods.fallback(undefined, false), undefined);
});

Deno.test("fallback() is none where encryption is required or off", () => {
  for (const knowsEncryption of [false, true]) {
    strictEqual(new DialMethods("require").fallback(RC4, knowsEncryption), undefined);
    strictEqual(new DialMethods("off").fallback(undefined, knowsEncryption), undefined);
  }
});

Deno.test("remember() and forget() hold for their endpoint alone", () => {
  const methods = new DialMethods("prefer");
  methods.remember(peer(1), undefined);
  methods.remember(peer(2), EITHER);
  strictEqual(methods.first(peer(1)), undefined);
  strictEqual(methods.first(peer(2)), EITHER);
  strictEqual(methods.first(peer(3)), PLAINTEXT);
  methods.forget(peer(1));
  methods.remember(peer(2), PLAINTEXT);
  strictEqual(methods.first(peer(1)), PLAINTEXT);
  strictEqual(methods.first(peer(2)), PLAINTEXT);
});

Deno.test("remember() forgets the oldest of 3001 endpoints, not one told of again", () => {
  const methods = new DialMethods("prefer");
  for (let port = 1; port <= 3000; port++) methods.remember(peer(port), undefined);
  methods.remember(peer(1), EITHER);
  methods.remember(peer(3001), undefined);
  strictEqual(methods.first(peer(2)), PLAINTEXT);
  strictEqual(methods.first(peer(1)), EITHER);
  strictEqual(methods.first(peer(3)), undefined);
});

Deno.test("takeHangUp() is true once after an endpoint has hung up, for the last 3000 of them", () => {
  const methods = new DialMethods("prefer");
  const nth = (index: number) => ({ host: `10.0.${index >> 8}.${index & 255}`, port: 1 });
  ok(!methods.takeHangUp(nth(0)));
  for (let index = 0; index <= 3_000; index++) methods.noteHangUp(nth(index));
  deepStrictEqual([0, 1, 3_000, 1].map((index) => methods.takeHangUp(nth(index))), [
    false,
    true,
    true,
    false,
  ]);
});
