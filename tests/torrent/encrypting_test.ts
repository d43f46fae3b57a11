import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { InfoHash } from "../../src/base/ids.ts";
import type { Connection } from "../../src/net/transport.ts";
import { acceptEncrypted, encrypt, EncryptionError } from "../../src/torrent/encrypting.ts";
import { PayloadMethod } from "../../src/wire/mse.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { SimNetwork } from "../sim/sim_network.ts";

const INFO_HASH = new Uint8Array(20).fill(7) as InfoHash;
const PAYLOAD = new Uint8Array(300).fill(5);
const random = new SeededRandom(1);
const clock = new ManualClock();

async function connect(): Promise<[Connection, Connection]> {
  const network = new SimNetwork(clock);
  const listener = network.host("10.0.0.2").listen({ ports: [1] });
  const dialled = network.host("10.0.0.1").connect({ host: "10.0.0.2", port: 1 }, {
    timeoutMs: 1000,
    signal: new AbortController().signal,
  });
  await clock.run(() => false, 1000);
  for await (const accepted of listener) return [await dialled, accepted];
  throw new Error("unreachable");
}

async function settled<Result>(promise: Promise<Result>): Promise<PromiseSettledResult<Result>> {
  let isOver = false;
  const all = Promise.allSettled([promise]).finally(() => isOver = true);
  await clock.run(() => isOver, 60_000);
  return (await all)[0]!;
}

function dial(connection: Connection) {
  const offer = PayloadMethod.plaintext;
  return encrypt(connection, { infoHash: INFO_HASH, offer, payload: PAYLOAD, random });
}

/** Reads one byte ahead, as whoever looks what is spoken does. */
async function accept(connection: Connection) {
  const received = new Uint8Array(1);
  await connection.read(received);
  const findTorrent = () => INFO_HASH;
  return await acceptEncrypted(connection, { findTorrent, encryption: "prefer", random, received });
}

Deno.test("encrypt() and acceptEncrypted() leave the payload that follows to whoever reads next", async () => {
  const [dialled, accepted] = await connect();
  const accepting = accept(accepted);
  const ours = await settled(dial(dialled));
  const theirs = await settled(accepting);
  ok(ours.status === "fulfilled" && theirs.status === "fulfilled");
  strictEqual(ours.value.simplest, dialled);
  strictEqual(theirs.value.infoHash, INFO_HASH);
  await dialled.write(Uint8Array.of(9));
  const { connection } = theirs.value;
  const heard: number[] = [];
  const listen = async () => {
    const buffer = new Uint8Array(1000);
    while (heard.length <= PAYLOAD.length) {
      const length = await connection.read(buffer);
      heard.push(...buffer.subarray(0, length!));
    }
  };
  await settled(listen());
  deepStrictEqual(heard, [...PAYLOAD, 9]);
  strictEqual(connection.simplest, accepted);
});

Deno.test("P31 encrypt() says whether the peer knew encryption when it hangs up", async () => {
  for (const knowsEncryption of [false, true]) {
    const [dialled, accepted] = await connect();
    if (knowsEncryption) await accepted.write(new Uint8Array(96).fill(5));
    const dialling = dial(dialled);
    await clock.run(() => false, 100);
    accepted.close();
    const ours = await settled(dialling);
    ok(ours.status === "rejected" && ours.reason instanceof EncryptionError);
    strictEqual(ours.reason.reason, "remote-closed");
    strictEqual(ours.reason.knowsEncryption, knowsEncryption);
  }
});

Deno.test("acceptEncrypted() says that the peer has hung up when it does", async () => {
  const [dialled, accepted] = await connect();
  await dialled.write(new Uint8Array(96).fill(5));
  dialled.close();
  const theirs = await settled(accept(accepted));
  ok(theirs.status === "rejected");
  strictEqual(theirs.reason.reason, "remote-closed");
});
