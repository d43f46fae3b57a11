/** A magnet from starling to starling over real sockets: the link names the only peer. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { TrackerServer } from "../../src/tracker/server.ts";
import { assertExit, Checkout } from "./checkout.ts";
import * as content from "./content.ts";
import { freePort, Lab, type Subprocess } from "./lab.ts";
import { clock, network, random } from "./announcing.ts";

const LENGTH = 3_000_001;
/** So that the metadata is several pieces of 16 KiB. */
const PIECE_LENGTH = 1_024;

/** A seed of `x.torrent`, which names no tracker, and a magnet link to it. */
class MagnetRoom implements AsyncDisposable {
  readonly lab: Lab;
  readonly checkout: Checkout;
  readonly torrent: content.MadeTorrent;
  readonly link: string;
  readonly #port: number;
  readonly #seeders: Subprocess[] = [];

  private constructor(lab: Lab, checkout: Checkout, torrent: content.MadeTorrent) {
    this.lab = lab;
    this.checkout = checkout;
    this.torrent = torrent;
    this.#port = freePort();
    this.link = `magnet:?xt=urn:btih:${torrent.infoHash.toHex()}&x.pe=127.0.0.1:${this.#port}`;
  }

  static async open(): Promise<MagnetRoom> {
    const lab = await Lab.open();
    const checkout = await Checkout.make(lab);
    const data = content.randomBytes(LENGTH, 1);
    const torrent = content.makeTorrent("single.bin", data, { pieceLength: PIECE_LENGTH });
    await Deno.mkdir(checkout.path("data"));
    await Deno.writeFile(checkout.path("data", "single.bin"), data);
    await Deno.writeFile(checkout.path("x.torrent"), torrent.bytes);
    return new MagnetRoom(lab, checkout, torrent);
  }

  async seed(): Promise<Subprocess> {
    const where = ["--bind", "127.0.0.1", "--port", `${this.#port}`];
    const seeder = this.checkout.start("seed", ...where, "x.torrent", "data");
    this.#seeders.push(seeder);
    await this.lab.until("seeding", () => seeder.stdout.includes("seeding"));
    return seeder;
  }

  /** The link, with a tracker instead of the peer, and what that tracker counts of leechers. */
  async announceTo(server: TrackerServer) {
    const hex = this.torrent.infoHash.toHex();
    const query = `info_hash=${hex.replace(/../g, "%$&")}`;
    const seed = `peer_id=-XX0000-123456789012&port=${this.#port}&left=0&compact=1`;
    const [tracker] = server.announceUrls;
    await (await fetch(`${tracker}?${query}&${seed}&uploaded=0&downloaded=0`)).arrayBuffer();
    const countLeechers = async () => {
      const answer = await fetch(`http://127.0.0.1:${server.port}/scrape?${query}`);
      return /incompletei(\d+)e/.exec(await answer.text())?.[1];
    };
    const link = `magnet:?xt=urn:btih:${hex}&tr=${encodeURIComponent(tracker!)}`;
    return { link, countLeechers };
  }

  get logs(): string {
    return this.#seeders.map(({ log }) => log).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#seeders.map((seeder) => seeder.stop()));
    await this.lab[Symbol.asyncDispose]();
  }
}

Deno.test("get downloads a magnet whose link names the only peer, and needs nobody the next time", async () => {
  await using room = await MagnetRoom.open();
  const { checkout, link, torrent } = room;
  const seeder = await room.seed();
  const args = ["get", "--json", "--bind", "127.0.0.1", "-o", "download", link];
  const first = await checkout.run(...args);
  assertExit(first, 0, room.logs);
  const names = ["metadata", "added", "done"];
  deepStrictEqual(names.map((name) => first.events(name).length), [1, 1, 1]);
  deepStrictEqual(first.events("metadata")[0]!["kept"], false);
  deepStrictEqual(
    await content.describeTree(checkout.path("download", "single.bin")),
    await content.describeTree(checkout.path("data", "single.bin")),
  );
  await seeder.stop();
  const second = await checkout.run(...args);
  assertExit(second, 0);
  deepStrictEqual(second.events("metadata")[0]!["kept"], true);
  deepStrictEqual(second.events("done")[0]!["downloaded"], 0);
  assertExit(await checkout.run("verify", torrent.infoHash.toHex(), "download"), 0);
});

