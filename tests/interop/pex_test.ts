/** Peers that are found through peers alone (PEX, BEP 11): libtorrent tells us, and we tell it. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { assertExit, Checkout } from "../loopback/checkout.ts";
import * as content from "../loopback/content.ts";
import { freePort, Lab, type Subprocess } from "../loopback/lab.ts";
import { isMissing, PYTHON } from "./installed.ts";
import { makeTorrent, type Torrent, withMktorrent } from "./torrents.ts";

const NAME = "single.bin";
const LENGTH = 8_000_001;
const DOWNLOAD_TIMEOUT_MS = 300_000;
/** Bytes a second at which nobody completes while the test runs. */
const CRAWL = 50_000;
const CRAWL_OPTION = `${CRAWL / 1000}K`;
const PROGRAMS = ["mktorrent", "python3-libtorrent"];

interface PeerOptions {
  readonly folder: string;
  readonly downloadRate?: number;
  readonly uploadSlots?: number;
  readonly pex?: boolean;
  /** Whom it is told of. */
  readonly peers?: readonly number[];
}

/** Some libtorrents, and starling in a checkout, all on one loopback address. */
class Room implements AsyncDisposable {
  readonly #processes: Subprocess[] = [];

  private constructor(
    readonly lab: Lab,
    readonly checkout: Checkout,
    readonly torrent: Torrent,
    readonly host: string,
  ) {}

  static async open(host: string): Promise<Room> {
    const lab = await Lab.open();
    const checkout = await Checkout.make(lab);
    const folder = await lab.makeFolder("seeded");
    await content.writeRandomFile(`${folder}/${NAME}`, LENGTH);
    // Nobody is asked there: libtorrent is refused, starling is told not to.
    const tracker = "http://127.0.0.1:1/announce";
    const options = { folder, name: NAME, pieceLength: 65_536, tracker };
    const torrent = await makeTorrent(lab, withMktorrent, options);
    await Deno.copyFile(torrent.file, checkout.path("x.torrent"));
    return new Room(lab, checkout, torrent, host);
  }

  /** Whom nobody can tell of anybody: it has to be found. */
  addSeed(): Promise<number> {
    return this.addForeign({ folder: this.torrent.folder, pex: false });
  }

  /** Starts a libtorrent, and gives the port where it listens. */
  async addForeign(
    { folder, downloadRate = 0, uploadSlots = 8, pex = true, peers = [] }: PeerOptions,
  ): Promise<number> {
    const program = new URL("./libtorrent_peer.py", import.meta.url).pathname;
    const port = freePort();
    const { lab, host, torrent: { file } } = this;
    const args = [host, port, Number(pex), downloadRate, uploadSlots, file, folder].map(String);
    lab.start(PYTHON, [program, ...args, ...peers.flatMap((port) => [host, `${port}`])]);
    await lab.until("libtorrent listening", () => isListening(host, port));
    return port;
  }

  get(...args: string[]): string[] {
    return [...this.#getting(), ...args, "x.torrent"];
  }

  getMagnet(...args: string[]): string[] {
    return [...this.#getting(), ...args, `magnet:?xt=urn:btih:${this.torrent.infoHash.toHex()}`];
  }

  #getting(): string[] {
    return ["get", "--no-tracker", "--no-lsd", "--bind", this.host];
  }

  start(...args: string[]): Subprocess {
    const process = this.checkout.start(...args);
    this.#processes.push(process);
    return process;
  }

  peer(port: number): string {
    return this.host.includes(":") ? `[${this.host}]:${port}` : `${this.host}:${port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
    await this.lab[Symbol.asyncDispose]();
  }
}

async function isListening(hostname: string, port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname, port })).close();
    return true;
  } catch {
    return false;
  }
}

for (const host of ["127.0.0.1", "::1"]) {
  Deno.test({
    name:
      `get finds the seed at ${host}, also of a magnet, through a libtorrent that gives nothing itself`,
    ignore: isMissing(...PROGRAMS),
    async fn() {
      await using room = await Room.open(host);
      const seed = await room.addSeed();
      const hub = await room.addForeign({
        folder: await room.lab.makeFolder("hub"),
        downloadRate: CRAWL,
        uploadSlots: 0,
        peers: [seed],
      });
      const peer = ["--peer", room.peer(hub)];
      const alone = await room.checkout.run(
        ...room.get(...peer, "--no-pex", "--deadline", "3s", "-o", "alone", "--json"),
      );
      ok(alone.code !== 0, "without PEX nobody gives anything");
      const wanted = await content.describeTree(`${room.torrent.folder}/${NAME}`);
      const ofFile = room.get(...peer, "-o", "out", "--json");
      const ofMagnet = room.getMagnet(...peer, "-o", "of_magnet", "--json");
      for (const [folder, args] of [["out", ofFile], ["of_magnet", ofMagnet]] as const) {
        const run = await room.checkout.run(...args);
        assertExit(run, 0, room.lab.logs());
        deepStrictEqual(await content.describeTree(room.checkout.path(folder, NAME)), wanted);
      }
    },
  });

  Deno.test({
    name: `a libtorrent at ${host} finds the seed through starling, which gives nothing itself`,
    ignore: isMissing(...PROGRAMS),
    async fn() {
      await using room = await Room.open(host);
      const seed = await room.addSeed();
      const port = freePort();
      const hub = room.start(
        ...room.get("--peer", room.peer(seed), "--port", `${port}`, "-o", "hub", "--json"),
        ...["--max-download-rate", CRAWL_OPTION, "--max-uploads", "0"],
      );
      await room.lab.until("the hub listening", () => isListening(host, port));
      const folder = await room.lab.makeFolder("leecher");
      await room.addForeign({ folder, peers: [port] });
      const wanted = JSON.stringify(await content.describeTree(`${room.torrent.folder}/${NAME}`));
      await room.lab.until("the leecher complete", async () => {
        const found = await content.describeTree(`${folder}/${NAME}`).catch(() => []);
        return JSON.stringify(found) === wanted;
      }, DOWNLOAD_TIMEOUT_MS);
      ok(hub.isRunning, "the hub crawls");
    },
  });
}
