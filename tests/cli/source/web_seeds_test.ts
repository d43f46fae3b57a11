import { deepStrictEqual } from "node:assert/strict";
import { webSeedsOf } from "../../../src/cli/source/web_seeds.ts";

Deno.test("webSeedsOf() gives the user's own first, and the torrent's unless they are not wanted", () => {
  const metainfo = { webSeeds: ["http://a/"] }, webSeeds = ["http://b/", "http://c/"];
  const given = [false, true].map((noWebSeed) => webSeedsOf(metainfo, { webSeeds, noWebSeed }));
  deepStrictEqual(given, [["http://b/", "http://c/", "http://a/"], webSeeds]);
});
