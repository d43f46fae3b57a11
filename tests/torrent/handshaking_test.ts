import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import { ProtocolError } from "../../src/base/errors.ts";
import type { InfoHash, PeerId } from "../../src/base/ids.ts";
import type { Connection } from "../../src/net/transport.ts";
import { introduce, type Introduction, welcome } from "../../src/torrent/handshaking.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { SimNetwork } from "../sim/sim_network.ts";

/** So long may an introduction take (handshake_timeout of the table of hostile inputs). */
const HANDSHAKE_TIMEOUT_MS = 10_000;

const A = introduction(1, 2), B = introduction(1, 3), OTHER_TORRENT = introduction(9, 3);

function introduction(hash: number, id: number): Introduction {
  return {
    infoHash: new Uint8Array(20).fill(hash) as InfoHash,
    peerId: new Uint8Array(20).fill(id) as PeerId,
  };
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

Deno.test("introduce() and welcome() tell both who the other is when they share a torrent", async () => {
  const clock = new ManualClock();
  const [dialled, accepted] = await connect(clock);
  const [theirs, ours] = await settle(
    clock,
    introduce(dialled, A, clock),
    welcome(accepted, () => B, clock),
  );
  deepStrictEqual(theirs!.status === "fulfilled" && theirs!.value.peerId, B.peerId);
  deepStrictEqual(ours!.status === "fulfilled" && ours!.value.peerId, A.peerId);
});

Deno.test("introduce() and welcome() set the DHT bit for a torrent that may be known to it", async () => {
  const clock = new ManualClock();
  const [dialled, accepted] = await connect(clock);
  const [theirs, ours] = await settle(
    clock,
    introduce(dialled, A, clock),
    welcome(accepted, () => ({ ...B, dht: true }), clock),
  );
  strictEqual(theirs!.status === "fulfilled" && theirs!.value.flags.dht, true);
  strictEqual(ours!.status === "fulfilled" && ours!.value.flags.dht, false);
});

Deno.test("P2 welcome() hangs up without an answer when the torrent is not ours", async () => {
  const clock = new ManualClock();
  const [dialled, accepted] = await connect(clock);
  const [answer, refusal] = await settle(
    clock,
    introduce(dialled, A, clock),
    welcome(accepted, () => undefined, clock).finally(() => accepted.close()),
  );
  strictEqual(reasonOf(refusal!), "wrong-info-hash");
  strictEqual(reasonOf(answer!), "remote-closed");
});

Deno.test("P2 introduce() rejects a peer when it answers for another torrent", async () => {
  const clock = new ManualClock();
  const [dialled, accepted] = await connect(clock);
  const [ours] = await settle(
    clock,
    introduce(dialled, A, clock),
    welcome(accepted, () => OTHER_TORRENT, clock),
  );
  strictEqual(reasonOf(ours!), "wrong-info-hash");
});

Deno.test("P3 introduce() and welcome() recognise ourselves when the peer id is ours", async () => {
  const clock = new ManualClock();
  const [dialled, accepted] = await connect(clock);
  const [ours, theirs] = await settle(
    clock,
    introduce(dialled, A, clock),
    welcome(accepted, () => A, clock).finally(() => accepted.close()),
  );
  strictEqual(reasonOf(theirs!), "own-connection");
  strictEqual(reasonOf(ours!), "remote-closed");
});

Deno.test("P1 welcome() hangs up at the first wrong byte when another protocol speaks", async () => {
  const clock = new ManualClock();
  const [dialled, accepted] = await connect(clock);
  await dialled.write(new TextEncoder().encode("GET / HTTP/1.1\r\n"));
  const start = clock.now();
  const [result] = await settle(clock, welcome(accepted, () => A, clock));
  strictEqual(reasonOf(result!), "malformed-handshake");
  strictEqual(clock.now() - start < HANDSHAKE_TIMEOUT_MS, true);
});

Deno.test("P1 introduce() gives up after its timeout when the peer stays silent", async () => {
  const clock = new ManualClock();
  const [dialled] = await connect(clock);
  const start = clock.now();
  const [result] = await settle(clock, introduce(dialled, A, clock));
  strictEqual(reasonOf(result!), "handshake-timeout");
  strictEqual(clock.now() - start, HANDSHAKE_TIMEOUT_MS);
});

Deno.test("welcome() passes on what is no fault of the peer", async () => {
  const clock = new ManualClock();
  const [dialled, accepted] = await connect(clock);
  void introduce(dialled, A, clock).catch(() => {});
  const broken = () => {
    throw new RangeError("ours");
  };
  const welcoming = welcome(accepted, broken, clock);
  const checked = rejects(welcoming, RangeError);
  await settle(clock, welcoming);
  await checked;
});
