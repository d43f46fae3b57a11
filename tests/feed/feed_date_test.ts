import { ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { parseFeedDate } from "../../src/feed/feed_date.ts";

const NOON = Date.UTC(2026, 10, 20, 12, 30, 5);

Deno.test("parseFeedDate() reads what RSS and Atom feeds write", () => {
  const rows: readonly [string, number][] = [
    ["Fri, 20 Nov 2026 12:30:05 GMT", NOON],
    ["Fri, 20 Nov 2026 12:30:05 +0000", NOON],
    ["20 Nov 26 12:30:05 UT", NOON],
    ["Fri, 20 Nov 2026 13:30:05 +0100", NOON],
    ["Fri, 20 Nov 2026 07:30:05 EST", NOON],
    ["Fri, 20 Nov 2026 04:30:05 -08:00", NOON],
    ["Friday, 20 November 2026 12:30:05 GMT", NOON],
    ["Fri, 20-Nov-2026 12:30:05 GMT", NOON],
    ["  Fri,20 Nov 2026\n 12:30:05   XYZ ", NOON],
    ["20 Nov 2026 12:30", NOON - 5_000],
    ["2026-11-20T12:30:05Z", NOON],
    ["2026-11-20t12:30:05.123456z", NOON],
    ["2026-11-20T13:30:05+01:00", NOON],
    ["2026-11-20 12:30:05", NOON],
    ["2026-11-20", Date.UTC(2026, 10, 20)],
    ["1 Jan 1999 00:00 GMT", Date.UTC(1999, 0, 1)],
    ["1 Jan 99 00:00 GMT", Date.UTC(1999, 0, 1)],
  ];
  for (const [text, expected] of rows) strictEqual(parseFeedDate(text), expected, text);
});

Deno.test("parseFeedDate() takes nothing for a date that is none", () => {
  const rows = [
    "",
    "now",
    "yesterday",
    "20 Foo 2026 12:30 GMT",
    "2026-13-01",
    "2026-00-01",
    "2026-11-32",
    "32 Nov 2026 10:00 GMT",
    "20 Nov 2026 25:00 GMT",
    "20 Nov 2026 10:61 GMT",
    "1795177805",
    "20 Nov 2026 12:30:05 GMT and more",
    " ".repeat(1_000_000) + "2026-11-20",
  ];
  for (const text of rows) strictEqual(parseFeedDate(text), undefined, text.slice(0, 40));
});

Deno.test("parseFeedDate() undoes what Date writes, both ways", () => {
  fc.assert(fc.property(
    fc.integer({ min: 0, max: 4_000_000_000 }),
    (seconds) => {
      const date = new Date(seconds * 1000);
      strictEqual(parseFeedDate(date.toUTCString()), date.getTime());
      strictEqual(parseFeedDate(date.toISOString()), date.getTime());
    },
  ));
});

Deno.test("parseFeedDate() gives a number or nothing, whatever the text", () => {
  fc.assert(fc.property(fc.string(), (text) => {
    const parsed = parseFeedDate(text);
    ok(parsed === undefined || Number.isSafeInteger(parsed));
  }));
});
