import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Bitfield } from "../../src/base/bitfield.ts";
import { StorageError } from "../../src/base/errors.ts";
import { TAR_END, tarHeader, tarPadding } from "../../src/cli/cat/tar.ts";
import { CommandRun } from "./command_run.ts";
import type { FakeTorrent } from "./fake_engine.ts";
import type { FakeOptions } from "./fake_environment.ts";
import { makeTorrent, PIECE_LENGTH } from "./torrents.ts";

const SIZE = 100_000;
const FILES = {
  "a.torrent": makeTorrent({ name: "alpha", length: SIZE }),
  "pack.torrent": makeTorrent({
    name: "pack",
    files: [{ path: "one", length: 100 }, { path: "none", length: 0 }, {
      path: "two",
      length: 40_000,
    }],
    creationDate: 1_000_000_000,
  }),
};
/** Every piece of the fake torrents is full of its number. */
const ALPHA = Array.from(
  { length: SIZE },
  (_, at) => String.fromCharCode(Math.floor(at / PIECE_LENGTH)),
).join("");

/** A `cat` under way. */
class CatRun extends CommandRun {
  constructor(
    args: readonly string[],
    onOpen: (torrent: FakeTorrent) => void = () => {},
    options: FakeOptions = {},
  ) {
    super(["cat", ...args], onOpen, { files: FILES, ...options });
  }
}

function havePieces(...pieces: number[]): { havePieces: Bitfield } {
  const have = new Bitfield(4);
  for (const piece of pieces) have.set(piece);
  return { havePieces: have };
}

