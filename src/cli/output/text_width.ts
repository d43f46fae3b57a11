/**
 * How many columns of a terminal a text takes: wide East Asian characters and emoji take two,
 * combining marks none. Approximate, as terminals themselves are. Pure.
 */

/** First and last code point of what East Asian Width calls wide or full-width. */
const WIDE_RANGES: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1f64f],
  [0x1f680, 0x1f6ff],
  [0x1f900, 0x1faff],
  [0x20000, 0x3fffd],
];

const FIRST_WIDE = WIDE_RANGES[0]![0];
const ZERO_WIDTH = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
const EMOJI = /^\p{Emoji_Presentation}$/u;
const ELLIPSIS = "…";

/** Columns of a text without control characters. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

/** `text` in at most `columns` columns; what was cut off shows as `…`. */
export function cutToWidth(text: string, columns: number): string {
  let width = 0, end = 0, endWithEllipsis = 0;
  for (const character of text) {
    const next = width + characterWidth(character);
    if (next > columns) return columns < 1 ? "" : text.slice(0, endWithEllipsis) + ELLIPSIS;
    width = next;
    end += character.length;
    if (width < columns) endWithEllipsis = end;
  }
  return text;
}

/** `text` cut or filled with spaces to exactly `columns` columns. */
export function fitToWidth(text: string, columns: number): string {
  const cut = cutToWidth(text, columns);
  return cut + " ".repeat(Math.max(0, columns - textWidth(cut)));
}

function characterWidth(character: string): number {
  const code = character.codePointAt(0)!;
  if (code < 0x300) return 1;
  if (ZERO_WIDTH.test(character)) return 0;
  if (code < FIRST_WIDE) return 1;
  return isWide(code) || EMOJI.test(character) ? 2 : 1;
}

function isWide(code: number): boolean {
  return WIDE_RANGES.some(([first, last]) => code >= first && code <= last);
}
