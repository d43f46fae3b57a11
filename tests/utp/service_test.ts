/** The service over simulated sockets; tests/loopback has real ones. */
import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { Connection } from "../../src/net/transport.ts";
import { HEADER_LENGTH, type Packet, parsePacket } from "../../src/utp/packet.ts";
import { UtpService } from "../../src/utp/service.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { type DatagramLink, SimDatagrams } from "../sim/sim_datagrams.ts";
import { bytesOf, packetOf } from "./samples.ts";

const HERE = "10.0.0.1", THERE = "10.0.0.2";
const PORT = 6881;

class Room {
  readonly clock = new ManualClock();
  readonly random = new SeededRandom(1);
  readonly datagrams = new SimDatagrams(this.clock, this.random);
  readonly here = this.start(HERE);
  readonly there = this.start(THERE);
  readonly arrived: Connection[] = [];
  isOver = false;

  constructor(link?: DatagramLink) {
    if (link !== undefined) this.datagrams.setLink(THERE, link);
    void this.#collect();
  }

  start(host: string): UtpService {
    const sockets = new Map([["ipv4" as const, this.datagrams.open(host, { port: PORT })]]);
    return new UtpService({ sockets, clock: this.clock, random: this.random });
  }

  async #collect(): Promise<void> {
    for await (const connection of this.there.incoming) this.arrived.push(connection);
    this.isOver = true;
  }

  connect(port = PORT, signal = new AbortController().signal): Promise<Connection> {
    return this.here.connect({ host: THERE, port }, { timeoutMs: 3_000, signal });
  }

  /** What becomes of a promise, once it has. */
  async outcome<Result>(promise: Promise<Result>, limitMs = 10_000): Promise<Result> {
    let isSettled = false;
    const settle = () => void (isSettled = true);
    promise.then(settle, settle);
    ok(await this.clock.run(() => isSettled, limitMs), "it is settled in time");
    return await promise;
  }

  /** Two ends of a connection. */
  async pair(): Promise<[ours: Connection, theirs: Connection]> {
    const ours = await this.outcome(this.connect());
    await ours.write(Uint8Array.of(1));
    ok(await this.clock.run(() => this.arrived.length > 0, 1_000));
    const theirs = this.arrived.shift()!;
    strictEqual(await theirs.read(new Uint8Array(9)), 1);
    return [ours, theirs];
  }

  async end(): Promise<void> {
    this.here.close();
    this.there.close();
    await this.clock.run(() => false, 200_000);
    ok(this.isOver);
  }
}

Deno.test("connect() and incoming give the two ends of a connection", async () => {
  const room = new Room();
  const [ours, theirs] = await room.pair();
  deepStrictEqual(ours.remote, { host: THERE, port: PORT });
  deepStrictEqual(theirs.remote, { host: HERE, port: PORT });
  const reading = ours.read(new Uint8Array(9));
  await theirs.write(Uint8Array.of(7, 8));
  strictEqual(await room.outcome(reading), 2);
  await room.end();
});

Deno.test("connect() rejects with ConnectError, each with its reason", async () => {
  const room = new Room();
  await rejects(room.outcome(room.connect(9)), {
    name: "ConnectError",
    failure: "timeout",
    message: "Cannot connect to 10.0.0.2:9 by uTP: no answer in 3000 ms",
  });
  const ending = new AbortController();
  const cancelled = room.connect(9, ending.signal);
  ending.abort();
  await rejects(room.outcome(cancelled), { failure: "aborted" });
  await rejects(room.connect(PORT, AbortSignal.abort()), { failure: "aborted" });
  const { signal } = new AbortController();
  const ipv6 = { host: "2001:db8::1", port: PORT };
  await rejects(room.here.connect(ipv6, { timeoutMs: 1, signal }), { failure: "unreachable" });
  await room.end();
  await rejects(room.connect(), { failure: "unreachable" });
});

Deno.test("connect() is refused where too many connections wait to be taken up", async () => {
  const room = new Room();
  const quiet = room.start("10.0.0.3"); // Nobody takes up what comes here.
  const { signal } = new AbortController();
  const failures: string[] = [];
  for (let count = 0; count < 20; count++) {
    const to = { host: "10.0.0.3", port: PORT };
    try {
      const connection = await room.outcome(room.here.connect(to, { timeoutMs: 3_000, signal }));
      await connection.write(Uint8Array.of(1));
      await room.clock.run(() => false, 100);
    } catch (error) {
      failures.push((error as { failure: string }).failure);
    }
  }
  deepStrictEqual(failures, ["refused", "refused", "refused", "refused"]);
  quiet.close();
  await room.end();
});

Deno.test("write() waits while the peer does not read, and goes on when it does", async () => {
  const room = new Room();
  const [ours, theirs] = await room.pair();
  let written = 0;
  const bytes = new Uint8Array(512 * 1024);
  const writing = (async () => {
    for (; written < 8; written++) await ours.write(bytes);
  })();
  await room.clock.run(() => false, 10_000);
  ok(written <= 3, `${written} writes are done, 1 MiB waits there`);
  const buffer = new Uint8Array(256 * 1024);
  let read = 0;
  const reading = (async () => {
    while (read < 8 * bytes.length) read += (await theirs.read(buffer))!;
  })();
  await room.outcome(Promise.all([writing, reading]), 60_000);
  await room.end();
});

