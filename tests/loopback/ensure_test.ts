/** `get` as an ensure: what a second run does, with real processes. */
import { deepStrictEqual, match, ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import { receiptName } from "../../src/storage/finished_target.ts";
import type { Receipt } from "../../src/storage/receipt_codec.ts";
import { assertExit, Checkout, type Finished, finished } from "./checkout.ts";
import { makeTorrent, randomBytes } from "./content.ts";
import { Lab, Subprocess } from "./lab.ts";
import { ScriptedSeeder } from "./scripted_seeder.ts";

const PIECE_LENGTH = 32_768;
const FILES = { "a.bin": randomBytes(300_000, 1), "sub/b.bin": randomBytes(50_000, 2) };
const PACK = makeTorrent("pack", FILES, { pieceLength: PIECE_LENGTH });
const INFO_HASH = PACK.infoHash.toHex();
const EXIT_LIMIT_MS = 60_000;
/** What README.md tells users to type, and what --on-done needs. */
const PERMISSIONS = ["--allow-net", "--allow-read=.", "--allow-write=.", "--allow-run=sh"];

function sha256(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A list of sums of the pack; of other bytes where `spoilt` says so. */
function sumsOf(spoilt = ""): string {
  return Object.entries(FILES).map(([path, bytes]) =>
    `${path === spoilt ? "0".repeat(64) : sha256(bytes)} *pack/${path}\n`
  ).join("");
}

/** A seeder of the pack, and downloads of it to `out`. */
class Room implements AsyncDisposable {
  readonly lab: Lab;
  readonly checkout: Checkout;
  readonly seeder: ScriptedSeeder;
  readonly #ending = new AsyncDisposableStack();

  private constructor(lab: Lab, checkout: Checkout, uploadRate: number) {
    this.lab = this.#ending.use(lab);
    this.checkout = checkout;
    this.seeder = this.#ending.use(new ScriptedSeeder({ ...PACK, uploadRate }));
  }

  static async open({ uploadRate = 1e9 } = {}): Promise<Room> {
    const lab = await Lab.open();
    const room = new Room(lab, await Checkout.make(lab), uploadRate);
    await Deno.writeFile(room.checkout.path("x.torrent"), PACK.bytes);
    return room;
  }

  start(args: readonly string[], permissions: readonly string[] = PERMISSIONS): Subprocess {
    const options = ["-o", "out", "--no-tracker", "--peer", this.seeder.endpoint];
    const [program, ...words] = this.checkout.command("get", ...options, ...args, "x.torrent");
    const command = words.slice(words.findIndex((word) => word.endsWith(".ts")));
    return new Subprocess(program, ["run", "--no-prompt", ...permissions, ...command], {
      cwd: this.checkout.folder,
      env: { NO_COLOR: "1" },
    });
  }

  run(args: readonly string[], permissions?: readonly string[]): Promise<Finished> {
    return finished(this.start(args, permissions));
  }

  async write(name: string, text: string): Promise<string> {
    await Deno.writeTextFile(this.checkout.path(name), text);
    return name;
  }

  async read(name: string): Promise<string | undefined> {
    try {
      return await Deno.readTextFile(this.checkout.path(name));
    } catch {
      return undefined;
    }
  }

  async receipt(): Promise<Receipt> {
    const path = this.checkout.path("out/.starling", receiptName(INFO_HASH));
    deepStrictEqual((await Deno.stat(path)).mode! & 0o777, 0o600);
    return JSON.parse(await Deno.readTextFile(path));
  }

  /** Names below `out`, but for ours. */
  async names(folder = "out"): Promise<string[]> {
    const names: string[] = [];
    for await (const entry of Deno.readDir(this.checkout.path(folder))) {
      if (entry.name === ".starling") continue;
      const path = `${folder}/${entry.name}`;
      names.push(...entry.isDirectory ? await this.names(path) : [path.slice("out/".length)]);
    }
    return names.toSorted();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ending.disposeAsync();
  }
}

Deno.test("get writes a receipt, and then needs no network, no worker and no permission to write", async () => {
  await using room = await Room.open();
  assertExit(await room.run([]), 0);
  const receipt = await room.receipt();
  deepStrictEqual(
    [receipt.infoHash, receipt.name, receipt.peers, receipt.downloaded],
    [INFO_HASH, "pack", 1, PACK.data.length],
  );
  deepStrictEqual(receipt.files.map(({ path, size, sha256 }) => [path, size, sha256]), [
    ["pack/a.bin", 300_000, null],
    ["pack/sub/b.bin", 50_000, null],
  ]);
  const asked = room.seeder.asked.length;
  const read = ["--allow-read=x.torrent,out"];
  const again = await room.run(["--json"], read);
  assertExit(again, 0);
  deepStrictEqual(again.events("done").map(({ downloaded, path }) => [downloaded, path]), [
    [0, "out/pack"],
  ]);
  deepStrictEqual(await room.receipt(), receipt);
  // What somebody has taken away is to be fetched again.
  await Deno.remove(room.checkout.path("out/pack/sub/b.bin"));
  assertExit(await room.run([], read), 4);
  assertExit(await room.run([]), 0);
  ok(room.seeder.asked.length > asked);
  deepStrictEqual(
    sha256(await Deno.readFile(room.checkout.path("out/pack/sub/b.bin"))),
    [
      ...Object.values(FILES).map(sha256),
    ][1],
  );
  deepStrictEqual((await room.receipt()).peers, 1);
});

Deno.test("get --sums gives no name and runs no command before all sums hold", async () => {
  await using room = await Room.open();
  await room.write("WRONG", sumsOf("sub/b.bin"));
  await room.write("FEW", sumsOf().split("\n")[0]!);
  await room.write("RIGHT", sumsOf());
  const hook = ["--on-done", "echo done >> hooked"];
  const few = await room.run(["--json", "--sums", "FEW", ...hook]);
  assertExit(few, 8);
  deepStrictEqual(room.seeder.asked, [], "a list that lacks a file is known before the download");
  deepStrictEqual(few.events("failed").map(({ verdict, evidence }) => [verdict, evidence]), [
    ["sums-mismatch", { unlisted: ["pack/sub/b.bin"] }],
  ]);

  for (let attempt = 0; attempt < 2; attempt++) {
    const wrong = await room.run(["--sums", "WRONG", ...hook]);
    assertExit(wrong, 8);
    match(wrong.stderr, /^starling: pack: this file is not what --sums says: pack\/sub\/b\.bin; /);
    deepStrictEqual(await room.names(), ["pack/a.bin.part", "pack/sub/b.bin.part"]);
    deepStrictEqual(await room.read("hooked"), undefined);
  }
  const asked = room.seeder.asked.length;
  assertExit(await room.run(["--sums", "RIGHT", ...hook]), 0);
  deepStrictEqual(room.seeder.asked.length, asked, "all was here");
  deepStrictEqual(await room.names(), ["pack/a.bin", "pack/sub/b.bin"]);
  deepStrictEqual(await room.read("hooked"), "done\n");
  const digests = Object.values(FILES).map(sha256);
  deepStrictEqual((await room.receipt()).files.map(({ sha256 }) => sha256), digests);

  // The receipt knows the sums: what holds needs no worker; what does not is told all the same.
  const read = ["--allow-read=x.torrent,out,RIGHT"];
  assertExit(await room.run(["--sums", "RIGHT"], read), 0);
  assertExit(await room.run(["--sums", "WRONG", ...hook]), 8);
  deepStrictEqual(await room.names(), ["pack/a.bin", "pack/sub/b.bin"]);
  deepStrictEqual(await room.read("hooked"), "done\n");
});

Deno.test("get --sums checks a finished target, and keeps what it has hashed", async () => {
  await using room = await Room.open();
  assertExit(await room.run([]), 0);
  const before = await room.receipt();
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) =>
      new URL(request.url).pathname === "/SHA256SUMS"
        ? new Response(sumsOf().replaceAll("*pack/", " ").replaceAll("\n", "\r\n"))
        : new Response(null, { status: 404 }),
  );
  const { port } = server.addr as Deno.NetAddr;
  const url = (name: string) => `http://127.0.0.1:${port}/${name}`;
  assertExit(await room.run(["--sums", url("nothing")]), 8);
  assertExit(await room.run(["--sums", url("SHA256SUMS")]), 0);
  const after = await room.receipt();
  deepStrictEqual(after.files.map(({ sha256 }) => sha256), Object.values(FILES).map(sha256));
  deepStrictEqual([after.completed, after.peers], [before.completed, before.peers]);
});

