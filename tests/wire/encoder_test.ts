import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import { MessageWriter } from "../../src/wire/encoder.ts";

const KIB = 1024;
const BLOCK = new Uint8Array(16 * KIB).fill(9);

const ROOT = Uint8Array.from({ length: 32 }, (_, index) => index + 1);
const RANGE = { baseLayer: 2, index: 512, length: 256, proofLayers: 9 };
const RANGE_HEX = ROOT.toHex() + "00000002000002000000010000000009";

function written(write: (writer: MessageWriter) => void): string {
  const writer = new MessageWriter();
  write(writer);
  return (writer.take() ?? new Uint8Array(0)).toHex();
}

Deno.test("MessageWriter writes every message as BEP 3, 5, 6, 10 and 52 show it", () => {
  const cases: readonly (readonly [(writer: MessageWriter) => void, string])[] = [
    [(writer) => writer.keepAlive(), "00000000"],
    [(writer) => writer.choke(), "0000000100"],
    [(writer) => writer.unchoke(), "0000000101"],
    [(writer) => writer.interested(), "0000000102"],
    [(writer) => writer.notInterested(), "0000000103"],
    [(writer) => writer.have(258), "000000050400000102"],
    [(writer) => writer.bitfield(Uint8Array.of(255, 128, 1)), "0000000405ff8001"],
    [(writer) => writer.request(1, 16_384, 16_384), "0000000d06000000010000400000004000"],
    [
      (writer) => writer.piece(4_294_967_294, 2_147_483_648, Uint8Array.of(0x78, 0x79)),
      "0000000b07fffffffe800000007879",
    ],
    [(writer) => writer.cancel(1, 16_384, 16_384), "0000000d08000000010000400000004000"],
    [(writer) => writer.port(6881), "00000003091ae1"],
    [(writer) => writer.suggest(3), "000000050d00000003"],
    [(writer) => writer.haveAll(), "000000010e"],
    [(writer) => writer.haveNone(), "000000010f"],
    [(writer) => writer.reject(1, 16_384, 16_384), "0000000d10000000010000400000004000"],
    [(writer) => writer.allowedFast(4_294_967_295), "0000000511ffffffff"],
    [(writer) => writer.extended(3, Uint8Array.of(0x64, 0x65)), "0000000414036465"],
    [(writer) => writer.hashRequest(ROOT, RANGE), "0000003115" + RANGE_HEX],
    [(writer) => writer.hashes(ROOT, RANGE, ROOT), "0000005116" + RANGE_HEX + ROOT.toHex()],
    [(writer) => writer.hashReject(ROOT, RANGE), "0000003117" + RANGE_HEX],
  ];
  for (const [write, hex] of cases) strictEqual(written(write), hex);
});

Deno.test("take() gives all that waits, in order, and then undefined", () => {
  const writer = new MessageWriter();
  strictEqual(writer.take(), undefined);
  writer.unchoke();
  writer.have(1);
  strictEqual(writer.pendingBytes, 14);
  strictEqual(writer.take()!.toHex(), "0000000101" + "000000050400000001");
  strictEqual(writer.pendingBytes, 0);
  writer.release();
  strictEqual(writer.take(), undefined);
});

Deno.test("take() gives bytes that do not change while more is written", () => {
  const writer = new MessageWriter();
  for (let round = 0; round < 5; round++) {
    for (let index = 0; index < 300; index++) writer.request(round, index, 16_384);
    const taken = writer.take()!;
    const before = taken.slice();
    for (let index = 0; index < 300; index++) writer.choke();
    deepStrictEqual(taken, before);
    writer.release();
    writer.take();
    writer.release();
  }
});

Deno.test("take() uses the same two buffers again", () => {
  const writer = new MessageWriter();
  const buffers = Array.from({ length: 6 }, () => {
    writer.unchoke();
    const { buffer } = writer.take()!;
    writer.release();
    return buffer;
  });
  strictEqual(new Set(buffers).size, 2);
});

Deno.test("take() and release() assert that they alternate", () => {
  const writer = new MessageWriter();
  throws(() => writer.release(), { name: "BugError" });
  writer.unchoke();
  writer.take();
  throws(() => writer.take(), /one write at a time/);
});

Deno.test("piece() copies the block, so that its buffer may be used again", () => {
  const writer = new MessageWriter();
  const block = Uint8Array.of(1, 2);
  writer.piece(0, 0, block);
  block.fill(9);
  strictEqual(writer.take()!.toHex().slice(-4), "0102");
});

Deno.test("release() keeps a large buffer only while it is used", () => {
  const writer = new MessageWriter();
  const sizeAfter = (blocks: number) => {
    for (let index = 0; index < blocks; index++) writer.piece(index, 0, BLOCK);
    writer.unchoke();
    const { buffer } = writer.take()!;
    writer.release();
    return buffer;
  };
  const busy = Array.from({ length: 6 }, () => sizeAfter(10));
  ok(busy[5] === busy[3], "kept while it is filled");
  ok(busy[5]!.byteLength <= 256 * KIB);
  sizeAfter(0);
  sizeAfter(0);
  strictEqual(sizeAfter(0).byteLength, KIB, "given back when it is not");
  const huge = sizeAfter(100);
  sizeAfter(0);
  ok(sizeAfter(100) !== huge, "never kept when it is huge");
});

Deno.test("P25 what a peer does not read is bounded: take() refuses after 4 MiB", () => {
  const writer = new MessageWriter();
  for (let index = 0; index < 300; index++) writer.piece(index, 0, BLOCK);
  ok(writer.pendingBytes <= 4 * KIB * KIB);
  const { pendingBytes } = writer;
  writer.choke();
  strictEqual(writer.pendingBytes, pendingBytes, "nothing follows a lost message");
  throws(() => writer.take(), { name: "ProtocolError", reason: "not-reading" });
});
