/** Torrents of version 2 and hybrids, both ways between us and libtorrent (BEP 52). */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { magnetLink } from "../../src/metainfo/magnet.ts";
import { type Metainfo, parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { assertExit, Checkout } from "../loopback/checkout.ts";
import * as content from "../loopback/content.ts";
import { freePort, Lab, type Subprocess } from "../loopback/lab.ts";
import { isMissing, PYTHON } from "./installed.ts";
import { SEEDERS } from "./seeders.ts";

const LIBTORRENT = "python3-libtorrent";
const PIECE_LENGTH = 16_384;
const DOWNLOAD_TIMEOUT_MS = 300_000;
const NOWHERE = "http://127.0.0.1:1/announce";
/** What nobody else is to be asked. */
const ALONE = ["--bind", "127.0.0.1", "--no-tracker", "--no-dht", "--no-lsd"];

/** Bytes by path: many pieces, of which hashes come in two messages; exactly one; a few; none. */
const LENGTHS: Readonly<Record<string, number>> = {
  "folder/large.bin": 800 * PIECE_LENGTH + 5,
  "folder/one.bin": PIECE_LENGTH,
  "folder/sub/few.bin": 3 * PIECE_LENGTH - 1,
  "folder/sub/small.bin": 10,
  "folder/zero.bin": 0,
};

type Version = "v2" | "hybrid";

/** A torrent that libtorrent made of files in `seeded`. */
class Room implements AsyncDisposable {
  readonly lab: Lab;
  readonly checkout: Checkout;
  readonly metainfo: Metainfo;
  readonly #processes: Subprocess[] = [];

  private constructor(lab: Lab, checkout: Checkout, metainfo: Metainfo) {
    this.lab = lab;
    this.checkout = checkout;
    this.metainfo = metainfo;
  }

  static async open(version: Version): Promise<Room> {
    const lab = await Lab.open();
    const checkout = await Checkout.make(lab);
    for (const [index, [path, length]] of Object.entries(LENGTHS).entries()) {
      await content.writeRandomFile(checkout.path("seeded", path), length, index + 1);
    }
    const program = new URL("./libtorrent_make.py", import.meta.url).pathname;
    const source = checkout.path("seeded", "folder"), out = checkout.path("x.torrent");
    await lab.run(PYTHON, [program, source, out, `${PIECE_LENGTH}`, NOWHERE, version]);
    return new Room(lab, checkout, parseMetainfo(await Deno.readFile(out)));
  }

  get torrent() {
    const { checkout, metainfo: { name, infoHash } } = this;
    return { file: checkout.path("x.torrent"), folder: checkout.path("seeded"), name, infoHash };
  }

  magnet(port: number): string {
    return `${magnetLink({ ...this.metainfo, trackers: [] })}&x.pe=127.0.0.1:${port}`;
  }

  /** Our own seed; the port at which it listens. */
  async seed(): Promise<number> {
    const port = freePort();
    const seeder = this.checkout.start("seed", ...ALONE, "-p", `${port}`, "x.torrent", "seeded");
    this.#processes.push(seeder);
    await this.lab.until("seeding", () => seeder.stdout.includes("seeding"));
    return port;
  }

  /** libtorrent's seed; the port at which it listens. */
  async seedByLibtorrent(): Promise<number> {
    const port = freePort();
    await SEEDERS["libtorrent"]!.start(this.lab, this.torrent, { port });
    return port;
  }

  async complete(folder: string): Promise<void> {
    const wanted = await this.#describe(this.checkout.path("seeded"));
    const isHere = async () => await this.#describe(folder) === wanted;
    await this.lab.until(`all data in ${folder}`, isHere, DOWNLOAD_TIMEOUT_MS);
  }

  async assertComplete(folder: string): Promise<void> {
    strictEqual(
      await this.#describe(this.checkout.path(folder)),
      await this.#describe(this.checkout.path("seeded")),
    );
  }

  async #describe(folder: string): Promise<string> {
    return (await content.describeTree(`${folder}/folder`).catch(() => [])).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
    await this.lab[Symbol.asyncDispose]();
  }
}

for (const version of ["v2", "hybrid"] as const) {
  Deno.test({
    name: `get has a ${version} torrent from libtorrent, by its .torrent and by its magnet`,
    ignore: isMissing(LIBTORRENT),
    async fn() {
      await using room = await Room.open(version);
      const { checkout, lab, metainfo } = room;
      strictEqual(metainfo.version, version === "v2" ? 2 : 1);
      const port = await room.seedByLibtorrent();
      const peer = ["--peer", `127.0.0.1:${port}`];
      const run = await checkout.run("get", ...ALONE, ...peer, "-o", "by torrent", "x.torrent");
      assertExit(run, 0, lab.logs());
      await room.assertComplete("by torrent");
      const saving = ["--save-torrent", "-o", "by magnet"];
      assertExit(
        await checkout.run("get", ...ALONE, ...saving, room.magnet(port)),
        0,
        lab.logs(),
      );
      await room.assertComplete("by magnet");
      const saved = parseMetainfo(
        await Deno.readFile(checkout.path("by magnet", "folder.torrent")),
      );
      deepStrictEqual(saved.pieceHashes, metainfo.pieceHashes);
      assertExit(await checkout.run("verify", "x.torrent", "by magnet"), 0, lab.logs());
    },
  });

  Deno.test({
    name: `libtorrent has a ${version} torrent from seed, by its .torrent and by its magnet`,
    ignore: isMissing(LIBTORRENT),
    async fn() {
      await using room = await Room.open(version);
      const { lab, torrent } = room;
      const port = await room.seed();
      const peer = new URL("./libtorrent_peer.py", import.meta.url).pathname;
      const byTorrent = await lab.makeFolder("by torrent");
      const own = ["127.0.0.1", `${freePort()}`, "1", "0", "8"];
      lab.start(PYTHON, [peer, ...own, torrent.file, byTorrent, "127.0.0.1", `${port}`]);
      await room.complete(byTorrent);
      const magnet = new URL("./libtorrent_magnet.py", import.meta.url).pathname;
      const byMagnet = await lab.makeFolder("by magnet");
      lab.start(PYTHON, [magnet, `${freePort()}`, room.magnet(port), byMagnet]);
      await room.complete(byMagnet);
    },
  });
}
