import { deepStrictEqual, strictEqual } from "node:assert/strict";
import type { FileIndex, PieceIndex } from "../../src/base/ids.ts";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";
import type { FilePlan } from "../../src/storage/file_plan.ts";
import type { Span } from "../../src/workers/protocol.ts";
import { dataOf, leavesOf, rootOf, version2Torrent } from "../metainfo/version_2_torrent.ts";
import { sampleData } from "./disk_target.ts";
import { planOf } from "./plan_of.ts";

const FIRST = 0 as PieceIndex, SECOND = 1 as PieceIndex;

/** Pieces of 10 bytes: `a` 0–6, padding 7–9, `b` 10–11, `c` 12–30; `empty` is in none. */
function plan(...selected: number[]): FilePlan {
  return planWith({}, selected);
}

function planWith(options: { holdsNames?: boolean }, selected: readonly number[]): FilePlan {
  const lengths = { a: 7, ".pad/3": 3, b: 2, c: 19, empty: 0 };
  return planOf(sampleData("t", lengths, 10).metainfo, selected, { overwrite: true, ...options });
}

const ALL = [0, 1, 2, 3, 4];

/** `path@file offset, piece offset, length` of each span. */
function shown(spans: readonly Span[]): string[] {
  return spans.map(({ place: { root, path }, fileOffset, pieceOffset, length }) =>
    `${root}/${path.replace(/[0-9a-f]{40}/, "HASH")}@${fileOffset},${pieceOffset},${length}`
  );
}

Deno.test("FilePlan leaves out padding and tells empty files apart", () => {
  const { files, emptyFiles } = plan(...ALL);
  deepStrictEqual([files, emptyFiles], [[0, 2, 3], [4]]);
  deepStrictEqual([...plan(...ALL).wantedPieces().ones()], [0, 1, 2, 3]);
  deepStrictEqual([...plan(2).wantedPieces().ones()], [1]);
  deepStrictEqual([...plan(4).wantedPieces().ones()], []);
});

Deno.test("writeSpans() names parts, the length of each file, and what is finished", () => {
  const spans = plan(...ALL).writeSpans(SECOND);
  deepStrictEqual(shown(spans), ["/out/t/b.part@0,0,2", "/out/t/c.part@0,2,8"]);
  deepStrictEqual(spans.map(({ fileLength }) => fileLength), [0, 19]);
  deepStrictEqual(spans.map(({ finish }) => finish), [
    {
      from: { root: "/out", path: "t/b.part" },
      to: { root: "/out", path: "t/b" },
      length: 2,
      mayReplace: true,
    },
    undefined,
  ]);
});

Deno.test("writeSpans() finishes nothing when names are held back", () => {
  const spans = planWith({ holdsNames: true }, ALL).writeSpans(SECOND);
  deepStrictEqual(spans.map(({ finish, fileLength }) => [finish, fileLength]), [
    [undefined, 2],
    [undefined, 19],
  ]);
});

Deno.test("a file with its final name is read there, and not written any more", () => {
  const named = plan(...ALL);
  named.setFinal(2 as FileIndex, true);
  deepStrictEqual(shown(named.writeSpans(SECOND)), ["/out/t/c.part@0,2,8"]);
  deepStrictEqual(named.filesToWrite(SECOND), [3]);
  deepStrictEqual(shown(named.readSpans(SECOND, 1, 3)), ["/out/t/b@1,0,1", "/out/t/c.part@0,1,2"]);
});

Deno.test("D20 bytes of files that were not selected go to the edges, at the torrent's offset", () => {
  const partial = plan(3);
  deepStrictEqual(shown(partial.writeSpans(SECOND)), [
    "/state/HASH.edges@10,0,2",
    "/out/t/c.part@0,2,8",
  ]);
  deepStrictEqual(shown(partial.readSpans(SECOND, 1, 4)), [
    "/state/HASH.edges@11,0,1",
    "/out/t/c.part@0,1,3",
  ]);
});

Deno.test("setPresent() of a file that was not selected is of the edges", () => {
  const partial = plan(3);
  partial.setPresent(2 as FileIndex);
  deepStrictEqual(partial.writeSpans(SECOND).map(({ mayCreate }) => mayCreate), [false, true]);
});

Deno.test("toHash() takes bytes from where they are, which may be elsewhere", () => {
  const partial = plan(3);
  const elsewhere = { root: "/old", path: "b" };
  const source = (file: number) => file === 2 ? elsewhere : partial.partPlace(file as FileIndex);
  deepStrictEqual(shown(partial.toHash(SECOND, source).spans), [
    "/old/b@0,0,2",
    "/out/t/c.part@0,2,8",
  ]);
  const inEdges = partial.toHash(SECOND, () => partial.edges);
  deepStrictEqual(shown(inEdges.spans), ["/state/HASH.edges@10,0,2", "/state/HASH.edges@12,2,8"]);
  strictEqual(partial.toHash(FIRST, () => undefined).length, 10);
  strictEqual(inEdges.hash, partial.hashOf(SECOND));
});

Deno.test("hashOf() gives the SHA-1 of a piece in hex", () => {
  const { metainfo } = plan();
  strictEqual(plan().hashOf(SECOND), metainfo.pieceHashes.slice(20, 40).toHex());
});

Deno.test("hashOf() gives the root of a piece of version 2, and how many leaves are below it", () => {
  const small = dataOf(40_000), large = dataOf(300_000);
  const metainfo = parseMetainfo(version2Torrent({ large, small }, { pieceLength: 65_536 }));
  const plan = planOf(metainfo, [0, 1]);
  const shown = [0, 4, 5].map((piece) => plan.hashOf(piece as PieceIndex));
  const rootHex = (data: Uint8Array, leafCount: number) => ({
    root: rootOf(leavesOf(data, leafCount)).toHex(),
    leafCount,
  });
  deepStrictEqual(shown, [
    rootHex(large.subarray(0, 65_536), 4),
    rootHex(large.subarray(4 * 65_536), 4),
    rootHex(small, 4),
  ]);
});

Deno.test("a single file lies in the output folder itself", () => {
  const single = planOf(sampleData("one.bin", 15, 10).metainfo, [0]);
  deepStrictEqual(shown(single.writeSpans(SECOND)), ["/out/one.bin.part@10,0,5"]);
});
