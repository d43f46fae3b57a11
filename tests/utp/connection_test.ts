import { deepStrictEqual, rejects, strictEqual, throws } from "node:assert/strict";
import { UtpConnection } from "../../src/utp/connection.ts";
import { ReceiveBudget } from "../../src/utp/receive_budget.ts";
import { Stream } from "../../src/utp/stream.ts";
import { WireClock } from "../../src/utp/wire_clock.ts";
import { packetOf } from "./samples.ts";

const OPTIONS = {
  remote: { host: "192.0.2.1", port: 1 },
  receiveId: 7,
  sendId: 8,
  maxPacketLength: 120,
  firstSequence: 100,
  clock: new WireClock(0),
  budget: new ReceiveBudget(),
  now: 0,
};

/** A connection, and how often its stream was said to have something to send. */
function open(stream = Stream.accept(OPTIONS, 49)) {
  let work = 0;
  const onWork = () => void work++;
  const connection = new UtpConnection({ stream, now: () => 0, onWork });
  const take = (sequenceNumber: number, fields = {}) => {
    const payload = Uint8Array.of(1, 2, 3);
    const data = { type: "data", sequenceNumber, ackNumber: 99, payload } as const;
    stream.handlePacket(packetOf({ ...data, ...fields }), 0);
    connection.settle();
  };
  return { stream, connection, take, work: () => work };
}

Deno.test("read() gives what waits at once, and what comes when it comes", async () => {
  const { connection, take } = open();
  take(50);
  const buffer = new Uint8Array(2);
  strictEqual(await connection.read(buffer), 2);
  strictEqual(await connection.read(buffer), 1);
  const reading = connection.read(buffer);
  throws(() => connection.read(buffer), { name: "BugError" });
  take(51);
  deepStrictEqual([await reading, ...buffer], [2, 1, 2]);
  strictEqual(await connection.read(buffer), 1, "nothing was read twice");
});

Deno.test("read() gives null once the peer has ended, after all that it sent", async () => {
  const { connection, take } = open();
  take(50);
  take(51, { type: "fin" });
  const buffer = new Uint8Array(9);
  strictEqual(await connection.read(buffer), 3);
  strictEqual(await connection.read(buffer), null);
  strictEqual(await connection.read(buffer), null);
});

Deno.test("read() asks that the peer hears of the room that there is now", async () => {
  const { stream, connection, take, work } = open();
  const payload = new Uint8Array(100_000);
  take(50, { payload });
  take(51, { payload });
  stream.drain(0);
  stream.drain(20); // The peer is told how little room there is.
  await connection.read(new Uint8Array(1));
  strictEqual(work(), 0);
  await connection.read(new Uint8Array(150_000));
  strictEqual(work(), 1);
});

Deno.test("write() resolves once all is sent, and asks for that", async () => {
  const { stream, connection, take, work } = open();
  take(50); // Now it is known how much the peer can take.
  await connection.write(new Uint8Array(0));
  let isWritten = false;
  const writing = connection.write(new Uint8Array(5_000)).then(() => isWritten = true);
  strictEqual(work(), 1);
  for (let acked = 99; !stream.isWritten; acked++) {
    strictEqual(isWritten, false);
    stream.drain(0);
    take(0, { type: "state", sequenceNumber: 51, ackNumber: acked });
    await Promise.resolve();
  }
  await writing;
});

Deno.test("close() asks once that the end is sent; what waits rejects or ends", async () => {
  const { connection, work } = open();
  const reading = connection.read(new Uint8Array(1));
  const writing = connection.write(new Uint8Array(5_000));
  connection.close();
  connection.settle();
  connection.close();
  strictEqual(work(), 2);
  strictEqual(await reading, null);
  await rejects(writing, { name: "ProtocolError", reason: "remote-closed" });
  await rejects(connection.write(Uint8Array.of(1)), { reason: "remote-closed" });
});

Deno.test("opened is undefined once there is an answer, or else why there is none", async () => {
  const answered = open(Stream.connect(OPTIONS, 1_000));
  answered.stream.drain(0);
  answered.take(9, { type: "state", ackNumber: 100 });
  strictEqual(await answered.connection.opened, undefined);
  const silent = open(Stream.connect(OPTIONS, 1_000));
  silent.stream.handleTimeout(1_000);
  silent.connection.settle();
  strictEqual(await silent.connection.opened, "timeout");
});

Deno.test("close() lets go of what nobody has read, also of a connection that is over", () => {
  const stream = Stream.accept(OPTIONS, 49);
  const { connection } = open(stream);
  stream.handlePacket(
    packetOf({ type: "data", sequenceNumber: 50, ackNumber: 99, payload: new Uint8Array(500) }),
    0,
  );
  stream.handleReset(99);
  deepStrictEqual([stream.end, stream.unreadBytes], ["reset", 500]);
  connection.close();
  strictEqual(stream.unreadBytes, 0);
});
