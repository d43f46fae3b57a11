/** `plan` with real processes: what it says of a swarm and a disk, and that it leaves no trace. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { isMissing } from "../interop/installed.ts";
import { assertExit, Checkout, type Finished, finished, onThisMachine } from "./checkout.ts";
import * as content from "./content.ts";
import { freePort, Lab, Subprocess } from "./lab.ts";

const PIECE_LENGTH = 32_768;
const CONTENT = {
  "one.bin": content.randomBytes(1_000_000, 1),
  "sub/two.bin": content.randomBytes(300_000, 2),
};
/** Reading and the network are all that it needs. */
const RUN = ["run", "--no-prompt", "--allow-net", "--allow-read=."];
/** Calls that change what is on a disk, but for those that open files. */
const WRITING_CALLS = "mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,symlink," +
  "symlinkat,link,linkat,truncate,ftruncate,chmod,fchmod,fchmodat,chown,fchown,utimensat,creat";

/** A tracker, a checkout with `x.torrent`, and seeders as they are wanted. */
class PlanRoom implements AsyncDisposable {
  readonly lab: Lab;
  readonly checkout: Checkout;
  readonly torrent: content.MadeTorrent;
  readonly trackerPort: number;
  readonly #processes: Subprocess[] = [];

  private constructor(lab: Lab, checkout: Checkout, trackerPort: number) {
    this.lab = lab;
    this.checkout = checkout;
    this.trackerPort = trackerPort;
    this.torrent = content.makeTorrent("pack", CONTENT, {
      pieceLength: PIECE_LENGTH,
      trackers: ["http", "udp"].map((way) => `${way}://127.0.0.1:${trackerPort}/announce`),
    });
  }

  static async open(): Promise<PlanRoom> {
    const lab = await Lab.open();
    const room = new PlanRoom(lab, await Checkout.make(lab), freePort());
    await Deno.writeFile(room.checkout.path("x.torrent"), room.torrent.bytes);
    return room;
  }

  async startTracker(): Promise<Subprocess> {
    const tracker = this.start("tracker", "--bind", "127.0.0.1", "--port", `${this.trackerPort}`);
    await this.lab.until("tracking", () => tracker.stdout.includes("announce"));
    return tracker;
  }

  /** A seeder of the files that are named, and of zeros in place of the others. */
  async seed(folder: string, ...names: string[]): Promise<Subprocess> {
    for (const [path, bytes] of Object.entries(CONTENT)) {
      await this.put(folder, path, names.includes(path) ? bytes : new Uint8Array(bytes.length));
    }
    const where = ["--bind", "127.0.0.1", "--port", `${freePort()}`];
    const seeder = this.start("seed", "--partial", ...where, "x.torrent", folder);
    await this.lab.until("seeding", () => seeder.stdout.includes("seeding"));
    // Its announces have gone out before the first line of its progress.
    await this.lab.until("announced", () => this.#isAnnounced(folder));
    return seeder;
  }

  async put(folder: string, path: string, bytes: Uint8Array): Promise<void> {
    const file = this.checkout.path(folder, "pack", path);
    await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    await Deno.writeFile(file, bytes);
  }

  start(...args: string[]): Subprocess {
    const process = this.checkout.start(...args);
    this.#processes.push(process);
    return process;
  }

  /** Runs `plan --json ARGS` without any permission to write; nothing may have changed by it. */
  async plan(...args: string[]): Promise<Finished & { plan: Plan }> {
    const before = describe(this.checkout.folder);
    const run = await finished(this.startPlan("--json", ...args));
    deepStrictEqual(describe(this.checkout.folder), before, "something was written");
    ok(run.stdout !== "", run.stderr);
    return { ...run, plan: JSON.parse(run.stdout) };
  }

  /** Starts `plan ARGS`, under `strace` where a file for that is named. */
  startPlan(...args: string[]): Subprocess {
    const words = [...RUN, "main.ts", ...onThisMachine(["plan", ...args])];
    return new Subprocess(Deno.execPath(), words, { cwd: this.checkout.folder });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
    await this.lab[Symbol.asyncDispose]();
  }

  readonly #announced = new Set<string>();

  /** Does the tracker count one peer more than there were? */
  async #isAnnounced(folder: string): Promise<boolean> {
    if (await this.countPeers() > this.#announced.size) this.#announced.add(folder);
    return this.#announced.has(folder);
  }

  /** Whom the tracker knows. */
  async countPeers(): Promise<number> {
    const scrape = `http://127.0.0.1:${this.trackerPort}/scrape?info_hash=` +
      [...this.torrent.infoHash].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
    const text = await (await fetch(scrape)).text();
    return [...text.matchAll(/(?:in)?completei(\d+)e/g)]
      .reduce((sum, [, digits]) => sum + Number(digits), 0);
  }
}

// deno-lint-ignore no-explicit-any
type Plan = any;

/** Every entry below a folder, with all that a change would change. */
function describe(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name }) => {
    const path = `${folder}/${name}`;
    const { size, mtime, ctime, ino, mode, isDirectory } = Deno.lstatSync(path);
    const line = [path, size, mtime?.getTime(), ctime?.getTime(), ino, mode].join(" ");
    return isDirectory ? [line, ...describe(path)] : [line];
  }).toSorted();
}

