/** Every event that can be told, held to the schema; tests/loopback/schema_test.ts has real runs. */
import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { failureBy } from "../../../src/cli/output/failure.ts";
import type { Notice } from "../../../src/cli/output/notice.ts";
import { Output } from "../../../src/cli/output/output.ts";
import { JsonReport } from "../../../src/cli/output/report.ts";
import { noMetadata } from "../../../src/cli/source/no_metadata.ts";
import { parseMetainfo } from "../../../src/metainfo/metainfo.ts";
import { CAUSES } from "../../../src/torrent/verdict.ts";
import { ManualClock } from "../../sim/manual_clock.ts";
import { makeEvidence } from "../../torrent/evidence.ts";
import { makeSearchStatus, makeVerdict } from "../fake_engine.ts";
import { assertValid, readSchema, SCHEMAS } from "../json_schema.ts";
import { makeView, SUBJECT } from "../snapshots.ts";
import { makeTorrent } from "../torrents.ts";

const SUMMARY = { fileCount: 1, size: 9, downloaded: 9, uploaded: 0, contributors: 1 };
const FEED = { items: 3, added: 1, known: 1, skipped: 1, waiting: 2 };
const ENDPOINT = { host: "192.0.2.1", port: 6881 };
const TRACKER = { kind: "tracker", url: "http://t/…" } as const;

const SEARCH = makeSearchStatus({
  size: 2048,
  pieceHashes: { here: 3, needed: 900 },
  sinceProgressMs: 7,
});

/** At least one of every kind. */
const NOTICES: readonly Notice[] = [
  { kind: "added", metainfo: parseMetainfo(makeTorrent()), size: 9, fileCount: 1 },
  { kind: "metadata", length: 2048, isKept: false, durationMs: 1_500 },
  { kind: "saved", path: "a", length: 9, durationMs: 500, isNew: true },
  { kind: "done", summary: { ...SUMMARY, durationMs: 1_500, path: "a/b" } },
  { kind: "seeding", bytes: 9, size: 9, path: "a" },
  { kind: "seeded", shared: { reason: "ratio", durationMs: 1, uploaded: 9, ratio: 1 } },
  { kind: "failed", failure: failureBy("no-peers", "no peers", { ...makeEvidence({}) }) },
  { kind: "failed", failure: failureBy("too-large", "too large", { size: 9, maxBytes: 8 }) },
  {
    kind: "failed",
    failure: noMetadata(SEARCH, { kind: "stall", waitedMs: 9.5 }).failure,
  },
  {
    kind: "standing",
    standing: { state: "downloading", verdict: makeVerdict(), detail: "choked" },
    isAsked: true,
  },
  {
    kind: "standing",
    standing: { state: "preparing", verdict: undefined, detail: "reading the torrent" },
    isAsked: true,
  },
  { kind: "feed", ...FEED, title: "Feed", isUnchanged: false },
  { kind: "feed", ...FEED, title: "", isUnchanged: true },
  { kind: "feed-item", title: "Item", state: "begun", tries: 0 },
  { kind: "feed-item", title: "Item", state: "given-up", tries: 3 },
  { kind: "warning", message: "mind the gap" },
  { kind: "debug", message: "tick" },
  { kind: "torrent", event: { kind: "checked", have: 1, pieces: 2 } },
  { kind: "torrent", event: { kind: "file", path: "a/b", size: 9 } },
  { kind: "torrent", event: { ...TRACKER, ok: true, peers: 3, warning: "slow" } },
  { kind: "torrent", event: { ...TRACKER, ok: false, failure: "no", isRefusal: true } },
  { kind: "torrent", event: { kind: "peer-banned", endpoint: ENDPOINT, reason: "it lied" } },
  { kind: "torrent", event: { kind: "warning", message: "mind the gap" } },
  { kind: "torrent", event: { kind: "piece", piece: 1 } },
];

async function tellAll(notices = NOTICES): Promise<Record<string, unknown>[]> {
  const clock = new ManualClock();
  let text = "";
  const output = new Output((bytes) => {
    text += new TextDecoder().decode(bytes);
    return Promise.resolve(bytes.length);
  }, { clock });
  const report = new JsonReport(output, clock);
  for (const notice of notices) report.hear(SUBJECT, notice);
  report.hear({ ...SUBJECT, infoHash: null }, { kind: "warning", message: "not known yet" });
  report.show([makeView(), makeView({ etaMs: undefined, state: "checking" })]);
  await report.close();
  return text.trimEnd().split("\n").map((line) => JSON.parse(line));
}

Deno.test("JsonReport tells every event of the schema, and nothing else", async () => {
  const lines = await tellAll();
  await assertValid("events", lines);
  const told = new Set(lines.map(({ event }) => event));
  const { properties } = await readSchema("events") as {
    properties: { event: { enum: string[] } };
  };
  deepStrictEqual([...told].toSorted(), properties.event.enum.toSorted());
});

Deno.test("JsonReport tells times to the millisecond", async () => {
  const durationMs = 20.349128999999997;
  const lines = await tellAll([
    { kind: "metadata", length: 2048, isKept: false, durationMs },
    { kind: "saved", path: "a", length: 9, durationMs, isNew: true },
    { kind: "done", summary: { ...SUMMARY, durationMs, path: "a/b" } },
    { kind: "seeded", shared: { reason: "ratio", durationMs, uploaded: 9, ratio: 1 } },
  ]);
  const told = lines.flatMap(({ seconds }) => seconds === undefined ? [] : [seconds]);
  deepStrictEqual(told, [0.02, 0.02, 0.02, 0.02]);
});

Deno.test("docs/reference.md has a row for every event of the schema", async () => {
  const text = await Deno.readTextFile(new URL("../../../docs/reference.md", import.meta.url));
  const { properties } = await readSchema("events") as {
    properties: { event: { enum: string[] } };
  };
  for (const event of properties.event.enum) ok(text.includes(`\n| \`${event}\``), event);
});

Deno.test("The schema of events knows every cause of the table, and no other", async () => {
  const { $defs } = await readSchema("events") as {
    $defs: Record<string, { properties: { verdict: { enum: string[] } } }>;
  };
  const causes = Object.keys(CAUSES).filter((cause) => cause !== "complete");
  deepStrictEqual($defs["failed"]!.properties.verdict.enum.toSorted(), causes.toSorted());
});

Deno.test("Every schema can be used without the others", async () => {
  for (const name of SCHEMAS) await assertValid(name, []);
});

Deno.test("The schemas of plan and of events say the same of evidence", async () => {
  const { $defs: evidence } = await readSchema("plan") as { $defs: Record<string, unknown> };
  const { $defs: all } = await readSchema("events") as { $defs: Record<string, unknown> };
  ok(Object.keys(evidence).includes("evidence"));
  for (const [name, definition] of Object.entries(evidence)) {
    deepStrictEqual(definition, all[name], name);
  }
});

Deno.test("assertValid() refuses fields that nobody documents, and those that are missing", async () => {
  const [line] = await tellAll();
  await rejects(assertValid("events", [{ ...line, surprise: 1 }]), /surprise/);
  const { time: _time, ...timeless } = line!;
  await rejects(assertValid("events", [timeless]), /time/);
});
