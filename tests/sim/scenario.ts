/**
 * One seeded simulation: a downloader, at least one honest seed, and peers and a disk that fail
 * in every way at once. What happens is decided by the seed alone.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { formatEndpoint } from "../../src/base/endpoint.ts";
import { StorageError } from "../../src/base/errors.ts";
import type { Torrent } from "../../src/torrent/torrent.ts";
import { Lab, PORT } from "./lab.ts";
import type { Link } from "./sim_network.ts";
import { type DiskFaults, type SimDisk, SimStorage } from "./sim_storage.ts";

/** Simulated time in which every download with an honest seed must be complete. */
const LIMIT_MS = 30 * 60_000;
const DOWNLOADER = "10.0.0.1";
/** Those of the lengths below that a torrent of version 2 may have. */
const VERSION_2_PIECE_LENGTHS: readonly number[] = [16_384, 32_768, 65_536];
const TROUBLES = [
  "liar",
  "liar",
  "black hole",
  "refuses",
  "stalls",
  "resets",
  "choking",
  "mute",
  "silent",
  "flapping",
  "garbage",
  "empty",
  "rejecting",
] as const;

export interface Outcome {
  readonly simulatedMs: number;
  readonly wastedBytes: number;
  readonly banned: number;
}

/** Runs the simulation of a seed; throws what was violated. */
export async function simulate(seed: number): Promise<Outcome> {
  const scenario = new Scenario(seed);
  try {
    return await scenario.run();
  } catch (error) {
    const again = `run it again with: deno task sim ${seed} 1`;
    throw new Error(`seed ${seed} failed (${scenario.story}); ${again}`, { cause: error });
  } finally {
    await scenario.end();
  }
}

