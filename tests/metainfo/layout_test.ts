import { deepStrictEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import type { BlockIndex, FileIndex, PieceIndex } from "../../src/base/ids.ts";
import { BLOCK_LENGTH, Layout, type LayoutFile } from "../../src/metainfo/layout.ts";

/** Every byte of a small torrent by itself: what the arithmetic must agree with. */
class Model {
  /** Of each byte: the index of its file, or -1 for padding. */
  readonly owners: Int32Array;
  /** Of each byte: its offset within its file. */
  readonly offsets: Int32Array;

  constructor(readonly pieceLength: number, files: readonly LayoutFile[]) {
    const total = files.reduce((sum, { length }) => sum + length, 0);
    this.owners = new Int32Array(total);
    this.offsets = new Int32Array(total);
    let at = 0;
    for (const [index, { length, isPadding }] of files.entries()) {
      for (let offset = 0; offset < length; offset++, at++) {
        this.owners[at] = isPadding ? -1 : index;
        this.offsets[at] = offset;
      }
    }
  }

  spans(piece: number, begin: number, length: number) {
    const spans: { file: number; fileOffset: number; pieceOffset: number; length: number }[] = [];
    for (let pieceOffset = begin; pieceOffset < begin + length; pieceOffset++) {
      const at = piece * this.pieceLength + pieceOffset;
      const file = this.owners[at]!, last = spans.at(-1);
      if (file < 0) continue;
      if (last?.file === file) last.length++;
      else spans.push({ file, fileOffset: this.offsets[at]!, pieceOffset, length: 1 });
    }
    return spans;
  }
}

const file = (maxLength: number) =>
  fc.record({
    length: fc.oneof(fc.constant(0), fc.nat(maxLength)),
    isPadding: fc.oneof({ weight: 3, arbitrary: fc.constant(false) }, fc.constant(true)),
  });

/** Pieces of a few bytes among files of a few bytes, and pieces around the length of a block. */
const torrent = fc.oneof(
  fc.record({ pieceLength: fc.integer({ min: 1, max: 40 }), files: fc.array(file(60)) }),
  fc.record({
    pieceLength: fc.constantFrom(16_383, 16_384, 16_385, 32_768, 40_000, 65_536),
    files: fc.array(file(60_000), { maxLength: 6 }),
  }),
);

function* pieces(layout: Layout): Generator<PieceIndex> {
  for (let piece = 0; piece < layout.pieceCount; piece++) yield piece as PieceIndex;
}

Deno.test("Layout cuts the torrent into pieces and blocks without gap or overlap", () => {
  fc.assert(fc.property(torrent, ({ pieceLength, files }) => {
    const layout = new Layout({ pieceLength, files });
    let total = 0;
    const keys = new Set<number>();
    for (const piece of pieces(layout)) {
      ok(piece === layout.pieceCount - 1 || layout.pieceSize(piece) === pieceLength);
      let end = 0;
      for (let block = 0; block < layout.blockCount(piece); block++) {
        const request = layout.blockRequest(piece, block as BlockIndex);
        equal(request.begin, end);
        end = Math.min(end + BLOCK_LENGTH, layout.pieceSize(piece));
        ok(request.begin + request.length <= end);
        keys.add(layout.blockKey(piece, block as BlockIndex));
      }
      equal(end, layout.pieceSize(piece));
      throws(() => layout.blockRequest(piece, layout.blockCount(piece) as BlockIndex));
      total += end;
    }
    equal(total, layout.totalLength);
    equal(total, files.reduce((sum, { length }) => sum + length, 0));
    const blockCount = [...pieces(layout)].reduce(
      (sum, piece) => sum + layout.blockCount(piece),
      0,
    );
    equal(keys.size, blockCount);
  }));
});

Deno.test("fileSpans(), fileSpansIn() and filesOf() agree with a model that counts bytes", () => {
  fc.assert(fc.property(torrent, fc.nat(), fc.nat(), ({ pieceLength, files }, a, b) => {
    const layout = new Layout({ pieceLength, files });
    const model = new Model(pieceLength, files);
    for (const piece of pieces(layout)) {
      const size = layout.pieceSize(piece);
      const spans = model.spans(piece, 0, size);
      deepStrictEqual(layout.fileSpans(piece), spans);
      deepStrictEqual(layout.filesOf(piece), spans.map((span) => span.file));
      const begin = a % size, length = b % (size - begin + 1);
      deepStrictEqual(layout.fileSpansIn(piece, begin, length), model.spans(piece, begin, length));
    }
    equal(layout.dataLength, model.owners.filter((owner) => owner >= 0).length);
  }));
});

Deno.test("M23 blockRequest() leaves out padding at the end of a block, and only there", () => {
  fc.assert(fc.property(torrent, ({ pieceLength, files }) => {
    const layout = new Layout({ pieceLength, files });
    const model = new Model(pieceLength, files);
    for (const piece of pieces(layout)) {
      for (let block = 0; block < layout.blockCount(piece); block++) {
        const { begin, length } = layout.blockRequest(piece, block as BlockIndex);
        const start = piece * pieceLength + begin;
        const end = piece * pieceLength + Math.min(begin + BLOCK_LENGTH, layout.pieceSize(piece));
        const tail = model.owners.slice(start, end).findLastIndex((owner) => owner >= 0);
        equal(length, tail + 1);
      }
    }
  }));
});

Deno.test("blockAt() takes exactly what blockRequest() asks for", () => {
  fc.assert(fc.property(torrent, ({ pieceLength, files }) => {
    const layout = new Layout({ pieceLength, files });
    for (const piece of pieces(layout)) {
      for (let block = 0; block < layout.blockCount(piece); block++) {
        const { begin, length } = layout.blockRequest(piece, block as BlockIndex);
        const found = layout.blockAt(piece, begin, length);
        if (length === 0) equal(found, undefined);
        else deepStrictEqual(found, { piece, block });
        for (const wrong of [length - 1, length + 1, 0, -1, 0.5, NaN]) {
          equal(layout.blockAt(piece, begin, wrong), undefined);
        }
        for (const wrong of [begin + 1, begin - 1, begin + 0.5, -BLOCK_LENGTH, NaN]) {
          equal(layout.blockAt(piece, wrong, length), undefined);
        }
      }
      equal(layout.blockAt(piece, layout.blockCount(piece) * BLOCK_LENGTH, 1), undefined);
    }
    for (const wrong of [-1, layout.pieceCount, 0.5, NaN, 0xffff_ffff]) {
      equal(layout.blockAt(wrong, 0, Math.min(BLOCK_LENGTH, pieceLength)), undefined);
    }
  }));
});

Deno.test("P11 isReadable() is true for 1 to BLOCK_LENGTH bytes within a piece, and no others", () => {
  const layout = new Layout({
    pieceLength: 40_000,
    files: [{ length: 50_000, isPadding: false }],
  });
  const readable = [[0, 0, 1], [0, 0, 16_384], [0, 39_999, 1], [0, 23_616, 16_384], [1, 9_999, 1]];
  for (const [index, begin, length] of readable) ok(layout.isReadable(index!, begin!, length!));
  const refused = [[0, 0, 0], [0, 0, 16_385], [0, 40_000, 1], [0, 23_617, 16_384], [1, 9_999, 2]];
  refused.push([2, 0, 1], [-1, 0, 1], [0, -1, 1], [0, 0, -1], [0.5, 0, 1], [0, 0.5, 1]);
  refused.push([0, 0xffff_ffff, 0xffff_ffff], [NaN, 0, 1], [0, NaN, 1], [0, 0, NaN], [0, 0, 1.5]);
  for (const [index, begin, length] of refused) {
    equal(layout.isReadable(index!, begin!, length!), false, `${index} ${begin} ${length}`);
  }
});

Deno.test("P11 isReadable() goes beyond the end of a file of version 2 no further than its last block", () => {
  const file = { length: 3 * 32_768 + 1, isPadding: false };
  const layout = new Layout({ pieceLength: 32_768, files: [file, file], isAligned: true });
  for (const [begin, length] of [[0, 1], [0, BLOCK_LENGTH], [1, 100], [16_383, 1]] as const) {
    ok(layout.isReadable(3, begin, length), `${begin} ${length}`);
  }
  for (const [begin, length] of [[16_384, BLOCK_LENGTH], [16_384, 1], [1, BLOCK_LENGTH]] as const) {
    ok(!layout.isReadable(3, begin, length), `${begin} ${length}`);
  }
});

Deno.test("dataLengthIn() counts what is a file's, neither padding nor what is beyond an end", () => {
  const data = { length: 50_000, isPadding: false }, padding = { length: 15_536, isPadding: true };
  const padded = new Layout({ pieceLength: 32_768, files: [data, padding, data] });
  const aligned = new Layout({ pieceLength: 32_768, files: [data, data], isAligned: true });
  for (const layout of [padded, aligned]) {
    for (
      const [expected, ...place] of [
        [16_384, 1, 0, 16_384],
        [848, 1, 16_384, 16_384],
        [1, 1, 17_231, 5],
        [0, 1, 17_232, 100],
        [16_384, 2, 0, 16_384],
        [0, 2, 0, 0],
      ] as const
    ) {
      const [piece, begin, length] = place;
      equal(layout.dataLengthIn(piece as PieceIndex, begin, length), expected, place.join(" "));
    }
  }
});

Deno.test("piecesOf(), eachPieceOf() and piecesOfRange() agree with a model that counts bytes", () => {
  const parts = fc.tuple(fc.integer({ min: -5, max: 70 }), fc.integer({ min: -5, max: 70 }));
  fc.assert(fc.property(torrent, parts, ({ pieceLength, files }, [start, end]) => {
    const layout = new Layout({ pieceLength, files });
    let fileStart = 0;
    for (const [index, { length }] of files.entries()) {
      const range = (from: number, to: number) => {
        const bytes = Array.from({ length }, (_, offset) => offset)
          .filter((offset) => offset >= from && offset < to)
          .map((offset) => Math.floor((fileStart + offset) / pieceLength));
        return bytes.length === 0 ? undefined : { first: bytes[0]!, last: bytes.at(-1)! };
      };
      const file = index as FileIndex;
      const all = range(0, length);
      deepStrictEqual(layout.piecesOf(file), all);
      const each = all &&
        Array.from({ length: all.last - all.first + 1 }, (_, nth) => all.first + nth);
      deepStrictEqual([...layout.eachPieceOf(file)], each ?? []);
      deepStrictEqual(layout.piecesOfRange(file, start, end), range(start, end));
      fileStart += length;
    }
  }));
});

Deno.test("pieceIndex() takes indices that exist and nothing else", () => {
  const layout = new Layout({
    pieceLength: 10,
    files: [{ length: 25, isPadding: false }, { length: 0, isPadding: false }],
  });
  equal(layout.pieceCount, 3);
  for (const index of [0, 1, 2]) equal(layout.pieceIndex(index), index);
  for (const index of [3, -1, 0.5, NaN, Infinity, 0xffff_ffff, 2 ** 53]) {
    equal(layout.pieceIndex(index), undefined);
  }
});

Deno.test("M11 Layout works with piece lengths that are no power of two, and below a block", () => {
  const odd = new Layout({ pieceLength: 20_001, files: [{ length: 50_000, isPadding: false }] });
  equal(odd.pieceCount, 3);
  deepStrictEqual(odd.blockRequest(0 as PieceIndex, 1 as BlockIndex), {
    piece: 0,
    block: 1,
    begin: 16_384,
    length: 3_617,
  });
  const tiny = new Layout({ pieceLength: 1, files: [{ length: 3, isPadding: false }] });
  equal(tiny.pieceCount, 3);
  equal(tiny.blockCount(2 as PieceIndex), 1);
});

Deno.test("M13 Layout is exact up to 2^53 - 1 bytes", () => {
  const length = 2 ** 48 - 1;
  const pieceLength = 536_854_528;
  const layout = new Layout({ pieceLength, files: [{ length, isPadding: false }] });
  const last = layout.pieceCount - 1 as PieceIndex;
  equal(BigInt(last) * BigInt(pieceLength) + BigInt(layout.pieceSize(last)), BigInt(length));
  deepStrictEqual(layout.fileSpans(last), [{
    file: 0,
    fileOffset: length - layout.pieceSize(last),
    pieceOffset: 0,
    length: layout.pieceSize(last),
  }]);
  ok(Number.isSafeInteger(layout.blockKey(last, layout.blockCount(last) - 1 as BlockIndex)));
});

Deno.test("M24 Layout finds files by search, not by walking over empty ones", () => {
  const files: LayoutFile[] = [{ length: 10, isPadding: false }];
  for (let i = 0; i < 400_000; i++) files.push({ length: 0, isPadding: i % 2 === 0 });
  for (let i = 0; i < 400_000; i++) files.push({ length: 1, isPadding: true });
  files.push({ length: 10, isPadding: false });
  const layout = new Layout({ pieceLength: 16, files });
  for (const piece of pieces(layout)) {
    layout.fileSpans(piece);
    layout.blockRequest(piece, 0 as BlockIndex);
  }
  deepStrictEqual(layout.filesOf(0 as PieceIndex), [0]);
  deepStrictEqual(layout.filesOf(layout.pieceCount - 1 as PieceIndex), [800_001]);
});

Deno.test("Layout of nothing has no pieces", () => {
  const layout = new Layout({ pieceLength: 5, files: [] });
  equal(layout.pieceCount, 0);
  equal(layout.totalLength, 0);
  equal(layout.pieceIndex(0), undefined);
  equal(layout.fileCount, 0);
});

/** The same files with padding before each that would not begin with a piece (BEP 47). */
function padded(pieceLength: number, files: readonly LayoutFile[]): LayoutFile[] {
  const result: LayoutFile[] = [];
  let offset = 0;
  for (const { length } of files) {
    const padding = length === 0 ? 0 : (pieceLength - offset % pieceLength) % pieceLength;
    result.push({ length: padding, isPadding: true }, { length, isPadding: false });
    offset += padding + length;
  }
  return result;
}

Deno.test("an aligned layout is that of padded files without the padding", () => {
  fc.assert(fc.property(torrent, ({ pieceLength, files }) => {
    const bare = files.map(({ length }) => ({ length, isPadding: false }));
    const layout = new Layout({ pieceLength, files: bare, isAligned: true });
    const model = new Layout({ pieceLength, files: padded(pieceLength, bare) });
    equal(layout.pieceCount, model.pieceCount);
    equal(layout.totalLength, layout.dataLength);
    equal(layout.dataLength, model.dataLength);
    for (const piece of pieces(layout)) {
      const spans = model.fileSpans(piece).map((span) => ({ ...span, file: (span.file - 1) / 2 }));
      deepStrictEqual(layout.fileSpans(piece), spans);
      equal(layout.filesOf(piece).length, 1);
      const size = layout.pieceSize(piece);
      equal(size, spans[0]!.length);
      let end = 0;
      for (let block = 0; block < layout.blockCount(piece); block++) {
        const request = layout.blockRequest(piece, block as BlockIndex);
        deepStrictEqual(request, model.blockRequest(piece, block as BlockIndex));
        end = request.begin + request.length;
      }
      equal(end, size);
      // Others may ask for the whole of the last block of a file, as we do not.
      const readable = Math.min(pieceLength, layout.blockCount(piece) * BLOCK_LENGTH);
      ok(layout.isReadable(piece, readable - 1, 1));
      ok(!layout.isReadable(piece, readable - 1, 2));
      ok(!layout.isReadable(piece, readable, 1));
    }
    for (const [index, { length }] of bare.entries()) {
      const range = layout.piecesOf(index as FileIndex);
      deepStrictEqual(range, model.piecesOf(2 * index + 1 as FileIndex));
      equal(length === 0, range === undefined);
    }
  }));
});

Deno.test("pieceSpans() are all bytes of a file in their order, none longer than asked for", () => {
  fc.assert(
    fc.property(
      torrent,
      fc.integer({ min: 1, max: 100_000 }),
      fc.boolean(),
      (shape, max, isAligned) => {
        const files = isAligned
          ? shape.files.map(({ length }) => ({ length, isPadding: false }))
          : shape.files;
        const layout = new Layout({ ...shape, files, isAligned });
        for (const [index, { length, isPadding }] of files.entries()) {
          if (isPadding) continue;
          // A byte at a time would take long.
          const longest = Math.max(max, Math.ceil(length / 50));
          let offset = 0;
          const spans = [...layout.pieceSpans(index as FileIndex, longest)];
          for (const { piece, begin, length: part } of spans) {
            ok(part > 0 && part <= longest && begin + part <= layout.pieceLength);
            deepStrictEqual(layout.fileSpansIn(piece, begin, part), [
              { file: index, fileOffset: offset, pieceOffset: begin, length: part },
            ]);
            offset += part;
          }
          equal(offset, length);
        }
      },
    ),
    { numRuns: 50 },
  );
});