Deno.test("close() ends both directions at once, and the peer hears of it", async () => {
  const room = new Room();
  const [ours, theirs] = await room.pair();
  const reading = ours.read(new Uint8Array(9));
  await ours.write(Uint8Array.of(1, 2, 3));
  ours.close();
  ours.close();
  strictEqual(await reading, null);
  strictEqual(await ours.read(new Uint8Array(9)), null);
  await rejects(ours.write(Uint8Array.of(4)), { name: "ProtocolError", reason: "remote-closed" });
  strictEqual(await room.outcome(theirs.read(new Uint8Array(9))), 3);
  strictEqual(await room.outcome(theirs.read(new Uint8Array(9))), null);
  theirs.close();
  await room.clock.run(() => false, 1_000);
  await rejects(theirs.write(Uint8Array.of(1)), { reason: "remote-closed" });
  await room.end();
});

Deno.test("a write that waits rejects when the peer vanishes, and a read ends", async () => {
  const room = new Room();
  const [ours] = await room.pair();
  room.datagrams.setLink(THERE, { latencyMs: 1, isDown: true });
  const writing = ours.write(new Uint8Array(1_000_000));
  const reading = ours.read(new Uint8Array(1));
  writing.catch(() => {});
  strictEqual(await room.outcome(reading, 60_000), null);
  await rejects(writing, { reason: "remote-closed" });
  await room.end();
});

Deno.test("UtpService.close() ends connections and incoming, and may be called again", async () => {
  const room = new Room();
  const [ours, theirs] = await room.pair();
  const reading = theirs.read(new Uint8Array(1));
  room.here.close();
  room.here.close();
  strictEqual(await ours.read(new Uint8Array(1)), null);
  strictEqual(await room.outcome(reading), null, "FIN went out before the socket was closed");
  await room.end();
});

Deno.test("bytes come through over 300 ms and losses", async () => {
  const room = new Room({ latencyMs: 150, lossPercent: 3 });
  const [ours, theirs] = await room.pair();
  const bytes = room.random.bytes(300_000);
  const received: number[] = [];
  const reading = (async () => {
    const buffer = new Uint8Array(64 * 1024);
    for (let length; (length = await theirs.read(buffer)) !== null;) {
      received.push(...buffer.subarray(0, length));
    }
  })();
  const writing = ours.write(bytes).then(() => ours.close());
  await room.outcome(Promise.all([writing, reading]), 300_000);
  deepStrictEqual(Uint8Array.from(received), Uint8Array.from(bytes));
  await room.end();
});

Deno.test("P33 strangers' datagrams neither connect nor disturb", async () => {
  const room = new Room();
  const [ours, theirs] = await room.pair();
  const stranger = room.datagrams.open("10.0.0.66", { port: 1 });
  for (const type of ["data", "fin", "state", "reset", "syn"] as const) {
    for (const connectionId of [0, 1, 65_535]) {
      await stranger.send(bytesOf(packetOf({ type, connectionId })), { host: THERE, port: PORT });
    }
  }
  await room.clock.run(() => false, 1_000);
  strictEqual(room.arrived.length, 0);
  await ours.write(Uint8Array.of(5));
  strictEqual(await room.outcome(theirs.read(new Uint8Array(1))), 1);
  stranger.close();
  await room.end();
});

Deno.test("P33 a packet over 4 KiB is dropped, not cut, and so comes again", async () => {
  const room = new Room();
  const peer = room.datagrams.open("10.0.0.66", { port: 1 });
  const answers: Packet[] = [];
  const listen = async () => {
    const buffer = new Uint8Array(9_000);
    for (let received; (received = await peer.receive(buffer)) !== null;) {
      answers.push(parsePacket(buffer.slice(0, received.length))!);
    }
  };
  void listen();
  const send = async (packet: Packet) => {
    await peer.send(bytesOf(packet), { host: THERE, port: PORT });
    await room.clock.run(() => false, 100);
  };
  await send(packetOf({ type: "syn", connectionId: 500, sequenceNumber: 40 }));
  const { sequenceNumber, timestampUs } = answers[0]!;
  const packet = packetOf({
    type: "data",
    connectionId: 501,
    ackNumber: (sequenceNumber - 1) & 0xffff,
    timestampUs,
  });
  const longest = 4_096 - HEADER_LENGTH;
  await send({ ...packet, sequenceNumber: 41, payload: new Uint8Array(longest) });
  await send({ ...packet, sequenceNumber: 42, payload: new Uint8Array(longest + 1) });
  const [theirs] = room.arrived;
  strictEqual(await theirs!.read(new Uint8Array(20_000)), longest);
  strictEqual(answers.at(-1)!.ackNumber, 41, "what was dropped is not acknowledged");
  peer.close();
  await room.end();
});
