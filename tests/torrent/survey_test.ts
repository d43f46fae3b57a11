import { deepStrictEqual, ok } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import type { PieceIndex } from "../../src/base/ids.ts";
import type { DhtSearchOptions } from "../../src/dht/service.ts";
import type { FetchBounded } from "../../src/net/http.ts";
import type { Survey, SurveyOptions, SurveyReport } from "../../src/torrent/survey.ts";
import type { Dht } from "../../src/torrent/torrent_options.ts";
import { fullBitfield, Lab, PORT } from "../sim/lab.ts";
import { SimStorage } from "../sim/sim_storage.ts";
import { ascii } from "../tracker/announce_samples.ts";
import { FakeNetwork, silentWebHost, webHost } from "../tracker/fake_network.ts";

const PIECES = 40;
const PIECE_LENGTH = 16_384;
const OURS = "10.0.9.9";
const LINK = { latencyMs: 20, bytesPerSecond: 1_000_000 };
const LIMIT_MS = 10_000;

interface Outside {
  readonly dht?: Dht;
  readonly fetch?: FetchBounded;
}

class Scene {
  readonly lab: Lab;

  constructor({ isPrivate = false } = {}) {
    const random = new SeededRandom(5);
    const content = random.bytes(PIECES * PIECE_LENGTH);
    this.lab = new Lab(content, PIECE_LENGTH, random, { isPrivate });
    this.lab.network.setLink(OURS, LINK);
  }

  /** A downloader that has the first `count` pieces, and gets no more. */
  addPartial(host: string, count: number): void {
    const { lab } = this;
    lab.network.setLink(host, LINK);
    const disk = lab.createDisk();
    disk.claimed = new Bitfield(PIECES);
    for (let piece = 0; piece < count; piece++) {
      disk.claimed.set(piece);
      disk.pieces.set(piece as PieceIndex, lab.contentOf(piece as PieceIndex));
    }
    const storage = new SimStorage(lab.metainfo, disk, lab.clock, { latencyMs: 1 });
    const torrent = lab.addTorrent(lab.createClient(host), storage, { peers: [] });
    torrent.download().catch(() => {}); // ends with the laboratory
    lab.endpoints.push({ host, port: PORT });
  }

  survey({ dht, fetch, ...options }: Partial<SurveyOptions> & Outside = {}): Survey {
    const openDht = dht && (() => ({ ...dht, [Symbol.dispose]: () => {} }));
    const client = this.lab.createClient(OURS, {
      ...(openDht && { openDht }),
      ...fetch && { fetch },
    });
    return client.survey({
      metainfo: this.lab.metainfo,
      wanted: fullBitfield(PIECES),
      peers: this.lab.endpoints,
      sources: { trackers: true, dht: true, pex: true, lsd: true },
      maxPeers: 80,
      limitMs: LIMIT_MS,
      ...options,
    });
  }

  async run(survey: Survey): Promise<SurveyReport> {
    const running = survey.run();
    ok(await this.lab.settled(running, LIMIT_MS + 5_000), "ends soon after its limit");
    return await running;
  }
}

async function inScene(
  run: (scene: Scene) => Promise<void>,
  options: { isPrivate?: boolean } = {},
): Promise<void> {
  const scene = new Scene(options);
  try {
    await run(scene);
  } finally {
    await scene.lab.end();
  }
}

Deno.test("Survey counts seeds, partial peers, copies and what is at nobody", async () => {
  await inScene(async (scene) => {
    scene.addPartial("10.0.1.1", 10);
    scene.addPartial("10.0.1.2", 30);
    const partial = await scene.run(scene.survey());
    deepStrictEqual(partial.pieces, { wanted: PIECES, atNobody: 10, copies: 0.75 });
    scene.lab.addSeed("10.0.1.3", LINK);
    const whole = await scene.run(scene.survey());
    deepStrictEqual(whole.pieces, { wanted: PIECES, atNobody: 0, copies: 1.75 });
    const { peersKnown, peersReached, seeds, peersUseful, durationMs } = whole;
    deepStrictEqual([peersKnown, peersReached, seeds, peersUseful], [3, 3, 1, 3]);
    ok(durationMs < 2_000, `all have answered, and still ${durationMs} ms`);
  });
});

Deno.test("Survey asks for nothing: peers stay in no list of it, and send no block", async () => {
  await inScene(async (scene) => {
    const seed = scene.lab.addSeed("10.0.1.1", LINK);
    await scene.run(scene.survey());
    await scene.lab.clock.run(() => false, 5_000);
    const { uploaded, peers } = seed.snapshot();
    deepStrictEqual([uploaded, peers.connected], [0, 0]);
  });
});

