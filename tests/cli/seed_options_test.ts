import { deepStrictEqual } from "node:assert/strict";
import { splitWords } from "../../src/cli/seed_options.ts";

Deno.test("splitWords() takes a last word for the place of the data unless it names a torrent", () => {
  const cases: [words: string[], torrents: number, path: string][] = [
    [["x"], 1, "."],
    [["x.torrent"], 1, "."],
    [["x.torrent", "data"], 1, "data"],
    [["x.torrent", "y.TORRENT"], 2, "."],
    [["x.torrent", "y.torrent", "/data"], 2, "/data"],
    [["x.torrent", "https://example.org/dl?id=3"], 2, "."],
    [["x.torrent", "./y.torrent/"], 1, "./y.torrent/"],
    [["x.torrent", `magnet:?xt=urn:btih:${"ab".repeat(20)}`], 2, "."],
    [["x.torrent", "ab".repeat(20)], 2, "."],
    [["ab".repeat(20), "data"], 1, "data"],
  ];
  for (const [words, count, path] of cases) {
    deepStrictEqual(splitWords(words), { torrents: words.slice(0, count), path });
  }
});
