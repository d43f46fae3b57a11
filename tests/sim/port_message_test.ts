/** Peers that tell each other where their DHT nodes are (BEP 5). */
import { deepStrictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { Channel } from "../../src/base/channel.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import type { Dht } from "../../src/torrent/torrent_options.ts";
import { Lab, PORT } from "./lab.ts";
import { SimStorage } from "./sim_storage.ts";

const PIECE_LENGTH = 32_768;
const FOUND = "10.0.0.1", FINDER = "10.0.0.2";

/** A DHT that finds nobody, and notes whose nodes it was told of. */
class DeafDht implements Dht, Disposable {
  readonly nodes: Endpoint[] = [];

  constructor(readonly port: number | undefined) {}

  search(_infoHash: unknown, { signal }: { readonly signal: AbortSignal }) {
    const nobody = new Channel<readonly Endpoint[]>(1);
    signal.addEventListener("abort", () => nobody.close());
    return {
      asked: 0,
      answered: 0,
      wake: () => {},
      [Symbol.asyncIterator]: () => nobody[Symbol.asyncIterator](),
    };
  }

  addNode(node: Endpoint): void {
    this.nodes.push(node);
  }

  [Symbol.dispose](): void {}
}

/** Connects two, and gives what their DHT nodes were told; undefined for one never opened. */
async function meet(options: {
  readonly found: { readonly port?: number; readonly dht: boolean };
  readonly finder: { readonly port?: number; readonly dht: boolean };
  readonly isPrivate?: boolean;
}): Promise<(Endpoint[] | undefined)[]> {
  const random = new SeededRandom(1);
  const lab = new Lab(random.bytes(PIECE_LENGTH), PIECE_LENGTH, random, options);
  const opened = new Map<string, DeafDht>();
  const add = (host: string, { port, dht }: { port?: number; dht: boolean }, peers: Endpoint[]) => {
    const openDht = () => {
      const deaf = new DeafDht(port);
      opened.set(host, deaf);
      return deaf;
    };
    const storage = new SimStorage(lab.metainfo, lab.createDisk(), lab.clock, { latencyMs: 1 });
    const sources = { trackers: false, dht, pex: false, lsd: false };
    lab.addTorrent(lab.createClient(host, { openDht }), storage, { sources, peers })
      .download().catch(() => {}); // ends with the laboratory
  };
  try {
    add(FOUND, options.found, []);
    add(FINDER, options.finder, [{ host: FOUND, port: PORT }]);
    await lab.clock.run(() => false, 5_000);
    return [opened.get(FOUND)?.nodes, opened.get(FINDER)?.nodes];
  } finally {
    await lab.end();
  }
}

Deno.test("two that know the DHT tell each other where, each at its own address", async () => {
  deepStrictEqual(
    await meet({ found: { dht: true, port: 7_001 }, finder: { dht: true, port: 7_002 } }),
    [[{ host: FINDER, port: 7_002 }], [{ host: FOUND, port: 7_001 }]],
  );
});

Deno.test("who does not use the DHT is told nothing, and opens none", async () => {
  deepStrictEqual(
    await meet({ found: { dht: false }, finder: { dht: true, port: 7_002 } }),
    [undefined, []],
  );
  deepStrictEqual(
    await meet({ found: { dht: true, port: 7_001 }, finder: { dht: false } }),
    [[], undefined],
  );
});

Deno.test("who has no socket for the DHT tells nothing", async () => {
  deepStrictEqual(
    await meet({ found: { dht: true }, finder: { dht: true, port: 7_002 } }),
    [[], []],
  );
});

Deno.test("for a private torrent (BEP 27) nobody opens a DHT, nor tells of one", async () => {
  deepStrictEqual(
    await meet({
      found: { dht: true, port: 7_001 },
      finder: { dht: true, port: 7_002 },
      isPrivate: true,
    }),
    [undefined, undefined],
  );
});
