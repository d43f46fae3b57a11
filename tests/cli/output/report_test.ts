import { deepStrictEqual } from "node:assert/strict";
import { Output } from "../../../src/cli/output/output.ts";
import { JsonReport } from "../../../src/cli/output/report.ts";
import { ManualClock } from "../../sim/manual_clock.ts";
import { FAILURE, makeView, SUBJECT } from "../snapshots.ts";

function open() {
  const clock = new ManualClock();
  let text = "";
  const output = new Output((bytes) => {
    text += new TextDecoder().decode(bytes);
    return Promise.resolve(bytes.length);
  }, { clock });
  return { clock, report: new JsonReport(output, clock), text: () => text };
}

Deno.test("JsonReport writes an object a line, with time, info-hash and source", async () => {
  const { report, text } = open();
  report.hear({ ...SUBJECT, infoHash: null }, { kind: "failed", failure: FAILURE });
  report.hear(SUBJECT, { kind: "warning", message: "mind the gap" });
  await report.close();
  deepStrictEqual(text().split("\n"), [
    '{"event":"failed","time":"2023-11-14T22:13:20.000Z","infoHash":null,"source":"x.torrent",' +
    '"sourceIndex":1,"verdict":"no-peers","exitCode":12,"retryable":true,"detail":"no peers are known",' +
    '"evidence":{"peersKnown":0}}',
    `{"event":"warning","time":"2023-11-14T22:13:20.000Z","infoHash":"${SUBJECT.infoHash}",` +
    '"source":"x.torrent","sourceIndex":1,"message":"mind the gap"}',
    "",
  ]);
});

Deno.test("JsonReport says that metadata was found, and where a .torrent is", async () => {
  const { report, text } = open();
  report.hear(SUBJECT, { kind: "metadata", length: 2048, isKept: false, durationMs: 1_500 });
  report.hear(SUBJECT, { kind: "saved", path: "a", length: 9, durationMs: 500, isNew: true });
  await report.close();
  const lines = text().trimEnd().split("\n").map((line) => JSON.parse(line));
  deepStrictEqual(
    lines.map(({ time: _time, infoHash: _hash, source: _source, sourceIndex: _index, ...rest }) =>
      rest
    ),
    [
      { event: "metadata", bytes: 2048, seconds: 1.5, kept: false },
      {
        ...{ event: "done", bytes: 9, seconds: 0.5, path: "a" },
        ...{ meanRate: 0, uploaded: 0, downloaded: 0, peers: 0 },
      },
    ],
  );
});

Deno.test("JsonReport reports how far the check is, while there is one", async () => {
  const { report, text } = open();
  const checked = { bytes: 3, total: 9 };
  report.show([makeView({ state: "checking", checked }), makeView({ checked })]);
  await report.close();
  const lines = text().trimEnd().split("\n").map((line) => JSON.parse(line));
  deepStrictEqual(lines.map(({ checked }) => checked), [checked, undefined]);
});

Deno.test("JsonReport reports progress once a second, of torrents that run", async () => {
  const { clock, report, text } = open();
  const views = [
    makeView({ etaMs: undefined }),
    makeView({ state: "complete" }),
    { ...makeView(), torrent: undefined },
  ];
  for (let tick = 0; tick < 9; tick++) {
    report.show(views);
    await clock.run(() => false, 250);
  }
  await report.close();
  const lines = text().trimEnd().split("\n").map((line) => JSON.parse(line));
  deepStrictEqual(lines.map(({ event, eta }) => [event, eta]), Array(3).fill(["progress", null]));
});
