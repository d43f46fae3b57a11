/** Torrents of every shape from foreign programs, seeded by foreign clients. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { assertExit, Checkout, type Finished } from "../loopback/checkout.ts";
import { describeTree, writeRandomFile } from "../loopback/content.ts";
import { freePort, Lab } from "../loopback/lab.ts";
import { ScriptedSeeder } from "../loopback/scripted_seeder.ts";
import { isMissing } from "./installed.ts";
import { SEEDERS } from "./seeders.ts";
import {
  type MakeTorrent,
  makeTorrent,
  withLibtorrent,
  withMktorrent,
  withOurs,
  withTransmission,
  writeManyFiles,
} from "./torrents.ts";
import { startOpentracker, urlsOf } from "./trackers.ts";

interface Content {
  readonly name: string;
  write(path: string): Promise<void>;
  readonly pieceLength: number;
}

const MANY_FILES: Content = {
  name: "300 files, empty ones and names of many scripts among them",
  write: (path) => writeManyFiles(path, 300),
  pieceLength: 65_536,
};
const BIG_PIECES: Content = {
  name: "16 MiB pieces",
  write: (path) => writeRandomFile(path, 40_000_000),
  pieceLength: 16 * 1024 * 1024,
};
const ODD_PIECES: Content = {
  name: "pieces of 100,003 bytes",
  write: (path) => writeRandomFile(path, 5_000_000),
  pieceLength: 100_003,
};

// With changing makers, so that all of them are met. transmission-create leaves out empty files,
// and transmission refuses odd pieces.
const CASES: readonly (readonly [Content, string, string, MakeTorrent])[] = [
  [MANY_FILES, "aria2", "mktorrent", withMktorrent],
  [MANY_FILES, "transmission", "python3-libtorrent", withLibtorrent],
  [MANY_FILES, "libtorrent", "mktorrent", withMktorrent],
  [BIG_PIECES, "aria2", "python3-libtorrent", withLibtorrent],
  [BIG_PIECES, "transmission", "mktorrent", withMktorrent],
  [BIG_PIECES, "libtorrent", "transmission-create", withTransmission],
  [ODD_PIECES, "aria2", "aria2c", withOurs],
  [ODD_PIECES, "libtorrent", "python3-libtorrent", withOurs],
];

for (const [content, seeder, maker, make] of CASES) {
  Deno.test({
    name: `get downloads ${content.name} from ${seeder}, once, then needs nobody`,
    ignore: isMissing("opentracker", maker, SEEDERS[seeder]!.program),
    async fn() {
      await using swarm = await Swarm.make(content, make);
      await swarm.startSeeders(seeder);
      await swarm.assertDownloads();
      await swarm.lab.stopAll();
      await swarm.assertDownloads();
    },
  });
}

const everyProgram = Object.values(SEEDERS).map(({ program }) => program);

Deno.test({
  name: "get downloads from all seeders at once",
  ignore: isMissing("opentracker", "mktorrent", ...everyProgram),
  async fn() {
    const write = (path: string) => writeRandomFile(path, 60_000_000);
    await using swarm = await Swarm.make(
      { name: "large", write, pieceLength: 262_144 },
      withMktorrent,
    );
    await swarm.startSeeders(...Object.keys(SEEDERS));
    await swarm.assertDownloads();
  },
});

Deno.test({
  name: "get bans the one peer that sends garbage among three honest ones, and nobody else",
  ignore: isMissing("opentracker", "mktorrent", ...everyProgram),
  async fn() {
    const write = (path: string) => writeRandomFile(path, 30_000_000);
    await using swarm = await Swarm.make(
      { name: "liar", write, pieceLength: 262_144 },
      withMktorrent,
    );
    await using liar = new ScriptedSeeder({
      infoHash: swarm.torrent.infoHash,
      pieceLength: 262_144,
      data: await Deno.readFile(swarm.seededPath),
      spoil: (block) => block.fill(0, 0, 100),
    });
    await swarm.startSeeders(...Object.keys(SEEDERS));
    const run = await swarm.assertDownloads("--peer", liar.endpoint);
    ok(liar.servedBytes > 0, "the liar was asked");
    deepStrictEqual(
      run.events("peer-banned").map((event) => event["endpoint"]),
      [liar.endpoint],
    );
  },
});

/** Data, its torrent, opentracker, and a checkout of ours that knows the torrent. */
class Swarm implements AsyncDisposable {
  private constructor(
    readonly lab: Lab,
    readonly checkout: Checkout,
    readonly torrent: Awaited<ReturnType<typeof makeTorrent>>,
    readonly tracker: Awaited<ReturnType<typeof startOpentracker>>,
  ) {}

  static async make(content: Content, make: MakeTorrent): Promise<Swarm> {
    const lab = await Lab.open();
    const checkout = await Checkout.make(lab);
    const folder = await lab.makeFolder("seeded");
    const name = "Inhalt größer 数";
    await content.write(`${folder}/${name}`);
    const port = freePort();
    const torrent = await makeTorrent(lab, make, {
      folder,
      name,
      pieceLength: content.pieceLength,
      tracker: urlsOf(port).http,
    });
    await Deno.copyFile(torrent.file, checkout.path("x.torrent"));
    const tracker = await startOpentracker(lab, port, [torrent.infoHash]);
    return new Swarm(lab, checkout, torrent, tracker);
  }

  get seededPath(): string {
    return `${this.torrent.folder}/${this.torrent.name}`;
  }

  async startSeeders(...names: string[]): Promise<void> {
    for (const name of names) await SEEDERS[name]!.start(this.lab, this.torrent);
    await this.lab.until(
      "the seeders",
      async () => await this.tracker.seeders(this.torrent.infoHash) === names.length,
    );
  }

  /** `get` ends with 0, and what it leaves is the seeded data and nothing else. */
  async assertDownloads(...options: string[]): Promise<Finished> {
    const run = await this.checkout.run("get", "--json", "-o", "download", "x.torrent", ...options);
    assertExit(run, 0, this.lab.logs());
    const left = [...Deno.readDirSync(this.checkout.path("download"))].map(({ name }) => name);
    deepStrictEqual(left.sort(), [".starling", this.torrent.name].sort());
    await this.#assertStateIsSettled();
    deepStrictEqual(
      await describeTree(this.checkout.path("download", this.torrent.name)),
      await describeTree(this.seededPath),
    );
    return run;
  }

  /** A receipt, a saved state and its lock; no piece in doubt, nothing half done. */
  async #assertStateIsSettled(): Promise<void> {
    const hash = this.torrent.infoHash.toHex();
    const folder = this.checkout.path("download", ".starling");
    deepStrictEqual(
      [...Deno.readDirSync(folder)].map(({ name }) => name).sort(),
      [`${hash}.journal`, `${hash}.receipt`, `${hash}.resume`, `${this.torrent.name}.lock`].sort(),
    );
    deepStrictEqual((await Deno.stat(`${folder}/${hash}.journal`)).size, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
  }
}
