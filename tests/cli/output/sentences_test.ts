import { deepStrictEqual, ok } from "node:assert/strict";
import { failureBy } from "../../../src/cli/output/failure.ts";
import type { Notice } from "../../../src/cli/output/notice.ts";
import { sentenceOf } from "../../../src/cli/output/sentences.ts";
import type { TorrentEvent } from "../../../src/torrent/snapshot.ts";
import { FAILURE, SUBJECT } from "../snapshots.ts";
import { makeMetainfo } from "../torrents.ts";

function say(notice: Notice): [string, string] {
  const { level, text } = sentenceOf(SUBJECT, notice);
  return [level, text];
}

function sayOf(event: TorrentEvent): [string, string] {
  return say({ kind: "torrent", event });
}

Deno.test("sentenceOf() has a sentence and a level for everything that happens", () => {
  const endpoint = { host: "::1", port: 9 };
  const cases: [[string, string], [string, string]][] = [
    [say({ kind: "added", metainfo: makeMetainfo(), size: 2048, fileCount: 1 }), [
      "debug",
      "1 file, 2 KiB, 4 pieces",
    ]],
    [say({ kind: "metadata", length: 2048, isKept: false, durationMs: 3_000 }), [
      "info",
      "found the metadata: 2 KiB in 3.0s",
    ]],
    [say({ kind: "metadata", length: 2048, isKept: true, durationMs: 3 }), [
      "debug",
      "the metadata is here from an earlier run",
    ]],
    [say({ kind: "saved", path: "a.torrent", length: 2048, durationMs: 3, isNew: true }), [
      "info",
      "saved a.torrent (2 KiB)",
    ]],
    [say({ kind: "saved", path: "a.torrent", length: 2048, durationMs: 3, isNew: false }), [
      "info",
      "a.torrent is here already",
    ]],
    [say({ kind: "failed", failure: FAILURE }), ["error", "no peers are known"]],
    [say({ kind: "failed", failure: failureBy("reader-gone", "it has left") }), [
      "debug",
      "it has left",
    ]],
    [say({ kind: "warning", message: "mind the gap" }), ["warning", "mind the gap"]],
    [say({ kind: "debug", message: "tick" }), ["debug", "tick"]],
    [sayOf({ kind: "checked", have: 1, pieces: 3 }), ["debug", "1 of 3 pieces are here already"]],
    [sayOf({ kind: "file", path: "a/b", size: 3 }), ["debug", "finished a/b (3 B)"]],
    [sayOf({ kind: "tracker", url: "udp://t", ok: true, peers: 2 }), [
      "debug",
      "tracker udp://t named 2 peers",
    ]],
    [
      sayOf({ kind: "tracker", url: "udp://t", ok: false, failure: "it says no", isRefusal: true }),
      [
        "warning",
        "tracker udp://t: it says no",
      ],
    ],
    [sayOf({ kind: "tracker", url: "udp://t", ok: false, failure: "no answer" }), [
      "debug",
      "tracker udp://t: no answer",
    ]],
    [sayOf({ kind: "tracker", url: "udp://t", ok: true, warning: "slow down" }), [
      "warning",
      "tracker udp://t warns: slow down",
    ]],
    [sayOf({ kind: "peer-banned", endpoint, reason: "it lied" }), [
      "warning",
      "banned [::1]:9: it lied",
    ]],
    [sayOf({ kind: "piece", piece: 5 }), ["trace", "piece 5 is verified and written"]],
    [sayOf({ kind: "piece-corrupt", piece: 5 }), [
      "debug",
      "piece 5 arrived corrupt and is fetched again",
    ]],
  ];
  for (const [[level, text], [expectedLevel, expected]] of cases) {
    deepStrictEqual([level, text], [expectedLevel, `debian.iso: ${expected}`]);
  }
});

Deno.test("sentenceOf() does not name a source twice", () => {
  const detail = "Cannot read x.torrent: it is empty";
  deepStrictEqual(say({ kind: "failed", failure: { ...FAILURE, detail } }), ["error", detail]);
});

Deno.test("sentenceOf() tells a download from one that was complete already", () => {
  const summary = {
    fileCount: 3,
    size: 2048,
    downloaded: 4096,
    uploaded: 1024,
    contributors: 2,
    durationMs: 2000,
    path: "out/x",
  };
  deepStrictEqual(say({ kind: "done", summary }), [
    "info",
    "debian.iso: complete and verified: 3 files, 2 KiB in out/x, 2.0s at 2 KiB/s, " +
    "from 2 peers, ratio 0.25",
  ]);
  deepStrictEqual(say({ kind: "done", summary: { ...summary, downloaded: 0 } }), [
    "info",
    "debian.iso: already complete: 3 files, 2 KiB in out/x",
  ]);
});

Deno.test("S13 sentenceOf() is one printable line, whatever it quotes", () => {
  const [, text] = say({ kind: "warning", message: `a\n\x1b[2J${"x".repeat(10_000)}` });
  ok(!/\p{Cc}/u.test(text) && text.length < 5000);
});
