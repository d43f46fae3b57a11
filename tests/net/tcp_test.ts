import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import {
  TcpConnection,
  TcpListener,
  type TcpListenSocket,
  type TcpSocket,
} from "../../src/net/tcp.ts";
import type { Connection } from "../../src/net/transport.ts";
import { SocketRoom } from "../../src/net/socket_room.ts";
import { ManualClock } from "../sim/manual_clock.ts";

const REMOTE = { host: "192.0.2.1", port: 6881 };
const ADDRESS: Deno.NetAddr = { transport: "tcp", hostname: "::ffff:192.0.2.1", port: 6881 };

/** Deno's side of a connection, as a test wants it. */
class FakeSocket implements TcpSocket {
  readonly remoteAddr = ADDRESS;
  readonly written: number[] = [];
  closeCount = 0;
  isNoDelay = false;
  maxWrite = Infinity;
  onRead: () => Promise<number | null> = () => Promise.resolve(null);

  read(_buffer: Uint8Array): Promise<number | null> {
    return this.onRead();
  }

  write(bytes: Uint8Array): Promise<number> {
    if (this.closeCount > 0) return Promise.reject(new Deno.errors.BadResource());
    const count = Math.min(bytes.length, this.maxWrite);
    this.written.push(...bytes.subarray(0, count));
    return Promise.resolve(count);
  }

  close(): void {
    if (this.closeCount++ > 0) throw new Deno.errors.BadResource();
  }

  setNoDelay(isNoDelay = true): void {
    this.isNoDelay = isNoDelay;
  }
}

/** A listener that accepts what a test tells it to, in order, and then waits. */
class FakeListenSocket implements TcpListenSocket {
  readonly addr: Deno.NetAddr = { transport: "tcp", hostname: "::", port: 7 };
  readonly #results: (FakeSocket | Error)[];
  #reject: ((error: Error) => void) | undefined;
  acceptCount = 0;

  constructor(results: (FakeSocket | Error)[]) {
    this.#results = results;
  }

