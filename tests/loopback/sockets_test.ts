/** DenoNetwork on real TCP sockets of this machine. */
import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import { SystemClock } from "../../src/base/ambient.ts";
import { DenoNetwork } from "../../src/net/deno_network.ts";
import { SocketRoom } from "../../src/net/socket_room.ts";
import { ConnectError, type Connection, type Listener } from "../../src/net/transport.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { freePort } from "./lab.ts";

const network = new DenoNetwork({ clock: new SystemClock() });
const PATIENT = { timeoutMs: 30_000, signal: new AbortController().signal };
const LOOPBACKS = ["127.0.0.1", "::1"];

/** Both ends of one connection. */
async function pair(host: string, listener: Listener): Promise<[Connection, Connection]> {
  const [dialled, accepted] = await Promise.all([
    network.connect({ host, port: listener.port }, PATIENT),
    takeOne(listener),
  ]);
  return [dialled, accepted];
}

async function takeOne(listener: Listener): Promise<Connection> {
  const { value, done } = await listener[Symbol.asyncIterator]().next();
  ok(!done);
  return value;
}

/** Runs `run` with both ends of a connection and closes all. */
async function withPair(run: (here: Connection, there: Connection) => Promise<void>) {
  const listener = network.listen({ ports: [0], address: "127.0.0.1" });
  const [here, there] = await pair("127.0.0.1", listener);
  try {
    await run(here, there);
  } finally {
    here.close();
    there.close();
    listener.close();
  }
}

async function readAll(connection: Connection): Promise<number> {
  const buffer = new Uint8Array(65_536);
  let total = 0;
  for (let count = await connection.read(buffer); count !== null;) {
    total += count;
    count = await connection.read(buffer);
  }
  return total;
}

Deno.test("S7 listen() without an address takes both families on one port", async () => {
  const listener = network.listen({ ports: [0] });
  for (const host of LOOPBACKS) {
    const [here, there] = await pair(host, listener);
    deepStrictEqual(here.remote, { host, port: listener.port });
    strictEqual(there.remote.host, host, "an IPv4 address, not a v4-mapped one");
    await there.write(Uint8Array.of(42));
    const buffer = new Uint8Array(8);
    deepStrictEqual([await here.read(buffer), buffer[0]], [1, 42]);
    here.close();
    there.close();
  }
  listener.close();
});

Deno.test("listen() with an address takes that one alone", async () => {
  const listener = network.listen({ ports: [freePort()], address: "127.0.0.1" });
  const to = { host: "::1", port: listener.port };
  await rejects(network.connect(to, PATIENT), { failure: "refused" });
  listener.close();
});

Deno.test("S7 listen() goes on to the next port when one is in use, by either family", () => {
  for (const hostname of ["0.0.0.0", "::", "127.0.0.1"]) {
    const other = Deno.listen({ hostname, port: 0 });
    const taken = (other.addr as Deno.NetAddr).port;
    const listener = network.listen({ ports: [taken, 0] });
    ok(listener.port !== taken);
    throws(
      () => network.listen({ ports: [taken] }),
      (error: unknown) =>
        error instanceof ConnectError && error.failure === "limit" &&
        error.message === `Cannot listen: port ${taken} is taken`,
    );
    throws(() => network.listen({ ports: [taken, taken] }), {
      message: `Cannot listen: all of the ports ${taken}, ${taken} are taken`,
    });
    listener.close();
    other.close();
  }
});

Deno.test("listen() says so when an address is not this machine's", () => {
  throws(() => network.listen({ ports: [0], address: "192.0.2.1" }), {
    name: "ConnectError",
    failure: "unreachable",
    message: "Cannot listen on 192.0.2.1: the address is not available here",
  });
});

Deno.test("Listener.close() ends the iteration, and may be called again", async () => {
  const listener = network.listen({ ports: [0], address: "127.0.0.1" });
  const iterating = (async () => {
    for await (const connection of listener) connection.close();
  })();
  listener.close();
  listener.close();
  await iterating;
});

Deno.test("connect() races the addresses of a name", async () => {
  const listener = network.listen({ ports: [0] });
  const [here, there] = await pair("localhost", listener);
  ok(LOOPBACKS.includes(here.remote.host));
  here.close();
  there.close();
  listener.close();
});

Deno.test("connect() rejects when it is refused", async () => {
  const port = freePort();
  for (const [host, shown] of [["127.0.0.1", "127.0.0.1"], ["::1", "[::1]"]] as const) {
    await rejects(network.connect({ host, port }, PATIENT), {
      name: "ConnectError",
      failure: "refused",
      message: `Cannot connect to ${shown}:${port}: the connection is refused`,
    });
  }
});

