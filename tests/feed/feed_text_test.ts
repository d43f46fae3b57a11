import { strictEqual } from "node:assert/strict";
import { concatBytes } from "../../src/base/bytes.ts";
import { feedText } from "../../src/feed/feed_text.ts";

const utf8 = (text: string) => new TextEncoder().encode(text);
const latin = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0));
const utf16 = (text: string, isBig: boolean) =>
  Uint8Array.from([...text].flatMap((character) => {
    const code = character.charCodeAt(0), pair = [code & 0xff, code >> 8];
    return isBig ? pair.reverse() : pair;
  }));
const BOM = Uint8Array.of(0xef, 0xbb, 0xbf);

Deno.test("feedText() believes a mark, then the server, then the declaration, then UTF-8", () => {
  const declared = '<?xml version="1.0" encoding="iso-8859-1"?><t>é</t>';
  const rows: readonly [Uint8Array, string | null, string][] = [
    [utf8("<t>é</t>"), null, "<t>é</t>"],
    [concatBytes(BOM, utf8("<t>é</t>")), "text/xml; charset=latin1", "<t>é</t>"],
    [latin("<t>é</t>"), 'application/rss+xml; charset="ISO-8859-1"', "<t>é</t>"],
    [latin(declared), null, declared],
    [latin(declared), "application/rss+xml", declared],
    [utf8("<t>é</t>"), "text/xml; charset=no-such-thing", "<t>é</t>"],
    [latin("<t>\xcf</t>"), "text/xml;charset=windows-1251", "<t>П</t>"],
    [utf16("<t>é</t>", false), null, "<t>é</t>"],
    [utf16("<t>é</t>", true), null, "<t>é</t>"],
    [utf16("\ufeff<t>", false), null, "<t>"],
    [utf16("\ufeff<t>", true), null, "<t>"],
    [latin("<t>\xff</t>"), null, "<t>\ufffd</t>"],
    [new Uint8Array(0), null, ""],
  ];
  for (const [bytes, type, text] of rows) strictEqual(feedText(bytes, type), text, text);
});
