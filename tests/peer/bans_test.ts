import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { Endpoint } from "../../src/base/endpoint.ts";
import { Bans } from "../../src/peer/bans.ts";

function at(host: string, port: number): Endpoint {
  return { host, port };
}

Deno.test("Bans bans an address with its third endpoint, unless it is loopback", () => {
  for (
    const [host, isAddress] of [["10.0.0.1", true], ["2001:db8::1", true], ["127.0.0.1", false], [
      "::1",
      false,
    ]] as const
  ) {
    const bans = new Bans();
    const banned = [1, 1, 2].map((port) => {
      bans.add(at(host, port));
      return [bans.has(at(host, port)), bans.has(at(host, 9))];
    });
    deepStrictEqual(banned, [[true, false], [true, false], [true, false]]);
    bans.add(at(host, 3));
    strictEqual(bans.has(at(host, 9)), isAddress, host);
    strictEqual(bans.endpointCount, 3);
  }
});

Deno.test("Bans takes no address for another that begins alike", () => {
  const bans = new Bans();
  for (const [index, host] of ["10.0.0.11", "10.0.0.12", "10.0.0.1"].entries()) {
    bans.add(at(host, index + 1));
  }
  strictEqual(bans.has(at("10.0.0.1", 9)), false);
});

Deno.test("Bans forgets the oldest of more than 3000 endpoints", () => {
  const bans = new Bans();
  for (let index = 0; index <= 3_000; index++) bans.add(at(`10.0.${index >> 8}.${index & 255}`, 1));
  strictEqual(bans.endpointCount, 3_000);
  deepStrictEqual([bans.has(at("10.0.0.0", 1)), bans.has(at("10.0.0.1", 1))], [false, true]);
});
