import { deepStrictEqual, rejects } from "node:assert/strict";
import { isBlockedPort } from "../../src/net/blocked_ports.ts";

const PORTS = Array.from({ length: 65_536 }, (_, port) => port);

Deno.test("T19 isBlockedPort() blocks the ports that fetch blocks", async () => {
  const blocked = PORTS.filter(isBlockedPort);
  deepStrictEqual(blocked.length, 83);
  for (const port of blocked) {
    // Refused before anything is sent; nobody listens there anyway.
    await rejects(fetch(`http://127.0.0.1:${port}/`), /are blocked/, `${port}`);
  }
});

Deno.test("isBlockedPort() lets the ports of web servers and trackers pass", () => {
  deepStrictEqual([80, 443, 1337, 2710, 6881, 6969, 8080, 8443].filter(isBlockedPort), []);
});