Deno.test("info and get --metadata-only of a magnet know what the .torrent says", async () => {
  await using room = await MagnetRoom.open();
  const { checkout, link, torrent } = room;
  await room.seed();
  const info = await checkout.run("info", "--json", "--bind", "127.0.0.1", link);
  assertExit(info, 0, room.logs);
  deepStrictEqual(
    JSON.parse(info.stdout),
    JSON.parse((await checkout.run("info", "--json", "x.torrent")).stdout),
  );
  const save = ["get", "--metadata-only", "--bind", "127.0.0.1", "-o", "saved.torrent", link];
  assertExit(await checkout.run(...save), 0, room.logs);
  const saved = parseMetainfo(await Deno.readFile(checkout.path("saved.torrent")));
  deepStrictEqual(saved.infoHash, torrent.infoHash);
});

Deno.test("get --metadata-timeout gives up a dead magnet with evidence, exit 10", async () => {
  await using room = await MagnetRoom.open();
  const args = ["get", "--json", "--bind", "127.0.0.1", "-o", "download"];
  const run = await room.checkout.run(...args, "--metadata-timeout", "6s", room.link);
  assertExit(run, 10);
  const [{ verdict, evidence } = {}] = run.events("failed") as Record<string, unknown>[];
  deepStrictEqual(verdict, "no-metadata");
  const { peersKnown, peersTried } = evidence as Record<string, number>;
  ok(peersKnown === 1 && peersTried === 1, JSON.stringify(evidence));
  ok(run.stderr.includes("1 of 1 known peer tried, none reached"), run.stderr);
});

Deno.test("info and get --metadata-only of a magnet leave nobody in the tracker's list", async () => {
  await using room = await MagnetRoom.open();
  await room.seed();
  const server = new TrackerServer({ network, clock, random, addresses: ["127.0.0.1"] });
  try {
    const { link, countLeechers } = await room.announceTo(server);
    const save = ["get", "--metadata-only", "-o", "saved.torrent"];
    for (const command of [["info"], save, ["plan"], ["get", "-o", "download"]]) {
      const run = await room.checkout.run(...command, "--bind", "127.0.0.1", link);
      assertExit(run, 0, room.logs);
      deepStrictEqual(await countLeechers(), "0", command.join(" "));
    }
  } finally {
    await server.close();
  }
});

Deno.test("get, info, plan, seed and verify follow a URL whose server redirects to a magnet", async () => {
  await using room = await MagnetRoom.open();
  const { checkout, link } = room;
  const seeder = await room.seed();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () => new Response(null, { status: 302, headers: { location: link } }),
  );
  try {
    const url = `http://127.0.0.1:${server.addr.port}/x.torrent`;
    const here = ["--bind", "127.0.0.1"];
    const info = await checkout.run("info", "--json", ...here, url);
    assertExit(info, 0, room.logs);
    deepStrictEqual(
      JSON.parse(info.stdout),
      JSON.parse((await checkout.run("info", "--json", "x.torrent")).stdout),
    );
    assertExit(await checkout.run("plan", ...here, "-o", "download", url), 0, room.logs);
    assertExit(await checkout.run("get", ...here, "-o", "download", url), 0, room.logs);
    assertExit(await checkout.run("verify", ...here, url, "download"), 0, room.logs);
    const seed = ["seed", "--seed-time", "1s", ...here, url, "download"];
    assertExit(await checkout.run(...seed), 0, room.logs);
    await seeder.stop();
    const dead = ["info", "--metadata-timeout", "1s", ...here, url];
    const missing = await checkout.run(...dead);
    assertExit(missing, 10);
    ok(missing.stdout.includes(room.torrent.infoHash.toHex()), missing.stdout);
  } finally {
    await server.shutdown();
  }
});
