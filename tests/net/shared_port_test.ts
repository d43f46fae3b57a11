import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { DatagramSockets } from "../../src/net/datagram_sockets.ts";
import { SharedPort } from "../../src/net/shared_port.ts";
import type { DatagramSocket, Network } from "../../src/net/transport.ts";
import { FloodedSocket } from "../sim/flooded_socket.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { SimNetwork } from "../sim/sim_network.ts";

const PORT = 6881;
const HERE = "10.0.0.1", THERE = "10.0.0.2";
const LONGEST = 4_096;

class Room {
  readonly clock = new ManualClock();
  readonly network = new SimNetwork(this.clock);
  readonly here = this.network.host(HERE);
  readonly shared = new SharedPort({ network: this.here, clock: this.clock, address: HERE });
  readonly stranger = this.network.host(THERE).openDatagram({ port: PORT });

  async hears(...datagrams: readonly (readonly number[])[]): Promise<void> {
    for (const bytes of datagrams) {
      await this.stranger.send(Uint8Array.from(bytes), { host: HERE, port: PORT });
    }
    await this.pass(10);
  }

  async pass(durationMs: number): Promise<void> {
    await this.clock.run(() => false, durationMs);
  }
}

function only(sockets: DatagramSockets): DatagramSocket {
  return sockets.get("ipv4")!;
}

/** What a socket receives, and its end. */
function read(socket: DatagramSocket, bufferLength = LONGEST): unknown[] {
  const received: unknown[] = [];
  const run = async () => {
    const buffer = new Uint8Array(bufferLength);
    while (true) {
      const datagram = await socket.receive(buffer);
      received.push(datagram && [...buffer.subarray(0, datagram.length)]);
      if (datagram === null) return;
    }
  };
  void run();
  return received;
}

Deno.test("open() gives each protocol its datagrams, by the first byte", async () => {
  const room = new Room();
  const dht = read(only(room.shared.open("dht", PORT)));
  const utp = read(only(room.shared.open("utp", PORT)));
  const uTP = [[0x01, 7], [0x11], [0x21], [0x31], [0x41, 0]];
  const nobodys = [[], [0x51], [0x02], [0x00], [0x65], [0xf1]];
  await room.hears([0x64, 0x65], ...uTP, ...nobodys, [0x64]);
  deepStrictEqual(dht, [[0x64, 0x65], [0x64]]);
  deepStrictEqual(utp, uTP);
});

Deno.test("open() sends from the one port, whichever protocol it is for", async () => {
  const room = new Room();
  const from: string[] = [];
  const run = async () => {
    const buffer = new Uint8Array(LONGEST);
    for (let count = 0; count < 2; count++) {
      const received = await room.stranger.receive(buffer);
      from.push(`${received?.from.host} ${received?.from.port} ${buffer[0]}`);
    }
  };
  void run();
  for (const protocol of ["dht", "utp"] as const) {
    const socket = only(room.shared.open(protocol, PORT));
    strictEqual(socket.port, PORT);
    await socket.send(Uint8Array.of(from.length), { host: THERE, port: PORT });
    await room.pass(10);
  }
  deepStrictEqual(from, [`${HERE} ${PORT} 0`, `${HERE} ${PORT} 1`]);
});

Deno.test("close() of one protocol leaves the port to the other; of the last one, gives it back", async () => {
  const room = new Room();
  const dhtSocket = only(room.shared.open("dht", PORT));
  const utpSocket = only(room.shared.open("utp", PORT));
  const dht = read(dhtSocket), utp = read(utpSocket);
  await room.hears([0x64, 1], [0x01, 1]);
  dhtSocket.close();
  await room.hears([0x64, 2], [0x01, 2]);
  utpSocket.close();
  deepStrictEqual([dht, utp], [[[0x64, 1], null], [[0x01, 1], [0x01, 2]]]);
  const other = room.here.openDatagram({ address: HERE, port: PORT });
  strictEqual(other.port, PORT);
  await room.hears([0x01, 3]);
  deepStrictEqual(utp.at(-1), null);
});

