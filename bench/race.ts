/**
 * Races the clients that are installed here on loopback: the same data, the same seeders, one
 * client after the other, in rounds. Prints a table, and with `--json` a line for each client;
 * `--record NOTE` appends these lines to history.jsonl. Linux only, for the sake of /proc.
 *
 *     deno task race [--rounds 3] [--size 512M] [--piece-length 1M] [--files 1] [--seeders 1]
 *                    [--clients starling,libtorrent,aria2] [--folder DIR]
 *                    [--json] [--record NOTE]
 *
 * The seeders are starling's own. Whoever wants to compare machines must not: only ratios within
 * one run mean something.
 */
import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { SystemClock, SystemRandom } from "../src/base/ambient.ts";
import { parseSize } from "../src/cli/output/units.ts";
import { VERSION } from "../src/cli/output/version.ts";
import { DenoNetwork } from "../src/net/deno_network.ts";
import { TrackerServer } from "../src/tracker/server.ts";
import { type Cost, measure } from "./process_meter.ts";
import { installed, RACERS } from "./racers.ts";

const LOOPBACK = "127.0.0.1";
const MAIN = new URL("../main.ts", import.meta.url).pathname;
const HISTORY = new URL("history.jsonl", import.meta.url);
const FIRST_PORT = 17_000;
const RUN_TIMEOUT_MS = 120_000;
const SEEDING_TIMEOUT_MS = 60_000;
const POLL_MS = 50;
const CHUNK_LENGTH = 1024 * 1024;

const { values: options } = parseArgs({
  args: Deno.args,
  options: {
    rounds: { type: "string", default: "3" },
    size: { type: "string", default: "512M" },
    "piece-length": { type: "string", default: "1M" },
    files: { type: "string", default: "1" },
    seeders: { type: "string", default: "1" },
    clients: { type: "string", default: Object.keys(RACERS).join() },
    folder: { type: "string", default: "/dev/shm" },
    json: { type: "boolean", default: false },
    record: { type: "string" },
  },
});

/** The figures of one client, medians over all rounds. */
interface Result {
  readonly client: string;
  readonly megabytesPerSecond: number;
  readonly cpuSecondsPerGigabyte: number;
  readonly residentMiB: number;
  readonly anonymousMiB: number;
}

const folder = await Deno.makeTempDir({ dir: options.folder, prefix: "starling_race_" });
const network = new DenoNetwork({ clock: new SystemClock() });
const tracker = new TrackerServer({
  network,
  clock: new SystemClock(),
  random: new SystemRandom(),
  addresses: [LOOPBACK],
  port: 0,
  intervalMs: 1_800_000,
});
const seeders: Deno.ChildProcess[] = [];
try {
  const size = parseSize(options.size)!;
  await makeData(`${folder}/data`, size, Number(options.files));
  const torrent = await makeTorrent();
  for (let index = 0; index < Number(options.seeders); index++) seeders.push(seed(torrent, index));
  await seedersAnnounced();
  const results = await race(torrent, size);
  await report(results, size);
} finally {
  for (const seeder of seeders) seeder.kill("SIGTERM");
  await Promise.all(seeders.map((seeder) => seeder.status));
  await tracker.close();
  await Deno.remove(folder, { recursive: true });
}

/** Random bytes, in files of equal size. */
async function makeData(path: string, size: number, fileCount: number): Promise<void> {
  await Deno.mkdir(path);
  const chunk = new SystemRandom().bytes(CHUNK_LENGTH);
  for (let index = 0; index < fileCount; index++) {
    using file = await Deno.create(`${path}/${index}`);
    for (let left = Math.floor(size / fileCount), at = 0; left > 0; at++) {
      // Each chunk differs, or a client could take one piece for another.
      new DataView(chunk.buffer).setFloat64(0, index * size + at);
      const part = chunk.subarray(0, Math.min(left, chunk.length));
      left -= await file.write(part);
    }
  }
}

