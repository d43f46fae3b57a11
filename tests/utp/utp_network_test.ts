import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import { SharedPort } from "../../src/net/shared_port.ts";
import type {
  ConnectError,
  Connection,
  ConnectOptions,
  DatagramSocket,
  Listener,
  Network,
} from "../../src/net/transport.ts";
import { UtpService } from "../../src/utp/service.ts";
import { UtpNetwork } from "../../src/utp/utp_network.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { SimNetwork } from "../sim/sim_network.ts";

const PORT = 6881;
const HERE = "10.0.0.1", THERE = "10.0.0.2";
const TO: Endpoint = { host: THERE, port: PORT };
const BLACK_HOLE = { latencyMs: 1, bytesPerSecond: Infinity, isBlackHole: true };

interface Host {
  readonly network: UtpNetwork;
  /** TCP connections that were begun. */
  readonly tried: string[];
  /** Those that came. */
  readonly accepted: Connection[];
}

class Room {
  readonly clock = new ManualClock();
  readonly sim = new SimNetwork(this.clock);
  readonly #hosts: Host[] = [];
  readonly #services: UtpService[] = [];

  add(address: string, names: Readonly<Record<string, string[]>> = {}): Host {
    const { clock } = this;
    const host = this.sim.host(address), tried: string[] = [];
    const network: Network = {
      ...host,
      connect: (to, options) => {
        tried.push(`${to.host} at ${clock.now()}`);
        return host.connect(to, options);
      },
      resolve: (name) => Promise.resolve(names[name] ?? []),
    };
    const sharedPort = new SharedPort({ network, clock, address });
    const random = new SeededRandom(this.#hosts.length);
    const added: Host = {
      network: new UtpNetwork({ network, sharedPort, clock, random }),
      tried,
      accepted: [],
    };
    this.#hosts.push(added);
    return added;
  }

  /** Takes whoever comes, by TCP, and a while later by uTP. */
  async listen(host: Host): Promise<Listener> {
    const listener = host.network.listen({ ports: [PORT] });
    const accept = async () => {
      for await (const connection of listener) host.accepted.push(connection);
    };
    void accept();
    await this.pass(2_500);
    return listener;
  }

  /** What came of it, and after how long. */
  async connect(
    { network }: Host,
    { to = TO, ...options }: Partial<ConnectOptions> & { to?: Endpoint } = {},
  ): Promise<{ connection: Connection; afterMs: number }> {
    const { signal } = new AbortController(), startedAt = this.clock.now();
    const connecting = network.connect(to, { timeoutMs: 15_000, signal, ...options });
    let isSettled = false;
    const settle = () => void (isSettled = true);
    connecting.then(settle, settle);
    ok(await this.clock.run(() => isSettled, 60_000), "settles in a minute");
    const afterMs = this.clock.now() - startedAt;
    return { connection: await connecting, afterMs };
  }

  /** Whoever has connected says something, which the host at the other end hears. */
  async passesBytes(from: Connection, { accepted }: Host): Promise<boolean> {
    const buffer = new Uint8Array(10);
    const writing = from.write(Uint8Array.of(1, 2, 3));
    await this.pass(1_000);
    const reading = accepted.at(-1)?.read(buffer);
    await this.pass(1_000);
    await writing;
    return await reading === 3 && buffer[2] === 3;
  }

  /** A host that takes up no TCP. */
  addUtpAlone(host: string): UtpService {
    const { clock } = this;
    const sharedPort = new SharedPort({ network: this.sim.host(host), clock, address: host });
    const sockets = sharedPort.open("utp", PORT);
    const service = new UtpService({ sockets, clock, random: new SeededRandom(7) });
    this.#services.push(service);
    return service;
  }

  async pass(durationMs: number): Promise<void> {
    await this.clock.run(() => false, durationMs);
  }

  async close(): Promise<void> {
    await Promise.all(this.#hosts.map(({ network }) => network.close()));
    for (const service of this.#services) service.close();
    await this.pass(120_000);
  }
}

async function inRoom(run: (room: Room, here: Host) => Promise<void>): Promise<void> {
  const room = new Room();
  const here = room.add(HERE, { "peer.example": [THERE], "nobody.example": [] });
  await run(room, here);
  await room.close();
}

Deno.test("connect() says nothing by uTP when TCP answers within a second", async () => {
  await inRoom(async (room, here) => {
    const there = room.add(THERE);
    await room.listen(there);
    room.sim.setLink(THERE, { latencyMs: 450, bytesPerSecond: Infinity });
    const { connection, afterMs } = await room.connect(here);
    deepStrictEqual([connection.isUtp, afterMs], [undefined, 900]);
    await room.pass(5_000);
    strictEqual(room.sim.datagrams.sent, 0);
    ok(await room.passesBytes(connection, there));
  });
});

Deno.test("connect() tries uTP too when TCP has been silent for 1.3 s", async () => {
  await inRoom(async (room, here) => {
    const there = room.add(THERE);
    await room.listen(there);
    room.sim.setLink(THERE, BLACK_HOLE);
    const { connection, afterMs } = await room.connect(here);
    deepStrictEqual([connection.isUtp, connection.remote, afterMs], [true, TO, 1_304]);
    ok(await room.passesBytes(connection, there));
    deepStrictEqual(there.accepted[0]!.remote.host, HERE);
  });
});

Deno.test("connect() tries uTP at once when TCP is refused", async () => {
  await inRoom(async (room, here) => {
    room.addUtpAlone(THERE);
    const { connection, afterMs } = await room.connect(here);
    deepStrictEqual([connection.isUtp, afterMs], [true, 6]);
  });
});

Deno.test("connect() tries uTP first where it was what led there, until TCP does", async () => {
  await inRoom(async (room, here) => {
    const there = room.add(THERE);
    await room.listen(there);
    room.sim.setLink(THERE, BLACK_HOLE);
    await room.connect(here);
    strictEqual(here.tried.length, 1);
    const again = await room.connect(here);
    deepStrictEqual([again.connection.isUtp, again.afterMs, here.tried.length], [true, 4, 1]);
    room.sim.datagrams.setLink(THERE, { latencyMs: 1, isDown: true });
    room.sim.setLink(THERE, { latencyMs: 1, bytesPerSecond: Infinity });
    const byTcp = await room.connect(here);
    deepStrictEqual([byTcp.connection.isUtp, byTcp.afterMs], [undefined, 1_302]);
    deepStrictEqual((await room.connect(here)).afterMs, 2);
  });
});

Deno.test("connect() tries TCP first again ten minutes after uTP led there", async () => {
  await inRoom(async (room, here) => {
    const there = room.add(THERE);
    await room.listen(there);
    room.sim.setLink(THERE, BLACK_HOLE);
    await room.connect(here);
    room.sim.setLink(THERE, { latencyMs: 1, bytesPerSecond: Infinity });
    await room.pass(5 * 60_000);
    deepStrictEqual((await room.connect(here)).connection.isUtp, true);
    await room.pass(5 * 60_000);
    deepStrictEqual((await room.connect(here)).connection.isUtp, undefined);
  });
});

Deno.test("connect() tells at once that TCP does not lead there, and why", async () => {
  await inRoom(async (room, here) => {
    const told: string[] = [];
    const onTcpFailure = ({ failure }: ConnectError) =>
      void told.push(`${failure} at ${room.clock.now()}`);
    room.addUtpAlone(THERE);
    await room.connect(here, { onTcpFailure });
    deepStrictEqual(told, ["refused at 2"]);
    await room.connect(here, { onTcpFailure, onlyUtp: true });
    deepStrictEqual(told.length, 1);
  });
});

Deno.test("connect() tells that nobody answers by uTP while TCP is still tried, and only then", async () => {
  const isBlackHole = true, latencyMs = 1, bytesPerSecond = Infinity;
  const rows: [name: string, isTcpSilent: boolean, onlyUtp: boolean, told: number[]][] = [
    ["neither answers", true, false, [4_300]],
    ["TCP was refused before", false, false, []],
    ["TCP is not tried", true, true, []],
  ];
  for (const [name, isTcpSilent, onlyUtp, expected] of rows) {
    await inRoom(async (room, here) => {
      const told: number[] = [], startedAt = room.clock.now();
      const onUtpTimeout = () => void told.push(room.clock.now() - startedAt);
      if (isTcpSilent) room.sim.setLink(THERE, { latencyMs, bytesPerSecond, isBlackHole });
      await rejects(room.connect(here, { onUtpTimeout, onlyUtp }), { name: "ConnectError" });
      deepStrictEqual(told, expected, name);
    });
  }
});

Deno.test("connect() rejects as TCP did when neither leads there", async () => {
  await inRoom(async (room, here) => {
    const startedAt = room.clock.now();
    await rejects(room.connect(here), { name: "ConnectError", failure: "refused" });
    strictEqual(room.clock.now() - startedAt, 1_502);
    room.sim.setLink(THERE, BLACK_HOLE);
    await rejects(room.connect(here), { name: "ConnectError", failure: "timeout" });
  });
});

Deno.test("connect() with onlyUtp leaves TCP alone", async () => {
  await inRoom(async (room, here) => {
    await room.listen(room.add(THERE));
    const { connection } = await room.connect(here, { onlyUtp: true });
    deepStrictEqual([connection.isUtp, here.tried], [true, []]);
    const nobody = { host: "10.0.0.3", port: PORT };
    await rejects(room.connect(here, { to: nobody, onlyUtp: true }), { failure: "timeout" });
    deepStrictEqual(here.tried, []);
  });
});

Deno.test("connect() looks names up for uTP", async () => {
  await inRoom(async (room, here) => {
    room.addUtpAlone(THERE);
    const to = { host: "peer.example", port: PORT };
    const { connection } = await room.connect(here, { to, onlyUtp: true });
    deepStrictEqual(connection.remote, TO);
    const unknown = { host: "nobody.example", port: PORT };
    await rejects(room.connect(here, { to: unknown, onlyUtp: true }), {
      failure: "unknown-name",
      message: "Cannot connect to nobody.example:6881: its name is unknown",
    });
  });
});

Deno.test("connect() rejects when aborted, and leaves nothing open", async () => {
  await inRoom(async (room, here) => {
    const there = room.add(THERE);
    await room.listen(there);
    room.sim.setLink(THERE, BLACK_HOLE);
    const controller = new AbortController();
    void room.clock.sleep(1_302).then(() => controller.abort());
    await rejects(room.connect(here, { signal: controller.signal }), { failure: "aborted" });
    await room.pass(60_000);
    deepStrictEqual(there.accepted, []);
  });
});

Deno.test("listen() takes whoever comes by TCP at once, and by uTP two seconds later", async () => {
  await inRoom(async (room, here) => {
    const there = room.add(THERE);
    const listening = room.listen(there);
    await room.pass(1_500);
    const early = await room.connect(here, { onlyUtp: true });
    ok(early.afterMs > 1_000, `${early.afterMs} ms`);
    const listener = await listening;
    strictEqual(listener.port, PORT);
    const late = await room.connect(room.add("10.0.0.9"));
    ok(await room.passesBytes(late.connection, there));
    ok(await room.passesBytes(early.connection, there));
    deepStrictEqual(there.accepted.map(({ isUtp }) => isUtp), [undefined, true]);
  });
});

Deno.test("listen() turns away whoever comes once it is closed, and ends", async () => {
  await inRoom(async (room, here) => {
    const there = room.add(THERE);
    const listener = await room.listen(there);
    listener.close();
    const { connection } = await room.connect(here);
    strictEqual(connection.isUtp, true, "TCP refuses at once");
    ok(!await room.passesBytes(connection, there).catch(() => false));
    deepStrictEqual(there.accepted, []);
    for await (const _ of listener) throw new Error("nobody comes any more");
  });
});

Deno.test("listen() tells whoever listens of a mistake, and is not the end of the program", async () => {
  await inRoom(async ({ clock, sim }) => {
    const socket: DatagramSocket = {
      port: PORT,
      send: () => Promise.resolve(),
      receive: () => Promise.reject(new Error("a mistake")),
      close() {},
    };
    const sharedPort = { open: () => new Map([["ipv4", socket]]) } as unknown as SharedPort;
    const options = { network: sim.host(THERE), clock, random: new SeededRandom(1), sharedPort };
    const network = new UtpNetwork(options);
    const listener = network.listen({ ports: [PORT] });
    const listening = (async () => {
      for await (const connection of listener) connection.close();
    })();
    const isTold = rejects(listening, { message: "a mistake" });
    await clock.run(() => false, 2_500);
    await isTold;
    listener.close();
    await network.close();
  });
});

Deno.test("close() ends connections, and gives the port back", async () => {
  await inRoom(async (room, here) => {
    room.addUtpAlone(THERE);
    const listener = await room.listen(here);
    const { connection } = await room.connect(here, { onlyUtp: true });
    listener.close();
    await here.network.close();
    await here.network.close();
    strictEqual(await connection.read(new Uint8Array(1)), null);
    room.sim.host(HERE).openDatagram({ address: HERE, port: PORT }).close();
    await rejects(room.connect(here, { onlyUtp: true }), { failure: "unreachable" });
  });
});

Deno.test("close() leaves nothing open of what is loaded after it", async () => {
  await inRoom(async (room, here) => {
    await here.network.close();
    const { signal } = new AbortController();
    const { network } = here;
    await rejects(network.connect(TO, { timeoutMs: 1_000, signal, onlyUtp: true }), {
      failure: "unreachable",
    });
    strictEqual(room.sim.datagrams.sent, 0);
  });
});

Deno.test("openDatagram(), openMulticast() and resolve() go to the network itself", async () => {
  await inRoom(async (_, { network }) => {
    const socket = network.openDatagram({ address: HERE, port: 7 });
    strictEqual(socket.port, 7);
    socket.close();
    (await network.openMulticast({ group: "239.192.152.143", port: 6771 })).close();
    deepStrictEqual(await network.resolve("peer.example"), [THERE]);
  });
});