Deno.test("Survey tells those that cannot be reached apart, and is not held up by the silent", async () => {
  await inScene(async (scene) => {
    scene.lab.addScripted("10.0.1.1", { kind: "leaving" });
    scene.lab.addScripted("10.0.1.2", { kind: "garbage" });
    scene.lab.addScripted("10.0.1.3", { kind: "choking" });
    scene.lab.addScripted("10.0.1.4", { kind: "silent" });
    const { failures, peersReached, seeds, durationMs } = await scene.run(scene.survey());
    deepStrictEqual([peersReached, seeds], [2, 1]);
    ok(failures["remote-closed"]! >= 1 && failures["malformed-handshake"]! >= 1);
    ok(durationMs < LIMIT_MS);
  });
});

Deno.test("Survey ends at its limit, and at once when it is stopped", async () => {
  await inScene(async (scene) => {
    const nobody = { host: "10.0.7.7", port: PORT };
    scene.lab.network.setLink(nobody.host, { latencyMs: 60_000, bytesPerSecond: 1 });
    const limited = await scene.run(scene.survey({ peers: [nobody], limitMs: 2_000 }));
    ok(limited.durationMs >= 2_000 && limited.durationMs < 2_500, `${limited.durationMs}`);
    deepStrictEqual([limited.peersKnown, limited.peersReached], [1, 0]);
    const stopped = scene.survey({ peers: [nobody] });
    const running = stopped.run();
    await scene.lab.clock.run(() => false, 1_000);
    const before = scene.lab.clock.now();
    ok(await scene.lab.settled(stopped.stop(), 1_000));
    ok(scene.lab.clock.now() - before < 500);
    ok((await running).durationMs <= 1_500);
  });
});

Deno.test("Survey waits no more than four seconds for a tracker to answer its farewell", async () => {
  await inScene(async (scene) => {
    const { lab: { clock, metainfo } } = scene, web = new FakeNetwork(clock);
    const nobody = webHost(ascii("d8:intervali1800e5:peers0:e"));
    let requestCount = 0;
    web.webHosts.set(
      "198.51.100.1",
      (url, options) => ++requestCount < 3 ? nobody(url, options) : silentWebHost(),
    );
    const trackers = [["http://198.51.100.1/announce"]];
    const { durationMs } = await scene.run(
      scene.survey({ metainfo: { ...metainfo, trackers }, fetch: web.fetch }),
    );
    deepStrictEqual(requestCount, 3, "stopped, started, stopped");
    deepStrictEqual(clock.now(), durationMs + 4_000);
  });
});

Deno.test("Survey asks no more peers than it may", async () => {
  await inScene(async (scene) => {
    for (let count = 1; count <= 12; count++) scene.addPartial(`10.0.1.${count}`, count);
    const { peersReached, peersKnown } = await scene.run(scene.survey({ maxPeers: 5 }));
    deepStrictEqual([peersReached, peersKnown], [5, 12]);
  });
});

/** A DHT that names one peer to everybody who searches. */
class NamingDht implements Dht {
  readonly port = PORT;
  readonly searches: DhtSearchOptions[] = [];
  readonly #named: Endpoint;

  constructor(named: Endpoint) {
    this.#named = named;
  }

  search = (_infoHash: Uint8Array, options: DhtSearchOptions) => {
    this.searches.push(options);
    const named = this.#named;
    return {
      asked: 7,
      answered: 5,
      wake: () => {},
      async *[Symbol.asyncIterator]() {
        yield [named];
        await new Promise((resolve) => options.signal.addEventListener("abort", resolve));
      },
    };
  };

  addNode = () => {};
}

Deno.test("Survey searches the DHT without telling it of us", async () => {
  await inScene(async (scene) => {
    scene.lab.addSeed("10.0.1.1", LINK);
    const dht = new NamingDht(scene.lab.endpoints[0]!);
    const report = await scene.run(scene.survey({ peers: [], dht }));
    deepStrictEqual([report.peersReached, report.seeds], [1, 1]);
    deepStrictEqual(report.dht, { asked: 7, answered: 5 });
    deepStrictEqual(dht.searches.map(({ portFor }) => portFor), [undefined]);
    ok(report.durationMs < 5_000);
  });
});

Deno.test("Survey leaves the DHT alone for a private torrent (BEP 27)", async () => {
  await inScene(async (scene) => {
    scene.lab.addSeed("10.0.1.1", LINK);
    const dht = new NamingDht(scene.lab.endpoints[0]!);
    const report = await scene.run(scene.survey({ peers: [], dht }));
    deepStrictEqual([report.peersKnown, report.dht, dht.searches.length], [0, undefined, 0]);
  }, { isPrivate: true });
});

Deno.test("Survey counts availability of what is wanted alone", async () => {
  await inScene(async (scene) => {
    scene.addPartial("10.0.1.1", 10);
    const wanted = new Bitfield(PIECES);
    wanted.set(3);
    wanted.set(35);
    const { pieces, peersUseful } = await scene.run(scene.survey({ wanted }));
    deepStrictEqual(pieces, { wanted: 2, atNobody: 1, copies: 0.5 });
    deepStrictEqual(peersUseful, 1);
  });
});
