/** `cat`: whole processes at the beginning of a pipe. */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { Checkout } from "./checkout.ts";
import { type MadeTorrent, makeTorrent, randomBytes } from "./content.ts";
import { Lab } from "./lab.ts";
import { ScriptedSeeder } from "./scripted_seeder.ts";

const PIECE_LENGTH = 32_768;
/** More than a pipe and what we hold take together. */
const MOVIE = randomBytes(6_000_000, 1);
const FILES = {
  "a/notes.txt": randomBytes(50_000, 2),
  "b/movie.mkv": MOVIE,
  "c/empty": new Uint8Array(0),
  "d/rest": randomBytes(70_000, 3),
};
/** In pieces that it shares with its neighbours. */
const ONE = ["--select", "b/movie.mkv"];
const PERMISSIONS = ["--allow-net", "--allow-read=.", "--allow-write=."];
const TIMEOUT_MS = 300_000;
const isWindows = Deno.build.os === "windows";

interface RoomOptions {
  readonly uploadRate?: number;
}

interface Ended {
  readonly code: number;
  readonly out: Uint8Array;
  readonly err: string;
}

/** A tracker that writes down what it is told, a seeder, and `cat` into `out`. */
class Room implements AsyncDisposable {
  readonly lab: Lab;
  readonly checkout: Checkout;
  readonly torrent: MadeTorrent;
  readonly seeder: ScriptedSeeder;
  /** What the tracker was told, in order. */
  readonly announced: string[] = [];
  readonly #ending = new AsyncDisposableStack();

  private constructor(lab: Lab, checkout: Checkout, { uploadRate = 1e9 }: RoomOptions) {
    this.lab = this.#ending.use(lab);
    this.checkout = checkout;
    const tracker = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      ({ url }) => {
        this.announced.push(new URL(url).searchParams.get("event") ?? "");
        return new Response("d8:intervali900e5:peers0:e");
      },
    );
    this.#ending.defer(() => tracker.shutdown());
    const url = `http://127.0.0.1:${tracker.addr.port}/announce`;
    this.torrent = makeTorrent("pack", FILES, { pieceLength: PIECE_LENGTH, tracker: url });
    this.seeder = this.#ending.use(new ScriptedSeeder({ ...this.torrent, uploadRate }));
    Deno.writeFileSync(checkout.path("x.torrent"), this.torrent.bytes);
  }

  static async open(options: RoomOptions = {}): Promise<Room> {
    const lab = await Lab.open();
    return new Room(lab, await Checkout.make(lab), options);
  }

  command(...args: string[]): [program: string, ...args: string[]] {
    const known = ["--bind", "127.0.0.1", "--peer", this.seeder.endpoint, "-o", "out"];
    return this.checkout.command("cat", ...known, ...args, "x.torrent");
  }

  start([program, ...args]: readonly [string, ...string[]]): Deno.ChildProcess {
    return new Deno.Command(program, {
      args,
      cwd: this.checkout.folder,
      env: { NO_COLOR: "1" },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
  }

  run(...args: string[]): Promise<Ended> {
    return ended(this.start(this.command(...args)));
  }

  /** A line of shell in which `"$@"` is `starling cat ARGS`. */
  shell(line: string, ...args: string[]): Promise<Ended> {
    return ended(this.start(["sh", "-c", line, "sh", ...this.command(...args)]));
  }

  /** Is the file there, under its final name or as a part? */
  async has(name: string): Promise<boolean> {
    return await Deno.stat(this.checkout.path("out/pack", name)).then(() => true, () => false);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ending.disposeAsync();
  }
}

/** Reads all that it writes, to its end, which is a failure after TIMEOUT_MS. */
async function ended(child: Deno.ChildProcess): Promise<Ended> {
  const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
  const [out, err, { code }] = await Promise.all([
    new Response(child.stdout).bytes(),
    new Response(child.stderr).text(),
    child.status,
  ]);
  clearTimeout(timer);
  return { code, out, err };
}

function isMovie(bytes: Uint8Array): boolean {
  return bytes.length === MOVIE.length && bytes.every((byte, at) => byte === MOVIE[at]);
}

Deno.test("cat writes a file to a pipe while it is downloaded, and then from the disk", async () => {
  await using room = await Room.open();
  const first = await room.run(...ONE);
  deepStrictEqual([first.code, first.err, isMovie(first.out)], [0, "", true]);
  deepStrictEqual([await room.has("b/movie.mkv"), await room.has("a")], [true, false]);
  const { asked } = room.seeder;
  const askedOnce = asked.length, announced = room.announced.length;
  // Fetched in order: what was asked for first was written first.
  const firsts = asked.slice(0, 20).map(({ piece }) => piece);
  ok(firsts.every((piece) => piece < 40), `asked first: ${firsts}`);

  const again = await room.run(...ONE);
  deepStrictEqual([again.code, again.err, isMovie(again.out)], [0, "", true]);
  const [program, ...args] = room.command(...ONE);
  const offline = args.filter((word) => word !== PERMISSIONS[0]);
  const alone = await ended(room.start([program, ...offline]));
  deepStrictEqual([alone.code, alone.err, isMovie(alone.out)], [0, "", true]);
  deepStrictEqual([asked.length, room.announced.length], [askedOnce, announced]);
});

Deno.test("cat writes none of the bytes that a peer lies about", async () => {
  await using room = await Room.open({ uploadRate: 10_000_000 });
  let lies = 0;
  await using liar = new ScriptedSeeder({
    ...room.torrent,
    uploadRate: 10_000_000,
    spoil: (block) => {
      lies++;
      return block.fill(0);
    },
  });
  const { code, out } = await room.run(...ONE, "--peer", liar.endpoint);
  deepStrictEqual([code, isMovie(out)], [0, true]);
  ok(lies > 0);
});

Deno.test("cat writes nothing that was changed on disk since it was verified", async () => {
  await using room = await Room.open();
  strictEqual((await room.run(...ONE)).code, 0);
  const path = room.checkout.path("out/pack/b/movie.mkv");
  const file = await Deno.open(path, { write: true });
  await file.seek(1_000_000, Deno.SeekMode.Start);
  await file.write(new Uint8Array(100));
  await file.utime(new Date(0), new Date(0));
  file.close();
  const servedBefore = room.seeder.servedBytes;
  const again = await room.run(...ONE);
  deepStrictEqual([again.code, isMovie(again.out)], [0, true]);
  const served = room.seeder.servedBytes - servedBefore;
  ok(served > 0 && served < 5 * PIECE_LENGTH, `${served} bytes were fetched again`);
});

Deno.test("S2 cat ends without a word and exits 141 when its reader leaves, and goes on later", {
  ignore: isWindows,
}, async () => {
  await using room = await Room.open({ uploadRate: 4_000_000 });
  const line = '{ "$@"; echo $? > code; } | head -c 200000; exit $(cat code)';
  const { code, out, err } = await room.shell(line, ...ONE);
  deepStrictEqual([code, err], [141, ""]);
  deepStrictEqual(out, MOVIE.slice(0, 200_000));
  deepStrictEqual([await room.has("b/movie.mkv"), await room.has("b/movie.mkv.part")], [
    false,
    true,
  ]);
  deepStrictEqual(room.announced, ["started", "stopped"]);
  const again = await room.run(...ONE);
  deepStrictEqual([again.code, isMovie(again.out)], [0, true]);
  const total = room.seeder.servedBytes;
  ok(total < 1.1 * MOVIE.length, `${total} bytes were served: what was here was not believed`);
});

Deno.test("D10 cat writes from the first byte again after a kill, and fetches only the rest", async () => {
  await using room = await Room.open({ uploadRate: 3_000_000 });
  const killed = room.start(room.command(...ONE));
  const end = ended(killed);
  await room.lab.until("half of it", () => room.seeder.servedBytes > MOVIE.length / 2);
  killed.kill("SIGKILL");
  const { out } = await end;
  deepStrictEqual(out, MOVIE.slice(0, out.length));
  const again = await room.run(...ONE);
  deepStrictEqual([again.code, isMovie(again.out)], [0, true]);
  ok(room.seeder.servedBytes < 1.2 * MOVIE.length, `${room.seeder.servedBytes} bytes were served`);
});

Deno.test("cat is not held up by a slow reader, who gets all of it", async () => {
  await using room = await Room.open();
  const child = room.start(room.command(...ONE));
  await room.lab.until("the final name", () => room.has("b/movie.mkv"));
  const { code, out, err } = await ended(child);
  deepStrictEqual([code, err, isMovie(out)], [0, "", true]);
});

Deno.test("S1 cat ends at a signal while its reader does not read", {
  ignore: isWindows,
}, async () => {
  await using room = await Room.open();
  const child = room.start(room.command(...ONE));
  await room.lab.until("the final name", () => room.has("b/movie.mkv"));
  child.kill("SIGTERM");
  // Were it to wait for its reader, it would be killed by another signal.
  const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
  strictEqual((await child.status).code, 143);
  clearTimeout(timer);
  const out = await new Response(child.stdout).bytes();
  deepStrictEqual(out, MOVIE.slice(0, out.length));
  match(await new Response(child.stderr).text(), /^starling: pack: interrupted at 100.0%; /);
});

Deno.test("D2 cat exits 5 and says so when its output is on a full disk", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  await using room = await Room.open();
  const { code, err } = await room.shell('"$@" > /dev/full', ...ONE);
  strictEqual(code, 5);
  match(err, /^starling: pack: Cannot write to standard output: the disk is full\n$/);
});

