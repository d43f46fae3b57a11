import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { once } from "node:events";
import { concatBytes } from "../../src/base/bytes.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import { ConnectionStream } from "../../src/net/connection_stream.ts";
import { ScriptedConnection } from "./scripted_connection.ts";

Deno.test("ConnectionStream reads until the other side ends, and writes in order", async () => {
  const connection = new ScriptedConnection([Uint8Array.of(1, 2), new Uint8Array(40_000).fill(3)]);
  const stream = new ConnectionStream(connection);
  stream.write(Uint8Array.of(7));
  stream.end(Uint8Array.of(8, 9));
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  const read = concatBytes(...parts);
  deepStrictEqual([read.length, read[0], read[1], read[2], read.at(-1)], [40_002, 1, 2, 3, 3]);
  deepStrictEqual(connection.written, Uint8Array.of(7, 8, 9));
  ok(connection.isClosed);
});

Deno.test("ConnectionStream closes the connection when it is destroyed, while it reads too", async () => {
  const connection = new ScriptedConnection([], "waits");
  const stream = new ConnectionStream(connection);
  stream.resume();
  stream.destroy();
  await once(stream, "close");
  ok(connection.isClosed && stream.destroyed);
});

Deno.test("ConnectionStream fails when it cannot write", async () => {
  const connection = new ScriptedConnection([], "waits");
  connection.write = () => Promise.reject(new ProtocolError("remote-closed", "closed"));
  const stream = new ConnectionStream(connection);
  const failed = once(stream, "error");
  const writing = new Promise((resolve, reject) => {
    stream.write(Uint8Array.of(1), (error) => error ? reject(error) : resolve(undefined));
  });
  await rejects(writing, { name: "ProtocolError" });
  const [error] = await failed;
  strictEqual(error.reason, "remote-closed");
  ok(connection.isClosed);
});
