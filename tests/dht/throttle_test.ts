import { equal, ok } from "node:assert/strict";
import { Throttle } from "../../src/dht/throttle.ts";

const SECOND = 1_000, MINUTE = 60_000;
const from = { host: "8.8.8.8", port: 6881 };

/** How many of `count` messages at `now` get through. */
function allowed(throttle: Throttle, count: number, now: number, sender = from): number {
  let through = 0;
  for (let i = 0; i < count; i++) if (throttle.allows(sender, now)) through++;
  return through;
}

Deno.test("H3 allows() lets 50 messages through in 10 s, and whoever sends more is silenced for 5 minutes", () => {
  const throttle = new Throttle();
  equal(allowed(throttle, 1_000, 0), 50);
  equal(allowed(throttle, 1_000, 5 * MINUTE - 1), 0);
  equal(allowed(throttle, 1_000, 5 * MINUTE), 50);
});

Deno.test("H3 allows() never minds 5 messages a second", () => {
  const throttle = new Throttle();
  for (let now = 0; now < 10 * MINUTE; now += 200) ok(throttle.allows(from, now), `${now}`);
});

Deno.test("H3 allows() counts all ports of an address as one, and a /64 of IPv6", () => {
  const throttle = new Throttle();
  equal(allowed(throttle, 50, 0), 50);
  equal(allowed(throttle, 1, 0, { ...from, port: 1 }), 0);
  equal(allowed(throttle, 50, 0, { host: "2001:db8::1", port: 1 }), 50);
  equal(allowed(throttle, 1, 0, { host: "2001:db8::2", port: 1 }), 0);
  equal(allowed(throttle, 1, 0, { host: "2001:db8:0:1::1", port: 1 }), 1);
});

Deno.test("allows() tells nodes apart that share an address on this machine or network", () => {
  for (const host of ["127.0.0.1", "192.168.1.1", "::1"]) {
    const throttle = new Throttle();
    equal(allowed(throttle, 60, 0, { host, port: 1 }), 50);
    equal(allowed(throttle, 60, 0, { host, port: 2 }), 50);
  }
});

Deno.test("H3 allows() does not forget an offender when many others come", () => {
  const throttle = new Throttle();
  allowed(throttle, 100, 0);
  for (let i = 0; i < 5_000; i++) {
    throttle.allows({ host: `9.${i >> 8}.${i & 255}.1`, port: 1 }, 1 + i);
  }
  equal(allowed(throttle, 100, 10 * SECOND), 0);
});

Deno.test("allows() forgets whoever sent least when it watches 20", () => {
  const throttle = new Throttle();
  equal(allowed(throttle, 10, 0), 10);
  for (let index = 0; index < 20; index++) {
    allowed(throttle, 20, 0, { host: `9.9.${index}.1`, port: 1 });
  }
  equal(allowed(throttle, 60, 0), 50);
});

Deno.test("allows() forgets those first that have long been quiet", () => {
  const throttle = new Throttle();
  const sender = (index: number) => ({ host: `9.9.${index}.1`, port: 1 });
  for (let index = 0; index < 20; index++) allowed(throttle, 40, 0, sender(index));
  const late = { host: "8.8.4.4", port: 1 };
  allowed(throttle, 30, 11 * SECOND, late);
  // Another newcomer takes the place of one of the old ones.
  allowed(throttle, 1, 11 * SECOND, from);
  equal(allowed(throttle, 30, 11 * SECOND, late), 20);
});