Deno.test("plan of a live swarm: go; with a partial seed alone: 15; with nobody: 12; no tracker: 11", async () => {
  await using room = await PlanRoom.open();
  const tracker = await room.startTracker();
  const whole = await room.seed("a", "one.bin", "sub/two.bin");
  const partial = await room.seed("b", "one.bin");
  const args = ["-o", "out", "x.torrent"];
  const live = await room.plan(...args);
  assertExit(live, 0);
  const { trackers, peers, availability, bytes, folderExists, go } = live.plan;
  for (const { seeders, leechers, peers: named } of trackers) {
    deepStrictEqual([seeders, leechers, named], [1, 1, 2]);
  }
  deepStrictEqual([peers.known, peers.reached, peers.seeds], [2, 2, 1]);
  deepStrictEqual([availability.atNobody, go, folderExists], [0, true, false]);
  ok(availability.copies > 1.5 && availability.copies < 2, `${availability.copies}`);
  deepStrictEqual([bytes.here, bytes.toFetch], [0, 1_300_000]);
  await whole.stop();
  const lacking = await room.plan(...args);
  assertExit(lacking, 15);
  // Nobody counts us, neither now nor from the plan before.
  deepStrictEqual([lacking.plan.trackers[0].seeders, lacking.plan.trackers[0].leechers], [0, 1]);
  ok(lacking.plan.availability.atNobody >= 9);
  ok(lacking.stderr.includes("are at no peer"), lacking.stderr);
  await partial.stop();
  const alone = await room.plan(...args);
  assertExit(alone, 12);
  deepStrictEqual(alone.plan.trackers[0].leechers, 0);
  await tracker.stop();
  const dead = await room.plan(...args);
  assertExit(dead, 11);
  assertExit(await room.plan("--peer", `127.0.0.1:${freePort()}`, "--no-tracker", ...args), 13);
  assertExit(await room.plan("--offline", ...args), 0);
});

Deno.test("plan of a magnet finds its metadata, and keeps it nowhere", async () => {
  await using room = await PlanRoom.open();
  await room.startTracker();
  await room.seed("a", "one.bin", "sub/two.bin");
  const link = `magnet:?xt=urn:btih:${room.torrent.infoHash.toHex()}` +
    `&tr=http%3A%2F%2F127.0.0.1%3A${room.trackerPort}%2Fannounce`;
  const run = await room.plan("--bind", "127.0.0.1", "-o", "out", link);
  assertExit(run, 0);
  deepStrictEqual([run.plan.name, run.plan.size, run.plan.peers.seeds], ["pack", 1_300_000, 1]);
  // The search for the metadata has announced us, and the plan has taken that back.
  const again = await room.plan("-o", "out", "x.torrent");
  deepStrictEqual([again.plan.trackers[0].seeders, again.plan.trackers[0].leechers], [1, 0]);
});

Deno.test("plan knows what a killed get has left, that a running one holds it, and a finished one", async () => {
  await using room = await PlanRoom.open();
  await room.startTracker();
  await room.seed("a", "one.bin", "sub/two.bin");
  const args = ["-o", "out", "x.torrent"];
  const get = ["get", "--bind", "127.0.0.1", ...args];
  const slow = room.start(...get.toSpliced(1, 0, "--json", "--max-download-rate", "300K"));
  await room.lab.until("some pieces", () => /"have":([4-9]|1\d),/.test(slow.stdout));
  slow.kill("SIGSTOP"); // It would be done by then where all is slow.
  const held = await finished(room.startPlan("--json", ...args));
  assertExit(held, 75);
  deepStrictEqual(JSON.parse(held.stdout).heldByAnotherRun, true);
  slow.kill("SIGINT");
  slow.kill("SIGCONT");
  await slow.exit;
  const partial = await room.plan(...args);
  assertExit(partial, 0);
  const { bytes, files } = partial.plan;
  ok(bytes.here > 0 && bytes.toFetch > 0 && bytes.unchecked === 0, JSON.stringify(bytes));
  deepStrictEqual(bytes.here + bytes.toFetch, 1_300_000);
  deepStrictEqual(partial.plan.accessFlag, "--allow-sys=uid");
  ok(files.some(({ state }: Plan) => state === "partial"), JSON.stringify(files));
  assertExit(await room.checkout.run(...get), 0);
  const done = await room.plan(...args);
  assertExit(done, 0);
  deepStrictEqual([done.plan.complete, done.plan.peers, done.plan.bytes.toFetch], [true, null, 0]);
  deepStrictEqual(done.plan.accessFlag, null, "nothing is to be written");
  await room.put("out", "one.bin", new TextEncoder().encode("my own notes"));
  const foreign = await room.plan(...args);
  assertExit(foreign, 6);
  deepStrictEqual(foreign.plan.inTheWay.length, 1);
});

