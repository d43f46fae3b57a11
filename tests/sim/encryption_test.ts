/** Swarms in which some encrypt, some do not, and some insist. */
import { ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { Connection } from "../../src/net/transport.ts";
import type { EncryptionMode } from "../../src/wire/mse.ts";
import { Lab, PORT } from "./lab.ts";
import { SimStorage } from "./sim_storage.ts";

const PIECE_LENGTH = 32_768;
const SIZE = 40 * PIECE_LENGTH;
const LINK = { latencyMs: 10, bytesPerSecond: 1_000_000 };
const LIMIT_MS = 10 * 60_000;
const SEED = "10.0.1.1";
/** What no encrypted stream contains: the name of the protocol. */
const NAME = new TextEncoder().encode("BitTorrent protocol");

class Swarm {
  readonly lab: Lab;
  /** Hosts that were sent the name of the protocol in the clear. */
  readonly overheard = new Set<string>();
  readonly #pending: Promise<void>[] = [];

  constructor(seed: number) {
    const random = new SeededRandom(seed);
    this.lab = new Lab(random.bytes(SIZE), PIECE_LENGTH, random);
    const { network } = this.lab, host = network.host.bind(network);
    network.host = (address) => ({
      ...host(address),
      connect: async (to, options) =>
        this.#overhear(to.host, await host(address).connect(to, options)),
    });
  }

  addSeed(host: string, mode: EncryptionMode): void {
    this.lab.encryptionOf = () => mode;
    this.lab.addSeed(host, LINK);
  }

  /** Knows those who came before, and shares what it has. */
  add(host: string, mode: EncryptionMode): void {
    const { lab } = this;
    lab.network.setLink(host, LINK);
    const storage = new SimStorage(lab.metainfo, lab.createDisk(), lab.clock, { latencyMs: 1 });
    const torrent = lab.addTorrent(lab.createClient(host, { encryption: mode }), storage, {
      uploadSlots: 4,
      keepSeeding: true,
      peers: [...lab.endpoints],
    });
    lab.endpoints.push({ host, port: PORT });
    const download = torrent.download();
    download.catch(() => {}); // who cannot agree is stopped at the end
    this.#pending.push(download);
  }

  async areComplete(limitMs = LIMIT_MS): Promise<boolean> {
    return await this.lab.settled(Promise.all(this.#pending), limitMs);
  }

  async end(): Promise<void> {
    await this.lab.end();
  }

  #overhear(host: string, connection: Connection): Connection {
    const read = connection.read.bind(connection), write = connection.write.bind(connection);
    connection.write = (bytes) => {
      if (contains(bytes, NAME)) this.overheard.add(host);
      return write(bytes);
    };
    connection.read = async (buffer) => {
      const length = await read(buffer);
      if (length !== null && contains(buffer.subarray(0, length), NAME)) this.overheard.add(host);
      return length;
    };
    return connection;
  }
}

function contains(bytes: Uint8Array, wanted: Uint8Array): boolean {
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("")
    .includes(String.fromCharCode(...wanted));
}

Deno.test("a download completes from a seed whatever both think of encryption, unless they cannot agree", async () => {
  const modes = ["prefer", "require", "off"] as const;
  for (const theirs of modes) {
    for (const ours of modes) {
      const swarm = new Swarm(1);
      swarm.addSeed(SEED, theirs);
      swarm.add("10.0.2.1", ours);
      const canAgree = ![ours, theirs].includes("require") || ![ours, theirs].includes("off");
      const limitMs = canAgree ? LIMIT_MS : 60_000;
      strictEqual(await swarm.areComplete(limitMs), canAgree, `${ours} and ${theirs}`);
      await swarm.end();
    }
  }
});

Deno.test("nobody overhears the protocol's name where encryption is required", async () => {
  const swarm = new Swarm(2);
  swarm.addSeed(SEED, "require");
  for (let n = 1; n <= 4; n++) swarm.add(`10.0.2.${n}`, "require");
  ok(await swarm.areComplete());
  strictEqual(swarm.overheard.size, 0);
  await swarm.end();
});

Deno.test("what was overheard is heard by the test, where encryption is off", async () => {
  const swarm = new Swarm(3);
  swarm.addSeed(SEED, "off");
  swarm.add("10.0.2.1", "off");
  ok(await swarm.areComplete());
  strictEqual(swarm.overheard.size, 1);
  await swarm.end();
});

Deno.test("those who prefer it bring pieces from those who require it to those who have none", async () => {
  const swarm = new Swarm(4);
  swarm.addSeed(SEED, "require");
  swarm.add("10.0.2.1", "prefer");
  swarm.add("10.0.2.2", "prefer");
  swarm.add("10.0.2.3", "off");
  ok(await swarm.areComplete());
  await swarm.end();
});
