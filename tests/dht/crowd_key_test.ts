import { equal, notEqual } from "node:assert/strict";
import { crowdKey } from "../../src/dht/crowd_key.ts";

Deno.test("crowdKey() is the same within a /24 or a /64, and nowhere else", () => {
  equal(crowdKey("8.8.8.8"), crowdKey("8.8.8.255"));
  notEqual(crowdKey("8.8.8.8"), crowdKey("8.8.9.8"));
  equal(crowdKey("2001:db8:1:2::1"), crowdKey("2001:db8:1:2:ffff::"));
  notEqual(crowdKey("2001:db8:1:2::1"), crowdKey("2001:db8:1:3::1"));
});

Deno.test("crowdKey() is undefined where many nodes may share an address", () => {
  for (const host of ["127.0.0.1", "10.1.2.3", "192.168.0.1", "169.254.1.1", "::1", "fe80::1"]) {
    equal(crowdKey(host), undefined, host);
  }
  equal(crowdKey("fd00::1"), undefined);
});
