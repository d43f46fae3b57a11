import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../../src/base/bytes.ts";
import { MseInput } from "../../src/wire/mse_input.ts";

const MARK = Uint8Array.of(1, 1, 2, 1, 1, 1, 2, 3);

/** Gives the input what it has room for, `most` bytes at most; returns how much that was. */
function give(input: MseInput, bytes: Uint8Array, most = Infinity): number {
  const space = input.space();
  const length = Math.min(space.length, bytes.length, most);
  space.set(bytes.subarray(0, length));
  input.advance(length);
  return length;
}

Deno.test("take() has room for what is missing and nothing more", () => {
  const input = new MseInput();
  strictEqual(input.take(5), undefined);
  strictEqual(input.space().length, 5);
  give(input, Uint8Array.of(1, 2, 3));
  strictEqual(input.take(5), undefined);
  strictEqual(input.space().length, 2);
  give(input, Uint8Array.of(4, 5));
  deepStrictEqual(input.take(5), Uint8Array.of(1, 2, 3, 4, 5));
  deepStrictEqual(input.take(0), new Uint8Array(0));
});

Deno.test("take() keeps what has come when it needs a larger buffer", () => {
  const input = new MseInput();
  const bytes = Uint8Array.from({ length: 5000 }, (_, index) => index);
  strictEqual(input.take(700), undefined);
  give(input, bytes);
  strictEqual(input.take(600)!.length, 600);
  strictEqual(input.take(4400), undefined);
  strictEqual(give(input, bytes.subarray(700)), 4300);
  deepStrictEqual(input.take(4400)!.slice(), bytes.slice(600));
});

Deno.test("skipPast() finds its mark behind any pad, and what follows is left", () => {
  fc.assert(fc.property(
    // Of the bytes of the mark, so that much looks like it.
    fc.array(fc.integer({ min: 1, max: 2 }), { maxLength: 512 }),
    fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 700 }),
    (pad, lengths) => {
      const tail = Uint8Array.of(7, 8, 9);
      const stream = concatBytes(Uint8Array.from(pad), MARK, tail, Uint8Array.of(255));
      const input = new MseInput(), reads = lengths.values();
      let offset = 0;
      while (!input.skipPast(MARK, tail.length)) {
        offset += give(input, stream.subarray(offset), reads.next().value);
      }
      while (true) {
        const taken = input.take(tail.length);
        if (taken !== undefined) return deepStrictEqual(taken, tail);
        offset += give(input, stream.subarray(offset));
        ok(offset < stream.length, "reads nothing that is not asked for");
      }
    },
  ));
});

Deno.test("P31 skipPast() gives up at the 513th byte that is no mark", () => {
  const input = new MseInput();
  let given = 0;
  throws(() => {
    while (!input.skipPast(MARK, 0)) given += give(input, new Uint8Array(1), 1);
  }, { reason: "malformed-handshake" });
  strictEqual(given, 513);
});
