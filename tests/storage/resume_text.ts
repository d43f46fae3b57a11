/** Saved states as text, for tests that alter them. */
import { createHash } from "node:crypto";
import type { ResumeState } from "../../src/storage/resume_codec.ts";

/** The torrent that the states in tests are of. */
export const SUBJECT = { infoHashHex: "ab".repeat(20), pieceCount: 100, fileCount: 2 };

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** A body with the checksum that makes it whole. */
export function resign(body: string): Uint8Array {
  const sum = createHash("sha1").update(body).digest("hex");
  return new TextEncoder().encode(`${body}\n${sum}\n`);
}

/** A state that can be compared: the bits of a Bitfield are private. */
export function plain({ claimed, selected, files, edges }: ResumeState): Record<string, unknown> {
  return { claimed: [...claimed.ones()], selected: [...selected.ones()], files, edges };
}
