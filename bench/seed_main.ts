/**
 * Seeds what is complete on disk, until it is killed: `seed_main.ts TORRENT FOLDER PORT`. The
 * upload path alone, for measuring and profiling: no trackers, no screen, no limits.
 */
import { SystemClock, SystemRandom } from "../src/base/ambient.ts";
import type { FileIndex } from "../src/base/ids.ts";
import { parseMetainfo } from "../src/metainfo/metainfo.ts";
import { diskPaths } from "../src/metainfo/paths.ts";
import { DenoNetwork } from "../src/net/deno_network.ts";
import { DiskStorage } from "../src/storage/disk_storage.ts";
import { Client } from "../src/torrent/client.ts";
import { WorkerPool } from "../src/workers/pool.ts";

const MAX_PEERS = 80;
const UPLOAD_SLOTS = 20;

const [torrentPath, outputDir, port] = Deno.args as [string, string, string];
const metainfo = parseMetainfo(await Deno.readFile(torrentPath));
const clock = new SystemClock(), random = new SystemRandom();
const selected = new Set(metainfo.files.keys() as Iterable<FileIndex>);
const stateDir = await Deno.makeTempDir();
const pool = new WorkerPool({ size: Math.max(2, navigator.hardwareConcurrency) });
const storage = await DiskStorage.open({
  metainfo,
  paths: diskPaths(metainfo, "linux"),
  outputDir,
  stateDir,
  selected,
  pool,
  clock,
  random,
  overwrite: false,
  trustState: false,
  waitLockMs: 0,
  signal: new AbortController().signal,
  onFileDone: () => {},
  onWarning: say,
});
const client = new Client({
  network: new DenoNetwork({ clock }),
  fetch: () => Promise.reject(new Error("there are no trackers here")),
  clock,
  random,
  encryption: "off",
  version: "0.0.0",
  ports: [Number(port)],
  address: "127.0.0.1",
});
const torrent = client.add({
  metainfo,
  storage,
  peers: [],
  sources: { trackers: false, dht: false, pex: false, lsd: false },
  maxPeers: MAX_PEERS,
  maxDownloads: 0,
  uploadSlots: UPLOAD_SLOTS,
  selected,
  firstRanges: [],
  sequential: false,
  memoryBudgetBytes: metainfo.pieceLength,
  keepSeeding: true,
  onEvent: () => {},
});
await torrent.download();
say(`seeding at port ${client.listen()}`);
Deno.addSignalListener("SIGTERM", async () => {
  await client.close();
  await storage.close();
  pool.close();
  await Deno.remove(stateDir, { recursive: true });
  Deno.exit();
});

function say(line: string): void {
  Deno.stdout.writeSync(new TextEncoder().encode(`${line}\n`));
}
