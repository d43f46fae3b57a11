/** Our DHT node among those of others, on loopback. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { SystemClock, SystemRandom } from "../../src/base/ambient.ts";
import { type Endpoint, formatEndpoint, parseEndpoint } from "../../src/base/endpoint.ts";
import type { InfoHash } from "../../src/base/ids.ts";
import { DhtService } from "../../src/dht/service.ts";
import { DenoNetwork } from "../../src/net/deno_network.ts";
import { openDatagramSockets } from "../../src/net/datagram_sockets.ts";
import { freePort, Lab } from "../loopback/lab.ts";
import { DHTS } from "./dht_nodes.ts";
import { isMissing } from "./installed.ts";

const clock = new SystemClock(), random = new SystemRandom();
const network = new DenoNetwork({ clock });
/** More rounds than should be needed: announcements get through one by one. */
const FIND_TIMEOUT_MS = 300_000;

/** Our node, which searches for one torrent and announces a peer of it. */
class Ours implements Disposable {
  readonly found: string[] = [];
  readonly peer = `127.0.0.1:${freePort()}`;
  readonly service: DhtService;
  readonly #ending = new AbortController();

  constructor(
    infoHash: InfoHash,
    { bootstrap, saved }: { bootstrap: readonly string[]; saved?: Uint8Array },
  ) {
    this.service = new DhtService({
      network,
      sockets: openDatagramSockets(network, { port: 0, address: "127.0.0.1" }),
      clock,
      random,
      bootstrap: bootstrap.map((text) => parseEndpoint(text)!),
      ...(saved && { saved }),
    });
    const search = this.service.search(infoHash, {
      portFor: () => parseEndpoint(this.peer)!.port,
      isSeed: () => false,
      isHungry: () => true,
      signal: this.#ending.signal,
    });
    void this.#collect(search);
  }

  async #collect(search: AsyncIterable<readonly Endpoint[]>): Promise<void> {
    for await (const peers of search) this.found.push(...peers.map(formatEndpoint));
  }

  [Symbol.dispose](): void {
    this.#ending.abort();
    this.service.close();
  }
}

for (const [name, { program, start }] of Object.entries(DHTS)) {
  const ignore = isMissing(program);

  Deno.test({ name: `DhtService finds what ${name} announces, and is found`, ignore }, async () => {
    await using lab = await Lab.open();
    const infoHash = random.bytes(20) as InfoHash;
    const dht = await start(lab, "announce", infoHash);
    using ours = new Ours(infoHash, { bootstrap: [dht.nodes[0]!] });
    const isFound = () => ours.found.includes(dht.peer);
    await lab.until(`${dht.peer} found`, isFound, FIND_TIMEOUT_MS);
    const finder = await start(lab, "find", infoHash, dht.nodes[1]!);
    const findsUs = () => finder.process.stdout.includes(`found ${ours.peer}\n`);
    await lab.until(`${ours.peer} found by ${name}`, findsUs, FIND_TIMEOUT_MS);
    deepStrictEqual(finder.process.stdout.includes(`found ${dht.peer}\n`), true);
  });

  Deno.test({
    name: `DhtService finds peers among ${name}'s nodes by a saved table, half of it dead`,
    ignore,
  }, async () => {
    await using lab = await Lab.open();
    const infoHash = random.bytes(20) as InfoHash;
    const dht = await start(lab, "announce", infoHash);
    const doomed = await start(lab, "find", infoHash, dht.nodes[1]!);
    const known = [...dht.nodes, ...doomed.nodes];
    let saved: Uint8Array;
    {
      using ours = new Ours(infoHash, { bootstrap: known });
      const knowsMany = () => ours.service.status().nodes >= 8;
      await lab.until("eight nodes", knowsMany, FIND_TIMEOUT_MS);
      saved = ours.service.save();
    }
    await doomed.process.stop();
    using again = new Ours(infoHash, { bootstrap: [], saved });
    await until(() => again.found.includes(dht.peer), FIND_TIMEOUT_MS);
  });
}

/** Not the lab's: one of its processes was stopped on purpose. */
async function until(check: () => boolean, timeoutMs: number): Promise<void> {
  const deadline = clock.now() + timeoutMs;
  while (!check()) {
    ok(clock.now() < deadline, `not so after ${timeoutMs} ms`);
    await clock.sleep(20);
  }
}
