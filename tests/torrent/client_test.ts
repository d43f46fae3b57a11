import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import type { InfoHash, PeerId } from "../../src/base/ids.ts";
import type { DhtSearchOptions } from "../../src/dht/service.ts";
import type { Connection } from "../../src/net/transport.ts";
import type { Client } from "../../src/torrent/client.ts";
import type { Torrent } from "../../src/torrent/torrent.ts";
import { encodeHandshake, HANDSHAKE_LENGTH } from "../../src/wire/handshake.ts";
import { Lab, PORT } from "../sim/lab.ts";
import { playMetadataPeer } from "../sim/metadata_peer.ts";
import { SimStorage } from "../sim/sim_storage.ts";

const US = "10.0.0.1";
const FLAGS = { fast: true, extended: true, dht: false };

interface Bench {
  readonly lab: Lab;
  readonly client: Client;
  readonly torrent: Torrent;
}

/** A client that is in the swarm of a torrent of one piece, and has none of it. */
async function inSwarm(maxPeers: number, run: (bench: Bench) => Promise<void>): Promise<void> {
  const random = new SeededRandom(1);
  const lab = new Lab(random.bytes(1000), 16_384, random);
  const client = lab.createClient(US);
  const storage = new SimStorage(lab.metainfo, lab.createDisk(), lab.clock, { latencyMs: 1 });
  const torrent = lab.addTorrent(client, storage, { maxPeers });
  torrent.download().catch(() => {});
  await lab.clock.run(() => false, 100);
  try {
    await run({ lab, client, torrent });
  } finally {
    await lab.end();
  }
}

function connect({ lab }: Pick<Bench, "lab">, from: string): Promise<Connection> {
  const signal = new AbortController().signal;
  return lab.network.host(from).connect({ host: US, port: PORT }, { timeoutMs: 1000, signal });
}

/** Says a handshake; the bytes that come back until nothing more comes, null if we hung up. */
async function knock(
  bench: Pick<Bench, "lab">,
  { from = "10.0.3.1", infoHash = bench.lab.metainfo.infoHash, peerId = 9 } = {},
): Promise<{ answered: number; isOpen: boolean; connection: Connection }> {
  const { lab } = bench;
  const connecting = connect(bench, from);
  await lab.settled(connecting, 1_000);
  const connection = await connecting;
  const id = new Uint8Array(20).fill(peerId) as PeerId;
  const handshake = encodeHandshake({ infoHash, peerId: id, flags: FLAGS });
  await connection.write(handshake).catch(() => {});
  let answered = 0, isOpen = true;
  const listen = async () => {
    const buffer = new Uint8Array(4096);
    for (let read = await connection.read(buffer); read !== null;) {
      answered += read;
      read = await connection.read(buffer);
    }
    isOpen = false;
  };
  void listen();
  await lab.clock.run(() => !isOpen, 1_000);
  return { answered, isOpen, connection };
}

Deno.test("listen() opens no socket before it is called, and one however often it is", async () => {
  const random = new SeededRandom(1);
  const lab = new Lab(random.bytes(1000), 16_384, random);
  let opened = 0;
  const network = lab.network.host(US);
  const listen = network.listen;
  network.listen = (options) => {
    opened++;
    return listen(options);
  };
  lab.network.host = () => network;
  const client = lab.createClient(US);
  strictEqual(opened, 0);
  strictEqual(client.listen(), PORT);
  strictEqual(client.listen(), PORT);
  strictEqual(opened, 1);
  await lab.end();
});

Deno.test("Client answers a peer that shares a torrent, and takes it in", async () => {
  await inSwarm(80, async (bench) => {
    const { answered, isOpen } = await knock(bench);
    ok(answered > HANDSHAKE_LENGTH, `${answered} bytes`);
    ok(isOpen);
  });
});

Deno.test("P2 Client hangs up without a word when the torrent is not ours", async () => {
  await inSwarm(80, async (bench) => {
    const infoHash = new Uint8Array(20).fill(7) as InfoHash;
    const { answered, isOpen } = await knock(bench, { infoHash });
    strictEqual(answered, 0);
    strictEqual(isOpen, false);
  });
});

Deno.test("P2 Client hangs up without a word when the torrent was stopped", async () => {
  await inSwarm(80, async (bench) => {
    const stopping = bench.torrent.stop();
    ok(await bench.lab.settled(stopping, 10_000));
    const { answered, isOpen } = await knock(bench);
    strictEqual(answered, 0);
    strictEqual(isOpen, false);
  });
});

