import { ok, rejects, strictEqual } from "node:assert/strict";
import { openHttpTunnel, proxyAuthorization } from "../../src/net/http_tunnel.ts";
import type { Proxy } from "../../src/net/proxy.ts";
import { ConnectError } from "../../src/net/transport.ts";
import { ScriptedConnection } from "./scripted_connection.ts";

const ATTEMPT = "Cannot connect to tracker.example:443";
const TO = { host: "tracker.example", port: 443 };
const PROXY: Proxy = { kind: "http", endpoint: { host: "192.0.2.9", port: 3128 } };
const ME: Proxy = { ...PROXY, username: "mé", password: "hunter2" };
const GOOD = "HTTP/1.1 200 Connection established\r\nVia: proxy\r\n\r\n";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("openHttpTunnel() asks for a connection by name, and knows the answer cut anywhere", async () => {
  const answer = bytes(GOOD);
  for (let cut = 1; cut <= answer.length; cut++) {
    const connection = new ScriptedConnection([answer.slice(0, cut), answer.slice(cut)]
      .filter(({ length }) => length > 0));
    await openHttpTunnel(connection, TO, ME, ATTEMPT);
    strictEqual(
      new TextDecoder().decode(connection.written),
      "CONNECT tracker.example:443 HTTP/1.1\r\nHost: tracker.example:443\r\n" +
        "Proxy-Authorization: Basic bcOpOmh1bnRlcjI=\r\n\r\n",
    );
    ok(!connection.isClosed);
  }
});

Deno.test("S14 openHttpTunnel() fails as the proxy says, in bounds, and names no password", async () => {
  const rows: readonly (readonly [string, string])[] = [
    ["", "the proxy closes the connection"],
    [GOOD.slice(0, -1), "the proxy closes the connection"],
    ["HTTP/1.1 407 No\r\n\r\n", "the proxy refuses the user name or the password"],
    ["HTTP/1.0 403\r\n\r\n", "the proxy answers with HTTP status 403"],
    ["HTTP/1.1 302 hunter2\r\n\r\n", "the proxy answers with HTTP status 302"],
    ["HTTP/1.1 2000\r\n\r\n", "the proxy's answer is broken"],
    ["HTTP/2 200 OK\r\n\r\n", "the proxy's answer is broken"],
    ["SSH-2.0-OpenSSH_9.0\r\n\r\n", "the proxy's answer is broken"],
    [GOOD + "early", "the proxy's answer is broken"],
    [GOOD + GOOD, "the proxy's answer is broken"],
    ["HTTP/1.1 200 OK\r\nX: " + "a".repeat(20_000), "the proxy's answer is broken"],
    ["\r\n".repeat(5_000), "the proxy's answer is broken"],
  ];
  for (const [answer, reason] of rows) {
    const connection = new ScriptedConnection([bytes(answer)]);
    await rejects(openHttpTunnel(connection, TO, ME, ATTEMPT), (error: unknown) => {
      ok(error instanceof ConnectError && error.failure === "proxy");
      strictEqual(error.message, `${ATTEMPT}: ${reason}`);
      return true;
    });
  }
});

Deno.test("proxyAuthorization() is for those who have a user name", () => {
  strictEqual(proxyAuthorization(PROXY), undefined);
  strictEqual(proxyAuthorization({ ...PROXY, username: "me" }), "Basic bWU6");
});
