import { assert } from "../base/assert.ts";
import type { PieceIndex } from "../base/ids.ts";
import { NO_PEER } from "./partial_piece.ts";
import type { PeerKey } from "./piece_table.ts";

/** Bounds the memory of failures, at some 100 bytes a block: the oldest pieces are forgotten. */
const MAX_REMEMBERED_BLOCKS = 65_536;

const NOBODY: readonly PeerKey[] = [];

/** Who gave what, block by block, when a piece was wrong. */
interface Failure {
  readonly contributors: readonly PeerKey[];
  readonly digests: readonly string[];
}

/**
 * Finds who sent a wrong block. Nobody is accused on suspicion: a peer is a liar when it alone
 * gave a piece that was wrong, or when a block that it gave differs from that of the good piece.
 */
export class Blame {
  /** By piece, those whose first failure is the oldest first. */
  readonly #failures = new Map<PieceIndex, Failure[]>();
  #rememberedBlocks = 0;

  /**
   * A piece was wrong; `contributors` and `digests` are per block. Returns the liar if one peer
   * alone gave all of it, else remembers it for `judge`.
   */
  recordFailure(
    piece: PieceIndex,
    contributors: readonly PeerKey[],
    digests: readonly string[],
  ): PeerKey | undefined {
    assert(contributors.length === digests.length);
    const givers = contributingPeers(contributors);
    if (givers.size === 1) return givers.values().next().value;
    const failures = this.#failures.get(piece) ?? [];
    failures.push({ contributors, digests });
    this.#failures.set(piece, failures);
    this.#rememberedBlocks += digests.length;
    this.#forgetOldest();
    return undefined;
  }

  /** Are failures of the piece remembered, so that `judge` wants the digests of the good one? */
  suspects(piece: PieceIndex): boolean {
    return this.#failures.has(piece);
  }

  /** The piece is good, with these digests per block: who ever gave others? Forgets the piece. */
  judge(piece: PieceIndex, digests: readonly string[]): readonly PeerKey[] {
    if (!this.suspects(piece)) return NOBODY;
    const liars = new Set<PeerKey>();
    for (const failure of this.#forget(piece)) {
      assert(failure.digests.length === digests.length);
      for (const [block, peer] of failure.contributors.entries()) {
        if (peer !== NO_PEER && failure.digests[block] !== digests[block]) liars.add(peer);
      }
    }
    return [...liars];
  }

  #forgetOldest(): void {
    for (const piece of this.#failures.keys()) {
      if (this.#rememberedBlocks <= MAX_REMEMBERED_BLOCKS) return;
      this.#forget(piece);
    }
  }

  #forget(piece: PieceIndex): readonly Failure[] {
    const failures = this.#failures.get(piece) ?? [];
    this.#failures.delete(piece);
    for (const { digests } of failures) this.#rememberedBlocks -= digests.length;
    return failures;
  }
}

/** The peers that gave blocks, each once. */
export function contributingPeers(contributors: readonly PeerKey[]): Set<PeerKey> {
  const peers = new Set(contributors);
  peers.delete(NO_PEER);
  return peers;
}
