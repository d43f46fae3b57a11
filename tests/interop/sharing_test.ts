/** Starling as the seeder of foreign clients, and of a room in which everybody helps everybody. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { Checkout } from "../loopback/checkout.ts";
import * as content from "../loopback/content.ts";
import { freePort, Lab, type Subprocess } from "../loopback/lab.ts";
import { isMissing } from "./installed.ts";
import { SEEDERS } from "./seeders.ts";
import { makeTorrent, type Torrent, withMktorrent } from "./torrents.ts";
import { startOpentracker, urlsOf } from "./trackers.ts";

const NAME = "single.bin";
const LENGTH = 16_000_001;
const DOWNLOAD_TIMEOUT_MS = 300_000;
/** The issue's own: one seed and eight leechers, of whom three are foreign. */
const LEECHERS = 8;
const MAX_COPIES = 2.5;
/** Slow enough that leechers have something to give before the seed has given all. */
const UPLOAD_RATE = "4M";

const FOREIGN = Object.entries(SEEDERS);
const PROGRAMS = ["mktorrent", ...FOREIGN.map(([, { program }]) => program)];

/** A folder with data, its torrent at `port`, and starling processes that end with it. */
class Room implements AsyncDisposable {
  readonly lab: Lab;
  readonly checkout: Checkout;
  readonly torrent: Torrent;
  readonly port: number;
  readonly #processes: Subprocess[] = [];

  private constructor(lab: Lab, checkout: Checkout, torrent: Torrent, port: number) {
    this.lab = lab;
    this.checkout = checkout;
    this.torrent = torrent;
    this.port = port;
  }

  static async open(): Promise<Room> {
    const lab = await Lab.open();
    const checkout = await Checkout.make(lab);
    const port = freePort();
    const folder = checkout.path("seeded");
    await content.writeRandomFile(`${folder}/${NAME}`, LENGTH);
    const tracker = urlsOf(port).http;
    const options = { folder, name: NAME, pieceLength: 65_536, tracker };
    const torrent = await makeTorrent(lab, withMktorrent, options);
    await Deno.copyFile(torrent.file, checkout.path("x.torrent"));
    return new Room(lab, checkout, torrent, port);
  }

  start(...args: string[]): Subprocess {
    const process = this.checkout.start(...args);
    this.#processes.push(process);
    return process;
  }

  async startTracker(): Promise<void> {
    const tracker = this.start("tracker", "--bind", "127.0.0.1", "--port", `${this.port}`);
    await this.lab.until("our tracker", () => tracker.stdout.includes("announce"));
  }

  /** Starts a seed, and waits for it to be in the swarm. */
  async seed(...args: string[]): Promise<Subprocess> {
    const seeder = this.start("seed", "--json", ...args, "x.torrent", "seeded");
    await this.lab.until("the seed announced", () => seeder.stdout.includes('"ok":true'));
    return seeder;
  }

  /** Starts every foreign client with nothing in its folder; returns the folders. */
  async leech(): Promise<string[]> {
    const folders: string[] = [];
    for (const [name, { start }] of FOREIGN) {
      const folder = await this.lab.makeFolder(`of ${name}`);
      await start(this.lab, { ...this.torrent, folder });
      folders.push(folder);
    }
    return folders;
  }

  /** Waits until all these folders have what the seed has. */
  async complete(folders: readonly string[]): Promise<void> {
    const wanted = await content.describeTree(`${this.torrent.folder}/${NAME}`);
    for (const folder of folders) {
      await this.lab.until(`all data in ${folder}`, async () => {
        const found = await content.describeTree(`${folder}/${NAME}`).catch(() => []);
        return JSON.stringify(found) === JSON.stringify(wanted);
      }, DOWNLOAD_TIMEOUT_MS);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
    await this.lab[Symbol.asyncDispose]();
  }
}

Deno.test({
  name: "aria2, transmission and libtorrent together download from seed behind our tracker",
  ignore: isMissing(...PROGRAMS),
  async fn() {
    await using room = await Room.open();
    await room.startTracker();
    await room.seed();
    await room.complete(await room.leech());
  },
});

Deno.test({
  name: "aria2, transmission and libtorrent together download from seed behind opentracker",
  ignore: isMissing("opentracker", ...PROGRAMS),
  async fn() {
    await using room = await Room.open();
    await startOpentracker(room.lab, room.port, [room.torrent.infoHash]);
    await room.seed();
    await room.complete(await room.leech());
  },
});

Deno.test({
  name: `one seed and ${LEECHERS} leechers, ours and theirs: all complete, for few copies`,
  ignore: isMissing(...PROGRAMS),
  async fn() {
    await using room = await Room.open();
    await room.startTracker();
    const seeder = await room.seed("--max-upload-rate", UPLOAD_RATE);
    const folders = await room.leech();
    for (let index = folders.length; index < LEECHERS; index++) {
      const folder = `leecher_${index}`;
      room.start("get", "-q", "-o", folder, "--seed", "x.torrent");
      folders.push(room.checkout.path(folder));
    }
    await room.complete(folders);
    deepStrictEqual(folders.length, LEECHERS);
    seeder.kill("SIGTERM");
    await seeder.exit;
    const copies = Number(/"event":"seeded".*"ratio":([\d.]+)/.exec(seeder.stdout)?.[1]);
    const figure = `INTEROP: the seed of ${LEECHERS} leechers sent ${copies.toFixed(2)} copies\n`;
    Deno.stderr.writeSync(new TextEncoder().encode(figure));
    ok(copies < MAX_COPIES, figure);
  },
});
