/** Metadata from foreign clients whom nothing but the link names (BEP 9), and for them. */
import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { type Metainfo, parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { assertExit, Checkout } from "../loopback/checkout.ts";
import * as content from "../loopback/content.ts";
import { freePort, Lab, type Subprocess } from "../loopback/lab.ts";
import { isMissing, PYTHON } from "./installed.ts";
import { SEEDERS } from "./seeders.ts";
import { startBittorrentTracker, urlsOf } from "./trackers.ts";

const PIECE_LENGTH = 16_384;
const METADATA_PIECE_LENGTH = 16_384;
const PIECE_COUNT = 1_630;
const DOWNLOAD_TIMEOUT_MS = 300_000;

/** Data in a folder, and a torrent of it whose metadata is exactly two pieces of 16 KiB. */
class Room implements AsyncDisposable {
  readonly lab: Lab;
  readonly checkout: Checkout;
  readonly metainfo: Metainfo;
  readonly file: string;
  readonly folder: string;
  readonly #processes: Subprocess[] = [];

  private constructor(lab: Lab, checkout: Checkout, metainfo: Metainfo) {
    this.lab = lab;
    this.checkout = checkout;
    this.metainfo = metainfo;
    this.file = checkout.path("x.torrent");
    this.folder = checkout.path("seeded");
  }

  static async open(tracker?: string): Promise<Room> {
    const lab = await Lab.open();
    const checkout = await Checkout.make(lab);
    const data = content.randomBytes(PIECE_COUNT * PIECE_LENGTH - 1, 3);
    const torrent = makeTorrent(data, tracker);
    const metainfo = parseMetainfo(torrent);
    const room = new Room(lab, checkout, metainfo);
    await Deno.mkdir(room.folder);
    await Deno.writeFile(`${room.folder}/${metainfo.name}`, data);
    await Deno.writeFile(room.file, torrent);
    return room;
  }

  magnet(...parameters: string[]): string {
    return ["magnet:?xt=urn:btih:" + this.metainfo.infoHashHex, ...parameters].join("&");
  }

  get torrent() {
    const { file, folder, metainfo: { name, infoHash } } = this;
    return { file, folder, name, infoHash };
  }

  async describe(folder: string): Promise<string> {
    const described = await content.describeTree(`${folder}/${this.metainfo.name}`).catch(() => []);
    return described.join();
  }

  async complete(folder: string): Promise<void> {
    const wanted = await this.describe(this.folder);
    const isHere = async () => await this.describe(folder) === wanted;
    await this.lab.until(`all data in ${folder}`, isHere, DOWNLOAD_TIMEOUT_MS);
  }

  /** Our own seed, which listens at the port. */
  async seed(port: number): Promise<void> {
    const where = ["--bind", "127.0.0.1", "--port", `${port}`];
    const seeder = this.checkout.start("seed", "--json", ...where, "x.torrent", "seeded");
    this.#processes.push(seeder);
    await this.lab.until("the seed listening", () => isListening(port));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
    await this.lab[Symbol.asyncDispose]();
  }
}

/** The name is as long as it takes. */
function makeTorrent(data: Uint8Array, tracker: string | undefined): Uint8Array {
  const options = { pieceLength: PIECE_LENGTH, ...(tracker !== undefined && { tracker }) };
  // One that is hashed once, to learn how much is missing.
  const { infoBytes } = parseMetainfo(content.makeTorrent("n", data, options).bytes);
  const missing = 2 * METADATA_PIECE_LENGTH - infoBytes.length;
  for (let length = missing - 1; length <= missing + 1; length++) {
    const { bytes } = content.makeTorrent("n".repeat(length), data, options);
    if (parseMetainfo(bytes).infoBytes.length === 2 * METADATA_PIECE_LENGTH) return bytes;
  }
  throw new Error("no name is of the right length");
}

async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

for (const [seeder, { program, start }] of Object.entries(SEEDERS)) {
  Deno.test({
    name: `get has metadata and data from ${seeder}, of which it knows from the magnet alone`,
    ignore: isMissing(program),
    async fn() {
      await using room = await Room.open();
      const { lab, checkout, metainfo } = room;
      const port = freePort();
      await start(lab, room.torrent, { port });
      await lab.until(`${seeder} listening`, () => isListening(port));
      const magnet = room.magnet(`x.pe=127.0.0.1:${port}`);

      const saving = ["--metadata-only", "--metadata-timeout", "30s", "-o", "saved.torrent"];
      assertExit(await checkout.run("get", ...saving, magnet), 0, lab.logs());
      const saved = parseMetainfo(await Deno.readFile(checkout.path("saved.torrent")));
      deepStrictEqual(saved.infoBytes, metainfo.infoBytes);

      const run = await checkout.run("get", "--json", "-o", "download", magnet);
      assertExit(run, 0, lab.logs());
      strictEqual(run.events("metadata").length, 1);
      strictEqual(await room.describe(checkout.path("download")), await room.describe(room.folder));
    },
  });
}

Deno.test({
  name:
    "get has metadata from aria2, transmission and libtorrent at once, and from dead peers none",
  ignore: isMissing(...Object.values(SEEDERS).map(({ program }) => program)),
  async fn() {
    await using room = await Room.open();
    const ports: number[] = [];
    for (const { start } of Object.values(SEEDERS)) {
      const port = freePort();
      await start(room.lab, room.torrent, { port });
      await room.lab.until("a seeder listening", () => isListening(port));
      ports.push(port);
    }
    const named = [...ports, freePort(), freePort()].map((port) => `x.pe=127.0.0.1:${port}`);
    const saving = ["--metadata-only", "--metadata-timeout", "30s", "-o", "saved.torrent"];
    assertExit(
      await room.checkout.run("get", ...saving, room.magnet(...named)),
      0,
      room.lab.logs(),
    );
    const saved = parseMetainfo(await Deno.readFile(room.checkout.path("saved.torrent")));
    strictEqual(saved.infoHashHex, room.metainfo.infoHashHex);
  },
});

Deno.test({
  name: "libtorrent has metadata and data from seed, of which it knows from the magnet alone",
  ignore: isMissing("python3-libtorrent"),
  async fn() {
    await using room = await Room.open();
    const port = freePort();
    await room.seed(port);
    const program = new URL("./libtorrent_magnet.py", import.meta.url).pathname;
    const folder = await room.lab.makeFolder("leecher");
    const magnet = room.magnet(`x.pe=127.0.0.1:${port}`);
    room.lab.start(PYTHON, [program, `${freePort()}`, magnet, folder]);
    await room.complete(folder);
  },
});

Deno.test({
  name: "aria2 has metadata and data from seed, of which only a tracker told it",
  ignore: isMissing("aria2c"),
  async fn() {
    const port = freePort();
    const tracker = urlsOf(port).http;
    await using room = await Room.open(tracker);
    const { seeders } = await startBittorrentTracker(room.lab, port);
    await room.seed(freePort());
    await room.lab.until("the seed", async () => await seeders(room.metainfo.infoHash) === 1);
    const folder = await room.lab.makeFolder("leecher");
    const alone = ["--enable-dht=false", "--bt-enable-lpd=false", "--enable-peer-exchange=false"];
    room.lab.start("aria2c", [
      ...["--no-conf", `--dir=${folder}`, `--listen-port=${freePort()}`, "--seed-time=10"],
      ...[...alone, room.magnet(`tr=${encodeURIComponent(tracker)}`)],
    ]);
    await room.complete(folder);
  },
});