function isHere(torrent: FakeTorrent): void {
  torrent.complete(havePieces(0, 1, 2, 3));
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

Deno.test("cat writes pieces while they come, in order, and nothing else", async () => {
  const cat = new CatRun(["-o", "out", "a.torrent"], (torrent) => {
    torrent.snapshotChanges = havePieces(0, 2);
  });
  await cat.pass(1_000);
  const torrent = cat.engine.only;
  strictEqual(cat.out.length, PIECE_LENGTH);
  torrent.snapshotChanges.havePieces!.set(1);
  torrent.request.onEvent({ kind: "piece", piece: 1 });
  await cat.pass(1_000);
  strictEqual(cat.out.length, 3 * PIECE_LENGTH);
  torrent.snapshotChanges.havePieces!.set(3);
  torrent.request.onEvent({ kind: "piece", piece: 3 });
  await cat.pass(60_000);
  strictEqual(cat.exitCode, undefined, "files have no names yet");
  torrent.complete();
  strictEqual(await cat.end(), 0);
  strictEqual(cat.out, ALPHA);
  strictEqual(cat.err, "");
  deepStrictEqual(torrent.calls, ["download", "close"]);
});

Deno.test("cat downloads as get does, in order, and with its own options alone", async () => {
  const cat = new CatRun(
    ["--select", "two", "--memory", "1M", "--max-downloads", "3", "-o", "out", "pack.torrent"],
    isHere,
  );
  strictEqual(await cat.end(), 0);
  const { target, selected, memoryBudgetBytes, keepSeeding, digests } = cat.engine.only.request;
  deepStrictEqual(
    [target.sequential, target.outputDir, target.maxDownloads, keepSeeding, digests],
    [true, "out", 3, false, undefined],
  );
  deepStrictEqual([[...selected], memoryBudgetBytes], [[2], 1024 * 1024]);
  for (const option of ["--seed", "--json", "--sums=x", "--on-done=true", "--range=a:0-1"]) {
    const refused = new CatRun([option, "a.torrent"]);
    strictEqual(await refused.end(), 2, option);
    ok(refused.err.endsWith(" (starling cat --help tells more)\n"), refused.err);
  }
});

Deno.test("cat opens a target that a receipt calls finished, and reads it", async () => {
  const cat = new CatRun(["a.torrent"], isHere, {
    recall: () => {
      const file = { path: "alpha", size: SIZE, modifiedMs: 0, sha256: null, onDone: false };
      return {
        receipt: {
          infoHash: "",
          name: "alpha",
          completed: "",
          peers: 1,
          downloaded: SIZE,
          starling: "",
          files: [file],
        },
        folders: { outputDir: "/out", stateDir: "/out/.starling" },
        intact: new Map([["alpha", file]]),
      };
    },
  });
  strictEqual(await cat.end(), 0);
  strictEqual(cat.out, ALPHA);
});

Deno.test("cat refuses several files before it fetches any, and writes one that is selected", async () => {
  const several = new CatRun(["pack.torrent"]);
  strictEqual(await several.end(), 2);
  deepStrictEqual([several.out, several.engine.torrents.size], ["", 0]);
  strictEqual(
    several.err,
    "starling: pack: Cannot write 3 files to standard output: choose one with --select, or --tar\n",
  );
  const sizes = { one: 100, none: 0, two: 40_000 };
  for (const [name, size] of Object.entries(sizes)) {
    const cat = new CatRun(["--select", name, "pack.torrent"], isHere);
    strictEqual(await cat.end(), 0);
    strictEqual(cat.out.length, size);
  }
});

Deno.test("cat --tar writes an archive of the selected files, with names from the output folder", async () => {
  const cat = new CatRun(["--tar", "--select", "two,none", "pack.torrent"], isHere);
  const all = new CatRun(["--tar", "--select", "none", "--select", "two", "pack.torrent"], isHere);
  strictEqual(await cat.end(), 2, "a pattern that selects nothing");
  strictEqual(await all.end(), 0);
  const modifiedS = 1_000_000_000;
  const two = "\0".repeat(PIECE_LENGTH - 100) + "\x01".repeat(40_100 - PIECE_LENGTH);
  strictEqual(
    all.out,
    text(tarHeader({ path: "pack/none", size: 0, modifiedS })) +
      text(tarHeader({ path: "pack/two", size: 40_000, modifiedS })) + two +
      text(tarPadding({ size: 40_000 })) + text(TAR_END),
  );
});

Deno.test("S2 cat stops, saves and exits 141 without a word when its reader has left", async () => {
  const stdoutError = new Deno.errors.BrokenPipe();
  const cat = new CatRun(["a.torrent"], (torrent) => {
    torrent.snapshotChanges = havePieces(0);
  }, { stdoutError });
  strictEqual(await cat.end(), 141);
  deepStrictEqual([cat.out, cat.err], ["", ""]);
  deepStrictEqual(cat.engine.only.calls, ["download", "stop", "stop", "stop", "close"]);
  const wordy = new CatRun(["-v", "a.torrent"], isHere, { stdoutError });
  strictEqual(await wordy.end(), 141);
  ok(wordy.err.includes("who read standard output has left"), wordy.err);
});

Deno.test("D2 cat exits 5 when standard output fails, and says why", async () => {
  const cat = new CatRun(["a.torrent"], isHere, { stdoutError: new Error("No space left") });
  strictEqual(await cat.end(), 5);
  strictEqual(cat.err, "starling: alpha: Cannot write to standard output: No space left\n");
});

Deno.test("cat refuses a terminal before it does anything", async () => {
  const cat = new CatRun(["a.torrent"], isHere, { terminal: { columns: 80, rows: 24 } });
  strictEqual(await cat.end(), 2);
  deepStrictEqual([cat.out, cat.engine.torrents.size], ["", 0]);
  ok(cat.err.startsWith("starling: Cannot write data to a terminal: "), cat.err);
});

Deno.test("cat refuses to write into what it downloads before it opens anything", async () => {
  for (const stdoutPath of ["out/alpha", "out/alpha.part"]) {
    const cat = new CatRun(["-o", "out", "a.torrent"], isHere, { stdoutPath });
    strictEqual(await cat.end(), 2);
    deepStrictEqual([cat.out, cat.engine.torrents.size], ["", 0]);
    ok(
      cat.err.startsWith("starling: alpha: Cannot write to standard output: it is alpha"),
      cat.err,
    );
  }
  const other = new CatRun(["-o", "out", "a.torrent"], isHere, { stdoutPath: "alpha" });
  strictEqual(await other.end(), 0);
});

Deno.test("cat ends with the codes of get, and says why", async () => {
  const late = new CatRun(["--deadline", "10s", "a.torrent"], (torrent) => {
    torrent.snapshotChanges = havePieces();
  });
  strictEqual(await late.end(), 14);
  ok(late.err.startsWith("starling: alpha: gave up at the deadline"), late.err);

  const failing = new CatRun(["a.torrent"], (torrent) => {
    torrent.snapshotChanges = havePieces(0);
  });
  await failing.pass(1_000);
  failing.engine.only.fail(new StorageError("no-space", "x", "Cannot write x: the disk is full"));
  strictEqual(await failing.end(), 5);
  strictEqual(failing.out.length, PIECE_LENGTH);

  const changed = new CatRun(["a.torrent"], (torrent) => {
    isHere(torrent);
    torrent.readError = new StorageError("changed", "x", "Cannot read x: it was changed");
  });
  strictEqual(await changed.end(), 5);
  deepStrictEqual([changed.out, changed.err], [
    "",
    "starling: alpha: Cannot read x: it was changed; run it again\n",
  ]);
});

Deno.test("S1 cat can be interrupted while it waits for a piece", async () => {
  const cat = new CatRun(["a.torrent"], (torrent) => {
    torrent.snapshotChanges = havePieces(0);
  });
  await cat.pass(1_000);
  cat.environment.signal("SIGINT");
  strictEqual(await cat.end(), 130);
  ok(cat.err.includes("what is here is saved; run the same command to go on"), cat.err);
});
