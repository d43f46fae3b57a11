import { deepStrictEqual, ok } from "node:assert/strict";
import { renderCheck, renderPlainLine, renderView } from "../../../src/cli/output/progress.ts";
import { textWidth } from "../../../src/cli/output/text_width.ts";
import { makePeer, makeView } from "../snapshots.ts";

const WIDE = { columns: 120, rows: 40, useColor: false };

Deno.test("renderView() shows bar, percent, bytes, rates, ETA and peers of one torrent", () => {
  const lines = renderView([makeView()], [], { ...WIDE, columns: 80 });
  deepStrictEqual(lines, [
    "debian.iso",
    `[${"=".repeat(35)}${" ".repeat(7)}-${" ".repeat(27)}]  50.0%`,
    "down 12.3 MiB/s  ETA 4.0s  50 MiB of 100 MiB  up 1 KiB/s",
    "peers 12 connected, 52 known, 3 choking us",
  ]);
});

Deno.test("renderView() says what it waits for before a torrent runs", () => {
  const view = { ...makeView(), status: "reading the torrent", torrent: undefined };
  deepStrictEqual(renderView([view], [], WIDE), ["debian.iso", "reading the torrent"]);
});

Deno.test("renderView() shows how far a check is", () => {
  const view = makeView({ state: "checking", checked: { bytes: 30, total: 100 } });
  const [, gauge, ...facts] = renderView([view], [], WIDE);
  ok(gauge!.endsWith("30.0%"), gauge);
  deepStrictEqual(facts, ["checking  30 B of 100 B"]);
  deepStrictEqual(renderPlainLine([view]), "debian.iso: checking, 30.0%, 30 B of 100 B");
});

Deno.test("renderView() gives each of many torrents a line, and all of them a total", () => {
  const lines = renderView(
    [
      makeView({}, "one"),
      { ...makeView({ state: "complete" }, "two"), status: "complete" },
      { ...makeView({}, "three"), status: "failed: no peers are known", torrent: undefined },
    ],
    [],
    { ...WIDE, columns: 80 },
  );
  deepStrictEqual(lines, [
    "one                 [====== -    ]  50.0%  12.3 MiB/s ETA 4.0s    peers 12/52/3",
    "two                 complete",
    "three               failed: no peers are known",
    "all:  50.0%  1 of 3 complete  100 MiB of 200 MiB  down 12.3 MiB/s  up 1 KiB/s",
  ]);
});

Deno.test("renderView() says how many torrents have no room", () => {
  const views = Array.from({ length: 50 }, (_, index) => makeView({}, `torrent ${index}`));
  const lines = renderView(views, [], { columns: 80, rows: 10, useColor: false });
  deepStrictEqual(lines.length, 8);
  deepStrictEqual(lines.at(-2), "and 44 more");
});

Deno.test("renderView() lists the busiest peers", () => {
  const lines = renderView([makeView()], [
    makePeer({ downRate: 1, endpoint: { host: "2001:db8::1", port: 1 }, isChokingUs: true }),
    makePeer(),
    makePeer({ downRate: 0, progress: 0.5, isSnubbed: true }),
  ], WIDE).slice(4);
  deepStrictEqual(lines, [
    "PEER             DOWN     UP     HAS     CLIENT",
    "192.0.2.1:6881   5 MiB/s  0 B/s  100.0%  libtorrent/2.0",
    "[2001:db8::1]:1  1 B/s    0 B/s  100.0%  libtorrent/2.0  choking us",
    "192.0.2.1:6881   0 B/s    0 B/s  50.0%   libtorrent/2.0  silent",
  ]);
});

Deno.test("renderView() colours only where asked", () => {
  const escape = "\x1b[";
  ok(!renderView([makeView()], [makePeer()], WIDE).join("").includes(escape));
  ok(renderView([makeView()], [], { ...WIDE, useColor: true })[1]!.includes("\x1b[32m=="));
});

Deno.test("S3 renderView() keeps to any terminal, 0x0 included", () => {
  const names = ["debian.iso", "日本語の名前".repeat(20), "🐦".repeat(50), ""];
  const peers = Array.from({ length: 30 }, () => makePeer({ client: "クライアント".repeat(9) }));
  for (const columns of [0, 1, 2, 5, 10, 20, 40, 80, 200]) {
    for (const rows of [0, 1, 2, 5, 24]) {
      for (const count of [1, 2, 40]) {
        for (const state of ["checking", "downloading", "finishing", "complete"] as const) {
          const views = Array.from(
            { length: count },
            (_, index) => makeView({ state }, names[index % names.length]!),
          );
          const lines = renderView(views, peers, { columns, rows, useColor: false });
          ok(lines.length >= 1 && lines.length <= Math.max(1, (rows || 24) - 1));
          for (const line of lines) {
            ok(textWidth(line) < (columns || 80), `${columns}x${rows}: ${line}`);
          }
        }
      }
    }
  }
});

Deno.test("renderPlainLine() says everything in one line without control codes", () => {
  deepStrictEqual(
    renderPlainLine([makeView()]),
    "debian.iso: downloading, 50.0%, down 12.3 MiB/s, ETA 4.0s, 50 MiB of 100 MiB, up 1 KiB/s, " +
      "peers 12 connected, 52 known, 3 choking us",
  );
  deepStrictEqual(
    renderPlainLine([makeView(), { ...makeView(), status: "waiting", torrent: undefined }]),
    "2 torrents: 50.0%, 0 of 2 complete, 50 MiB of 100 MiB, down 12.3 MiB/s, up 1 KiB/s, " +
      "peers 12 connected",
  );
  const reading = { ...makeView(), status: "reading the torrent", torrent: undefined };
  deepStrictEqual(renderPlainLine([reading]), "debian.iso: reading the torrent");
});

Deno.test("renderCheck() shows a bar of bytes", () => {
  const hashed = { verb: "checked", bytes: 512, total: 1024 };
  deepStrictEqual(renderCheck("x", hashed, { ...WIDE, columns: 30 }), [
    "x",
    `[${"=".repeat(10)}${" ".repeat(10)}]  50.0%`,
    "checked 512 B of 1 KiB",
  ]);
});