Deno.test("cat does not write into its own target, and leaves it as it is", {
  ignore: isWindows,
}, async () => {
  await using room = await Room.open();
  const first = await room.shell('mkdir -p out/pack/b; "$@" > out/pack/b/movie.mkv', ...ONE);
  strictEqual(first.code, 2);
  match(first.err, /^starling: pack: Cannot write to standard output: it is pack\/b\/movie.mkv, /);
  deepStrictEqual([room.seeder.asked, room.announced], [[], []]);
  strictEqual((await room.shell('rm -r out; "$@" > beside', ...ONE)).code, 0);
  ok(isMovie(await Deno.readFile(room.checkout.path("beside"))));
  const appended = await room.shell('"$@" >> out/pack/b/movie.mkv', ...ONE);
  strictEqual(appended.code, 2);
  ok(isMovie(await Deno.readFile(room.checkout.path("out/pack/b/movie.mkv"))));
});

Deno.test("cat asks nobody for several files that are not to be an archive", async () => {
  await using room = await Room.open();
  const { code, out, err } = await room.run();
  deepStrictEqual([code, out.length, room.seeder.asked], [2, 0, []]);
  deepStrictEqual(room.announced, []);
  match(err, /^starling: pack: Cannot write 4 files to standard output: choose one .*\n$/);
});

Deno.test("cat --tar writes the same archive while it downloads and from the disk", async () => {
  await using room = await Room.open();
  const first = await room.run("--tar");
  deepStrictEqual([first.code, first.err], [0, ""]);
  const again = await room.run("--tar");
  deepStrictEqual([again.code, first.out.length % 512], [0, 0]);
  ok(first.out.every((byte, at) => byte === again.out[at]));
  const blocks = Object.values(FILES).map(({ length }) => 1 + Math.ceil(length / 512));
  strictEqual(first.out.length / 512, blocks.reduce((sum, count) => sum + count, 2));
});
