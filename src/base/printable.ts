/** Text of strangers, made safe to print: names, peer ids, the words of trackers. */

/** Controls (C0, C1, newlines), invisible formats (bidi, zero width), lone surrogates. */
export const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u;
const ELLIPSIS = "…";

/**
 * `text` on one line, unable to move a cursor, set a colour or turn the reading direction: what
 * could is shown as `\x1b` or `\u{202e}`. At most `maxLength` (≥ 1) UTF-16 units; what was cut
 * off shows as `…`. The work is bounded by `maxLength`, whatever the length of `text`.
 */
export function printable(text: string, maxLength: number): string {
  let shown = "";
  let cutAt = 0;
  for (const character of text) {
    const next = UNPRINTABLE.test(character) ? escaped(character) : character;
    if (shown.length + next.length > maxLength) return shown.slice(0, cutAt) + ELLIPSIS;
    shown += next;
    if (shown.length + ELLIPSIS.length <= maxLength) cutAt = shown.length;
  }
  return shown;
}

function escaped(character: string): string {
  const hex = character.codePointAt(0)!.toString(16);
  return hex.length <= 2 ? `\\x${hex.padStart(2, "0")}` : `\\u{${hex}}`;
}
