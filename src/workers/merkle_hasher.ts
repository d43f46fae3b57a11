/** The hash of a piece of version 2 (BEP 52 "pieces root"), of which bytes come in order. */
import { createHash } from "node:crypto";
import { assert } from "../base/assert.ts";
import { concatBytes } from "../base/bytes.ts";
import { BLOCK_LENGTH } from "../metainfo/layout.ts";
import { merkleRoot } from "../metainfo/merkle.ts";

export class MerkleHasher {
  readonly #leaves: Uint8Array[] = [];
  #isAtEnd = false;

  /** Takes whole blocks; only the last may be shorter. */
  update(bytes: Uint8Array): void {
    assert(!this.#isAtEnd, "nothing comes after a short block");
    for (let begin = 0; begin < bytes.length; begin += BLOCK_LENGTH) {
      const block = bytes.subarray(begin, begin + BLOCK_LENGTH);
      this.#leaves.push(createHash("sha256").update(block).digest());
      this.#isAtEnd = block.length < BLOCK_LENGTH;
    }
  }

  /** The root in lower-case hex, over `leafCount` leaves: those that did not come are zeros. */
  root(leafCount: number): string {
    return merkleRoot(concatBytes(...this.#leaves), { width: leafCount, height: 0 }).toHex();
  }
}
