import { deepStrictEqual, throws } from "node:assert/strict";
import { listenOnBothFamilies } from "../../src/net/dual_stack.ts";
import type { TcpListenSocket } from "../../src/net/tcp.ts";

type Answer = "works" | "taken" | "fails";

/** The addresses that are listened on, port included; port 0 becomes 7. */
function listen(port: number, ipv6: Answer, ipv4: Answer): string[] {
  const sockets = listenOnBothFamilies(port, (hostname, asked): TcpListenSocket | "taken" => {
    const answer = hostname === "::" ? ipv6 : ipv4;
    if (answer === "fails") throw new Error(`${hostname} fails`);
    if (answer === "taken") return "taken";
    const accept = () => new Promise<never>(() => {});
    return { addr: { transport: "tcp", hostname, port: asked || 7 }, accept, close() {} };
  });
  return sockets.map(({ addr }) => `${addr.hostname} ${addr.port}`);
}

Deno.test("S7 listenOnBothFamilies() takes one socket where :: is dual-stack", () => {
  deepStrictEqual(listen(6881, "works", "taken"), [":: 6881"]);
});

Deno.test("S7 listenOnBothFamilies() takes two sockets on one port where :: is not", () => {
  deepStrictEqual(listen(6881, "works", "works"), [":: 6881", "0.0.0.0 6881"]);
  deepStrictEqual(listen(0, "works", "works"), [":: 7", "0.0.0.0 7"]);
});

Deno.test("S7 listenOnBothFamilies() does with one family where the other is missing", () => {
  deepStrictEqual(listen(6881, "fails", "works"), ["0.0.0.0 6881"]);
  deepStrictEqual(listen(6881, "works", "fails"), [":: 6881"]);
  throws(() => listen(6881, "fails", "fails"), /0\.0\.0\.0 fails/);
});

Deno.test("listenOnBothFamilies() takes nothing when the port is taken", () => {
  deepStrictEqual(listen(6881, "taken", "works"), []);
  deepStrictEqual(listen(6881, "fails", "taken"), []);
});
