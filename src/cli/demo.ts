/**
 * `starling demo`: a whole swarm on this machine. A tracker and three seeders run in this
 * program, one of them sends corrupt data; then `get` downloads from them over real sockets, as
 * it would from anybody, and `verify` checks what came.
 */
import { assert } from "../base/assert.ts";
import { formatEndpoint } from "../base/endpoint.ts";
import type { FileIndex } from "../base/ids.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { diskPaths } from "../metainfo/paths.ts";
import { DenoNetwork } from "../net/deno_network.ts";
import { DiskStorage } from "../storage/disk_storage.ts";
import { Client } from "../torrent/client.ts";
import { TrackerServer } from "../tracker/server.ts";
import { WorkerPool } from "../workers/pool.ts";
import { makeContent } from "./demo/demo_content.ts";
import { LyingStorage } from "./demo/lying_storage.ts";
import { checkWorkerPermission } from "./environment/disk_workers.ts";
import type { CommandContext, Environment } from "./environment/environment.ts";
import { get } from "./get.ts";
import type { Command } from "./options/commands.ts";
import { readPlainly } from "./options/plain_arguments.ts";
import { ExitCode, permissionError } from "./output/failure.ts";
import type { Audience, Notice, Subject } from "./output/notice.ts";
import { formatSize } from "./output/units.ts";
import { VERSION } from "./output/version.ts";
import { verify } from "./verify.ts";

const MAX_PEERS = 8;
const ADDRESS = "127.0.0.1";
const HONEST_SEEDERS = 2;
/** A demonstration asks nobody beyond this machine. */
const ALONE = ["--no-dht", "--no-lsd", "--no-port-map", "--bind", ADDRESS];
/** Slow enough to be watched, fast enough for a demonstration. */
const SEEDER_BYTES_PER_SECOND = 6 * 1024 * 1024;
/** One block in so many comes corrupt from the liar. */
const LIE_RARITY = 8;

/** Runs the swarm; the exit code is that of `get`, then of `verify`. */
export async function demo(context: CommandContext): Promise<number> {
  const folder = await makeFolder(context.environment);
  try {
    return await play(folder, context);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function play(folder: string, context: CommandContext): Promise<number> {
  const { environment: { stdout } } = context;
  const swarm = new DemoSwarm(context.environment, folder);
  try {
    const torrent = await swarm.start();
    const output = `${folder}/download`;
    const bans = new BanList();
    const options = optionsOf("get", ...ALONE, "--output", output, torrent);
    const exitCode = await get(options, context, [bans]);
    if (exitCode !== ExitCode.ok) return exitCode;
    await verify(optionsOf("verify", ...ALONE, torrent, output), context);
    stdout.writeLine(`Banned: ${bans.endpoints.join(", ") || "nobody"}. ${swarm.liar} lied.`);
    return ExitCode.ok;
  } finally {
    await swarm.close();
  }
}

/**
 * Among the temporary files of the system; in the current folder where Deno may use no other.
 * Throws `CommandError`, exit 4.
 */
async function makeFolder(environment: Environment): Promise<string> {
  checkWorkerPermission(environment);
  const prefix = "starling-demo-";
  for (const options of [{ prefix }, { prefix, dir: "." }]) {
    try {
      const folder = await Deno.makeTempDir(options);
      if (environment.missingPermission("read", folder) === undefined) return folder;
      await Deno.remove(folder);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotCapable)) throw error;
    }
  }
  const missing = environment.missingAccess(["."]);
  assert(missing !== undefined);
  throw permissionError("Cannot make a folder", missing);
}

/** What a user would get who typed it. */
function optionsOf<Name extends Command["command"]>(
  name: Name,
  ...args: readonly string[]
): Extract<Command, { command: Name }> {
  const options = readPlainly([name, ...args]);
  assert(options?.command === name);
  return options as Extract<Command, { command: Name }>;
}

/** Hears who was banned. */
class BanList implements Audience {
  readonly endpoints: string[] = [];

  hear(_subject: Subject, notice: Notice): void {
    if (notice.kind !== "torrent" || notice.event.kind !== "peer-banned") return;
    this.endpoints.push(formatEndpoint(notice.event.endpoint));
  }