Deno.test("P3 Client keeps one connection when a peer comes twice with one peer id", async () => {
  await inSwarm(80, async (bench) => {
    ok((await knock(bench, { from: "10.0.3.1", peerId: 5 })).isOpen);
    strictEqual((await knock(bench, { from: "10.0.3.1", peerId: 5 })).isOpen, false);
    ok((await knock(bench, { from: "10.0.3.1", peerId: 6 })).isOpen);
  });
});

Deno.test("P3 Client takes nobody for a peer because of its peer id, which all know that met it", async () => {
  await inSwarm(80, async (bench) => {
    const honest = await knock(bench, { from: "10.0.3.1", peerId: 255 });
    const stranger = await knock(bench, { from: "10.0.3.2", peerId: 255 });
    deepStrictEqual([honest.isOpen, stranger.isOpen], [true, true]);
    deepStrictEqual([...bench.torrent.peerSnapshots()].length, 2);
  });
});

Deno.test("Client refuses peers above --max-peers", async () => {
  await inSwarm(2, async (bench) => {
    ok((await knock(bench, { peerId: 1 })).isOpen);
    ok((await knock(bench, { peerId: 2 })).isOpen);
    strictEqual((await knock(bench, { peerId: 3 })).isOpen, false);
  });
});

Deno.test("P32 Client closes what comes when 256 have not said who they are", async () => {
  await inSwarm(200, async (bench) => {
    const silent = Array.from({ length: 256 }, () => connect(bench, "10.0.3.1"));
    await bench.lab.settled(Promise.all(silent), 1_000);
    strictEqual((await knock(bench)).isOpen, false);
    await bench.lab.clock.run(() => false, 11_000);
    ok((await knock(bench)).isOpen);
    for (const connection of await Promise.all(silent)) connection.close();
  });
});

Deno.test("P32 Client takes up a flood of connections at 50 a second, and others after it", async () => {
  await inSwarm(80, async (bench) => {
    const { lab } = bench;
    let hungUp = 0;
    const flood = async (n: number) => {
      const connection = await connect(bench, `10.1.${n >> 8}.${n & 255}`);
      await connection.write(new Uint8Array(HANDSHAKE_LENGTH)).catch(() => {});
      while (await connection.read(new Uint8Array(99)) !== null);
      hungUp++;
    };
    const floods = Array.from({ length: 500 }, (_, n) => flood(n).catch(() => {}));
    await lab.clock.run(() => false, 1_000);
    ok(hungUp <= 351, `${hungUp}`);
    await lab.clock.run(() => false, 20_000);
    await lab.settled(Promise.all(floods), 20_000);
    ok((await knock(bench)).isOpen);
  });
});

Deno.test("M25 Client ends the DHT when all that is left is private, and not before", async () => {
  const random = new SeededRandom(1);
  const lab = new Lab(random.bytes(1_000), 16_384, random);
  lab.addSeed("10.0.1.1", { latencyMs: 10, bytesPerSecond: 1e6 });
  let running = 0;
  const openDht = () => {
    running++;
    const search = { asked: 0, answered: 0, found: 0, wake: () => {} };
    return {
      port: 4_000,
      addNode: () => {},
      search: () => ({ ...search, async *[Symbol.asyncIterator]() {} }),
      [Symbol.dispose]: () => void running--,
    };
  };
  const client = lab.createClient(US, { openDht });
  const look = () =>
    client.findMetadata({
      infoHash: lab.metainfo.infoHash,
      trackers: [],
      peers: lab.endpoints,
      sources: { trackers: false, dht: true, pex: false, lsd: false },
      maxPeers: 8,
      onEvent: () => {},
    });
  const addPrivate = () => {
    const storage = new SimStorage(lab.metainfo, lab.createDisk(), lab.clock, { latencyMs: 1 });
    lab.addTorrent(client, storage, { metainfo: { ...lab.metainfo, isPrivate: true } });
  };
  try {
    const first = look(), second = look();
    const finding = first.find();
    ok(await lab.settled(finding, 10_000));
    strictEqual(running, 1);
    addPrivate();
    strictEqual(running, 1, "the other search is not over");
    await second.stop();
    addPrivate();
    strictEqual(running, 0);
  } finally {
    await lab.end();
  }
});