Deno.test("plan ends soon when it is interrupted, exit 130, and is in no tracker's list", async () => {
  await using room = await PlanRoom.open();
  await room.startTracker();
  using silent = Deno.listen({ hostname: "127.0.0.1" });
  const peer = `127.0.0.1:${silent.addr.port}`;
  const plan = room.startPlan("-o", "out", "--timeout", "1m", "--peer", peer, "x.torrent");
  using _ = await silent.accept();
  plan.kill("SIGINT");
  deepStrictEqual(await plan.exitWithin(60_000), 130, plan.log);
  deepStrictEqual(await room.countPeers(), 0);
});

Deno.test("plan of more than fits on the disk: exit 5 where it may know, else how to know", async () => {
  await using room = await PlanRoom.open();
  const pieceLength = 2 ** 28, pieces = 2 ** 17;
  const info = `d6:lengthi${pieceLength * pieces}e4:name4:huge12:piece lengthi${pieceLength}e` +
    `6:pieces${20 * pieces}:${"h".repeat(20 * pieces)}e`;
  await Deno.writeTextFile(room.checkout.path("huge.torrent"), `d4:info${info}e`);
  const args = ["--offline", "-o", "out", "huge.torrent"];
  const unknown = await room.plan(...args);
  assertExit(unknown, 0);
  deepStrictEqual([unknown.plan.freeSpace, unknown.plan.freeSpaceFlag], [
    null,
    "--allow-sys=statfs",
  ]);
  const words = [...RUN, "--allow-sys=statfs", "main.ts", "plan", ...args];
  const where = { cwd: room.checkout.folder };
  const known = await finished(new Subprocess(Deno.execPath(), words, where));
  assertExit(known, 5);
  ok(/not enough space in .*32 TiB are to be fetched, and /.test(known.stderr), known.stderr);
});

Deno.test("M24 plan and info of 300,000 files stream what they print", async () => {
  await using room = await PlanRoom.open();
  const count = 300_000;
  const files = Array.from({ length: count }, (_, index) => {
    const name = `f${index}`;
    return `d6:lengthi1e4:pathl${name.length}:${name}ee`;
  });
  const info = `d5:filesl${files.join("")}e4:name4:many12:piece lengthi1048576e` +
    `6:pieces20:${"h".repeat(20)}e`;
  await Deno.writeTextFile(room.checkout.path("many.torrent"), `d4:info${info}e`);
  const table = await finished(room.startPlan("--offline", "many.torrent"));
  assertExit(table, 0);
  const rows = table.stdout.split("\n").filter((line) => line.includes("  many/f"));
  deepStrictEqual(rows.length, count);
  const { plan } = await room.plan("--offline", "many.torrent");
  deepStrictEqual([plan.files.length, plan.files.at(-1).path], [count, "many/f299999"]);
  // Objects and strings for all of them, made before the first is printed, took more than 80 MB.
  const limited = [RUN[0]!, "--v8-flags=--max-old-space-size=60", ...RUN.slice(1), "main.ts"];
  const command = [...limited, ...onThisMachine(["info", "many.torrent"])];
  const cwd = room.checkout.folder;
  const listing = await finished(new Subprocess(Deno.execPath(), command, { cwd }));
  assertExit(listing, 0);
  ok(listing.stdout.endsWith("  many/f299999\n"));
});

Deno.test({
  name: "plan makes no call that would change anything on a disk (strace)",
  ignore: isMissing("strace"),
  fn: async () => {
    await using room = await PlanRoom.open();
    await room.startTracker();
    await room.seed("a", "one.bin", "sub/two.bin");
    await room.put("out", "one.bin", CONTENT["one.bin"]);
    const log = room.lab.path("calls");
    const words = [...RUN, "main.ts", ...onThisMachine(["plan", "--check", "-o", "out"])];
    const calls = `trace=open,openat,${WRITING_CALLS}`;
    const strace = ["-f", "-qq", "-e", calls, "-e", "signal=none", "-o", log];
    const run = await finished(
      new Subprocess("strace", [...strace, Deno.execPath(), ...words, "x.torrent"], {
        cwd: room.checkout.folder,
      }),
    );
    assertExit(run, 0);
    const lines = (await Deno.readTextFile(log)).split("\n");
    ok(lines.some((line) => line.includes("x.torrent")), "the calls were seen");
    const changing = lines.filter((line) => {
      // What Deno keeps in its own cache is not ours.
      const isOurs = line.includes(`"${room.lab.folder}`) || /"(\.|out|x\.torrent)/.test(line);
      if (!isOurs) return false;
      return !/\bopen(at)?\(/.test(line) || /O_WRONLY|O_RDWR|O_CREAT|O_TRUNC/.test(line);
    });
    deepStrictEqual(changing, []);
  },
});