  show(): void {}

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/** The tracker and the seeders. */
class DemoSwarm {
  readonly #environment: Environment;
  readonly #folder: string;
  readonly #network: DenoNetwork;
  readonly #tracker: TrackerServer;
  readonly #pool = new WorkerPool({ size: 2 });
  readonly #clients: Client[] = [];
  readonly #storages: DiskStorage[] = [];
  #liar = "";

  constructor(environment: Environment, folder: string) {
    const { clock, random } = environment;
    this.#environment = environment;
    this.#folder = folder;
    this.#network = new DenoNetwork({ clock });
    this.#tracker = new TrackerServer({ network: this.#network, clock, random });
  }

  /** Where the seeder listens that lies. */
  get liar(): string {
    return this.#liar;
  }

  /** Resolves to the path of the torrent once all seeders have what they share. */
  async start(): Promise<string> {
    const { random, stdout } = this.#environment;
    const trackers = this.#tracker.announceUrls.map((url) => [url]);
    const source = `${this.#folder}/source`;
    const { metainfo, torrentBytes } = await makeContent(source, { trackers, random });
    const torrent = `${this.#folder}/demo.torrent`;
    await Deno.writeFile(torrent, torrentBytes);
    for (let index = 0; index < HONEST_SEEDERS; index++) await this.#seed(metainfo, source, false);
    this.#liar = await this.#seed(metainfo, source, true);
    const { layout, files } = metainfo;
    stdout.writeLine(
      `A swarm on this machine: ${formatSize(layout.totalLength)} in ${files.length} files, ` +
        `a tracker at ${trackers.join(" and ")}, and ${this.#clients.length} seeders. ` +
        `The one at ${this.#liar} sends corrupt data.`,
    );
    return torrent;
  }

  /** A seeder in the swarm; returns where it listens. */
  async #seed(metainfo: Metainfo, outputDir: string, isLiar: boolean): Promise<string> {
    const { random } = this.#environment;
    const storage = await this.#openStorage(metainfo, outputDir);
    const client = this.#openClient();
    const torrent = client.add({
      metainfo,
      storage: isLiar ? new LyingStorage(storage, () => random.below(LIE_RARITY) === 0) : storage,
      peers: [],
      sources: { trackers: true, dht: false, pex: false, lsd: false },
      maxPeers: MAX_PEERS,
      maxDownloads: 0,
      uploadSlots: MAX_PEERS,
      selected: allFiles(metainfo),
      firstRanges: [],
      sequential: false,
      memoryBudgetBytes: metainfo.pieceLength,
      keepSeeding: true,
      onEvent: () => {},
    });
    await torrent.download();
    return formatEndpoint({ host: ADDRESS, port: client.listen() });
  }

  async #openStorage(metainfo: Metainfo, outputDir: string): Promise<DiskStorage> {
    const { clock, random, platform } = this.#environment;
    const storage = await DiskStorage.open({
      metainfo,
      paths: diskPaths(metainfo, platform),
      outputDir,
      stateDir: `${this.#folder}/state-${this.#storages.length}`,
      selected: allFiles(metainfo),
      pool: this.#pool,
      clock,
      random,
      overwrite: false,
      trustState: false,
      waitLockMs: 0,
      signal: new AbortController().signal,
      onFileDone: () => {},
      onWarning: () => {},
    });
    this.#storages.push(storage);
    return storage;
  }

  #openClient(): Client {
    const { clock, random } = this.#environment;
    const client = new Client({
      network: this.#network,
      fetch: this.#environment.fetch,
      clock,
      random,
      encryption: "off",
      version: VERSION,
      ports: [0],
      address: ADDRESS,
      maxUploadRate: SEEDER_BYTES_PER_SECOND,
    });
    this.#clients.push(client);
    return client;
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
    await Promise.all(this.#storages.map((storage) => storage.close()));
    await this.#tracker.close();
    this.#pool.close();
  }
}

function allFiles({ files }: Metainfo): Set<FileIndex> {
  return new Set(files.keys());
}
