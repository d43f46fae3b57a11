/** Starling to starling through starling's own tracker, each a process of its own. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { assertExit, Checkout } from "./checkout.ts";
import * as content from "./content.ts";
import { freePort, Lab, type Subprocess } from "./lab.ts";

const LENGTH = 3_000_001;
/** That it is 5 s after a signal, interruption_test.ts holds by its own clock; this one is real. */
const EXIT_LIMIT_MS = 60_000;
/** Enough for a whole download after it, on a machine that is busy with other things. */
const SEED_TIME = "12s";

/** A tracker, and a torrent of `single.bin` that names it; the data lies in `data`. */
class Room implements AsyncDisposable {
  readonly lab: Lab;
  readonly checkout: Checkout;
  /** Without a path. */
  readonly tracker: string;
  readonly #processes: Subprocess[] = [];
  #infoHash: Uint8Array = new Uint8Array(0);

  private constructor(lab: Lab, checkout: Checkout, tracker: string) {
    this.lab = lab;
    this.checkout = checkout;
    this.tracker = tracker;
  }

  static async open(): Promise<Room> {
    const lab = await Lab.open();
    const checkout = await Checkout.make(lab);
    const port = freePort();
    const room = new Room(lab, checkout, `http://127.0.0.1:${port}`);
    await room.start("tracker", "--bind", "127.0.0.1", "--port", `${port}`);
    const data = content.randomBytes(LENGTH, 1);
    await Deno.mkdir(checkout.path("data"));
    await Deno.writeFile(checkout.path("data", "single.bin"), data);
    const options = { pieceLength: 65_536, tracker: `${room.tracker}/announce` };
    const torrent = content.makeTorrent("single.bin", data, options);
    await Deno.writeFile(checkout.path("x.torrent"), torrent.bytes);
    room.#infoHash = torrent.infoHash;
    return room;
  }

  /** Starts starling, and waits until it has said something. */
  async start(...args: string[]): Promise<Subprocess> {
    const process = this.checkout.start(...args);
    this.#processes.push(process);
    await this.lab.until(`${args[0]} under way`, () => process.stdout !== "" || !process.isRunning);
    return process;
  }

  /** Waits until the tracker knows so many seeders. */
  async seeders(count: number): Promise<void> {
    const query = [...this.#infoHash].map((byte) => `%${byte.toString(16).padStart(2, "0")}`);
    await this.lab.until(`${count} seeders`, async () => {
      const response = await fetch(`${this.tracker}/scrape?info_hash=${query.join("")}`);
      return (await response.text()).includes(`8:completei${count}e`);
    });
  }

  async download(folder: string): Promise<void> {
    const run = await this.checkout.run("get", "-q", "-o", folder, "x.torrent");
    assertExit(run, 0, this.logs);
    deepStrictEqual(
      await content.describeTree(this.checkout.path(folder, "single.bin")),
      await content.describeTree(this.checkout.path("data", "single.bin")),
    );
  }

  get logs(): string {
    return this.#processes.map(({ log }) => log).join("\n");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.stop()));
    await this.lab[Symbol.asyncDispose]();
  }
}

Deno.test("seed shares through our tracker until its ratio is reached, and writes nothing", async () => {
  await using room = await Room.open();
  const seeder = await room.start("seed", "--json", "--seed-ratio", "2", "x.torrent", "data");
  await room.seeders(1);
  await room.download("one");
  ok(seeder.isRunning, seeder.log);
  await room.download("two");
  deepStrictEqual(await seeder.exitWithin(EXIT_LIMIT_MS), 0, seeder.log);
  await room.seeders(0);
  ok(seeder.stdout.includes('"event":"seeded"'), seeder.log);
  const names = await Array.fromAsync(Deno.readDir(room.checkout.path("data")));
  deepStrictEqual(names.map(({ name }) => name), ["single.bin"]);
});

Deno.test("seed tells the tracker when SIGTERM stops it, and exits", async () => {
  await using room = await Room.open();
  const seeder = await room.start("seed", "x.torrent", "data/single.bin");
  await room.seeders(1);
  seeder.kill("SIGTERM");
  deepStrictEqual(await seeder.exitWithin(EXIT_LIMIT_MS), 143, seeder.log);
  await room.seeders(0);
});

Deno.test("get --seed-time goes on as a seed, and leaves when its time is over", async () => {
  await using room = await Room.open();
  const seeder = await room.start("seed", "x.torrent", "data");
  await room.seeders(1);
  const second = await room.start("get", "-o", "one", "--seed-time", SEED_TIME, "x.torrent");
  await room.seeders(2);
  await seeder.stop();
  await room.download("two");
  deepStrictEqual(await second.exitWithin(EXIT_LIMIT_MS), 0, second.log);
  ok(second.stdout.includes("its time is over"), second.log);
  await room.seeders(0);
});

Deno.test("seed trusts a finished download, and shares part of the data only when asked", async () => {
  await using room = await Room.open();
  const seeder = await room.start("seed", "x.torrent", "data");
  await room.seeders(1);
  await room.download("one");
  await seeder.stop();
  using file = await Deno.open(room.checkout.path("one", "single.bin"), { write: true });
  await file.truncate(1_000_000);
  const refused = await room.checkout.run("seed", "x.torrent", "one");
  assertExit(refused, 5, room.logs);
  ok(refused.stderr.includes("15 of 46 pieces"), refused.stderr);
  const partial = await room.start("seed", "--partial", "x.torrent", "one");
  ok(partial.stdout.includes("seeding 960 KiB of 2.86 MiB"), partial.log);
});

Deno.test("create, verify and seed know files by names that get would not give them", async () => {
  await using room = await Room.open();
  const { checkout } = room;
  const names = {
    "می\u200cخواهم.mp3": "میخواهم.mp3",
    "👨\u200d👩\u200d👧/a\\b": "👨👩👧/ab",
    "tab\t\u202e\ufeff": "tab_",
    ["x".repeat(255)]: "x".repeat(240),
    "plain": "plain",
  };
  const [own, safe] = [Object.keys(names), Object.values(names)];
  for (const [index, name] of own.entries()) {
    await content.writeRandomFile(checkout.path("so\u200cngs", name), 50_000, index);
  }
  const of = async (...path: string[]) => await content.describeTree(checkout.path(...path));
  const before = await of("so\u200cngs");
  for (const format of ["v1", "v2", "hybrid"]) {
    const torrent = `${format}.torrent`;
    assertExit(await checkout.run("create", "--format", format, "-o", torrent, "so\u200cngs"), 0);
    assertExit(await checkout.run("verify", torrent), 0);
    assertExit(await checkout.run("verify", torrent, "so\u200cngs"), 0);
    const port = `${freePort()}`;
    const seeder = await room.start("seed", "--bind", "127.0.0.1", "-p", port, torrent);
    ok(seeder.stdout.includes("seeding"), seeder.log);
    const got = await checkout.run("get", "-o", format, "--peer", `127.0.0.1:${port}`, torrent);
    assertExit(got, 0, room.logs);
    for (const [index, name] of own.entries()) {
      deepStrictEqual(await of(format, "songs", safe[index]!), await of("so\u200cngs", name));
    }
    assertExit(await checkout.run("verify", torrent, format), 0);
    await seeder.stop();
  }
  deepStrictEqual(await of("so\u200cngs"), before);
});
