import { strictEqual } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import { Lab } from "./lab.ts";
import { simulate } from "./scenario.ts";
import { SimStorage } from "./sim_storage.ts";

/** More of them with `deno task sim`. */
const SEEDS = 250;

Deno.test("download() completes, bans liars only, and keeps its budget under every fault of 250 seeds", async () => {
  for (let seed = 1; seed <= SEEDS; seed++) await simulate(seed);
});

for (
  const [kind, maxPeers] of [
    ["choking", 200],
    ["mute", 200],
    ["mute", 20],
  ] as const
) {
  Deno.test(`download() completes when one seed is among 60 ${kind} peers that stay, with --max-peers ${maxPeers}`, async () => {
    for (let seed = 1; seed <= 5; seed++) {
      const random = new SeededRandom(seed);
      const lab = new Lab(random.bytes(40 * 32_768), 32_768, random);
      lab.addSeed("10.0.1.1", { latencyMs: 20, bytesPerSecond: 1e6 });
      for (let n = 0; n < 60; n++) lab.addScripted(`10.0.2.${n}`, { kind, keepsAlive: true });
      const storage = new SimStorage(lab.metainfo, lab.createDisk(), lab.clock, { latencyMs: 1 });
      const torrent = lab.addTorrent(lab.createClient("10.0.0.1"), storage, { maxPeers });
      const download = torrent.download();
      strictEqual(await lab.settled(download, 900_000), true, `seed ${seed}`);
      await download;
      await lab.end();
    }
  });
}
