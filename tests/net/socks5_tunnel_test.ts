import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { concatBytes } from "../../src/base/bytes.ts";
import { openSocks5Tunnel } from "../../src/net/socks5_tunnel.ts";
import { ConnectError } from "../../src/net/transport.ts";
import { ScriptedConnection } from "./scripted_connection.ts";

const ATTEMPT = "Cannot connect to 198.51.100.7:80";
const TO = { host: "198.51.100.7", port: 80 };
const ME = { username: "me", password: "p@ss" };
const OURS = concatBytes(
  Uint8Array.of(5, 2, 0, 2),
  new TextEncoder().encode("\x01\x02me\x04p@ss"),
  Uint8Array.of(5, 1, 0, 1, 198, 51, 100, 7, 0, 80),
);
const ANSWERS = Uint8Array.of(5, 2, 1, 0, 5, 0, 0, 1, 192, 0, 2, 7, 0x12, 0x34);
const STREAM = Uint8Array.of(0x13, 0x42);

Deno.test("openSocks5Tunnel() leaves what follows in the stream", async () => {
  for (let cut = 0; cut <= ANSWERS.length; cut++) {
    const chunks = [ANSWERS.slice(0, cut), concatBytes(ANSWERS.slice(cut), STREAM)];
    const connection = new ScriptedConnection(chunks.filter(({ length }) => length > 0));
    await openSocks5Tunnel(connection, TO, ME, ATTEMPT);
    deepStrictEqual(connection.written, OURS);
    deepStrictEqual(connection.unread, STREAM);
    ok(!connection.isClosed);
  }
});

/** Bytes of the proxy before it is told whom we want. */
const LENGTH_BEFORE_ASKING = 4;

Deno.test("openSocks5Tunnel() rejects when the proxy refuses, or closes at any byte", async () => {
  for (let length = 0; length < ANSWERS.length; length++) {
    const connection = new ScriptedConnection([ANSWERS.subarray(0, length)]);
    await rejects(openSocks5Tunnel(connection, TO, ME, ATTEMPT), (error: unknown) => {
      ok(error instanceof ConnectError);
      strictEqual(error.message, `${ATTEMPT}: the proxy closes the connection`);
      strictEqual(error.failure, length < LENGTH_BEFORE_ASKING ? "proxy" : "unreachable");
      return true;
    });
  }
  const refusing = new ScriptedConnection([Uint8Array.of(5, 0, 5, 5, 0, 1)]);
  await rejects(openSocks5Tunnel(refusing, TO, ME, ATTEMPT), {
    failure: "refused",
    message: `${ATTEMPT}: the connection is refused`,
  });
});
