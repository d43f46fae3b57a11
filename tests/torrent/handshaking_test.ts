import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { ProtocolError } from "../../src/base/errors.ts";
import type { InfoHash, PeerId } from "../../src/base/ids.ts";
import type { Connection } from "../../src/net/transport.ts";
import { SeededRandom } from "../../src/base/ambient.ts";
import { equalBytes } from "../../src/base/bytes.ts";
import {
  acceptHandshake,
  type HandshakeResult,
  type Hosted,
  initiateHandshake,
  type OurHandshake,
} from "../../src/torrent/handshaking.ts";
import { EncryptionError } from "../../src/torrent/encrypting.ts";
import { type EncryptionMode, PayloadMethod, torrentHash } from "../../src/wire/mse.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { SimNetwork } from "../sim/sim_network.ts";

/** So long may a handshake take (handshake_timeout of the table of hostile inputs). */
const HANDSHAKE_TIMEOUT_MS = 10_000;

const A = handshakeOf(1, 2), B = handshakeOf(1, 3), OTHER_TORRENT = handshakeOf(9, 3);

function handshakeOf(hash: number, id: number): OurHandshake {
  return {
    infoHash: new Uint8Array(20).fill(hash) as InfoHash,
    peerId: new Uint8Array(20).fill(id) as PeerId,
  };
}

const random = new SeededRandom(1);
const { plaintext: PLAINTEXT, rc4: RC4 } = PayloadMethod;

/** We dial. */
function dial(connection: Connection, ours: OurHandshake, clock: ManualClock, offer?: number) {
  return initiateHandshake(connection, ours, { clock, random, offer });
}

/** We are dialled, and have one torrent or none. */
function answer(
  connection: Connection,
  ours: OurHandshake | undefined,
  clock: ManualClock,
  encryption: EncryptionMode = "off",
): Promise<HandshakeResult> {
  const hosted: Hosted = {
    find: () => ours,
    findByTorrentHash: (hash) =>
      ours && equalBytes(hash, torrentHash(ours.infoHash)) ? ours : undefined,
  };
  return acceptHandshake(connection, hosted, { clock, random, encryption });
}

