import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import {
  BLOCK_HEADER_LENGTH,
  frameBlocks,
  headersLength,
  unframeBlocks,
} from "../../src/wire/block_run.ts";
import { MessageWriter } from "../../src/wire/encoder.ts";
import { randomBytes } from "../loopback/content.ts";

const BLOCK = 16_384;

Deno.test("headersLength() counts a header for every block begun", () => {
  const counts = [1, BLOCK - 1, BLOCK, BLOCK + 1, 16 * BLOCK].map((length) =>
    headersLength({ length }) / BLOCK_HEADER_LENGTH
  );
  deepStrictEqual(counts, [1, 1, 1, 2, 16]);
  strictEqual(BLOCK_HEADER_LENGTH, 13);
});

Deno.test("frameBlocks() makes in place what MessageWriter.piece() writes block by block", () => {
  const length = fc.integer({ min: 1, max: 5 * BLOCK });
  const place = fc.nat(2 ** 32 - 1);
  fc.assert(
    fc.property(length, place, fc.nat(2 ** 31), (length, piece, begin) => {
      const data = randomBytes(length, 1);
      const headers = headersLength({ length });
      const framed = new Uint8Array(headers + length);
      framed.set(data, headers);
      frameBlocks(framed, { piece, begin, length });
      const writer = new MessageWriter();
      for (let done = 0; done < length; done += BLOCK) {
        writer.piece(piece, begin + done, data.subarray(done, done + BLOCK));
      }
      deepStrictEqual(framed, writer.take()!.slice());
    }),
    { numRuns: 50 },
  );
});

Deno.test("unframeBlocks() gives back what frameBlocks() was given", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 * BLOCK }), (length) => {
      const data = randomBytes(length, 1);
      const headers = headersLength({ length });
      const framed = new Uint8Array(headers + length);
      framed.set(data, headers);
      frameBlocks(framed, { piece: 1, begin: 2, length });
      deepStrictEqual(unframeBlocks(framed, { length }), data);
    }),
    { numRuns: 50 },
  );
});