Deno.test("get --sha256 keeps the sums of all files in the receipt", async () => {
  await using room = await Room.open();
  assertExit(await room.run(["--sha256"]), 0);
  const digests = Object.values(FILES).map(sha256);
  deepStrictEqual((await room.receipt()).files.map(({ sha256 }) => sha256), digests);
  assertExit(await room.run(["--sha256"], ["--allow-read=x.torrent,out"]), 0);
});

const WRITE_DOWN = 'env | grep ^STARLING_ | sort > said; cp "$STARLING_FILES" list; echo >> runs';

Deno.test("get --on-done tells its command what there is, once", async () => {
  await using room = await Room.open();
  assertExit(await room.run(["--on-done", WRITE_DOWN]), 0);
  const out = await Deno.realPath(room.checkout.path("out"));
  const list = `${out}/.starling/${INFO_HASH}.files`;
  deepStrictEqual((await room.read("said"))!.trimEnd().split("\n"), [
    `STARLING_FILES=${list}`,
    `STARLING_INFO_HASH=${INFO_HASH}`,
    "STARLING_NAME=pack",
    `STARLING_PATH=${out}/pack`,
    `STARLING_SIZE=${PACK.data.length}`,
  ]);
  deepStrictEqual(await room.read("list"), `${out}/pack/a.bin\n${out}/pack/sub/b.bin\n`);
  await Deno.lstat(list).then(() => ok(false, "the list is still there"), () => {});
  assertExit(await room.run(["--on-done", WRITE_DOWN]), 0);
  assertExit(await room.run(["--on-done", WRITE_DOWN, "--no-resume"]), 0);
  deepStrictEqual(await room.read("runs"), "\n");
});

