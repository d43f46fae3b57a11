import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { hostAsSeenFrom, remoteEndpoint } from "../../src/net/socket_address.ts";

Deno.test("remoteEndpoint() turns a v4-mapped address back and writes others canonically", () => {
  const cases = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::ffff:c000:201", "192.0.2.1"],
    ["2001:DB8:0:0::1", "2001:db8::1"],
    ["::1", "::1"],
    ["fe80::1%eth0", "fe80::1"],
  ] as const;
  for (const [given, host] of cases) deepStrictEqual(remoteEndpoint(given, 7), { host, port: 7 });
});

Deno.test("hostAsSeenFrom() maps IPv4 for an IPv6 socket, and knows what cannot be reached", () => {
  const cases = [
    ["0.0.0.0", "192.0.2.1", "192.0.2.1"],
    ["0.0.0.0", "2001:db8::1", undefined],
    ["::", "192.0.2.1", "::ffff:192.0.2.1"],
    ["::", "2001:db8::1", "2001:db8::1"],
    ["::", "example.org", undefined],
    ["0.0.0.0", "localhost", undefined],
  ] as const;
  for (const [local, host, seen] of cases) strictEqual(hostAsSeenFrom(local, host), seen);
});
