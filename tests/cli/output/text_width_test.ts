import fc from "fast-check";
import { deepStrictEqual, ok } from "node:assert/strict";
import { cutToWidth, fitToWidth, textWidth } from "../../../src/cli/output/text_width.ts";

Deno.test("textWidth() counts wide characters twice and combining ones not", () => {
  deepStrictEqual(textWidth("starling"), 8);
  deepStrictEqual(textWidth("日本語"), 6);
  deepStrictEqual(textWidth("한국어"), 6);
  deepStrictEqual(textWidth("e\u0301"), 1);
  deepStrictEqual(textWidth("🐦"), 2);
  deepStrictEqual(textWidth("⌚"), 2);
  deepStrictEqual(textWidth("naïve—…"), 7);
});

Deno.test("cutToWidth() shows what was cut as an ellipsis", () => {
  deepStrictEqual(cutToWidth("starling", 8), "starling");
  deepStrictEqual(cutToWidth("starling", 7), "starli…");
  deepStrictEqual(cutToWidth("日本語", 5), "日本…");
  deepStrictEqual(cutToWidth("日本語", 4), "日…");
  deepStrictEqual(cutToWidth("starling", 1), "…");
  deepStrictEqual(cutToWidth("starling", 0), "");
  deepStrictEqual(cutToWidth("", 0), "");
});

Deno.test("cutToWidth() and fitToWidth() keep to any width, for any text", () => {
  const text = fc.string({ unit: "grapheme" });
  fc.assert(fc.property(text, fc.integer({ min: 0, max: 40 }), (text, columns) => {
    ok(textWidth(cutToWidth(text, columns)) <= columns);
    deepStrictEqual(textWidth(fitToWidth(text, columns)), columns);
  }));
});
