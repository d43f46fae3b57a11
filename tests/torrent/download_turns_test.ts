import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { DownloadTurns, type TurnTaker } from "../../src/torrent/download_turns.ts";

const TURN_MS = 30_000;
const KEEPING_RATE = 16 * 1024;
const RETRY_INTERVAL_MS = 60_000;

/** A peer that wants for nothing but a turn. */
class Peer implements TurnTaker {
  rate = 0;
  room = 1;
  readonly session = {
    amInterested: true,
    isSnubbed: false,
    outstandingCount: 0,
    lastBlockAt: undefined as number | undefined,
    downloadRate: () => this.rate,
    requestRoom: () => this.room,
  };

  constructor(readonly key: number) {}

  owe(count: number): void {
    this.session.outstandingCount = count;
  }
}

function turnsOf(count: number, limit: number) {
  const peers = Array.from({ length: count }, (_, key) => new Peer(key));
  const turns = new DownloadTurns(new Map(peers.map((peer) => [peer.key, peer])), () => limit);
  /** All are tried in this order; whoever may be asked owes one block. */
  const takers = (now: number, order: readonly Peer[] = peers) =>
    order.filter((peer) => {
      const mayBeAsked = turns.take(peer, now);
      if (mayBeAsked) peer.owe(1);
      return mayBeAsked;
    }).map(({ key }) => key);
  return { peers, turns, takers };
}

Deno.test("take() lets as many be asked as the limit says, those first that had no turn for longest", () => {
  const { peers, takers } = turnsOf(4, 2);
  deepStrictEqual(takers(0), [0, 1]);
  peers[0]!.owe(0);
  deepStrictEqual(takers(1), [1, 2]);
  peers[1]!.owe(0);
  deepStrictEqual(takers(2), [2, 3]);
  for (const peer of peers) peer.owe(0);
  deepStrictEqual(takers(3, peers.toReversed()), [1, 0]);
});

Deno.test("take() passes over those that cannot be asked, and those that were not asked for anything", () => {
  const { peers, turns, takers } = turnsOf(4, 1);
  peers[0]!.room = 0;
  peers[1]!.session.amInterested = false;
  strictEqual(turns.take(peers[2]!, 0), true, "but it has nothing that can be asked for");
  deepStrictEqual(takers(0, [peers[3]!]), [3]);
});

Deno.test("take() prefers peers that do not snub us, and else lets those have a turn, too", () => {
  const { peers, takers } = turnsOf(3, 1);
  peers[0]!.session.isSnubbed = true;
  deepStrictEqual(takers(0), [1]);
  peers[1]!.owe(0);
  deepStrictEqual(takers(1), [2]);
  peers[1]!.room = 0;
  peers[2]!.owe(0);
  peers[2]!.session.isSnubbed = true;
  deepStrictEqual(takers(2), [0]);
});

Deno.test("take() ends a turn of half a minute when the peer gives little and another waits", () => {
  const cases:
    readonly (readonly [rate: number, isSnubbed: boolean, ms: number, goesOn: boolean])[] = [
      [KEEPING_RATE - 1, false, TURN_MS, false],
      [KEEPING_RATE - 1, false, TURN_MS - 1, true],
      [KEEPING_RATE, false, TURN_MS, true],
      [0, true, TURN_MS, true],
    ];
  for (const [rate, isSnubbed, ms, goesOn] of cases) {
    const { peers: [holder, waiting], turns, takers } = turnsOf(2, 1);
    deepStrictEqual(takers(5), [0]);
    holder!.rate = rate;
    waiting!.session.isSnubbed = isSnubbed;
    strictEqual(turns.take(holder!, 5 + ms), goesOn, `${rate} bytes a second`);
    strictEqual(turns.take(waiting!, 5 + ms), false, "until nothing is owed");
    holder!.owe(0);
    holder!.room = 0;
    strictEqual(turns.take(waiting!, 6 + ms), true);
  }
});

Deno.test("take() gives one peer that snubs us a turn each minute, though slow ones wait", () => {
  const { peers, turns } = turnsOf(5, 1);
  for (const { session } of peers.slice(2)) session.isSnubbed = true;
  const begunAt: (readonly [key: number, at: number])[] = [];
  // Two give a block in eight seconds, the others nothing in ten.
  for (let now = 0, owedAt = 0; now < 8 * RETRY_INTERVAL_MS; now += 1_000) {
    for (const { key, session } of peers) {
      if (session.outstandingCount === 0 || now - owedAt < (key < 2 ? 8_000 : 10_000)) continue;
      session.outstandingCount = 0;
      if (!session.isSnubbed) session.lastBlockAt = now;
    }
    for (const peer of peers) {
      if (peer.session.outstandingCount > 0 || !turns.take(peer, now)) continue;
      if (peer.session.lastBlockAt !== now) begunAt.push([peer.key, now]);
      peer.owe(1);
      owedAt = now;
    }
  }
  const retries = begunAt.filter(([key]) => key >= 2);
  const most = RETRY_INTERVAL_MS + TURN_MS + 8_000;
  deepStrictEqual(retries.slice(0, 4).map(([key]) => key), [2, 3, 4, 2]);
  for (const [index, [, at]] of retries.entries()) {
    const sinceMs = at - (retries[index - 1]?.[1] ?? 0);
    strictEqual(sinceMs >= RETRY_INTERVAL_MS && sinceMs <= most, true, `${sinceMs} ms`);
  }
});

Deno.test("take() goes on with a peer whose last block has just come, within the limit", () => {
  const { peers: [first, second], turns, takers } = turnsOf(2, 1);
  deepStrictEqual(takers(0), [0]);
  first!.owe(0);
  first!.session.lastBlockAt = 7;
  strictEqual(turns.take(first!, 7), true);
  strictEqual(turns.take(first!, 8), false, "a moment later the other is first");
  second!.owe(1);
  first!.session.lastBlockAt = 9;
  strictEqual(turns.take(first!, 9), false, "that was a late one");
});

Deno.test("take() is always true without a limit", () => {
  deepStrictEqual(turnsOf(3, Infinity).takers(0), [0, 1, 2]);
});

Deno.test("forget() lets a key begin anew", () => {
  const { peers: [first], turns, takers } = turnsOf(2, 1);
  deepStrictEqual(takers(0), [0]);
  first!.owe(0);
  strictEqual(turns.take(first!, 1), false);
  turns.forget(0);
  strictEqual(turns.take(first!, 1), true);
});
