/** How NodeDatagramSocket fails to open; tests/loopback has the rest. */
import { throws } from "node:assert/strict";
import { NodeDatagramSocket } from "../../src/net/node_datagram.ts";

Deno.test("new NodeDatagramSocket() throws at once what the system says", () => {
  for (const address of ["192.0.2.1", "2001:db8::1"]) {
    throws(() => new NodeDatagramSocket({ address, port: 0 }), { code: "EADDRNOTAVAIL" });
  }
});
