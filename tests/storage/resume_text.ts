/** What tests compare of saved states. */
import type { ResumeState } from "../../src/storage/resume_codec.ts";

/** The torrent that the states in tests are of. */
export const SUBJECT = { infoHashHex: "ab".repeat(20), pieceCount: 100, fileCount: 2 };

/** A state that can be compared: the bits of a Bitfield are private. */
export function plain(
  { claimed, noted, shares, files, edges }: ResumeState,
): Record<string, unknown> {
  const [claims, notes, heads, tails] = [claimed, noted, shares.heads, shares.tails]
    .map((bits) => [...bits.ones()]);
  return { claims, notes, heads, tails, files, edges };
}
