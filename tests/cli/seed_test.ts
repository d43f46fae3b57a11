import { deepStrictEqual, ok } from "node:assert/strict";
import { StorageError } from "../../src/base/errors.ts";
import { run } from "../../src/cli/run.ts";
import { composeTorrent } from "../../src/metainfo/compose.ts";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { CommandRun } from "./command_run.ts";
import type { FakeTorrent } from "./fake_engine.ts";
import { FakeEnvironment } from "./fake_environment.ts";
import { Terminal } from "./terminal.ts";
import { makeTorrent } from "./torrents.ts";

const FILES = {
  "a.torrent": makeTorrent({ name: "alpha" }),
  "again.torrent": makeTorrent({ name: "alpha" }),
  "b.torrent": makeTorrent({ name: "beta" }),
  "data/alpha": new Uint8Array(1),
  "data/beta": new Uint8Array(1),
};
const COPY = 100_000;

/** A `seed` under way. */
function startSeed(args: readonly string[], onOpen = (torrent: FakeTorrent) => torrent.seedOn()) {
  return new CommandRun(["seed", ...args], onOpen, { files: FILES });
}

Deno.test("seed shares until a signal stops it, and says what it gave", async () => {
  const seed = startSeed(["a.torrent", "data"], (torrent) => {
    torrent.seedOn({ size: COPY, uploaded: 2 * COPY });
  });
  await seed.pass(60_000);
  const { share, calls } = seed.engine.only;
  deepStrictEqual(share?.place.folder, "data");
  deepStrictEqual([share?.trustState, share?.allowPartial], [true, false]);
  ok(seed.out.startsWith("alpha: seeding 97.6 KiB from data/alpha\n"), seed.out);
  seed.environment.signal("SIGTERM");
  deepStrictEqual(await seed.end(), 143);
  ok(seed.out.endsWith("alpha: seeded 195 KiB in 1m 00s, ratio 2.00: stopped\n"), seed.out);
  deepStrictEqual(calls, ["download", "seed", "stop", "stop", "close"]);
  deepStrictEqual(seed.err, "");
});

Deno.test("seed exits 0 once its time is over, with JSON that says so", async () => {
  const seed = startSeed(["--json", "--seed-time", "10m", "a.torrent"]);
  deepStrictEqual(await seed.end(), 0);
  deepStrictEqual(seed.events("added").length, 1);
  deepStrictEqual(seed.events("seeding").length, 1);
  ok(seed.events("progress").length > 500);
  ok(seed.events("progress").every(({ state }) => state === "seeding"));
  const [{ reason, seconds } = {}] = seed.events("seeded");
  deepStrictEqual(reason, "time");
  ok(Number(seconds) >= 600 && Number(seconds) < 601, `${seconds}`);
});

Deno.test("seed shares several torrents, each to its own goal, and one only once", async () => {
  const seed = startSeed(["--seed-ratio", "1", "a.torrent", "again.torrent", "b.torrent", "data"]);
  await seed.pass(10_000);
  deepStrictEqual([...seed.engine.torrents.keys()], ["alpha", "beta"]);
  for (const torrent of seed.engine.torrents.values()) {
    deepStrictEqual(torrent.share?.place.outputDir, "data");
    torrent.snapshotChanges = { ...torrent.snapshotChanges, size: COPY, uploaded: COPY };
  }
  deepStrictEqual(await seed.end(), 0);
  ok(seed.err.includes("named twice"), seed.err);
});

Deno.test("seed exits 5 and says why when data is missing; the others are shared", async () => {
  const seed = startSeed(["--seed-time", "1m", "a.torrent", "b.torrent"], (torrent) => {
    if (torrent.share?.source.metainfo.name === "beta") torrent.seedOn();
    else torrent.fail(new StorageError("missing", "alpha", "Cannot share alpha: 2 pieces are bad"));
  });
  deepStrictEqual(await seed.end(), 5);
  ok(seed.err.includes("Cannot share alpha: 2 pieces are bad"), seed.err);
  ok(seed.out.includes("beta: seeded"), seed.out);
});