Deno.test("S8 connect() gives its place in the room back when it is refused, and when it is closed", async () => {
  const room = new SocketRoom({
    settled: () => Promise.resolve(),
    countFree: () => 0,
    onScarce: () => {},
  });
  const crowded = new DenoNetwork({ clock: new SystemClock(), room });
  const refusing = { host: "127.0.0.1", port: freePort() };
  const attempts = 20; // There are 16 places.
  for (let attempt = 0; attempt < attempts; attempt++) {
    await rejects(crowded.connect(refusing, PATIENT), { failure: "refused" });
  }
  const listener = network.listen({ ports: [0], address: "127.0.0.1" });
  for (let attempt = 0; attempt < attempts; attempt++) {
    const to = { host: "127.0.0.1", port: listener.port };
    const [here, there] = await Promise.all([crowded.connect(to, PATIENT), takeOne(listener)]);
    here.close();
    there.close();
  }
  listener.close();
});

Deno.test("T17 connect() rejects when a name is unknown", async () => {
  await rejects(network.connect({ host: "no-such-name.invalid", port: 80 }, PATIENT), {
    failure: "unknown-name",
    message: "Cannot connect to no-such-name.invalid:80: its name is unknown",
  });
});

Deno.test("connect() rejects when it is aborted, and leaves nothing open", async () => {
  const listener = network.listen({ ports: [0], address: "127.0.0.1" });
  const controller = new AbortController();
  const to = { host: "127.0.0.1", port: listener.port };
  const connecting = network.connect(to, { timeoutMs: 30_000, signal: controller.signal });
  controller.abort();
  await rejects(connecting, { name: "ConnectError", failure: "aborted" });
  const again = network.connect(to, { timeoutMs: 30_000, signal: controller.signal });
  await rejects(again, { failure: "aborted" });
  listener.close();
});

Deno.test("P23 connect() rejects at its deadline, and leaves nothing open", async () => {
  const clock = new ManualClock();
  const impatient = new DenoNetwork({ clock });
  const listener = network.listen({ ports: [0], address: "127.0.0.1" });
  const to = { host: "127.0.0.1", port: listener.port };
  // A deadline that has passed before any event of the socket can be seen.
  const connecting = impatient.connect(to, { ...PATIENT, timeoutMs: 0 });
  const [result] = await Promise.allSettled([connecting, clock.run(() => false, 1)]);
  strictEqual(result.status, "rejected");
  deepStrictEqual(result.reason.failure, "timeout");
  ok(result.reason.message.endsWith("no answer in 0 ms"));
  listener.close();
});

Deno.test("Connection carries megabytes both ways at once, whatever the socket takes", async () => {
  await withPair(async (here, there) => {
    const bytes = new Uint8Array(20_000_000).fill(7);
    const ends = [here, there].map(async (end) => {
      let received = 0;
      const buffer = new Uint8Array(65_536);
      const writing = end.write(bytes);
      while (received < bytes.length) received += (await end.read(buffer))!;
      await writing;
      return received;
    });
    deepStrictEqual(await Promise.all(ends), [bytes.length, bytes.length]);
  });
});

Deno.test("P24 read() gives what came and then null when the peer closes", async () => {
  await withPair(async (here, there) => {
    await there.write(new Uint8Array(1_000));
    there.close();
    strictEqual(await readAll(here), 1_000);
    strictEqual(await here.read(new Uint8Array(1)), null);
  });
});

Deno.test("P24 read() gives null when the connection is reset", async () => {
  await withPair(async (here, there) => {
    const reading = here.read(new Uint8Array(10));
    await here.write(new Uint8Array(10));
    // To close with bytes that were not read resets the connection.
    await there.read(new Uint8Array(1));
    there.close();
    strictEqual(await reading, null);
  });
});

Deno.test("P24 write() rejects once the peer is gone", async () => {
  await withPair(async (here, there) => {
    there.close();
    const writing = async () => {
      while (true) await here.write(new Uint8Array(100_000));
    };
    await rejects(writing(), { name: "ProtocolError", reason: "remote-closed" });
    strictEqual(await here.read(new Uint8Array(1)), null);
  });
});

Deno.test("P25 close() ends a write to a peer that does not read", async () => {
  await withPair(async (here) => {
    const writing = here.write(new Uint8Array(50_000_000));
    const rejection = rejects(writing, { reason: "remote-closed" });
    const reading = here.read(new Uint8Array(1));
    here.close();
    here.close();
    await rejection;
    strictEqual(await reading, null);
    await rejects(here.write(new Uint8Array(1)), { reason: "remote-closed" });
  });
});

Deno.test("resolve() gives the addresses of a name, none when it is unknown", async () => {
  const found = await network.resolve("localhost");
  ok(found.length > 0 && found.every((address) => LOOPBACKS.includes(address)));
  deepStrictEqual(await network.resolve("no-such-name.invalid"), []);
  deepStrictEqual(await network.resolve("::1"), ["::1"]);
});
