import { deepStrictEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import type { FileIndex } from "../../../src/base/ids.ts";
import { openEngine } from "../../../src/cli/environment/engine.ts";
import { realEnvironment } from "../../../src/cli/environment/environment.ts";
import { parseArguments } from "../../../src/cli/options/explained_arguments.ts";
import { failureOf } from "../../../src/cli/output/failure.ts";
import { parseMetainfo } from "../../../src/metainfo/metainfo.ts";
import { diskPaths } from "../../../src/metainfo/paths.ts";
import type { TorrentEvent, TorrentSnapshot } from "../../../src/torrent/snapshot.ts";
import { makeTorrent, randomBytes } from "../../loopback/content.ts";
import { ScriptedSeeder } from "../../loopback/scripted_seeder.ts";

/** A test asks nobody beyond this machine. */
const ALONE = ["--no-dht", "--no-lsd", "--no-port-map"];
const TORRENT = makeTorrent("data.bin", randomBytes(300_000, 1), { pieceLength: 65_536 });

interface Result {
  readonly events: TorrentEvent[];
  readonly snapshot: TorrentSnapshot;
}

/** Downloads as `get ARGS` would. */
async function download(folder: string, ...args: string[]): Promise<Result> {
  const options = parseArguments(
    ["get", "-o", folder, "--no-tracker", ...ALONE, ...args, "x.torrent"],
    { print: () => {}, columns: 80 },
  );
  ok(options?.command === "get");
  const metainfo = parseMetainfo(TORRENT.bytes);
  const paths = diskPaths(metainfo, "linux");
  const events: TorrentEvent[] = [];
  const engine = await openEngine(options, realEnvironment());
  try {
    const torrent = await engine.open({
      source: { metainfo, metainfoLength: TORRENT.bytes.length, paths },
      target: options,
      webSeeds: [],
      selected: new Set([0 as FileIndex]),
      ranges: [],
      keepSeeding: false,
      digests: undefined,
      memoryBudgetBytes: options.memoryBytes,
      signal: new AbortController().signal,
      onEvent: (event) => events.push(event),
    });
    try {
      await torrent.download();
      return { events, snapshot: torrent.snapshot() };
    } finally {
      await torrent.close();
    }
  } finally {
    await engine.close();
  }
}

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "starling_test_" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("openEngine() downloads over real sockets to a real disk", async () => {
  await using seeder = new ScriptedSeeder(TORRENT);
  await withFolder(async (folder) => {
    const { events, snapshot } = await download(folder, "--peer", seeder.endpoint);
    deepStrictEqual(snapshot.state, "complete");
    deepStrictEqual(snapshot.peers.contributed, 1);
    deepStrictEqual(await Deno.readFile(join(folder, "data.bin")), TORRENT.data);
    deepStrictEqual(events.filter(({ kind }) => kind === "file"), [
      { kind: "file", path: "data.bin", size: 300_000 },
    ]);
  });
});

Deno.test("openEngine() keeps its state where --state-dir says", async () => {
  await using seeder = new ScriptedSeeder(TORRENT);
  await withFolder(async (folder) => {
    const output = join(folder, "out"), state = join(folder, "state");
    await download(output, "--state-dir", state, "--peer", seeder.endpoint);
    const names = await Array.fromAsync(Deno.readDir(output), ({ name }) => name);
    deepStrictEqual(names, ["data.bin"]);
    ok((await Array.fromAsync(Deno.readDir(state))).length > 0);
  });
});

Deno.test("openEngine() refuses a target that holds something else, and keeps it", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "data.bin");
    await Deno.writeTextFile(path, "precious");
    const { exitCode, detail } = await download(folder).then(
      () => ({ exitCode: 0, detail: "" }),
      failureOf,
    );
    deepStrictEqual(exitCode, 6, detail);
    deepStrictEqual(await Deno.readTextFile(path), "precious");
  });
});

Deno.test({
  name: "openEngine() needs no socket for a target that is complete",
  permissions: { read: true, write: true, net: false },
  async fn() {
    await withFolder(async (folder) => {
      await Deno.writeFile(join(folder, "data.bin"), TORRENT.data);
      const { snapshot } = await download(folder);
      deepStrictEqual([snapshot.state, snapshot.downloaded], ["complete", 0]);
    });
  },
});

Deno.test({
  name: "S4 openEngine() names --allow-net when it is missing",
  permissions: { read: true, write: true, net: false },
  async fn() {
    await withFolder(async (folder) => {
      const { exitCode, detail } = await download(folder).then(
        () => ({ exitCode: 0, detail: "" }),
        failureOf,
      );
      deepStrictEqual(exitCode, 4);
      ok(detail.includes("--allow-net"), detail);
    });
  },
});

Deno.test("openEngine() refuses an address that is not of this machine", async () => {
  await withFolder(async (folder) => {
    const refused = download(folder, "--bind", "192.0.2.1").then(() => undefined, failureOf);
    deepStrictEqual((await refused)?.exitCode, 2);
  });
});
