/** What DenoNetwork decides before it opens a socket; tests/loopback has the rest. */
import { rejects, throws } from "node:assert/strict";
import { DenoNetwork } from "../../src/net/deno_network.ts";
import { ManualClock } from "../sim/manual_clock.ts";

const network = new DenoNetwork({ clock: new ManualClock() });

Deno.test("connect() rejects at once when its signal has aborted", async () => {
  const options = { timeoutMs: 1_000, signal: AbortSignal.abort() };
  await rejects(network.connect({ host: "2001:db8::1", port: 6881 }, options), {
    name: "ConnectError",
    failure: "aborted",
    message: "Cannot connect to [2001:db8::1]:6881: cancelled",
  });
});

Deno.test("connect() rejects for what the system calls no address to connect to", async () => {
  const options = { timeoutMs: 1_000, signal: new AbortController().signal };
  await rejects(network.connect({ host: "fe80::1", port: 6881 }, options), {
    name: "ConnectError",
    failure: "unreachable",
  });
});

Deno.test("listen() throws when it is given no port", () => {
  throws(() => network.listen({ ports: [] }), { name: "ConnectError", failure: "limit" });
});

Deno.test({
  name: "S4 connect(), listen(), openDatagram() and openMulticast() name the flag that Deno wants",
  permissions: { net: false },
  async fn() {
    const denied = { name: "ConnectError", failure: "unreachable", message: /--allow-net/ };
    const options = { timeoutMs: 1_000, signal: new AbortController().signal };
    await rejects(network.connect({ host: "127.0.0.1", port: 6881 }, options), denied);
    throws(() => network.listen({ ports: [0] }), denied);
    throws(() => network.openDatagram(), denied);
    await rejects(network.openMulticast({ group: "239.192.152.143", port: 6771 }), denied);
  },
});
