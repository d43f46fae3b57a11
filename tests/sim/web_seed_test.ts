/** Whole downloads that web servers take part in (BEP 19), good ones and all kinds of bad ones. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { type Random, SeededRandom } from "../../src/base/ambient.ts";
import type { Bytes } from "../../src/base/bytes.ts";
import type { Torrent } from "../../src/torrent/torrent.ts";
import type { TorrentOptions } from "../../src/torrent/torrent_options.ts";
import { Lab } from "./lab.ts";
import { SimStorage } from "./sim_storage.ts";
import { SimWeb, type SimWebOptions, type WebFault } from "./sim_web.ts";

const PIECE_LENGTH = 32_768;
const PIECES = 64;
const LINK = { latencyMs: 10, bytesPerSecond: 1_000_000 };
const SLOW_LINK = { ...LINK, bytesPerSecond: 50_000 };
const OURS = "10.0.9.9", SEED = "10.0.1.1", OTHER_SEED = "10.0.1.2", HUB = "10.0.2.1";
const WEB = "93.184.216.34", MIRROR = "93.184.216.35";
/** In simulated time; two megabytes at the rate of the slow link. */
const LIMIT_MS = 2 * 60_000;
const RANDOM_RUNS = 25;

class Scene {
  readonly random: Random;
  readonly lab: Lab;
  readonly web: SimWeb;
  readonly content: Bytes;
  readonly urls: string[] = [];

  constructor(seed: number, options: Partial<SimWebOptions> = {}) {
    this.random = new SeededRandom(seed);
    this.content = this.random.bytes(PIECES * PIECE_LENGTH);
    this.lab = new Lab(this.content, PIECE_LENGTH, this.random);
    this.lab.network.setLink(OURS, LINK);
    const bytesPerSecond = 1_000_000;
    this.web = new SimWeb({ clock: this.lab.clock, bytesPerSecond, ...options });
  }

  addWeb(host: string, fault: WebFault = {}): void {
    const url = `http://${host}/content`;
    this.urls.push(url);
    this.web.files.set(url, this.content);
    this.web.faults.set(url, fault);
  }

  download(options: Partial<TorrentOptions> = {}): { torrent: Torrent; done: Promise<void> } {
    const { lab } = this;
    const client = lab.createClient(OURS, { fetch: this.web.fetch });
    const storage = new SimStorage(lab.metainfo, lab.createDisk(), lab.clock, { latencyMs: 1 });
    const torrent = lab.addTorrent(client, storage, { webSeeds: this.urls, ...options });
    return { torrent, done: torrent.download() };
  }

  /** How long it took, in simulated milliseconds. */
  async complete(options: Partial<TorrentOptions> = {}): Promise<number> {
    const startedAt = this.lab.clock.now();
    const { torrent, done } = this.download(options);
    ok(await this.lab.settled(done, LIMIT_MS), `${torrent.snapshot().have} of ${PIECES} pieces`);
    await done;
    return this.lab.clock.now() - startedAt;
  }

  get warnings(): string[] {
    return this.lab.events.flatMap((event) => event.kind === "warning" ? [event.message] : []);
  }

  get banned(): string[] {
    return this.lab.events.flatMap((event) =>
      event.kind === "peer-banned" ? [event.endpoint.host] : []
    );
  }
}

async function inScene(
  run: (scene: Scene) => Promise<void>,
  options: Partial<SimWebOptions> = {},
  seed = 1,
): Promise<void> {
  const scene = new Scene(seed, options);
  try {
    await run(scene);
  } catch (error) {
    throw new Error(`seed ${seed}`, { cause: error });
  } finally {
    await scene.lab.end();
  }
}

Deno.test("a download completes from a web seed alone, at its rate, and with few requests", async () => {
  await inScene(async (scene) => {
    scene.addWeb(WEB);
    const durationMs = await scene.complete({ peers: [] });
    // Two megabytes at one a second, and the time to find that out.
    ok(durationMs < 3_000, `${durationMs} ms`);
    ok(scene.web.asked.length < PIECES, `${scene.web.asked.length} requests`);
    ok(scene.web.mostOpen <= 6, `${scene.web.mostOpen} at once`);
    deepStrictEqual([scene.warnings, scene.banned], [[], []]);
  });
});

Deno.test("a distant web seed is never idle", async () => {
  await inScene(async (scene) => {
    scene.addWeb(WEB);
    const durationMs = await scene.complete({ peers: [] });
    ok(durationMs < 6_000, `${durationMs} ms`);
  }, { latencyMs: 200 });
});

Deno.test("a web seed that answers two requests at once is asked for no more before long", async () => {
  await inScene(async (scene) => {
    scene.addWeb(WEB, { maxOpen: 2 });
    const durationMs = await scene.complete({ peers: [] });
    ok(durationMs < 4_000, `${durationMs} ms`);
  });
});

Deno.test("web seeds and peers give together", async () => {
  await inScene(async (scene) => {
    scene.addWeb(WEB);
    scene.lab.addSeed(SEED, LINK);
    const durationMs = await scene.complete();
    ok(durationMs < 2_000, `${durationMs} ms`);
  });
});

Deno.test("T21 a web seed with bad data is banned, it alone, and the rest comes from others", async () => {
  await inScene(async (scene) => {
    scene.addWeb(WEB, { lies: () => scene.random.next() < 0.3 });
    scene.addWeb(MIRROR);
    scene.lab.addSeed(SEED, SLOW_LINK);
    await scene.complete();
    deepStrictEqual(scene.banned, [WEB]);
    const askedLater = scene.web.asked.length;
    await scene.lab.clock.run(() => false, 60_000);
    strictEqual(scene.web.asked.length, askedLater, "nobody is asked for anything any more");
  });
});

