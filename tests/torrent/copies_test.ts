import { deepStrictEqual } from "node:assert/strict";
import { Bitfield } from "../../src/base/bitfield.ts";
import { CopyCount } from "../../src/torrent/copies.ts";

function pieces(bits: string): Bitfield {
  const field = new Bitfield(bits.length);
  for (const [index, bit] of [...bits].entries()) if (bit === "1") field.set(index);
  return field;
}

Deno.test("CopyCount.of() gives whole copies, the share of one more, and what nobody has", () => {
  const table: [peers: string[], wanted: string, copies: number, atNobody: number][] = [
    [[], "1111", 0, 4],
    [["1111"], "1111", 1, 0],
    [["1111", "1000"], "1111", 1.25, 0],
    [["1111", "1111", "1110", "0001"], "1111", 3, 0],
    [["1100", "0100"], "1111", 0.5, 2],
    // What is not wanted does not count.
    [["1100", "0100"], "0100", 2, 0],
    [["1100"], "0000", 0, 0],
  ];
  for (const [peers, wanted, copies, atNobody] of table) {
    const count = new CopyCount(4);
    for (const bits of peers) count.add(pieces(bits));
    deepStrictEqual(count.of(pieces(wanted)), { copies, atNobody }, peers.join(" "));
  }
});