class Scenario {
  readonly #seed: number;
  readonly #random: SeededRandom;
  readonly #lab: Lab;
  readonly #disk: SimDisk;
  readonly #liars = new Set<string>();
  readonly #story: string[] = [];
  #simulatedMs = 0;
  #wastedBytes = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.#random = new SeededRandom(seed);
    const pieceLength = this.#choose([16_384, 32_768, 65_536, 40_000, 100_003, 5_000]);
    const length = 1 + this.#random.below(pieceLength * this.#choose([1, 4, 20, 40]));
    this.#tell(`${length} bytes in pieces of ${pieceLength}`);
    const fileLengths = this.#cut(length, pieceLength);
    const content = this.#random.bytes(length);
    this.#lab = new Lab(content, pieceLength, this.#random, { fileLengths });
    this.#disk = this.#lab.createDisk();
    if (seed % 2 === 1) this.#encrypt();
  }

  /** What happened, in words. */
  get story(): string {
    return this.#story.join("; ");
  }

  async run(): Promise<Outcome> {
    const seeds = 1 + this.#random.below(3);
    for (let index = 0; index < seeds; index++) this.#addSeed(`10.0.1.${index}`);
    for (let count = this.#random.below(6); count > 0; count--) this.#addTroublemaker();
    await this.#download();
    strictEqual(this.#disk.pieces.size, this.#pieceCount, "all pieces are here");
    for (const [piece, bytes] of this.#disk.pieces) {
      deepStrictEqual(bytes, this.#lab.contentOf(piece));
    }
    return {
      simulatedMs: this.#simulatedMs,
      wastedBytes: this.#wastedBytes,
      banned: this.#checkBans(),
    };
  }

  async end(): Promise<void> {
    await this.#lab.end();
  }

  get #pieceCount(): number {
    return this.#lab.metainfo.layout.pieceCount;
  }

  /** Until it is complete, through crashes and a disk that is full at first. */
  async #download(): Promise<void> {
    for (let crashes = this.#random.below(3); crashes > 0; crashes--) {
      await this.#attempt({ latencyMs: this.#random.below(50) }, this.#random.below(20_000));
      this.#tell("crash");
    }
    const missing = this.#pieceCount - this.#disk.pieces.size;
    if (this.#random.below(5) === 0 && missing > 0) {
      const capacity = this.#disk.pieces.size + this.#random.below(missing);
      this.#tell(`disk full at ${capacity} pieces`);
      const error = await this.#attempt({ latencyMs: 1, capacity }, LIMIT_MS);
      ok(error instanceof StorageError && error.reason === "no-space", `disk full, not ${error}`);
    }
    const error = await this.#attempt({ latencyMs: this.#choose([0, 1, 20, 500]) }, LIMIT_MS);
    if (error !== undefined) throw error;
  }

  /** Downloads until done, failed, or out of time: then it is as if the program was killed. */
  async #attempt(faults: DiskFaults, limitMs: number): Promise<unknown> {
    const lab = this.#lab;
    const storage = new SimStorage(lab.metainfo, this.#disk, lab.clock, faults);
    const memoryBudgetBytes = lab.metainfo.pieceLength * (1 + this.#random.below(8));
    const client = lab.createClient(DOWNLOADER);
    const torrent = lab.addTorrent(client, storage, { memoryBudgetBytes });
    let result: { error?: unknown } | undefined;
    torrent.download().then(() => result = {}, (error) => result = { error });
    const isDone = () => {
      const { memoryBytes } = torrent.snapshot();
      ok(memoryBytes <= memoryBudgetBytes, `${memoryBytes} of ${memoryBudgetBytes} bytes`);
      return result !== undefined;
    };
    const start = lab.clock.now();
    const isOver = await lab.clock.run(isDone, limitMs);
    this.#simulatedMs += lab.clock.now() - start;
    this.#wastedBytes += torrent.snapshot().wasted;
    if (isOver) {
      if (result!.error === undefined) ok(storage.isFinished);
      await lab.closeClient(client);
      return result!.error;
    }
    if (limitMs === LIMIT_MS) throw new Error(`not complete: ${describe(torrent)}`);
    const claimed = this.#disk.claimed;
    await lab.closeClient(client);
    this.#disk.claimed = claimed; // what the orderly end saved did not happen in a crash
    return undefined;
  }

  /** By chance of its own: all else stays as it is without. */
  #encrypt(): void {
    const random = new SeededRandom(this.#seed + 2);
    this.#lab.encryptionOf = (host) => {
      if (host === DOWNLOADER) return "prefer";
      const mode = (["prefer", "require", "off"] as const)[random.below(3)]!;
      this.#tell(`${host} would ${mode} encryption`);
      return mode;
    };
  }

  /** The files of a torrent of version 2, by chance of its own; undefined of version 1. */
  #cut(length: number, pieceLength: number): number[] | undefined {
    if (this.#seed % 3 !== 0 || !VERSION_2_PIECE_LENGTHS.includes(pieceLength)) return undefined;
    const random = new SeededRandom(this.#seed + 3);
    const cuts = Array.from({ length: random.below(6) }, () => random.below(length + 1));
    const bounds = [0, ...cuts.toSorted((one, other) => one - other), length];
    const lengths = bounds.slice(1).map((end, index) => end - bounds[index]!);
    this.#tell(`version 2, files of ${lengths.join(", ")} bytes`);
    return lengths;
  }

  #addSeed(host: string, lies?: () => boolean): void {
    const link: Link = {
      latencyMs: this.#choose([1, 10, 50, 200]),
      bytesPerSecond: this.#choose([20_000, 200_000, 2_000_000]),
    };
    this.#lab.addSeed(host, link, lies);
    this.#tell(`${lies ? "liar" : "seed"} ${link.latencyMs} ms ${link.bytesPerSecond} B/s`);
  }

  #addTroublemaker(): void {
    const host = `10.0.2.${this.#lab.endpoints.length}`;
    const endpoint = { host, port: PORT };
    const trouble = this.#choose(TROUBLES);
    const link = { latencyMs: 5, bytesPerSecond: 1_000_000 };
    this.#tell(trouble);
    switch (trouble) {
      case "liar": {
        const rarity = 1 + this.#random.below(4);
        const random = new SeededRandom(this.#seed + 1);
        this.#liars.add(formatEndpoint(endpoint));
        return this.#addSeed(host, () => random.below(rarity) === 0);
      }
      case "stalls":
        this.#lab.addSeed(host, { ...link, stallsAfterBytes: this.#random.below(100_000) });
        return;
      case "resets":
        this.#lab.addSeed(host, { ...link, resetsAfterBytes: this.#random.below(100_000) });
        return;
      case "refuses":
        this.#lab.endpoints.push(endpoint);
        return;
      case "black hole":
        this.#lab.network.setLink(host, { ...link, isBlackHole: true });
        this.#lab.endpoints.push(endpoint);
        return;
      case "flapping":
        return this.#lab.addScripted(host, {
          kind: trouble,
          everyMs: 1 + this.#random.below(2000),
        });
      default:
        return this.#lab.addScripted(host, { kind: trouble });
    }
  }

  /** Only liars are banned; how many were. */
  #checkBans(): number {
    const banned = new Set<string>();
    for (const event of this.#lab.events) {
      if (event.kind === "peer-banned") banned.add(formatEndpoint(event.endpoint));
    }
    for (const endpoint of banned) {
      ok(this.#liars.has(endpoint), `only liars are banned, not ${endpoint}`);
    }
    return banned.size;
  }

  #choose<Item>(items: readonly Item[]): Item {
    return items[this.#random.below(items.length)]!;
  }

  #tell(fact: string): void {
    this.#story.push(fact);
  }
}

function describe(torrent: Torrent): string {
  const { have, pieces, peers } = torrent.snapshot();
  const facts = { have, pieces, peers, all: torrent.peerSnapshots() };
  return `${torrent.verdict().detail} ${JSON.stringify(facts)}`;
}