Deno.test("T21 a web seed that falls silent holds up nothing that a peer has", async () => {
  await inScene(async (scene) => {
    scene.addWeb(WEB);
    scene.lab.addSeed(SEED, LINK);
    const { torrent, done } = scene.download();
    await scene.lab.clock.run(() => torrent.snapshot().have > PIECES / 4, LIMIT_MS);
    scene.web.faults.set(scene.urls[0]!, { isSilent: true });
    const silentAt = scene.lab.clock.now();
    ok(await scene.lab.settled(done, LIMIT_MS));
    await done;
    const tookMs = scene.lab.clock.now() - silentAt;
    ok(tookMs < 15_000, `${tookMs} ms`);
  });
});

Deno.test("a web seed that was away for a minute is used when it is back", async () => {
  await inScene(async (scene) => {
    scene.addWeb(WEB, { isGone: true });
    const { done } = scene.download({ peers: [] });
    await scene.lab.clock.run(() => false, 60_000);
    deepStrictEqual(scene.warnings, [
      "Cannot use the web seed at 93.184.216.34:80: it is unreachable",
    ]);
    scene.web.faults.clear();
    ok(await scene.lab.settled(done, LIMIT_MS));
    await done;
  });
});

Deno.test("a download with web seeds that are of no use says so in its verdict", async () => {
  await inScene(async (scene) => {
    scene.addWeb(WEB, { status: 404 });
    const { torrent, done } = scene.download({ peers: [] });
    done.catch(() => {}); // ends with the laboratory
    await scene.lab.clock.run(() => false, 5_000);
    const { cause, situation, evidence } = torrent.verdict();
    strictEqual(cause, "peers-unreachable");
    deepStrictEqual(evidence.webSeedFaults, [
      { server: "93.184.216.34:80", fault: "it has no such file" },
    ]);
    strictEqual(
      situation,
      "none of 1 known peer can be reached (1 × a web seed of no use), and 1 web seed failed " +
        "(93.184.216.34:80: it has no such file)",
    );
  });
});

Deno.test("peers are not told of web seeds, which are shown as what they are", async () => {
  await inScene(async (scene) => {
    // An address, which PEX could name.
    scene.addWeb(WEB);
    const pex = { trackers: false, dht: false, pex: true, lsd: false };
    scene.lab.network.setLink(HUB, LINK);
    const disk = scene.lab.createDisk();
    const storage = new SimStorage(scene.lab.metainfo, disk, scene.lab.clock, { latencyMs: 1 });
    const hub = scene.lab.addTorrent(scene.lab.createClient(HUB), storage, {
      peers: [{ host: OURS, port: 6881 }],
      sources: pex,
      onEvent: () => {},
    });
    hub.download().catch(() => {}); // ends with the laboratory
    const { torrent } = scene.download({ peers: [], sources: pex, uploadSlots: 0 });
    const seen = () => torrent.peerSnapshots().some(({ client }) => client === "web seed");
    ok(await scene.lab.clock.run(seen, LIMIT_MS));
    await scene.lab.clock.run(() => false, 70_000);
    strictEqual(hub.snapshot().peers.known, 1);
  }, { bytesPerSecond: 20_000 });
});

Deno.test("who goes on sharing leaves web seeds alone", async () => {
  await inScene(async (scene) => {
    scene.addWeb(WEB);
    const { torrent, done } = scene.download({ peers: [], keepSeeding: true });
    ok(await scene.lab.settled(done, LIMIT_MS));
    const askedCount = scene.web.asked.length;
    await scene.lab.clock.run(() => false, 30 * 60_000);
    strictEqual(scene.web.asked.length, askedCount);
    strictEqual(torrent.snapshot().peers.connected, 0);
    void torrent.stop();
  });
});

Deno.test("a download with a peer completes whatever its web seeds do", async () => {
  for (let seed = 1; seed <= RANDOM_RUNS; seed++) {
    const random = new SeededRandom(seed);
    const oneOf = <Item>(...items: Item[]) => items[random.below(items.length)]!;
    const options = {
      latencyMs: oneOf(1, 50, 500),
      bytesPerSecond: oneOf(20_000, 300_000, 3_000_000),
      partLength: oneOf(1_000, 16_384, 60_000),
    };
    await inScene(
      async (scene) => {
        const faults: WebFault[] = [
          {},
          { status: oneOf(403, 404, 416, 500, 503) },
          { isWhole: true },
          { lacksBytes: 1 },
          { isSilent: true },
          { isGone: true },
          { lies: () => random.next() < 0.2 },
          { headers: { "content-range": "bytes 0-0/7" } },
        ];
        for (const host of [WEB, MIRROR, "93.184.216.36", "93.184.216.37"]) {
          scene.addWeb(host, oneOf(...faults));
        }
        // Now and then somebody mends a server, or breaks it.
        const meddle = async () => {
          for (let count = 0; count < 20; count++) {
            await scene.lab.clock.sleep(2_000);
            scene.web.faults.set(oneOf(...scene.urls), oneOf(...faults));
          }
        };
        void meddle();
        scene.lab.addSeed(SEED, SLOW_LINK);
        scene.lab.addSeed(OTHER_SEED, SLOW_LINK);
        await scene.complete();
        ok(!scene.banned.includes(SEED) && !scene.banned.includes(OTHER_SEED));
      },
      options,
      seed,
    );
  }
});