Deno.test("get keeps the words of the command of --on-done out of its JSON lines", async () => {
  await using room = await Room.open();
  const talking = await room.run(["--json", "--on-done", "echo hello"]);
  assertExit(talking, 0);
  deepStrictEqual(talking.events("done").length, 1);
  deepStrictEqual([talking.stdout.includes("hello"), talking.stderr], [false, "hello\n"]);
});

Deno.test("get exits 7 when the command of --on-done fails, and runs it again until it does not", async () => {
  await using room = await Room.open();
  const failing = await room.run(["--on-done", "exit 9"]);
  assertExit(failing, 7);
  match(failing.stderr, /the command of --on-done ended with 9; the data is complete/);
  deepStrictEqual(await room.names(), ["pack/a.bin", "pack/sub/b.bin"]);
  assertExit(await room.run(["--on-done", "exit 9"]), 7);
  assertExit(await room.run([]), 0);
  assertExit(await room.run(["--on-done", WRITE_DOWN]), 0);
  assertExit(await room.run(["--on-done", "exit 9"]), 0);
  deepStrictEqual(await room.read("runs"), "\n");
});

Deno.test("get hands a signal on to the command of --on-done, and the next run runs it again", async () => {
  await using room = await Room.open();
  const hook = ["--on-done", "echo $$ > pid; exec sleep 600"];
  for (const [signal, code] of [["SIGTERM", 143], ["SIGKILL", 137]] as const) {
    const process = room.start(hook);
    await room.lab.until("the command", async () => /^\d+\n$/.test(await room.read("pid") ?? ""));
    const pid = Number(await room.read("pid"));
    process.kill(signal);
    // Whoever is killed can end nobody.
    if (signal === "SIGKILL") Deno.kill(pid, "SIGTERM");
    deepStrictEqual(await process.exitWithin(EXIT_LIMIT_MS), code, process.log);
    if (signal === "SIGTERM") {
      await Deno.lstat(`/proc/${pid}`).then(() => ok(false, "the command runs on"), () => {});
    }
    const isTold = process.stderr.includes("while the command of --on-done ran");
    deepStrictEqual(isTold, signal === "SIGTERM", process.log);
    await Deno.remove(room.checkout.path("pid"));
  }
  const asked = room.seeder.asked.length;
  assertExit(await room.run(["--on-done", WRITE_DOWN]), 0);
  deepStrictEqual([room.seeder.asked.length, await room.read("runs")], [asked, "\n"]);
});

