import { deepStrictEqual, equal, throws } from "node:assert/strict";
import type { PieceToHash } from "../../src/workers/protocol.ts";
import { MerkleHasher } from "../../src/workers/merkle_hasher.ts";
import { dataOf, leavesOf, rootOf } from "../metainfo/version_2_torrent.ts";
import { Desk, writeJob } from "./desk.ts";

const BLOCK_LENGTH = 16_384;

function rootHex(data: Uint8Array, leafCount: number): string {
  return rootOf(leavesOf(data, leafCount)).toHex();
}

Deno.test("MerkleHasher gives the same root however whole blocks come", () => {
  const data = dataOf(20 * BLOCK_LENGTH + 5);
  for (const blocks of [1, 3, 16, 21]) {
    const hasher = new MerkleHasher();
    for (let begin = 0; begin < data.length; begin += blocks * BLOCK_LENGTH) {
      hasher.update(data.subarray(begin, begin + blocks * BLOCK_LENGTH));
    }
    equal(hasher.root(32), rootHex(data, 32));
  }
  const hasher = new MerkleHasher();
  hasher.update(data);
  throws(() => hasher.update(data), /nothing comes after a short block/);
});

Deno.test("hash tells good, bad and missing pieces of version 2 apart", async () => {
  using desk = new Desk();
  // More than is read at a time.
  const data = dataOf(20 * BLOCK_LENGTH + 5);
  desk.write("a", data);
  const piece = (part: Uint8Array, offset: number, leafCount: number): PieceToHash => ({
    length: part.length,
    hash: { root: rootHex(part, leafCount), leafCount },
    spans: [desk.span("a", offset, 0, part.length)],
  });
  const pieces = [
    piece(data, 0, 32),
    piece(data.subarray(BLOCK_LENGTH, BLOCK_LENGTH + 7), BLOCK_LENGTH, 4),
    piece(data.subarray(0, 2 * BLOCK_LENGTH), BLOCK_LENGTH, 2),
    piece(data.subarray(5), 5 + BLOCK_LENGTH, 32),
    { ...piece(data, 0, 32), hash: { root: rootHex(data, 32), leafCount: 64 } },
  ];
  const { verdicts } = await desk.must<"hash">({ kind: "hash", pieces });
  deepStrictEqual(verdicts, ["good", "good", "bad", "missing", "bad"]);
});

Deno.test("write writes a piece of version 2 when its root is right, and nothing else", async () => {
  using desk = new Desk();
  const data = dataOf(3 * BLOCK_LENGTH + 1);
  const job = (root: string) => ({
    ...writeJob(data.slice(), [desk.span("a", 0, 0, data.length)]),
    hash: { root, leafCount: 4 },
  });
  const corrupt = await desk.must<"write">(job(rootHex(data.subarray(1), 4)));
  equal(corrupt.kind, "corrupt");
  equal(corrupt.digests!.length, 4);
  equal(desk.files.inspect(desk.place("a")), undefined);
  equal((await desk.must<"write">(job(rootHex(data, 4)))).kind, "written");
  deepStrictEqual(Deno.readFileSync(desk.at("a")), data);
});