Deno.test("open() opens the port anew when all have closed it", async () => {
  const room = new Room();
  only(room.shared.open("dht", PORT)).close();
  const dht = read(only(room.shared.open("dht", PORT)));
  await room.hears([0x64]);
  deepStrictEqual(dht, [[0x64]]);
});

Deno.test("open() hears a protocol that comes later, and one that comes again", async () => {
  const room = new Room();
  read(only(room.shared.open("dht", PORT)));
  const first = only(room.shared.open("utp", PORT));
  const second = only(room.shared.open("utp", PORT));
  first.close();
  const utp = read(second);
  await room.hears([0x01]);
  deepStrictEqual(utp, [[0x01]]);
});

Deno.test("receive() cuts what is longer than the buffer; a datagram over 4 KiB is dropped", async () => {
  const room = new Room();
  const utp = read(only(room.shared.open("utp", PORT)), 2);
  const dht = read(only(room.shared.open("dht", PORT)), 10_000);
  const ofDht = (length: number) => [0x64, ...new Uint8Array(length - 1)];
  await room.hears([0x01, 2, 3, 4], ofDht(LONGEST), ofDht(LONGEST + 1), ofDht(10_000));
  deepStrictEqual(utp, [[0x01, 2]]);
  deepStrictEqual(dht, [ofDht(LONGEST)]);
});

Deno.test("open() keeps 64 datagrams that nobody reads, and loses the rest", async () => {
  const room = new Room();
  const socket = only(room.shared.open("utp", PORT));
  await room.hears(...Array.from({ length: 100 }, (_, index) => [0x01, index]));
  const utp = read(socket);
  await room.pass(1);
  strictEqual(utp.length, 64);
  deepStrictEqual(utp.at(-1), [0x01, 63]);
});

Deno.test("send() sends nothing once it is closed", async () => {
  const room = new Room();
  read(only(room.shared.open("dht", PORT)));
  const socket = only(room.shared.open("utp", PORT));
  socket.close();
  await socket.send(Uint8Array.of(1), { host: THERE, port: PORT });
  strictEqual(room.network.datagrams.sent, 0);
});

/** A flood for nobody, and what is read of it in ten seconds. */
async function readsOfFlood(
  protocol: "dht" | "utp",
  use: (socket: DatagramSocket) => void = () => {},
): Promise<number> {
  const clock = new ManualClock();
  const socket = new FloodedSocket({ host: THERE, port: PORT });
  const network = { openDatagram: () => socket } as unknown as Network;
  const part = only(new SharedPort({ network, clock, address: HERE }).open(protocol, PORT));
  use(part);
  await clock.run(() => false, 10_000);
  part.close();
  await clock.run(() => false, 1_000);
  return socket.reads;
}

Deno.test("H3 open() reads no more of an endless flood than costs next to nothing", async () => {
  for (const protocol of ["dht", "utp"] as const) {
    const reads = await readsOfFlood(protocol);
    ok(reads > 1_000 && reads < 6_000, `${protocol}: ${reads} in ten seconds`);
  }
});

Deno.test("H3 open() reads more of a flood for three seconds after uTP was used, within limits", async () => {
  const reads = await readsOfFlood("utp", (socket) => {
    void socket.send(Uint8Array.of(1), { host: THERE, port: PORT });
  });
  ok(reads > 180_000 && reads < 270_000, `${reads} in ten seconds`);
  const readsOfDht = await readsOfFlood("dht", (socket) => {
    void socket.send(Uint8Array.of(1), { host: THERE, port: PORT });
  });
  ok(readsOfDht < 6_000, `${readsOfDht} in ten seconds`);
});

Deno.test("H3 open() loses nothing of uTP to a flood for nobody", async () => {
  const room = new Room();
  const utp = read(only(room.shared.open("utp", PORT)));
  const to = { host: HERE, port: PORT };
  for (let tick = 0; tick < 1_000; tick++) {
    for (let count = 0; count < 50; count++) void room.stranger.send(Uint8Array.of(0xff), to);
    void room.stranger.send(Uint8Array.of(0x01), to);
    await room.pass(20);
  }
  strictEqual(utp.length, 1_000);
});