Deno.test("seed draws what it sends on a terminal", async () => {
  const seed = new CommandRun(
    ["seed", "a.torrent"],
    (torrent) => torrent.seedOn({ size: COPY, uploaded: COPY / 2, upRate: 2048 }),
    { files: FILES, terminal: { columns: 80, rows: 24 } },
  );
  await seed.pass(2_000);
  const terminal = new Terminal();
  terminal.write(seed.out);
  const shown = terminal.lines.join("\n");
  ok(shown.includes("seeding  up 2 KiB/s  sent 48.8 KiB  ratio 0.50"), shown);
  seed.environment.signal("SIGINT");
  deepStrictEqual(await seed.end(), 130);
});

Deno.test("seed goes on showing why a torrent is not shared, while others are", async () => {
  const seed = new CommandRun(
    ["seed", "a.torrent", "b.torrent"],
    (torrent) => {
      if (torrent.share?.source.metainfo.name === "beta") torrent.seedOn();
      else torrent.fail(new StorageError("missing", "alpha", "Cannot share alpha: it is bad"));
    },
    { files: FILES, terminal: { columns: 80, rows: 24 } },
  );
  await seed.pass(2_000);
  const terminal = new Terminal();
  terminal.write(seed.out);
  const shown = terminal.lines.join("\n");
  ok(shown.includes("failed: Cannot share alpha: it is bad"), shown);
  seed.environment.signal("SIGINT");
  await seed.end();
});

Deno.test("seed hands --super and --partial on", async () => {
  const args = ["--super", "--partial", "--no-resume", "--seed-time", "1s", "a.torrent"];
  const seed = startSeed(args);
  deepStrictEqual(await seed.end(), 0);
  const { superSeed, allowPartial, trustState } = seed.engine.only.share!;
  deepStrictEqual([superSeed, allowPartial, trustState], [true, true, false]);
});

Deno.test("seed refuses standard input twice", async () => {
  const environment = new FakeEnvironment({ args: ["seed", "-", "-", "x.torrent"] });
  deepStrictEqual(await run(environment), 2);
  ok(environment.err.includes("standard input"), environment.err);
});

const LINK = `magnet:?xt=urn:btih:${parseMetainfo(FILES["a.torrent"]).infoHashHex}`;
const MET = { host: "192.0.2.2", port: 2 };

Deno.test("seed of a link asks nobody when get left the metadata, in the folder or beside it", async () => {
  const { infoHashHex, infoBytes } = parseMetainfo(FILES["a.torrent"]);
  const kept = composeTorrent(infoBytes, { trackers: [], webSeeds: [] });
  const name = `${infoHashHex}.torrent`;
  const cases: [args: string[], keptAt: string][] = [
    [["data"], `data/.starling/${name}`],
    [["data/alpha"], `data/.starling/${name}`],
    [["--state-dir", "state", "data"], `state/${name}`],
  ];
  for (const [args, keptAt] of cases) {
    const [path, ...options] = args.toReversed();
    const seed = new CommandRun(
      ["seed", "--seed-time", "1s", ...options.toReversed(), infoHashHex, path!],
      (torrent) => torrent.seedOn(),
      { files: { ...FILES, [keptAt]: kept } },
    );
    deepStrictEqual(await seed.end(), 0, seed.err);
    deepStrictEqual(seed.engine.searches.length, 0);
    deepStrictEqual(seed.engine.only.share?.place.outputDir, "data");
  }
});

Deno.test("seed of a link looks for the metadata otherwise, and writes nothing", async () => {
  const seed = startSeed(["--json", "--seed-time", "1s", LINK, "data"]);
  await seed.pass(5_000);
  deepStrictEqual(seed.engine.torrents.size, 0);
  seed.engine.searches[0]!.succeed(parseMetainfo(FILES["a.torrent"]).infoBytes, [MET]);
  deepStrictEqual(await seed.end(), 0, seed.err);
  deepStrictEqual(seed.engine.only.share?.peers, [MET]);
  deepStrictEqual(seed.events("metadata").length, 1);
  deepStrictEqual(seed.environment.kept, {});
});

Deno.test("seed exits 10 when the metadata of a link does not come", async () => {
  const seed = startSeed(["--metadata-timeout", "20s", LINK, "data"]);
  deepStrictEqual(await seed.end(), 10);
  ok(seed.err.includes("no metadata came in 20s: no peers are known"), seed.err);
  const stopped = startSeed([LINK, "data"]);
  await stopped.pass(1_000);
  stopped.environment.signal("SIGTERM");
  deepStrictEqual(await stopped.end(), 143);
});