Deno.test("Client.findMetadata() finds what its torrent then goes on with", async () => {
  const random = new SeededRandom(1);
  const lab = new Lab(random.bytes(100_000), 16_384, random);
  lab.addSeed("10.0.1.1", { latencyMs: 10, bytesPerSecond: 1e6 });
  const client = lab.createClient(US);
  try {
    const search = client.findMetadata({
      infoHash: lab.metainfo.infoHash,
      trackers: [],
      peers: lab.endpoints,
      sources: { trackers: false, dht: false, pex: false, lsd: false },
      maxPeers: 8,
      onEvent: () => {},
    });
    const finding = search.find();
    ok(await lab.settled(finding, 10_000));
    const { infoBytes, peers } = await finding;
    deepStrictEqual(infoBytes, lab.metainfo.infoBytes);
    deepStrictEqual(peers, lab.endpoints);
    const storage = new SimStorage(lab.metainfo, lab.createDisk(), lab.clock, { latencyMs: 1 });
    const torrent = lab.addTorrent(client, storage, { peers });
    ok(await lab.settled(torrent.download(), 60_000));
    strictEqual(torrent.snapshot().state, "complete");
  } finally {
    await lab.end();
  }
});

Deno.test("Client says stopped once, for the torrent or for a search that no torrent follows", async () => {
  for (const isFollowed of [true, false]) {
    const random = new SeededRandom(1);
    const lab = new Lab(random.bytes(100_000), 16_384, random);
    lab.addSeed("10.0.1.1", { latencyMs: 10, bytesPerSecond: 1e6 });
    const heard: string[] = [];
    const client = lab.createClient(US, {
      fetch: (url) => {
        heard.push(new URL(url).searchParams.get("event") ?? "");
        const bytes = new TextEncoder().encode("d8:intervali1800e5:peers0:e");
        return Promise.resolve({ status: 200, bytes, url });
      },
    });
    const announced = {
      trackers: [["http://8.8.8.8/announce"]],
      sources: { trackers: true, dht: false, pex: false, lsd: false },
    };
    const { infoHash } = lab.metainfo;
    const swarm = { ...announced, infoHash, peers: lab.endpoints, maxPeers: 8, onEvent: () => {} };
    try {
      ok(await lab.settled(client.findMetadata(swarm).find(), 10_000));
      if (isFollowed) {
        const storage = new SimStorage(lab.metainfo, lab.createDisk(), lab.clock, { latencyMs: 1 });
        const metainfo = { ...lab.metainfo, ...announced };
        const torrent = lab.addTorrent(client, storage, { ...announced, metainfo });
        ok(await lab.settled(torrent.download(), 60_000));
      }
    } finally {
      await lab.end();
    }
    const ofTorrent = isFollowed ? ["started", "completed"] : [];
    deepStrictEqual(heard, ["started", ...ofTorrent, "stopped"]);
  }
});

Deno.test("Client has the tracker asked soon when a torrent, or a search, has lost all its peers", async () => {
  for (const isSearch of [true, false]) {
    const random = new SeededRandom(1);
    const lab = new Lab(random.bytes(100_000), 16_384, random);
    let asked = 0;
    const client = lab.createClient(US, {
      fetch: (url) => {
        asked++;
        const bytes = new TextEncoder().encode("d8:intervali1800e5:peers0:e");
        return Promise.resolve({ status: 200, bytes, url });
      },
    });
    const trackers = [["http://8.8.8.8/announce"]];
    const sources = { trackers: true, dht: false, pex: false, lsd: false };
    const storage = new SimStorage(lab.metainfo, lab.createDisk(), lab.clock, { latencyMs: 1 });
    const { infoHash } = lab.metainfo;
    const job = isSearch
      ? client.findMetadata({
        infoHash,
        trackers,
        sources,
        peers: [],
        maxPeers: 8,
        onEvent: () => {},
      })
      : lab.addTorrent(client, storage, { metainfo: { ...lab.metainfo, trackers }, sources });
    const working = "find" in job ? job.find() : job.download();
    working.catch(() => {});
    try {
      await lab.clock.run(() => false, 19 * 60_000);
      strictEqual(asked, 5, "at 0, 1, 3, 7 and 15 minutes");
      // One that gives nothing, and is a peer all the same.
      const { connection } = await knock({ lab }, { infoHash });
      await lab.clock.run(() => false, 60_000);
      strictEqual(asked, 5);
      connection.close();
      await lab.clock.run(() => false, 60_000);
      strictEqual(asked, 6);
    } finally {
      await lab.end();
    }
  }
});

