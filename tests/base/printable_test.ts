import { equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { printable } from "../../src/base/printable.ts";

Deno.test("S13 printable() escapes what could move the cursor or deceive the reader", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["plain ünïcode 日本 🎬", "plain ünïcode 日本 🎬"],
    ["\x1b[2Jgone", "\\x1b[2Jgone"],
    ["\x1b]0;title\x07", "\\x1b]0;title\\x07"],
    ["one\r\ntwo\tthree", "one\\x0d\\x0atwo\\x09three"],
    ["\x00\x7f\x9b31m", "\\x00\\x7f\\x9b31m"],
    ["exe\u202egpj", "exe\\u{202e}gpj"],
    ["a\u200bb\ufeffc\u2066d", "a\\u{200b}b\\u{feff}c\\u{2066}d"],
    ["line\u2028paragraph\u2029", "line\\u{2028}paragraph\\u{2029}"],
    ["lone \ud800 half", "lone \\u{d800} half"],
    ["tag \u{e0041}", "tag \\u{e0041}"],
    ["", ""],
  ];
  for (const [text, shown] of cases) equal(printable(text, 200), shown);
});

Deno.test("S13 printable() cuts at maxLength and never inside an escape or a character", () => {
  equal(printable("abcdef", 6), "abcdef");
  equal(printable("abcdefg", 6), "abcde…");
  equal(printable("abcd\x1bx", 6), "abcd…");
  equal(printable("abcd🎬🎬", 6), "abcd…");
  equal(printable("\x1b", 1), "…");
  equal(printable("x".repeat(10_000_000), 3), "xx…");
});

Deno.test("S13 printable() gives one bounded line of printable text for any text", () => {
  fc.assert(fc.property(
    fc.string({ unit: "binary", maxLength: 60 }),
    fc.integer({ min: 1, max: 70 }),
    (text, maxLength) => {
      const shown = printable(text, maxLength);
      ok(shown.length <= maxLength);
      ok(!/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u.test(shown));
    },
  ));
});
