/**
 * A DHT of two hundred nodes: 155 honest ones with links that lose packets, 30 that poison every
 * search together, 15 that lie. What happens is decided by the seed alone.
 */
import { ok, strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { formatEndpoint } from "../../src/base/endpoint.ts";
import type { InfoHash } from "../../src/base/ids.ts";
import { DhtLab, type Member } from "./dht_lab.ts";
import type { DatagramLink } from "./sim_datagrams.ts";

const HONEST = 155, POISONERS = 30, LIARS = 15;
/** Honest nodes whose links let in only whom they asked first. */
const FILTERED = 10;
const SEEDS = 5;
const PEER_PORT = 7_000;
/** Simulated time in which a search must have come to its first peer. */
const FIRST_PEER_MS = 2_000;
/** The one packet to the only node that a newcomer knows may be lost. */
const NEWCOMER_FIRST_PEER_MS = 4_000;
const ALL_PEERS_MS = 20_000;

/** `lab` and what is asked of it, a DHT that has settled. */
class Dht {
  readonly lab: DhtLab;
  readonly infoHash: InfoHash;
  readonly router: Member;
  readonly seeds: readonly Member[];
  readonly #random: SeededRandom;

  private constructor(seed: number) {
    this.#random = new SeededRandom(seed);
    this.lab = new DhtLab(this.#random);
    this.infoHash = this.#random.bytes(20) as InfoHash;
    this.router = this.lab.addMember([], this.link());
    this.seeds = [];
  }

  static async make(seed: number): Promise<Dht> {
    const dht = new Dht(seed);
    await dht.#settle();
    return dht;
  }

  /** Up to 65 ms and a tenth of the packets, each way and at each end. */
  link(): DatagramLink {
    return { latencyMs: 5 + this.#random.below(60), lossPercent: this.#random.below(10) };
  }

  /** When a newcomer found its first seed, and how many it found by the end. */
  async seek(newcomer: Member, limitMs: number): Promise<{ firstMs: number; count: number }> {
    const startedAt = this.lab.clock.now();
    newcomer.search(this.infoHash, undefined, this.lab.ending.signal);
    await this.lab.pass(limitMs);
    const times = this.seeds.map(({ host }) =>
      newcomer.found.get(formatEndpoint({ host, port: PEER_PORT }))
    ).filter((time) => time !== undefined);
    return { firstMs: Math.min(...times) - startedAt, count: times.length };
  }

  async #settle(): Promise<void> {
    const { lab, router } = this;
    for (let n = 1; n < HONEST; n++) {
      const isFiltered = n > HONEST - FILTERED;
      const isReachable = isFiltered ? { isReachable: () => false } : {};
      lab.addMember([router.endpoint], { ...this.link(), isFiltered }, isReachable);
      await lab.pass(50);
    }
    const endpoints = lab.members.map(({ endpoint }) => endpoint);
    const victims = () =>
      Array.from({ length: 40 }, () => endpoints[this.#random.below(endpoints.length)]!);
    for (let n = 0; n < POISONERS; n++) lab.addPoisoner(victims(), this.link());
    for (let n = 0; n < LIARS; n++) lab.addLiar(victims(), this.link());
    await lab.pass(60_000);
    for (let n = 0; n < SEEDS; n++) {
      const seed = lab.members[10 + n]!;
      seed.search(this.infoHash, PEER_PORT, lab.ending.signal);
      (this.seeds as Member[]).push(seed);
    }
    await lab.pass(20_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab.end();
  }
}

for (const seed of [1, 2]) {
  Deno.test(`a DHT of 200 nodes finds and announces among liars and poisoners, seed ${seed}`, async (t) => {
    await using dht = await Dht.make(seed);
    const { lab, router } = dht;

    await t.step("H7 H8 a newcomer finds peers from an empty table", async () => {
      for (let n = 0; n < 3; n++) {
        const newcomer = lab.addMember([router.endpoint], dht.link());
        const { firstMs, count } = await dht.seek(newcomer, ALL_PEERS_MS);
        ok(firstMs <= NEWCOMER_FIRST_PEER_MS, `seed ${seed}: first peer after ${firstMs} ms`);
        strictEqual(count, SEEDS, `seed ${seed}: seeds found`);
      }
    });

    await t.step("a second run finds peers from its saved table, half of it dead", async () => {
      const first = lab.addMember([router.endpoint], dht.link());
      await lab.pass(30_000);
      const saved = first.service.save();
      first.service.close();
      for (const [index, { host, service }] of lab.members.entries()) {
        if (index % 2 === 0) lab.network.datagrams.setLink(host, { latencyMs: 1, isDown: true });
        if (index % 2 === 0) service.close();
      }
      const again = lab.addMember([], dht.link(), { saved });
      const { firstMs, count } = await dht.seek(again, ALL_PEERS_MS);
      ok(firstMs <= FIRST_PEER_MS, `seed ${seed}: first peer after ${firstMs} ms`);
      ok(count > 0, `seed ${seed}: seeds found`);
    });

    await t.step("who cannot be reached says so, but for the trials (BEP 43)", async () => {
      // The trials begin two minutes after the start, and last three.
      await lab.pass(4 * 60_000);
      const alive = lab.members.slice(HONEST - FILTERED + 1, HONEST).filter((_, n) => n % 2 === 1);
      for (const { host, service } of alive) strictEqual(service.status().isReadOnly, true, host);
    });
  });
}