/** What a peer at `host` that says nothing but its handshake is told, one character for each byte. */
async function listenFrom(
  bench: Pick<Bench, "lab">,
  host: string,
  meanwhile = () => {},
): Promise<string> {
  const connecting = connect(bench, host);
  await bench.lab.settled(connecting, 1_000);
  const connection = await connecting;
  const { infoHash } = bench.lab.metainfo;
  const peerId = new TextEncoder().encode(host.padEnd(20)) as PeerId;
  await connection.write(encodeHandshake({ infoHash, peerId, flags: { ...FLAGS, dht: true } }));
  let told = "";
  const listen = async () => {
    const buffer = new Uint8Array(4_096);
    for (let read = await connection.read(buffer); read !== null;) {
      told += String.fromCharCode(...buffer.subarray(0, read));
      read = await connection.read(buffer);
    }
  };
  void listen();
  await bench.lab.clock.run(() => false, 1_000);
  meanwhile();
  await bench.lab.clock.run(() => false, 1_000);
  connection.close();
  return told;
}

/** The port that our extension handshake names to a peer at `host`. */
async function portToldTo(bench: Bench, host: string): Promise<number> {
  return Number(/1:pi(\d+)e/.exec(await listenFrom(bench, host))?.[1]);
}

Deno.test("Client tells those beyond the gateway the port there, and all others its own", async () => {
  const random = new SeededRandom(1);
  const lab = new Lab(random.bytes(1_000), 16_384, random);
  let externalPort: number | undefined;
  const announced: string[] = [];
  const asked: DhtSearchOptions[] = [];
  const client = lab.createClient(US, {
    externalPort: () => externalPort,
    fetch: (url) => {
      const { host, searchParams } = new URL(url);
      announced.push(`${host} ${searchParams.get("port")}`);
      return Promise.resolve({ status: 200, bytes: new TextEncoder().encode("de"), url });
    },
    openDht: () => ({
      port: undefined,
      addNode: () => {},
      search: (_, options) => {
        asked.push(options);
        return { asked: 0, answered: 0, wake: () => {}, async *[Symbol.asyncIterator]() {} };
      },
      [Symbol.dispose]: () => {},
    }),
  });
  const storage = new SimStorage(lab.metainfo, lab.createDisk(), lab.clock, { latencyMs: 1 });
  const trackers = [["http://8.8.4.4/announce"], ["http://10.0.0.9/announce"]];
  const torrent = lab.addTorrent(client, storage, {
    metainfo: { ...lab.metainfo, trackers },
    sources: { trackers: true, dht: true, pex: false, lsd: false },
  });
  torrent.download().catch(() => {});
  await lab.clock.run(() => false, 100);
  const bench = { lab, client, torrent };
  const toldNodes = () =>
    ["8.8.8.8", "node.example", "10.0.0.9", "127.0.0.1", "2001:db8::1"]
      .map((host) => asked[0]!.portFor!(host));
  try {
    deepStrictEqual(toldNodes(), [PORT, PORT, PORT, PORT, PORT]);
    externalPort = 40_000;
    deepStrictEqual(toldNodes(), [40_000, 40_000, PORT, PORT, PORT]);
    strictEqual(await portToldTo(bench, "8.8.8.8"), 40_000);
    strictEqual(await portToldTo(bench, "10.0.3.1"), PORT);
    // No tracker hears of it before it may be asked again.
    strictEqual(announced.length, 2);
    await lab.clock.run(() => announced.length === 4, 70_000);
    externalPort = undefined;
    deepStrictEqual(toldNodes(), [PORT, PORT, PORT, PORT, PORT]);
  } finally {
    await lab.end();
  }
  deepStrictEqual(announced.toSorted(), [
    "10.0.0.9 6881",
    "10.0.0.9 6881",
    "10.0.0.9 6881",
    "8.8.4.4 40000",
    "8.8.4.4 6881",
    "8.8.4.4 6881",
  ]);
});

/** The UDP ports of all PORT messages (BEP 5). */
function dhtPortsIn(told: string): number[] {
  const [, ...payloads] = told.split(String.fromCharCode(0, 0, 0, 3, 9));
  return payloads.map((payload) => payload.charCodeAt(0) * 256 + payload.charCodeAt(1));
}

