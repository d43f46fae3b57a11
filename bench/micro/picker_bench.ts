/**
 * What choosing and booking one block costs, from `pick` to `received`, without its bytes: with
 * one seed, and in swarms of 200 peers with a random half of 100,000 pieces. "dry" is a call that
 * finds nothing: the price of asking too often.
 */
import { SeededRandom } from "../../src/base/ambient.ts";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { PieceIndex } from "../../src/base/ids.ts";
import { BLOCK_LENGTH, type BlockSpan, Layout } from "../../src/metainfo/layout.ts";
import { Assembly } from "../../src/piece/assembly.ts";
import { Availability } from "../../src/piece/availability.ts";
import { PiecePicker } from "../../src/piece/picker.ts";
import type { PickerPeer } from "../../src/piece/picker_peer.ts";
import { type PeerKey, PieceTable } from "../../src/piece/piece_table.ts";

const PIECE_COUNT = 100_000;
const BLOCKS_PER_ROUND = 10_000;
const DEPTH = 64;
const BUDGET_BYTES = 64 * 1024 * 1024;
/** Bytes a second of each peer: those whose pieces take it 2 s at most have pieces of their own. */
const PEER_RATE = 2 ** 20;
const NO_DATA = new Uint8Array(0);

class BenchSwarm {
  readonly peers: PickerPeer[] = [];
  readonly availability: Availability;
  readonly picker: PiecePicker;
  readonly #assembly: Assembly;
  readonly #owed: [PeerKey, BlockSpan][] = [];
  #now = 0;

  constructor(blocksPerPiece: number, bitfields: readonly Bitfield[]) {
    const random = new SeededRandom(1);
    const pieceLength = blocksPerPiece * BLOCK_LENGTH;
    const files = [{ length: PIECE_COUNT * pieceLength, isPadding: false }];
    const layout = new Layout({ pieceLength, files });
    const table = new PieceTable(layout);
    for (let piece = 0; piece < PIECE_COUNT; piece++) table.setWanted(piece as PieceIndex, 1);
    const availability = this.availability = new Availability(PIECE_COUNT, random);
    const assembly = this.#assembly = new Assembly({ layout, budgetBytes: BUDGET_BYTES });
    this.picker = new PiecePicker({ layout, table, availability, assembly, random });
    for (const theirHave of bitfields) this.join(theirHave);
  }

  join(theirHave: Bitfield): void {
    const peer = {
      key: this.peers.length,
      theirHave,
      isPeerChoking: false,
      allowedFast: new Set<PieceIndex>(),
      isSnubbed: false,
      downloadRate: () => PEER_RATE,
      offers: (piece: PieceIndex) => theirHave.has(piece),
    };
    this.availability.replaced(peer.key, new Bitfield(PIECE_COUNT), theirHave);
    this.peers.push(peer);
  }

  /** Every peer in turn is asked for as much as it has answered. */
  run(blockCount: number): void {
    let received = 0;
    while (received < blockCount) {
      for (const peer of this.peers) {
        const spans = this.picker.pick(peer, Math.ceil(DEPTH / 4), ++this.#now / 100);
        for (const span of spans) this.#owed.push([peer.key, span]);
      }
      if (this.#owed.length === 0) return;
      for (const [key, { piece, block }] of this.#owed.splice(0, this.#owed.length / 2 + 1)) {
        const outcome = this.#assembly.put(piece, block, NO_DATA, key);
        this.picker.received(key, piece, block, this.#now / 100);
        received++;
        if (typeof outcome !== "object") continue;
        this.#assembly.release(outcome.data.buffer);
        this.picker.failed(piece); // wanted again: the bench never ends
      }
    }
  }
}

function full(): Bitfield {
  const field = new Bitfield(PIECE_COUNT);
  field.setAll();
  return field;
}

function randomHalf(seed: number): Bitfield {
  const bytes = new SeededRandom(seed).bytes(PIECE_COUNT / 8);
  return Bitfield.fromBytes(bytes, PIECE_COUNT)!;
}

const halves = Array.from({ length: 200 }, (_, seed) => randomHalf(seed));
const oneSeed = new BenchSwarm(16, [full()]);
const crowd = new BenchSwarm(16, halves);
const seedOfTinyPieces = new BenchSwarm(1, [full()]);
const crowdOfTinyPieces = new BenchSwarm(1, halves);

Deno.bench("10,000 blocks, 1 seed, 256 KiB pieces", () => oneSeed.run(BLOCKS_PER_ROUND));
Deno.bench("10,000 blocks, 200 peers, 256 KiB pieces", () => crowd.run(BLOCKS_PER_ROUND));
Deno.bench("10,000 blocks, 1 seed, 16 KiB pieces", () => seedOfTinyPieces.run(BLOCKS_PER_ROUND));
Deno.bench("10,000 blocks, 200 peers, 16 KiB pieces", () => {
  crowdOfTinyPieces.run(BLOCKS_PER_ROUND);
});

const few = new Bitfield(PIECE_COUNT);
for (const piece of [17, 50_000, 99_999]) few.set(piece);
const poorPeer = new BenchSwarm(16, [full(), few]);
poorPeer.picker.pick(poorPeer.peers[1]!, 100, 0);
Deno.bench("pick, dry: a peer with 3 pieces of 100,000, all asked for", () => {
  poorPeer.picker.pick(poorPeer.peers[1]!, 16, 0);
});
const busy = new BenchSwarm(16, halves);
for (const peer of busy.peers) busy.picker.pick(peer, 500, 0);
Deno.bench("pick, dry: memory is full, all is asked for", () => {
  busy.picker.pick(busy.peers[7]!, 16, 100);
});
Deno.bench("pick, dry: the same, and 1,024 requests are old enough to be doubted", () => {
  busy.picker.pick(busy.peers[7]!, 16, 450);
});
Deno.bench("isInteresting, of a peer that is", () => {
  crowd.picker.isInteresting(crowd.peers[7]!);
});

const nothing = new Bitfield(PIECE_COUNT);
const half = randomHalf(1_000);
const seedField = full();
Deno.bench("a peer with half of 100,000 pieces joins and leaves", () => {
  crowd.availability.replaced(1_000, nothing, half);
  crowd.availability.left(1_000, half);
});
Deno.bench("a seed joins and leaves", () => {
  crowd.availability.replaced(1_000, nothing, seedField);
  crowd.availability.left(1_000, seedField);
});
