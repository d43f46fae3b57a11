import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { TAR_END, tarHeader, tarPadding } from "../../../src/cli/cat/tar.ts";

const GIB = 1024 ** 3;
const BLOCK = 512;

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes).replace(/\0+$/, "");
}

/** What another program would read in one header. */
function fieldsOf(header: Uint8Array) {
  const field = (start: number, length: number) => text(header.subarray(start, start + length));
  const number = (start: number, length: number) => Number.parseInt(field(start, length), 8);
  const blanked = header.slice();
  blanked.fill(0x20, 148, 156);
  return {
    name: field(0, 100),
    mode: number(100, 8),
    size: number(124, 12),
    modifiedS: number(136, 12),
    type: field(156, 1),
    magic: field(257, 8),
    prefix: field(345, 155),
    isSumRight: number(148, 8) === blanked.reduce((sum, byte) => sum + byte, 0),
  };
}

const PLAIN = { mode: 0o644, type: "0", magic: "ustar\x0000", isSumRight: true };

Deno.test("tarHeader() is one block when ustar can say all", () => {
  const cases: [path: string, name: string, prefix: string][] = [
    ["a", "a", ""],
    ["pack/sub dir/a=b.bin", "pack/sub dir/a=b.bin", ""],
    ["x".repeat(100), "x".repeat(100), ""],
    [`d/${"x".repeat(100)}`, "x".repeat(100), "d"],
    [`${"d".repeat(155)}/${"x".repeat(100)}`, "x".repeat(100), "d".repeat(155)],
    [`${"d".repeat(60)}/${"e".repeat(60)}/x`, `${"e".repeat(60)}/x`, "d".repeat(60)],
  ];
  for (const [path, name, prefix] of cases) {
    const header = tarHeader({ path, size: 8 * GIB - 1, modifiedS: 1_700_000_000 });
    strictEqual(header.length, BLOCK, path);
    deepStrictEqual(
      fieldsOf(header),
      { ...PLAIN, name, prefix, size: 8 * GIB - 1, modifiedS: 1_700_000_000 },
    );
  }
});

Deno.test("tarHeader() says in an extended header what ustar cannot", () => {
  const cases: [what: string, path: string, size: number, modifiedS: number, said: string][] = [
    ["a long name", "x".repeat(101), 1, 0, `111 path=${"x".repeat(101)}\n`],
    [
      "a long folder",
      `${"d".repeat(156)}/x`,
      1,
      0,
      `168 path=${"d".repeat(156)}/x\n`,
    ],
    ["no ASCII", "pack/ä 雪", 1, 0, "20 path=pack/ä 雪\n"],
    ["a line break", "a\nb", 1, 0, "12 path=a\nb\n"],
    ["a large file", "a", 8 * GIB, 0, "19 size=8589934592\n"],
    ["a late date", "a", 1, 253_402_300_799, "22 mtime=253402300799\n"],
    [
      "a length that its own digits make longer",
      `${"é".repeat(45)}x`,
      1,
      0,
      `101 path=${"é".repeat(45)}x\n`,
    ],
  ];
  for (const [what, path, size, modifiedS, said] of cases) {
    const header = tarHeader({ path, size, modifiedS });
    const { type, size: length, isSumRight, name } = fieldsOf(header.subarray(0, BLOCK));
    deepStrictEqual([type, isSumRight, name.length > 0], ["x", true, true], what);
    strictEqual(text(header.subarray(BLOCK, BLOCK + length)), said, what);
    strictEqual(new TextEncoder().encode(said).length, length, what);
    const plain = header.subarray(-BLOCK);
    strictEqual(header.length, 2 * BLOCK + Math.ceil(length / BLOCK) * BLOCK, what);
    deepStrictEqual([fieldsOf(plain).type, fieldsOf(plain).isSumRight], ["0", true], what);
  }
});

Deno.test("tarPadding() fills the last block with zeros", () => {
  const lengths = [0, 1, 511, 512, 513].map((size) => tarPadding({ size }).length);
  deepStrictEqual(lengths, [0, 511, 1, 0, 511]);
  deepStrictEqual([TAR_END.length, TAR_END.some((byte) => byte !== 0)], [1024, false]);
});
