import { deepStrictEqual, match, ok, throws } from "node:assert/strict";
import { SeededRandom, SystemClock } from "../../../src/base/ambient.ts";
import { StorageError } from "../../../src/base/errors.ts";
import type { NodeId } from "../../../src/base/ids.ts";
import { PeerFinding } from "../../../src/cli/environment/peer_finding.ts";
import { encodeSavedTable, parseSavedTable } from "../../../src/dht/saved_table.ts";
import { DenoNetwork } from "../../../src/net/deno_network.ts";
import { SharedPort } from "../../../src/net/shared_port.ts";
import { ManualClock } from "../../sim/manual_clock.ts";
import { natPmpNetwork } from "../../net/nat_pmp_network.ts";

const LOOPBACK = "127.0.0.1";
const NODE = { id: new Uint8Array(20).fill(3) as NodeId, endpoint: { host: LOOPBACK, port: 9 } };

interface Bench {
  readonly finding: PeerFinding;
  readonly kept: Record<string, Uint8Array>;
  readonly log: string[];
}

function create(stateDir: string, keepError?: Error, clock = new SystemClock()): Bench {
  const kept: Record<string, Uint8Array> = {};
  const log: string[] = [];
  const network = new DenoNetwork({ clock });
  const finding = new PeerFinding({
    bindAddress: LOOPBACK,
    dhtBootstrap: [],
    environment: {
      clock,
      random: new SeededRandom(1),
      keepState: (folders, name, bytes) => {
        if (keepError !== undefined) return Promise.reject(keepError);
        kept[`${folders.stateDir}/${name}`] = bytes;
        return Promise.resolve(`${folders.stateDir}/${name}`);
      },
    },
    network,
    sharedPort: new SharedPort({ network, clock, address: LOOPBACK }),
    folders: { outputDir: stateDir, stateDir },
    onLog: (line) => log.push(line),
  });
  return { finding, kept, log };
}

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "starling_test_" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Starts the DHT, and ends it; what is kept for the next run. */
async function runOnce({ finding, kept }: Bench): Promise<string[]> {
  await finding.load({ dht: true, lsd: false });
  using _dht = finding.openDht(0);
  await finding.close();
  return Object.keys(kept);
}

Deno.test("PeerFinding keeps the DHT's table in the state folder, and begins with it", async () => {
  await withFolder(async (folder) => {
    const table = {
      ownId: new Uint8Array(20).fill(1) as NodeId,
      nodes: [NODE],
      externalHost: undefined,
      savedAtMs: Date.now(),
    };
    await Deno.writeFile(`${folder}/dht`, encodeSavedTable(table));
    const bench = create(folder);
    deepStrictEqual(await runOnce(bench), [`${folder}/dht`]);
    const kept = parseSavedTable(bench.kept[`${folder}/dht`]!, Date.now());
    deepStrictEqual(kept?.ownId, table.ownId);
  });
});

Deno.test("H11 PeerFinding begins anew when the table is damaged, too long, or no file", async () => {
  await withFolder(async (folder) => {
    await Deno.writeFile(`${folder}/dht`, new Uint8Array(100));
    ok((await runOnce(create(folder))).length === 1);
    await Deno.writeFile(`${folder}/dht`, new Uint8Array(1_000_000));
    const tooLong = create(folder);
    ok((await runOnce(tooLong)).length === 1);
    match(tooLong.log.join(), /begins anew: .* too large/);
    await Deno.remove(`${folder}/dht`);
    await Deno.mkdir(`${folder}/dht`);
    ok((await runOnce(create(folder))).length === 1);
  });
});

Deno.test("PeerFinding keeps nothing when the DHT was never used, and says when it cannot", async () => {
  await withFolder(async (folder) => {
    const unused = create(folder);
    await unused.finding.load({ dht: true, lsd: false });
    await unused.finding.close();
    deepStrictEqual(unused.kept, {});
    const full = create(
      folder,
      new StorageError("no-space", "x", "Cannot save x: the disk is full"),
    );
    await runOnce(full);
    match(full.log.join(), /not kept: Cannot save x/);
  });
});

Deno.test("mapPort() leaves the gateway alone when isOnlyHere says that only this machine can reach us", async () => {
  class BusyClock extends SystemClock {
    override sleep(): Promise<void> {
      throw new Error("the gateway is about to be asked");
    }
  }
  const { finding, log } = create("/nonexistent", undefined, new BusyClock());
  ok(finding.isOnlyHere);
  await finding.mapPort(6_881);
  await finding.close();
  deepStrictEqual(log, []);
});

Deno.test("mapPort() has the gateway open a port for connections, and one for datagrams", async () => {
  const clock = new ManualClock();
  const network = natPmpNetwork(clock, { tcp: 40_000, udp: 41_000 });
  const finding = new PeerFinding({
    bindAddress: undefined,
    dhtBootstrap: [],
    environment: { clock, random: new SeededRandom(1), keepState: () => Promise.resolve("") },
    network,
    sharedPort: new SharedPort({ network, clock }),
  });
  deepStrictEqual([finding.externalPort("tcp"), finding.externalPort("udp")], [
    undefined,
    undefined,
  ]);
  const starting = finding.mapPort(6_881);
  await clock.run(() => false, 2_000);
  await starting; // Its code is loaded only now, which takes real time.
  ok(await clock.run(() => finding.externalPort("tcp") !== undefined, 60_000));
  deepStrictEqual([finding.externalPort("tcp"), finding.externalPort("udp")], [40_000, 41_000]);
  const closing = finding.close();
  await clock.run(() => false, 2_000);
  await closing;
});

Deno.test("PeerFinding opens what was loaded, and nothing else", async () => {
  await withFolder(async (folder) => {
    const { finding } = create(folder);
    throws(() => finding.openLsd(), { name: "BugError" });
    throws(() => finding.openDht(0), { name: "BugError" });
    await finding.load({ dht: false, lsd: true });
    finding.openLsd().close();
    throws(() => finding.openDht(0), { name: "BugError" });
    await finding.close();
  });
});