/** A DHT node at a port, that finds nobody. */
function idleDht(port: number) {
  return {
    port,
    addNode: () => {},
    search: () => ({ asked: 0, answered: 0, wake: () => {}, async *[Symbol.asyncIterator]() {} }),
    [Symbol.dispose]: () => {},
  };
}

Deno.test("Client names the DHT's port to those beyond the gateway as the gateway knows it", async () => {
  for (const isSearch of [true, false]) {
    for (const [dhtPort, beyond] of [[PORT, 41_000], [7_000, 7_000]] as const) {
      const random = new SeededRandom(1);
      const lab = new Lab(random.bytes(1_000), 16_384, random);
      let externalUdpPort: number | undefined;
      const client = lab.createClient(US, {
        externalPort: (protocol) => protocol === "tcp" ? 40_000 : externalUdpPort,
        openDht: () => idleDht(dhtPort),
      });
      const sources = { trackers: false, dht: true, pex: false, lsd: false };
      const { infoHash } = lab.metainfo;
      const search = { infoHash, trackers: [], sources, peers: [], maxPeers: 8, onEvent: () => {} };
      const storage = new SimStorage(lab.metainfo, lab.createDisk(), lab.clock, { latencyMs: 1 });
      const working = isSearch
        ? client.findMetadata(search).find()
        : lab.addTorrent(client, storage, { sources }).download();
      working.catch(() => {});
      await lab.clock.run(() => false, 100);
      const toldTo = async (host: string, meanwhile?: () => void) =>
        dhtPortsIn(await listenFrom({ lab }, host, meanwhile));
      try {
        deepStrictEqual(await toldTo("8.8.8.8"), [dhtPort], "nothing is known of the gateway");
        const answer = () => externalUdpPort = 41_000;
        const both = dhtPort === beyond ? [dhtPort] : [dhtPort, beyond];
        deepStrictEqual(await toldTo("8.8.8.8", answer), both, "the gateway answers meanwhile");
        deepStrictEqual(await toldTo("8.8.8.8"), [beyond], "it passes on what is for one port");
        deepStrictEqual(await toldTo("10.0.3.1"), [dhtPort]);
        deepStrictEqual(await toldTo("2001:db8::1"), [dhtPort]);
      } finally {
        await lab.end();
      }
    }
  }
});

Deno.test("P27 Client does not dial in a download who lied in the search for its metadata", async () => {
  const random = new SeededRandom(1);
  const lab = new Lab(random.bytes(100_000), 16_384, random);
  lab.addSeed("10.0.1.1", { latencyMs: 5, bytesPerSecond: 1e6 });
  const liar = { host: "10.0.9.1", port: PORT };
  lab.network.setLink(liar.host, { latencyMs: 5, bytesPerSecond: 1e6 });
  const listener = lab.network.host(liar.host).listen({ ports: [PORT] });
  const { infoHash, infoBytes } = lab.metainfo;
  let dials = 0;
  const lie = async () => {
    for await (const connection of listener) {
      dials++;
      void playMetadataPeer(connection, {
        infoHash,
        peerId: random.bytes(20) as PeerId,
        behaviour: "giving",
        metadata: infoBytes.map((byte) => byte ^ 0xff),
        named: [],
        clock: lab.clock,
        delayMs: 5,
      });
    }
  };
  void lie();
  const client = lab.createClient(US);
  const banned: Endpoint[] = [];
  const search = client.findMetadata({
    infoHash,
    trackers: [],
    sources: { trackers: false, dht: false, pex: false, lsd: false },
    peers: [liar],
    maxPeers: 8,
    onEvent: (event) => {
      if (event.kind === "peer-banned") banned.push(event.endpoint);
    },
  });
  search.find().catch(() => {});
  try {
    ok(await lab.clock.run(() => banned.length > 0, 60_000));
    await lab.settled(search.stop(), 60_000);
    deepStrictEqual([banned, dials], [[liar], 1]);
    const storage = new SimStorage(lab.metainfo, lab.createDisk(), lab.clock, { latencyMs: 1 });
    const torrent = lab.addTorrent(client, storage, { peers: [liar, ...lab.endpoints] });
    ok(await lab.settled(torrent.download(), 60_000));
    strictEqual(torrent.snapshot().peers.contributed, 1);
    strictEqual(dials, 1);
  } finally {
    listener.close();
    await lab.end();
  }
});
