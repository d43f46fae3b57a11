import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Bitfield } from "../../src/base/bitfield.ts";
import { BLOCK_LENGTH, Layout } from "../../src/metainfo/layout.ts";
import type { Connection } from "../../src/net/transport.ts";
import { PeerSession } from "../../src/peer/session.ts";
import { PeerConnection } from "../../src/torrent/connection.ts";
import { RateLimit } from "../../src/torrent/rate_limit.ts";
import { BLOCK_HEADER_LENGTH } from "../../src/wire/block_run.ts";
import { MessageWriter } from "../../src/wire/encoder.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { readyPeer } from "./ready_peer.ts";

/** Far more than a second of any limit; then the peer is gone, so that the test ends without one. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Far more than are heard at once of a peer that takes nothing. */
const REQUESTS = 50_000;

/** A peer that has always said `message` as often as the buffer takes it. */
function chatterbox(message: Uint8Array): Connection & { heard: number } {
  return {
    remote: { host: "10.0.1.1", port: 1 },
    heard: 0,
    read(buffer) {
      if (this.heard > MAX_BYTES) return Promise.resolve(null);
      let length = 0;
      for (; length + message.length <= buffer.length; length += message.length) {
        buffer.set(message, length);
      }
      this.heard += length;
      return Promise.resolve(length);
    },
    write: () => Promise.resolve(),
    close() {},
  };
}

function connect(
  connection: Connection,
  clock: ManualClock,
  onRead = (peer: PeerConnection) => void peer.session.drain(),
  upload: (peer: PeerConnection) => Promise<void> = () => Promise.resolve(),
): PeerConnection {
  const layout = new Layout({ pieceLength: 16_384, files: [{ length: 1e6, isPadding: false }] });
  const have = new Bitfield(layout.pieceCount);
  have.set(1);
  const flags = { fast: true, extended: true, dht: false };
  const peer: PeerConnection = new PeerConnection({
    key: 1,
    ready: readyPeer(connection),
    session: new PeerSession({ layout, have, flags, host: "10.0.0.2", now: clock.now() }),
    maxMessageLength: 128 * 1024,
    clock,
    downloadLimit: new RateLimit(undefined, clock),
    onRead: () => onRead(peer),
    backPressure: () => undefined,
    upload: () => upload(peer),
  });
  return peer;
}

Deno.test("PeerConnection knows since when the peer is here, and who it says that it is", async () => {
  const clock = new ManualClock();
  await clock.run(() => false, 1_234);
  const peer = connect(chatterbox(new Uint8Array(4)), clock);
  strictEqual(peer.joinedAt, clock.now());
  deepStrictEqual(peer.peerId, new Uint8Array(20));
});

/** Much to read, little to learn. */
function hugeHandshake(): Uint8Array {
  return new TextEncoder().encode(`d1:ml${"i1e".repeat(5_000)}ee`);
}

function written(write: (output: MessageWriter) => void): Uint8Array {
  const output = new MessageWriter();
  write(output);
  return output.take()!.slice();
}

for (
  const [name, message] of [
    ["HAVE", written((output) => output.have(3))],
    ["keep-alives", written((output) => output.keepAlive())],
    ["requests", written((output) => output.request(1, 0, BLOCK_LENGTH))],
    ["handshakes", written((output) => output.extended(0, hugeHandshake()))],
  ] as const
) {
  Deno.test(`P8 S10 a peer that floods us with ${name} leaves time for others, and is kept`, async () => {
    const clock = new ManualClock();
    const connection = chatterbox(message);
    const peer = connect(connection, clock);
    const end = peer.run();
    await clock.run(() => false, 1_000);
    const { heard } = connection;
    ok(heard > 100 * 1024 && heard < 4 * 1024 * 1024, `${heard} bytes`);
    ok(heard / message.length < 200_000, `${heard / message.length} messages`);
    ok(!peer.isClosed);
    peer.close("finished");
    strictEqual(await end, "finished");
    await clock.run(() => false, 1_000);
  });
}

Deno.test("PeerConnection hears a peer as fast as it takes the blocks that it asks for", async () => {
  const clock = new ManualClock();
  const request = written((output) => output.request(1, 0, BLOCK_LENGTH));
  const have = written((output) => output.have(1));
  const block = new Uint8Array(BLOCK_HEADER_LENGTH + BLOCK_LENGTH);
  let asked = 0, isTaken: Promise<boolean> | undefined;
  const connection: Connection = {
    remote: { host: "10.0.1.1", port: 1 },
    async read(buffer) {
      await isTaken;
      if (asked++ === REQUESTS) return null;
      buffer.set(request);
      buffer.set(have, request.length);
      return request.length + have.length;
    },
    write: () => Promise.resolve(),
    close() {},
  };
  const peer = connect(connection, clock, (peer) => {
    peer.session.drain();
    isTaken = peer.writeBlocks(block);
  });
  const end = peer.run();
  ok(await clock.run(() => peer.isClosed, 0), `${asked} requests in no time`);
  strictEqual(await end, "remote-closed");
});

Deno.test("awaitsBlocks() holds until what the peer asked for is written, as long as that takes", async () => {
  const clock = new ManualClock();
  const gone = Promise.withResolvers<null>(), arrival = Promise.withResolvers<void>();
  const said = [
    written((output) => output.interested()),
    written((output) => output.request(1, 0, BLOCK_LENGTH)),
  ];
  const connection: Connection = {
    remote: { host: "10.0.1.1", port: 1 },
    read(buffer) {
      const message = said.shift();
      if (message === undefined) return gone.promise;
      buffer.set(message);
      return Promise.resolve(message.length);
    },
    write: () => Promise.resolve(),
    close: () => gone.resolve(null),
  };
  const peer = connect(connection, clock, (peer) => {
    peer.session.unchoke(0);
    peer.flush();
  }, async ({ session }) => {
    session.nextUpload();
    await arrival.promise;
  });
  ok(!peer.awaitsBlocks);
  const end = peer.run();
  await clock.run(() => false, 0);
  ok(!peer.session.hasUploads && peer.awaitsBlocks, "its block is being written");
  arrival.resolve();
  await clock.run(() => false, 0);
  ok(!peer.awaitsBlocks);
  peer.close("finished");
  strictEqual(await end, "finished");
});
