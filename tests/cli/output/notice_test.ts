import { deepStrictEqual } from "node:assert/strict";
import { meanRate, subjectNamed } from "../../../src/cli/output/notice.ts";

const SUMMARY = { fileCount: 1, size: 10, uploaded: 0, contributors: 1, path: "x" };

Deno.test("meanRate() is bytes a second of what was downloaded, and 0 for no time", () => {
  deepStrictEqual(meanRate({ ...SUMMARY, downloaded: 3000, durationMs: 2000 }), 1500);
  deepStrictEqual(meanRate({ ...SUMMARY, downloaded: 3000, durationMs: 0 }), 0);
});

Deno.test("subjectNamed() has the source as its name until the torrent is known", () => {
  deepStrictEqual(subjectNamed("x"), { source: "x", name: "x", infoHash: null });
});
