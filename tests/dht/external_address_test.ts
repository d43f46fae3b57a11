import { equal, ok } from "node:assert/strict";
import { ExternalAddress } from "../../src/dht/external_address.ts";

const OURS = "5.6.7.8";

function addressKnownAs(host?: string): ExternalAddress {
  return new ExternalAddress({ family: "ipv4", host });
}

/** An address in a network of its own. */
function voter(index: number): string {
  return `9.${index >> 8}.${index & 255}.1`;
}

/** How many of the votes made `host` another one. */
function vote(address: ExternalAddress, observed: string, first: number, count: number): number {
  let changes = 0;
  for (let i = first; i < first + count; i++) if (address.vote(observed, voter(i))) changes++;
  return changes;
}

Deno.test("vote() believes five networks that agree", () => {
  const address = addressKnownAs();
  equal(vote(address, OURS, 0, 4), 0);
  equal(address.host, undefined);
  equal(vote(address, OURS, 4, 20), 1);
  equal(address.host, OURS);
});

Deno.test("vote() counts a network once, however many addresses of it speak", () => {
  const address = addressKnownAs();
  for (let i = 0; i < 256; i++) address.vote(OURS, `9.9.9.${i}`);
  equal(address.host, undefined);
});

Deno.test("vote() is not moved by a minority of liars, nor by many opinions", () => {
  const address = addressKnownAs();
  for (let i = 0; i < 200; i++) address.vote(i % 3 === 0 ? "6.6.6.6" : OURS, voter(i));
  equal(address.host, OURS);
  const divided = addressKnownAs();
  for (let i = 0; i < 200; i++) divided.vote(`7.7.7.${i % 4}`, voter(i));
  equal(divided.host, undefined);
});

Deno.test("vote() changes its mind when our address has changed, once", () => {
  const address = addressKnownAs(OURS);
  vote(address, OURS, 0, 32);
  equal(vote(address, "5.6.7.9", 100, 16), 0);
  equal(vote(address, "5.6.7.9", 200, 16), 1);
  equal(address.host, "5.6.7.9");
});

Deno.test("vote() counts a repeated vote as a late one", () => {
  const address = addressKnownAs();
  vote(address, "5.6.7.9", 0, 1);
  vote(address, OURS, 1, 16);
  vote(address, "5.6.7.9", 17, 15);
  equal(address.host, OURS);
  equal(vote(address, "5.6.7.9", 0, 1), 0, "16 of 32");
  // The oldest vote leaves for this one, and that is one for the old address.
  equal(vote(address, "5.6.7.9", 100, 1), 1);
});

Deno.test("vote() keeps what was known before until others agree", () => {
  const address = addressKnownAs(OURS);
  equal(address.host, OURS);
  equal(vote(address, "5.6.7.9", 0, 4), 0);
  equal(address.host, OURS);
  equal(vote(address, "5.6.7.9", 4, 1), 1);
});

Deno.test("vote() learns nothing from inside networks, of inside addresses, or of the other family", () => {
  const address = addressKnownAs();
  for (const inside of ["10.0.0.1", "127.0.0.1", "192.168.1.1", "0.0.0.0", "239.1.1.1"]) {
    vote(address, inside, 0, 20);
    equal(address.host, undefined, inside);
  }
  vote(address, "2001:db8::1", 0, 20);
  vote(address, OURS, 100, 4);
  for (let i = 0; i < 20; i++) address.vote(OURS, `10.0.${i}.1`);
  equal(address.host, undefined);
  const ipv6 = new ExternalAddress({ family: "ipv6", host: undefined });
  for (let i = 0; i < 20; i++) ipv6.vote("2001:db8::1", `2001:db8:${i}::1`);
  ok(ipv6.host === "2001:db8::1");
});