  accept(): Promise<FakeSocket> {
    this.acceptCount++;
    const result = this.#results.shift();
    if (result instanceof Error) return Promise.reject(result);
    if (result !== undefined) return Promise.resolve(result);
    return new Promise((_, reject) => this.#reject = reject);
  }

  close(): void {
    this.#reject?.(new Deno.errors.BadResource());
  }
}

Deno.test("TcpConnection writes all bytes when the socket takes few at a time", async () => {
  const socket = new FakeSocket();
  socket.maxWrite = 3;
  const connection = new TcpConnection(socket, REMOTE);
  await connection.write(Uint8Array.of(1, 2, 3, 4, 5, 6, 7));
  deepStrictEqual(socket.written, [1, 2, 3, 4, 5, 6, 7]);
  ok(socket.isNoDelay);
});

Deno.test("TcpConnection stops a write that close() interrupts between two parts", async () => {
  const socket = new FakeSocket();
  socket.maxWrite = 1;
  const connection = new TcpConnection(socket, REMOTE);
  const writing = connection.write(Uint8Array.of(1, 2, 3));
  connection.close();
  await rejects(writing, { name: "ProtocolError", reason: "remote-closed" });
  deepStrictEqual(socket.written, [1]);
});

Deno.test("TcpConnection survives a peer that is gone before its options are set", async () => {
  const socket = new FakeSocket();
  socket.setNoDelay = () => {
    throw Object.assign(new Error("(os error 22)"), { code: "EINVAL" });
  };
  strictEqual(await new TcpConnection(socket, REMOTE).read(new Uint8Array(1)), null);
});

Deno.test("TcpConnection.read() gives null at a reset, at our close and after it", async () => {
  const socket = new FakeSocket();
  const connection = new TcpConnection(socket, REMOTE);
  socket.onRead = () => Promise.reject(new Deno.errors.ConnectionReset());
  strictEqual(await connection.read(new Uint8Array(1)), null);
  socket.onRead = () => Promise.reject(new Deno.errors.Interrupted());
  const reading = connection.read(new Uint8Array(1));
  connection.close();
  strictEqual(await reading, null);
  socket.onRead = () => Promise.resolve(5);
  strictEqual(await connection.read(new Uint8Array(1)), null);
});

Deno.test("TcpConnection.close() closes the socket once, however often it is called", () => {
  const socket = new FakeSocket();
  const connection = new TcpConnection(socket, REMOTE);
  connection.close();
  connection.close();
  strictEqual(socket.closeCount, 1);
});

Deno.test("TcpConnection.read() asserts that there is room", async () => {
  const connection = new TcpConnection(new FakeSocket(), REMOTE);
  await rejects(connection.read(new Uint8Array(0)), { name: "BugError" });
});

/** Iterates until `close`, and collects. */
async function collect(listener: TcpListener, into: Connection[]): Promise<void> {
  for await (const connection of listener) into.push(connection);
}

Deno.test("TcpListener merges two sockets and turns v4-mapped addresses back", async () => {
  const clock = new ManualClock();
  const sockets = [
    new FakeListenSocket([new FakeSocket(), new FakeSocket()]),
    new FakeListenSocket([new FakeSocket()]),
  ];
  const listener = new TcpListener(sockets, clock);
  const accepted: Connection[] = [];
  const collecting = collect(listener, accepted);
  await clock.run(() => accepted.length === 3, 10);
  listener.close();
  listener.close();
  await collecting;
  deepStrictEqual(accepted.map(({ remote }) => remote), [REMOTE, REMOTE, REMOTE]);
});

Deno.test("P32 S8 TcpListener goes on accepting after EMFILE, a second later", async () => {
  const clock = new ManualClock();
  const tooManyFiles = Object.assign(new Error("Too many open files"), { code: "EMFILE" });
  const socket = new FakeListenSocket([tooManyFiles, tooManyFiles, new FakeSocket()]);
  const listener = new TcpListener([socket], clock);
  const accepted: Connection[] = [];
  const collecting = collect(listener, accepted);
  await clock.run(() => socket.acceptCount > 1, 10_000);
  strictEqual(clock.now(), 1_000);
  await clock.run(() => accepted.length > 0, 10_000);
  strictEqual(clock.now(), 2_000);
  listener.close();
  await collecting;
});

/** Of the 16 places that there are in any case. */
function scarceRoom(): SocketRoom {
  return new SocketRoom({
    settled: () => Promise.resolve(),
    countFree: () => 0,
    onScarce: () => {},
  });
}

Deno.test("S8 TcpListener accepts as many as there is room for but three, which are dialled, and the next when one is closed", async () => {
  const clock = new ManualClock();
  const room = scarceRoom();
  const socket = new FakeListenSocket(Array.from({ length: 20 }, () => new FakeSocket()));
  const listener = new TcpListener([socket], clock, room);
  const accepted: Connection[] = [];
  const collecting = collect(listener, accepted);
  await clock.run(() => false, 10_000);
  strictEqual(accepted.length, 13);
  accepted[0]!.close();
  accepted[0]!.close();
  await clock.run(() => accepted.length > 13, 10_000);
  await clock.run(() => false, 10_000);
  strictEqual(accepted.length, 14);
  strictEqual(socket.acceptCount, 14);
  listener.close();
  await collecting;
});

Deno.test("TcpListener gives its place back after a failure to accept", async () => {
  const clock = new ManualClock();
  const room = scarceRoom();
  const aborted = Object.assign(new Deno.errors.ConnectionAborted(), { code: "ECONNABORTED" });
  const failures = Array.from({ length: 40 }, () => aborted);
  const listener = new TcpListener(
    [new FakeListenSocket([...failures, new FakeSocket()])],
    clock,
    room,
  );
  const accepted: Connection[] = [];
  const collecting = collect(listener, accepted);
  await clock.run(() => accepted.length > 0, 10_000);
  strictEqual(clock.now(), 0);
  listener.close();
  await collecting;
});

Deno.test("TcpListener goes on at once when a waiting peer has given up", async () => {
  const clock = new ManualClock();
  const aborted = Object.assign(new Deno.errors.ConnectionAborted(), { code: "ECONNABORTED" });
  const listener = new TcpListener([new FakeListenSocket([aborted, new FakeSocket()])], clock);
  const accepted: Connection[] = [];
  const collecting = collect(listener, accepted);
  await clock.run(() => accepted.length > 0, 10_000);
  strictEqual(clock.now(), 0);
  listener.close();
  await collecting;
});

Deno.test("P32 TcpListener accepts no more than a few that nobody takes, and closes those", async () => {
  const clock = new ManualClock();
  const incoming = Array.from({ length: 100 }, () => new FakeSocket());
  const socket = new FakeListenSocket([...incoming]);
  const listener = new TcpListener([socket], clock);
  await clock.run(() => false, 10_000);
  strictEqual(socket.acceptCount, 17, "sixteen that wait, and one that waits for room");
  listener.close();
  await clock.run(() => false, 10_000);
  deepStrictEqual(incoming.map(({ closeCount }) => closeCount).indexOf(0), 17, "all are closed");
  strictEqual(incoming.filter(({ closeCount }) => closeCount === 1).length, 17);
});

Deno.test("TcpListener.close() wakes a listener that waits after EMFILE", async () => {
  const clock = new ManualClock();
  const tooManyFiles = Object.assign(new Error("Too many open files"), { code: "EMFILE" });
  const listener = new TcpListener([new FakeListenSocket([tooManyFiles])], clock);
  const collecting = collect(listener, []);
  await clock.run(() => false, 500);
  listener.close();
  await collecting;
});
