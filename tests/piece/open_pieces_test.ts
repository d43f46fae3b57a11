import { deepStrictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import type { BlockIndex, PieceIndex } from "../../src/base/ids.ts";
import { BLOCK_LENGTH, Layout } from "../../src/metainfo/layout.ts";
import type { OpenPiece } from "../../src/piece/open_piece.ts";
import { OpenPieces } from "../../src/piece/open_pieces.ts";
import { PartialPiece } from "../../src/piece/partial_piece.ts";

const BLOCKS = 3, PIECES = 4, PEERS = 2;
const layout = new Layout({
  pieceLength: BLOCKS * BLOCK_LENGTH,
  files: [{ length: PIECES * BLOCKS * BLOCK_LENGTH, isPadding: false }],
});

Deno.test("OpenPieces keeps its books as a plain list of requests would", () => {
  const anyAction = fc.record({
    kind: fc.constantFrom("open", "add", "add", "add", "doubt", "remove", "settle", "close"),
    piece: fc.nat(1),
    block: fc.nat(BLOCKS - 1),
    peer: fc.nat(PEERS - 1),
  });
  fc.assert(
    fc.property(fc.array(anyAction, { maxLength: 200, size: "max" }), (actions) => {
      const books = new Books();
      for (const [index, { kind, piece, block, peer }] of actions.entries()) {
        books.act(kind, piece as PieceIndex, block as BlockIndex, peer, index);
        books.check();
      }
    }),
    { numRuns: 200 },
  );
});

Deno.test("pieces with free blocks are listed by rank, whenever they come and go", () => {
  const open = new OpenPieces();
  const pieces = [5, 1, 9, 3].map((rank, piece) => openPiece(open, piece, rank));
  deepStrictEqual(listed(open), [1, 3, 5, 9]);
  const requester = open.requester(0);
  for (const block of [0, 1, 2]) open.add(pieces[3]!, block as BlockIndex, requester, 0);
  deepStrictEqual(listed(open), [1, 5, 9]);
  open.remove(requester.requests[0]!);
  deepStrictEqual(listed(open), [1, 3, 5, 9]);
});

Deno.test("what is owed of a piece that was given up counts again when it is started again", () => {
  const open = new OpenPieces();
  const first = openPiece(open, 0, 0);
  open.add(first, 1 as BlockIndex, open.requester(7), 100);
  open.close(first);
  deepStrictEqual(open.request(7, 0 as PieceIndex, 1 as BlockIndex)?.at, 100);
  const second = openPiece(open, 0, 0);
  deepStrictEqual([second.freeCount, second.requestedCount, second.nextFree()], [2, 1, 0]);
  deepStrictEqual(open.settle(second, 1 as BlockIndex, 8, 200), [7]);
  deepStrictEqual(open.requester(7).requests, []);
});

Deno.test("forget() wants all requests of the peer to be settled", () => {
  const open = new OpenPieces();
  open.add(openPiece(open, 0, 0), 0 as BlockIndex, open.requester(7), 0);
  throws(() => open.forget(open.requester(7)));
});

/** OpenPieces beside a model of it. */
class Books {
  readonly #open = new OpenPieces();
  readonly #pieces = new Map<number, { readonly open: OpenPiece; readonly here: Set<number> }>();
  #requests: { piece: number; block: number; peer: number }[] = [];
  #openedCount = 0;

  act(kind: string, piece: PieceIndex, block: BlockIndex, peer: number, now: number): void {
    const entry = this.#pieces.get(piece);
    const request = this.#open.request(peer, piece, block);
    if (kind === "remove" && request !== undefined) {
      this.#open.remove(request);
      this.#drop(this.#of(piece, block).filter((other) => other.peer === peer));
    } else if (kind === "open" && entry === undefined) {
      const open = openPiece(this.#open, piece, this.#openedCount++);
      this.#pieces.set(piece, { open, here: new Set() });
    } else if (entry === undefined) {
      return;
    } else if (kind === "close") {
      this.#open.close(entry.open);
      this.#pieces.delete(piece);
    } else if (kind === "settle") {
      const others = this.#of(piece, block).filter((other) => other.peer !== peer);
      const named = this.#open.settle(entry.open, block, peer, now);
      deepStrictEqual(named.toSorted(), others.map((other) => other.peer).toSorted());
      this.#drop(this.#of(piece, block));
      entry.here.add(block);
    } else if (request === undefined && !entry.here.has(block)) {
      const requester = this.#open.requester(peer);
      if (kind === "doubt") this.#open.addDoubted(entry.open, block, requester, now);
      else this.#open.add(entry.open, block, requester, now);
      this.#requests.push({ piece, block, peer });
    }
  }

  check(): void {
    for (const [piece, { open, here }] of this.#pieces) {
      const asked = new Set(
        this.#requests.filter((request) => request.piece === piece)
          .map(({ block }) => block),
      );
      const free = [0, 1, 2].filter((block) => !here.has(block) && !asked.has(block));
      deepStrictEqual([open.freeCount, open.requestedCount], [free.length, asked.size]);
      deepStrictEqual(open.nextFree(), free[0]);
      deepStrictEqual(open.isUntouched, here.size === 0 && asked.size === 0);
    }
    const ranks = [...this.#pieces.values()].filter(({ open }) => open.freeCount > 0)
      .map(({ open }) => open.rank);
    deepStrictEqual(listed(this.#open), ranks.toSorted((a, b) => a - b));
    for (let peer = 0; peer < PEERS; peer++) {
      const requests = this.#requests.filter((request) => request.peer === peer);
      deepStrictEqual(this.#open.requester(peer).requests.length, requests.length);
    }
    let ageCount = 0;
    for (let request = this.#open.oldestRequest; request; request = request.next) ageCount++;
    deepStrictEqual([ageCount, this.#open.requestCount], Array(2).fill(this.#requests.length));
  }

  #of(piece: number, block: number) {
    return this.#requests.filter((request) => request.piece === piece && request.block === block);
  }

  #drop(dropped: readonly unknown[]): void {
    this.#requests = this.#requests.filter((request) => !dropped.includes(request));
  }
}

function openPiece(open: OpenPieces, piece: number, rank: number): OpenPiece {
  const partial = new PartialPiece(
    layout,
    piece as PieceIndex,
    () => new ArrayBuffer(layout.pieceLength),
  );
  return open.open(partial, {
    rank,
    isSlow: false,
    now: 0,
    paroled: undefined,
  });
}

function listed(open: OpenPieces): number[] {
  const ranks: number[] = [];
  for (let piece = open.firstWithFreeBlocks; piece; piece = piece.next) ranks.push(piece.rank);
  return ranks;
}