Deno.test("D14 of two runs at once one downloads; the other exits 75, or waits and finds all done", async () => {
  await using room = await Room.open({ uploadRate: 100_000 });
  const hook = ["--on-done", "echo >> runs"];
  const first = room.start(hook);
  await room.lab.until("the first run", () => room.seeder.servedBytes > 0);
  first.kill("SIGSTOP"); // It would be done before the second has begun where all is slow.
  const second = await room.run(hook);
  assertExit(second, 75, first.log);
  match(second.stderr, /another run holds/);
  first.kill("SIGCONT");
  const waiting = await room.run(["--json", "--wait-lock", "1m", ...hook]);
  assertExit(waiting, 0, first.log);
  deepStrictEqual(waiting.events("done").map(({ downloaded }) => downloaded), [0]);
  deepStrictEqual(await first.exit, 0, first.log);
  deepStrictEqual([room.seeder.servedBytes, await room.read("runs")], [PACK.data.length, "\n"]);
});

Deno.test("D14 a run that waits for the lock gives up at its deadline, and goes on after a kill", async () => {
  await using room = await Room.open({ uploadRate: 100_000 });
  const first = room.start([]);
  await room.lab.until("the first run", () => room.seeder.servedBytes > 0);
  first.kill("SIGSTOP"); // So that it holds the lock until it is killed.
  const late = await room.run(["--wait-lock", "1m", "--deadline", "8s"]);
  assertExit(late, 75);
  const waiting = room.start(["--wait-lock", "1m"]);
  await room.lab.until("the other run", () => waiting.isRunning);
  first.kill("SIGKILL");
  deepStrictEqual(await first.exit, 137);
  assertExit(await finished(waiting), 0);
  deepStrictEqual(await room.names(), ["pack/a.bin", "pack/sub/b.bin"]);
});

Deno.test("D10 get ends with a receipt and one command, however often it is killed on the way", async () => {
  await using room = await Room.open({ uploadRate: 2e6 });
  await room.write("RIGHT", sumsOf());
  const args = ["--sums", "RIGHT", "--on-done", "echo >> runs"];
  const random = (limit: number) => Math.floor(Math.random() * limit);
  for (let kill = 0; kill < 8; kill++) {
    const process = room.start(args);
    const { promise: hasWaited, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, 100 + random(400));
    await Promise.race([process.exit, hasWaited]);
    clearTimeout(timer);
    process.kill("SIGKILL");
    await process.exit;
  }
  assertExit(await room.run(args), 0);
  assertExit(await room.run(args), 0);
  deepStrictEqual(await room.names(), ["pack/a.bin", "pack/sub/b.bin"]);
  const runs = (await room.read("runs"))!.length;
  // A kill between the command's end and its note in the receipt is the one that nobody can see.
  ok(runs === 1 || runs === 2, `the command ran ${runs} times`);
  deepStrictEqual((await room.receipt()).files.map(({ onDone }) => onDone), [true, true]);
});

Deno.test("get --save-torrent keeps the .torrent beside the data, and replaces nothing else", async () => {
  await using room = await Room.open();
  await Deno.mkdir(room.checkout.path("out"));
  await room.write("out/pack.torrent", "my own");
  const refused = await room.run(["--save-torrent"]);
  assertExit(refused, 6);
  deepStrictEqual([await room.read("out/pack.torrent"), room.seeder.asked], ["my own", []]);
  await Deno.remove(room.checkout.path("out"), { recursive: true });
  assertExit(await room.run(["--save-torrent"]), 0);
  deepStrictEqual(await Deno.readFile(room.checkout.path("out/pack.torrent")), PACK.bytes);
  assertExit(await room.run(["--save-torrent"], ["--allow-read=x.torrent,out"]), 0);
});
