import { ok, strictEqual } from "node:assert/strict";
import { openHttpTunnel } from "../../src/net/http_tunnel.ts";
import type { Proxy } from "../../src/net/proxy.ts";
import { ConnectError } from "../../src/net/transport.ts";
import { ScriptedConnection } from "../net/scripted_connection.ts";
import { fuzzReader } from "./mutation.ts";

const TO = { host: "tracker.example", port: 80 };
const SECRET = "hunter2";
const PROXY: Proxy = {
  kind: "http",
  endpoint: { host: "192.0.2.9", port: 3128 },
  username: "me",
  password: SECRET,
};
const MAX_HEAD_LENGTH = 8_192;

/** What became of the answer, which comes in two parts. */
async function negotiate(input: Uint8Array, cut: number): Promise<string> {
  const parts = [input.subarray(0, cut), input.subarray(cut)].filter(({ length }) => length > 0);
  const connection = new ScriptedConnection(parts);
  try {
    await openHttpTunnel(connection, TO, PROXY, "Cannot connect");
    return "open";
  } catch (error) {
    ok(error instanceof ConnectError && error.failure === "proxy", "only its typed error");
    return error.message;
  } finally {
    ok(input.length - connection.unread.length <= MAX_HEAD_LENGTH, "no more is read than may be");
  }
}

Deno.test("fuzz: openHttpTunnel() takes a whole head that says 2xx, cut anywhere, and tells no password", async () => {
  await fuzzReader({
    corpus: "http_tunnel",
    async check(input, random) {
      const outcome = await negotiate(input, input.length);
      ok(!outcome.includes(SECRET));
      if (outcome !== "open") return;
      const head = new TextDecoder("latin1").decode(input.subarray(0, MAX_HEAD_LENGTH));
      ok(/^HTTP\/1\.[01] 2\d\d[ \r\n]/.test(head) && head.endsWith("\r\n\r\n"));
      strictEqual(await negotiate(input, random.below(input.length)), "open");
    },
  });
});
