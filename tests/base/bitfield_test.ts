import { deepStrictEqual, equal, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { Bitfield } from "../../src/base/bitfield.ts";

const lengthAndIndices = fc.integer({ min: 1, max: 70 }).chain((length) =>
  fc.tuple(fc.constant(length), fc.array(fc.nat(length - 1)))
);

Deno.test("Bitfield behaves as a set of indices whatever is set and cleared", () => {
  const operations = fc.integer({ min: 1, max: 70 }).chain((length) =>
    fc.tuple(
      fc.constant(length),
      fc.array(fc.tuple(fc.constantFrom("set", "clear", "setAll"), fc.nat(length - 1))),
    )
  );
  fc.assert(fc.property(operations, ([length, steps]) => {
    const field = new Bitfield(length);
    const model = new Set<number>();
    for (const [step, index] of steps) {
      if (step === "set") equal(field.set(index), !model.has(index));
      if (step === "clear") equal(field.clear(index), model.has(index));
      if (step === "set") model.add(index);
      if (step === "clear") model.delete(index);
      if (step === "setAll") {
        field.setAll();
        for (let i = 0; i < length; i++) model.add(i);
      }
    }
    deepStrictEqual([...field.ones()], [...model].sort((a, b) => a - b));
    equal(field.count, model.size);
    equal(field.isFull, model.size === length);
    equal(field.isEmpty, model.size === 0);
    for (let i = 0; i < length; i++) equal(field.has(i), model.has(i));
  }));
});

Deno.test("Bitfield.fromBytes() undoes toBytes() and counts", () => {
  fc.assert(fc.property(lengthAndIndices, ([length, indices]) => {
    const field = new Bitfield(length);
    for (const index of indices) field.set(index);
    const copy = Bitfield.fromBytes(field.toBytes(), length);
    deepStrictEqual(copy?.toBytes(), field.toBytes());
    equal(copy?.count, field.count);
    deepStrictEqual([...copy!.ones()], [...field.ones()]);
  }));
});

Deno.test("Bitfield puts the first index in the highest bit", () => {
  const field = new Bitfield(12);
  field.set(0);
  field.set(9);
  deepStrictEqual(field.toBytes(), Uint8Array.of(0b1000_0000, 0b0100_0000));
});

Deno.test("P6 Bitfield.fromBytes() refuses a wrong size and spare bits, at any length", () => {
  fc.assert(fc.property(fc.nat(70), (length) => {
    const size = Math.ceil(length / 8);
    equal(Bitfield.fromBytes(new Uint8Array(size + 1), length), undefined);
    if (size > 0) equal(Bitfield.fromBytes(new Uint8Array(size - 1), length), undefined);
    for (let bit = length; bit < size * 8; bit++) {
      const bytes = new Uint8Array(size);
      bytes[bit >>> 3]! |= 128 >>> (bit & 7);
      equal(Bitfield.fromBytes(bytes, length), undefined);
    }
  }));
});

Deno.test("Bitfield keeps spare bits zero when all are set", () => {
  fc.assert(fc.property(fc.nat(70), (length) => {
    const field = new Bitfield(length);
    field.setAll();
    ok(field.isFull);
    ok(Bitfield.fromBytes(field.toBytes(), length)?.isFull);
  }));
});

Deno.test("Bitfield neither shares nor exposes its bytes", () => {
  const bytes = Uint8Array.of(0x80);
  const field = Bitfield.fromBytes(bytes, 8)!;
  bytes[0] = 0;
  field.toBytes()[0] = 0;
  const copy = field.copy();
  ok(field.has(0) && copy.clear(0) && field.has(0));
  equal(`${copy.length} ${copy.count} ${field.count}`, "8 0 1");
});

Deno.test("Bitfield treats an index outside as a bug when writing and as clear when reading", () => {
  const field = new Bitfield(8);
  field.setAll();
  for (const index of [-1, 8, 1e9]) {
    throws(() => field.set(index));
    throws(() => field.clear(index));
    equal(field.has(index), false);
  }
});

Deno.test("nextCommon() finds the next index that both have, as a search one by one does", () => {
  const pair = fc.integer({ min: 1, max: 70 }).chain((length) =>
    fc.tuple(
      fc.constant(length),
      fc.array(fc.nat(length - 1)),
      fc.array(fc.nat(length - 1)),
      fc.nat(length + 20),
    )
  );
  fc.assert(fc.property(pair, ([length, ours, theirs, start]) => {
    const a = new Bitfield(length), b = new Bitfield(length);
    for (const index of ours) a.set(index);
    for (const index of theirs) b.set(index);
    const common = [...a.ones()].find((index) => index >= start && b.has(index));
    equal(a.nextCommon(b, start), common ?? -1);
  }));
  throws(() => new Bitfield(3).nextCommon(new Bitfield(4)));
});
