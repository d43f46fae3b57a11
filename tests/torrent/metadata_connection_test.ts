import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import type { Connection } from "../../src/net/transport.ts";
import { MetadataSession } from "../../src/peer/metadata_session.ts";
import { MetadataConnection } from "../../src/torrent/metadata_connection.ts";
import { MessageWriter } from "../../src/wire/encoder.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { readyPeer } from "./ready_peer.ts";

/** Far more than a second of any limit; then the peer is gone, so that the test ends without one. */
const MAX_BYTES = 64 * 1024 * 1024;

/** A peer that says what `fill` puts into the buffer, or null when it hangs up. */
function peerThat(
  fill: (buffer: Uint8Array) => number | null,
  write: () => Promise<void> = () => Promise.resolve(),
): Connection & { heard: number; isClosed: boolean } {
  return {
    remote: { host: "10.0.1.1", port: 1 },
    heard: 0,
    isClosed: false,
    read(buffer) {
      const length = this.heard > MAX_BYTES ? null : fill(buffer);
      this.heard += length ?? 0;
      return Promise.resolve(length);
    },
    write,
    close() {
      this.isClosed = true;
    },
  };
}

function connect(connection: Connection, clock: ManualClock, kinds: string[] = []) {
  const flags = { fast: true, extended: true, dht: false };
  const peer: MetadataConnection = new MetadataConnection({
    key: 1,
    ready: readyPeer(connection, { endpoint: { host: "peer.example", port: 1 } }),
    session: new MetadataSession({ flags, host: "10.0.1.1", now: clock.now() }),
    clock,
    onRead: () => kinds.push(...peer.session.drain().map(({ kind }) => kind)),
  });
  return peer;
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
    ["bitfields", written((output) => output.bitfield(new Uint8Array(20_000)))],
  ] as const
) {
  Deno.test(`P8 A peer without layout that floods us with ${name} leaves time for others`, async () => {
    const clock = new ManualClock();
    const connection = peerThat((buffer) => {
      let length = 0;
      for (; length + message.length <= buffer.length; length += message.length) {
        buffer.set(message, length);
      }
      return length;
    });
    const peer = connect(connection, clock);
    const end = peer.run();
    await clock.run(() => false, 1_000);
    const { heard } = connection;
    ok(heard > 100 * 1024 && heard < 4 * 1024 * 1024, `${heard} bytes`);
    ok(!connection.isClosed);
    peer.close("finished");
    strictEqual(await end, "finished");
    await clock.run(() => false, 1_000);
  });
}

Deno.test("MetadataConnection takes a bitfield of as many pieces as there can be, not of more", async () => {
  for (
    const [byteCount, reason] of [[262_144, "remote-closed"], [
      262_145,
      "message-too-large",
    ]] as const
  ) {
    const clock = new ManualClock();
    const said = written((output) => output.bitfield(new Uint8Array(byteCount)));
    let at = 0;
    const connection = peerThat((buffer) => {
      const part = said.subarray(at, at + buffer.length);
      buffer.set(part);
      at += part.length;
      return part.length === 0 ? null : part.length;
    });
    strictEqual(await connect(connection, clock).run(), reason);
    ok(connection.isClosed);
  }
});

Deno.test("MetadataConnection hears what came before a malformed message", async () => {
  const clock = new ManualClock();
  const kinds: string[] = [];
  const good = written((output) => output.extended(0, new TextEncoder().encode("d1:mdee")));
  // A HAVE without its index.
  const said = new Uint8Array([...good, 0, 0, 0, 1, 4]);
  let isSaid = false;
  const connection = peerThat((buffer) => {
    if (isSaid) return null;
    isSaid = true;
    buffer.set(said);
    return said.length;
  });
  strictEqual(await connect(connection, clock, kinds).run(), "malformed-message");
  deepStrictEqual(kinds, ["extension-handshake"]);
});

Deno.test("P25 MetadataConnection closes when the peer does not read", async () => {
  const clock = new ManualClock();
  const never = new Promise<never>(() => {});
  const connection: Connection = {
    ...peerThat(() => null, () => never),
    read: () => never,
  };
  const peer = connect(connection, clock);
  peer.session.open(new Uint8Array(10), 0);
  const end = peer.run();
  peer.tick(120_000);
  peer.tick(120_001);
  strictEqual(await end, "not-reading");
});

Deno.test("MetadataConnection.remote is the address, where a name was dialled", () => {
  const peer = connect(peerThat(() => null), new ManualClock());
  deepStrictEqual(peer.remote, { host: "10.0.1.1", port: 1 });
  deepStrictEqual(peer.endpoint, { host: "peer.example", port: 1 });
});
