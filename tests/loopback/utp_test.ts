/** uTP on this machine's sockets. */
import { Buffer } from "node:buffer";
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { SeededRandom, SystemClock, SystemRandom } from "../../src/base/ambient.ts";
import { DenoNetwork } from "../../src/net/deno_network.ts";
import type { Connection } from "../../src/net/transport.ts";
import { UtpService } from "../../src/utp/service.ts";

const TOTAL = 8 * 1024 * 1024;
const clock = new SystemClock();
const network = new DenoNetwork({ clock });
const { signal } = new AbortController();

function open(host: string) {
  const socket = network.openDatagram({ address: host, port: 0 });
  const sockets = new Map([[host.includes(":") ? "ipv6" as const : "ipv4" as const, socket]]);
  const service = new UtpService({ sockets, clock, random: new SystemRandom() });
  return { service, endpoint: { host, port: socket.port } };
}

async function first(service: UtpService): Promise<Connection> {
  for await (const connection of service.incoming) return connection;
  throw new Error("no connection came");
}

async function readAll(connection: Connection): Promise<Uint8Array> {
  const bytes = new Uint8Array(TOTAL);
  let length = 0;
  for (let count; (count = await connection.read(bytes.subarray(length))) !== null;) {
    length += count;
    if (length === TOTAL) break;
  }
  return bytes.subarray(0, length);
}

for (const host of ["127.0.0.1", "::1"]) {
  Deno.test(`UtpService carries 8 MiB each way between sockets of ${host}`, async () => {
    const here = open(host), there = open(host);
    const ours = await here.service.connect(there.endpoint, { timeoutMs: 30_000, signal });
    const bytes = new SeededRandom(1).bytes(TOTAL);
    const written = ours.write(bytes);
    const theirs = await first(there.service);
    deepStrictEqual([ours.remote, theirs.remote], [there.endpoint, here.endpoint]);
    const answered = readAll(ours);
    const received = await readAll(theirs);
    await written;
    await theirs.write(received);
    ok(Buffer.from(await answered).equals(bytes), "what went there came back");
    ours.close();
    strictEqual(await theirs.read(new Uint8Array(1)), null);
    theirs.close();
    await rejects(theirs.write(Uint8Array.of(1)), { reason: "remote-closed" });
    here.service.close();
    there.service.close();
  });
}
