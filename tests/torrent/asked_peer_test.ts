import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import type { Bitfield } from "../../src/base/bitfield.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import type { InfoHash, PeerId } from "../../src/base/ids.ts";
import { askPieces } from "../../src/torrent/asked_peer.ts";
import { MessageWriter } from "../../src/wire/encoder.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { SimNetwork } from "../sim/sim_network.ts";

const PIECES = 12;

/** What a peer of so many pieces says, and what that is taken for; undefined bytes: it hangs up. */
async function ask(
  say: (output: MessageWriter) => void,
  { fast = true, hangsUp = false, splitAt = Infinity, pieceCount = PIECES } = {},
): Promise<{ pieces: string; atMs: number; heard: number[] }> {
  const clock = new ManualClock();
  const network = new SimNetwork(clock);
  const listener = network.host("10.0.0.2").listen({ ports: [1] });
  const heard: number[] = [];
  const serve = async () => {
    for await (const connection of listener) {
      const output = new MessageWriter();
      say(output);
      const bytes = output.take()?.slice() ?? new Uint8Array(0);
      await connection.write(bytes.subarray(0, splitAt));
      if (bytes.length > splitAt) {
        await clock.sleep(50);
        await connection.write(bytes.subarray(splitAt));
      }
      if (hangsUp) connection.close();
      const buffer = new Uint8Array(100);
      while (true) {
        const length = await connection.read(buffer);
        if (length === null) break;
        heard.push(...buffer.subarray(0, length));
      }
      connection.close();
    }
  };
  void serve();
  let pieces: Bitfield | undefined, failure: unknown;
  const talk = async () => {
    const signal = new AbortController().signal;
    const connection = await network.host("10.0.0.1")
      .connect({ host: "10.0.0.2", port: 1 }, { timeoutMs: 1_000, signal });
    const flags = { fast, extended: true, dht: false };
    const handshake = {
      flags,
      infoHash: new Uint8Array(20) as InfoHash,
      peerId: new Uint8Array(20) as PeerId,
    };
    const endpoint = { host: "10.0.0.2", port: 1 };
    const ready = { connection, handshake, endpoint, isIncoming: false };
    pieces = await askPieces(ready, { pieceCount, clock, signal });
  };
  let isOver = false;
  talk().catch((error) => failure = error).finally(() => isOver = true);
  ok(await clock.run(() => isOver, 10_000));
  const atMs = clock.now();
  await clock.run(() => false, 1_000);
  listener.close();
  if (failure !== undefined) throw failure;
  return { pieces: pieces!.toBytes().toHex(), atMs, heard };
}

Deno.test("askPieces() hears bitfields, have-all, have-none and pieces named apart", async () => {
  const table: [name: string, say: (output: MessageWriter) => void, pieces: string][] = [
    ["bitfield", (output) => output.bitfield(Uint8Array.of(0xf0, 0x10)), "f010"],
    ["have-all", (output) => output.haveAll(), "fff0"],
    ["have-none", (output) => output.haveNone(), "0000"],
    ["nothing", () => {}, "0000"],
    ["pieces apart", (output) => {
      output.have(0);
      output.have(11);
    }, "8010"],
    ["a bitfield and pieces apart", (output) => {
      output.unchoke();
      output.bitfield(Uint8Array.of(0x80, 0));
      output.have(1);
    }, "c000"],
  ];
  for (const [name, say, pieces] of table) {
    for (const splitAt of [Infinity, 1, 5]) {
      deepStrictEqual((await ask(say, { splitAt })).pieces, pieces, name);
    }
  }
});

Deno.test("askPieces() says have-none to those who know it, and asks for nothing", async () => {
  const { heard } = await ask((output) => output.haveAll());
  deepStrictEqual(heard, [0, 0, 0, 1, 15]);
  deepStrictEqual((await ask((output) => output.haveNone(), { fast: false })).heard, []);
});

Deno.test("askPieces() leaves soon: at once after the pieces, after three seconds of nothing", async () => {
  ok((await ask((output) => output.haveAll())).atMs < 1_000);
  const { atMs } = await ask(() => {});
  ok(atMs >= 3_000 && atMs < 4_000);
  const deaf = await ask((output) => output.haveAll(), { hangsUp: true });
  deepStrictEqual(deaf.pieces, "fff0");
});

Deno.test("P6 P7 askPieces() throws for peers that lie about the torrent, or hang up", async () => {
  const isReason = (reason: string) => (error: unknown) =>
    error instanceof ProtocolError && error.reason === reason;
  const broken = isReason("malformed-message");
  await rejects(ask((output) => output.bitfield(new Uint8Array(3))), broken);
  await rejects(ask((output) => output.bitfield(Uint8Array.of(0, 1))), broken);
  await rejects(ask((output) => output.have(PIECES)), broken);
  await rejects(ask(() => {}, { hangsUp: true }), isReason("remote-closed"));
  await rejects(
    ask((output) => output.bitfield(new Uint8Array(40_000))),
    isReason("message-too-large"),
  );
});

Deno.test("P8 S10 askPieces() does not listen to a peer for ever", async () => {
  const chatter = (output: MessageWriter) => {
    output.have(3);
    for (let count = 0; count < 5_000; count++) output.choke();
  };
  const { pieces, atMs } = await ask(chatter);
  deepStrictEqual(pieces, "1000");
  ok(atMs < 1_000);
});