/** Two ends of one simulated connection. */
async function connect(clock: ManualClock): Promise<[Connection, Connection]> {
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

/** Lets simulated time pass until all have settled. */
async function settle<Result>(
  clock: ManualClock,
  ...pending: Promise<Result>[]
): Promise<PromiseSettledResult<Result>[]> {
  let isOver = false;
  const all = Promise.allSettled(pending).finally(() => isOver = true);
  await clock.run(() => isOver, 60_000);
  return await all;
}

function reasonOf(result: PromiseSettledResult<unknown>): string {
  return result.status === "rejected" && result.reason instanceof ProtocolError
    ? result.reason.reason
    : result.status;
}

Deno.test("initiateHandshake() and acceptHandshake() tell both who the other is when they share a torrent", async () => {
  const clock = new ManualClock();
  const [dialled, accepted] = await connect(clock);
  const [theirs, ours] = await settle(
    clock,
    dial(dialled, A, clock),
    answer(accepted, B, clock),
  );
  deepStrictEqual(theirs!.status === "fulfilled" && theirs!.value.handshake.peerId, B.peerId);
  deepStrictEqual(ours!.status === "fulfilled" && ours!.value.handshake.peerId, A.peerId);
});

Deno.test("initiateHandshake() and acceptHandshake() set the DHT bit for a torrent that may be known to it", async () => {
  const clock = new ManualClock();
  const [dialled, accepted] = await connect(clock);
  const [theirs, ours] = await settle(
    clock,
    dial(dialled, A, clock),
    answer(accepted, { ...B, dht: true }, clock),
  );
  strictEqual(theirs!.status === "fulfilled" && theirs!.value.handshake.flags.dht, true);
  strictEqual(ours!.status === "fulfilled" && ours!.value.handshake.flags.dht, false);
});

Deno.test("P2 acceptHandshake() hangs up without an answer when the torrent is not ours", async () => {
  const clock = new ManualClock();
  const [dialled, accepted] = await connect(clock);
  const [reply, refusal] = await settle(
    clock,
    dial(dialled, A, clock),
    answer(accepted, undefined, clock).finally(() => accepted.close()),
  );
  strictEqual(reasonOf(refusal!), "wrong-info-hash");
  strictEqual(reasonOf(reply!), "remote-closed");
});

Deno.test("P2 initiateHandshake() rejects a peer when it answers for another torrent", async () => {
  const clock = new ManualClock();
  const [dialled, accepted] = await connect(clock);
  const [ours] = await settle(
    clock,
    dial(dialled, A, clock),
    answer(accepted, OTHER_TORRENT, clock),
  );
  strictEqual(reasonOf(ours!), "wrong-info-hash");
});

Deno.test("P3 initiateHandshake() and acceptHandshake() recognise ourselves when the peer id is ours", async () => {
  const clock = new ManualClock();
  const [dialled, accepted] = await connect(clock);
  const [ours, theirs] = await settle(
    clock,
    dial(dialled, A, clock),
    answer(accepted, A, clock).finally(() => accepted.close()),
  );
  strictEqual(reasonOf(theirs!), "own-connection");
  strictEqual(reasonOf(ours!), "own-connection");
});

Deno.test("P1 acceptHandshake() hangs up at the first wrong byte when another protocol speaks", async () => {
  const clock = new ManualClock();
  const [dialled, accepted] = await connect(clock);
  await dialled.write(new TextEncoder().encode("GET / HTTP/1.1\r\n"));
  const start = clock.now();
  const [result] = await settle(clock, answer(accepted, A, clock));
  strictEqual(reasonOf(result!), "malformed-handshake");
  strictEqual(clock.now() - start < HANDSHAKE_TIMEOUT_MS, true);
});

Deno.test("P1 initiateHandshake() gives up after its timeout when the peer stays silent", async () => {
  const clock = new ManualClock();
  const [dialled] = await connect(clock);
  const start = clock.now();
  const [result] = await settle(clock, dial(dialled, A, clock));
  strictEqual(reasonOf(result!), "handshake-timeout");
  strictEqual(clock.now() - start, HANDSHAKE_TIMEOUT_MS);
});

Deno.test("acceptHandshake() passes on what is no fault of the peer", async () => {
  const clock = new ManualClock();
  const [dialled, accepted] = await connect(clock);
  void dial(dialled, A, clock).catch(() => {});
  const broken = () => {
    throw new RangeError("ours");
  };
  const hosted = { find: broken, findByTorrentHash: broken };
  const accepting = acceptHandshake(accepted, hosted, { clock, random, encryption: "off" });
  const checked = rejects(accepting, RangeError);
  await settle(clock, accepting);
  await checked;
});

/** What both said of the connection, and whether what they then say to each other arrives. */
async function talk(offer: number | undefined, encryption: EncryptionMode) {
  const clock = new ManualClock();
  const [dialled, accepted] = await connect(clock);
  const [ours, theirs] = await settle(
    clock,
    dial(dialled, A, clock, offer).catch((error) => {
      dialled.close();
      throw error;
    }),
    answer(accepted, B, clock, encryption).catch((error) => {
      accepted.close();
      throw error;
    }),
  );
  if (ours!.status === "rejected" || theirs!.status === "rejected") {
    return { ours: reasonOf(ours!), theirs: reasonOf(theirs!) };
  }
  const a = ours!.value.connection, b = theirs!.value.connection;
  deepStrictEqual(ours!.value.handshake.peerId, B.peerId);
  deepStrictEqual(theirs!.value.handshake.peerId, A.peerId);
  for (const [from, to] of [[a, b], [b, a]] as const) {
    const said = random.bytes(100_000);
    const kept = said.slice();
    await settle(clock, from.write(said), hear(to, kept));
    deepStrictEqual(said, kept, "what is written is left as it is");
  }
  return { isRaw: a === dialled && b === accepted };
}

async function hear(connection: Connection, expected: Uint8Array): Promise<void> {
  const heard = new Uint8Array(expected.length);
  for (let length = 0; length < heard.length;) {
    length += await connection.read(heard.subarray(length)) ?? heard.length;
  }
  deepStrictEqual(heard, expected);
}

const RAW = { isRaw: true }, ENCRYPTED = { isRaw: false };
const CLOSED = "remote-closed", MALFORMED = "malformed-handshake";
const COMBINATIONS: readonly (readonly [number | undefined, EncryptionMode, unknown])[] = [
  [undefined, "off", RAW],
  [undefined, "prefer", RAW],
  [undefined, "require", { ours: CLOSED, theirs: MALFORMED }],
  [PLAINTEXT, "off", { ours: CLOSED, theirs: MALFORMED }],
  [PLAINTEXT, "prefer", RAW],
  [PLAINTEXT, "require", { ours: CLOSED, theirs: MALFORMED }],
  [PLAINTEXT | RC4, "prefer", RAW],
  [PLAINTEXT | RC4, "require", ENCRYPTED],
  [RC4, "off", { ours: CLOSED, theirs: MALFORMED }],
  [RC4, "prefer", ENCRYPTED],
  [RC4, "require", ENCRYPTED],
];

for (const [offer, encryption, expected] of COMBINATIONS) {
  Deno.test(`initiateHandshake() offers ${offer ?? "no encryption"} and acceptHandshake() would ${encryption}: as it must be`, async () => {
    deepStrictEqual(await talk(offer, encryption), expected);
  });
}

Deno.test("P2 acceptHandshake() names no torrent when it is asked for another one with encryption", async () => {
  const clock = new ManualClock();
  const [dialled, accepted] = await connect(clock);
  const [ours, theirs] = await settle(
    clock,
    dial(dialled, A, clock, RC4),
    answer(accepted, OTHER_TORRENT, clock, "prefer").finally(() => accepted.close()),
  );
  strictEqual(reasonOf(theirs!), "wrong-info-hash");
  strictEqual(reasonOf(ours!), "remote-closed");
});

Deno.test("P31 initiateHandshake() gives up after its timeout when a key is not answered", async () => {
  const clock = new ManualClock();
  const [dialled] = await connect(clock);
  const [ours] = await settle(clock, dial(dialled, A, clock, RC4));
  strictEqual(reasonOf(ours!), "handshake-timeout");
  const { reason } = ours as PromiseRejectedResult;
  strictEqual(reason instanceof EncryptionError && reason.knowsEncryption, false);
});

Deno.test("P31 acceptHandshake() gives up after its timeout when the peer sends half a key", async () => {
  const clock = new ManualClock();
  const [dialled, accepted] = await connect(clock);
  await dialled.write(new Uint8Array(95).fill(2));
  const [theirs] = await settle(clock, answer(accepted, A, clock, "prefer"));
  strictEqual(reasonOf(theirs!), "handshake-timeout");
});