async function makeTorrent(): Promise<string> {
  const torrent = `${folder}/data.torrent`;
  const announce = `http://${LOOPBACK}:${tracker.port}/announce`;
  const { success } = await starling(
    ...["create", "-o", torrent, "-t", announce, "--piece-length", options["piece-length"]],
    `${folder}/data`,
  ).spawn().status;
  if (!success) throw new Error("Cannot make the torrent");
  return torrent;
}

function seed(torrent: string, index: number): Deno.ChildProcess {
  return starling(
    ...["seed", "-q", "--no-dht", "--no-lsd", "--no-port-map"],
    ...["-p", `${FIRST_PORT + 100 + index}`, torrent, folder],
  ).spawn();
}

function starling(...args: string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "-A", MAIN, ...args],
    stdout: "null",
  });
}

async function seedersAnnounced(): Promise<void> {
  for (let waitedMs = 0; tracker.totals().seeders < seeders.length; waitedMs += POLL_MS) {
    if (waitedMs > SEEDING_TIMEOUT_MS) throw new Error("Cannot race: the seeders do not come up");
    await pause();
  }
}

async function race(torrent: string, size: number): Promise<Result[]> {
  const names = await installed(options.clients.split(","));
  const costs = new Map<string, Cost[]>(names.map((name) => [name, []]));
  for (let round = 0; round < Number(options.rounds); round++) {
    // In turn first and last, so that what changes with time changes for all.
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      costs.get(name)!.push(await run(name, torrent));
    }
  }
  return names.map((client) => summarize(client, costs.get(client)!, size));
}

async function run(name: string, torrent: string): Promise<Cost> {
  const { program, args } = RACERS[name]!;
  const target = `${folder}/${name}`;
  await Deno.mkdir(target);
  const cost = await measure(program, {
    args: args({ torrent, folder: target, port: FIRST_PORT }),
    timeoutMs: RUN_TIMEOUT_MS,
  });
  if (await digest(`${target}/data`) !== await digest(`${folder}/data`)) {
    throw new Error(`${name} did not download what was there`);
  }
  await Deno.remove(target, { recursive: true });
  return cost;
}

async function digest(path: string): Promise<string> {
  const hash = createHash("sha1");
  for (let index = 0; index < Number(options.files); index++) {
    using file = await Deno.open(`${path}/${index}`);
    for await (const chunk of file.readable) hash.update(chunk);
  }
  return hash.digest("hex");
}

function summarize(client: string, costs: readonly Cost[], size: number): Result {
  const of = (figure: (cost: Cost) => number) => median(costs.map(figure));
  return {
    client,
    megabytesPerSecond: round(size / 1_000 / of(({ wallMs }) => wallMs), 0),
    cpuSecondsPerGigabyte: round(of(({ cpuMs }) => cpuMs) * 1_000_000 / size, 2),
    residentMiB: round(of(({ residentBytes }) => residentBytes) / 2 ** 20, 0),
    anonymousMiB: round(of(({ anonymousBytes }) => anonymousBytes) / 2 ** 20, 0),
  };
}

async function report(results: readonly Result[], size: number): Promise<void> {
  const lines = results.map((result) =>
    JSON.stringify({
      date: new Date().toISOString().slice(0, 10),
      version: VERSION,
      note: options.record,
      ...result,
      sizeBytes: size,
      pieceLength: options["piece-length"],
      files: Number(options.files),
      seeders: Number(options.seeders),
      rounds: Number(options.rounds),
      machine: `${navigator.hardwareConcurrency} cores, Linux ${Deno.osRelease()}`,
      deno: Deno.version.deno,
    })
  );
  print(options.json ? lines : tableOf(results));
  if (options.record !== undefined) {
    await Deno.writeTextFile(HISTORY, lines.map((line) => line + "\n").join(""), { append: true });
  }
}

function tableOf(results: readonly Result[]): string[] {
  return [
    "| client | MB/s | CPU s/GB | resident MiB | anonymous MiB |",
    "| --- | --: | --: | --: | --: |",
    ...results.map((result) => `| ${Object.values(result).join(" | ")} |`),
  ];
}

function print(lines: readonly string[]): void {
  Deno.stdout.writeSync(new TextEncoder().encode(lines.join("\n") + "\n"));
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
