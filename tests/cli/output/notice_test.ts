import { deepStrictEqual } from "node:assert/strict";
import { meanRate, subjectNamed, subjectsOf } from "../../../src/cli/output/notice.ts";

const SUMMARY = { fileCount: 1, size: 10, uploaded: 0, contributors: 1, path: "x" };

Deno.test("meanRate() is bytes a second of what was downloaded, and 0 for no time", () => {
  deepStrictEqual(meanRate({ ...SUMMARY, downloaded: 3000, durationMs: 2000 }), 1500);
  deepStrictEqual(meanRate({ ...SUMMARY, downloaded: 3000, durationMs: 0 }), 0);
});

Deno.test("subjectNamed() has the source as its name until the torrent is known", () => {
  deepStrictEqual(subjectNamed("x"), { source: "x", sourceIndex: null, name: "x", infoHash: null });
});

Deno.test("subjectsOf() numbers sources, and says so of those that look the same", () => {
  const tell = (sources: string[]) =>
    subjectsOf(sources).map((
      { name, sourceIndex, isAmbiguous = false },
    ) => [name, sourceIndex, isAmbiguous]);
  deepStrictEqual(tell(["h/…", "x", "h/…"]), [
    ["h/… (source 1)", 1, true],
    ["x", 2, false],
    ["h/… (source 3)", 3, true],
  ]);
  deepStrictEqual(tell([]), []);
});
