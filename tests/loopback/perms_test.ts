/**
 * Every command with exactly the permissions that `starling perms` prints, as it prints them: in a
 * pipe and on a terminal; and with one permission less.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { denoLine } from "../../src/cli/perms.ts";
import { Checkout } from "./checkout.ts";
import * as content from "./content.ts";
import { freePort, Lab, type Subprocess } from "./lab.ts";

/** A test asks nobody beyond this machine. */
const ALONE = ["--no-dht", "--no-lsd", "--no-port-map", "--bind", "127.0.0.1"];
const TIMEOUT_MS = 300_000;
const CONTROL_C = 3;
/** Not every Linux has `script`, which makes a terminal. */
const TERMINALS = await hasScript() ? [false, true] : [false];
/** In the words of a command: a folder that no other run has. */
const NEW = "NEW";
/** In the words of a command: the seeder's port. */
const PORT = "PORT";

/** A command, and what it ends with; on a terminal, if that is something else. */
type Case = readonly [words: string[], exitCode: number, terminalExitCode?: number];

const GET = ["get", ...ALONE, "--peer", `127.0.0.1:${PORT}`];
const CASES: Readonly<Record<string, Case>> = {
  "get": [[...GET, "-o", NEW, "x.torrent"], 0],
  "get with files of its own": [
    [...GET, "-o", NEW, "--log-dir", `${NEW}-l`, "--state-dir", `${NEW}-s`, "x.torrent"],
    0,
  ],
  "get --select, whose package is loaded late": [
    [...GET, "-o", NEW, "--select", "*.bin", "x.torrent"],
    0,
  ],
  "get --on-done": [
    [...GET, "-o", `my ${NEW}`, "--on-done", 'test -n "$STARLING_PATH"', "x.torrent"],
    0,
  ],
  "get --sums --save-torrent": [
    [...GET, "-o", NEW, "--sums", "SUMS", "--save-torrent", "x.torrent"],
    0,
  ],
  "get of a magnet": [[...GET, "-o", NEW, "MAGNET"], 0],
  "get --metadata-only": [[...GET, "--metadata-only", "-o", `t/${NEW}.torrent`, "MAGNET"], 0],
  "cat, which writes to no terminal": [
    ["cat", ...ALONE, "--peer", `127.0.0.1:${PORT}`, "-o", NEW, "x.torrent"],
    0,
    2,
  ],
  "plan": [["plan", ...ALONE, "--peer", `127.0.0.1:${PORT}`, "-o", NEW, "x.torrent"], 0],
  "plan --offline": [["plan", "--offline", "-o", NEW, "x.torrent"], 0],
  "feed, whose package is loaded late": [
    ["feed", ...ALONE, "--peer", `127.0.0.1:${PORT}`, "-o", NEW, "feed.xml"],
    0,
  ],
  "seed": [["seed", ...ALONE, "--seed-time", "1s", "x.torrent", "data"], 0],
  "seed of the data itself": [
    ["seed", ...ALONE, "--seed-time", "1s", "x.torrent", "data/single.bin"],
    0,
  ],
  "create": [["create", "--overwrite", "-o", "t/made.torrent", "data"], 0],
  "info": [["info", "x.torrent"], 0],
  "info of a magnet": [
    ["info", ...ALONE, "--peer", `127.0.0.1:${PORT}`, "MAGNET"],
    0,
  ],
  "verify": [["verify", "x.torrent", "data"], 0],
  "verify of a folder that is the data": [["verify", "f.torrent", "folder"], 0],
  "completion": [["completion", "zsh"], 0],
  "perms": [["perms", "get"], 0],
  "man": [["man"], 0],
  "--version": [["--version"], 0],
  "--help": [["get", "--help"], 0],
};

/** A checkout with data, a torrent of it, and a seeder. */
class Place implements AsyncDisposable {
  readonly #lab: Lab;
  readonly #checkout: Checkout;
  readonly #port = freePort();
  #magnet = "";
  #seeder: Subprocess | undefined;
  #runs = 0;

  private constructor(lab: Lab, checkout: Checkout) {
    this.#lab = lab;
    this.#checkout = checkout;
  }

  static async make(): Promise<Place> {
    const lab = await Lab.open();
    const checkout = await Checkout.make(lab);
    const place = new Place(lab, checkout);
    await Deno.mkdir(lab.path("bin"));
    await Deno.symlink(Deno.execPath(), lab.path("bin", "deno"));
    for (const name of ["data", "folder", "t"]) await Deno.mkdir(checkout.path(name));
    const data = content.randomBytes(200_000, 1);
    const torrent = content.makeTorrent("single.bin", data, { pieceLength: 16_384 });
    const folder = content.makeTorrent("f", { "a/b": data }, { pieceLength: 16_384 });
    await Deno.writeFile(checkout.path("data", "single.bin"), data);
    const sum = createHash("sha256").update(data).digest("hex");
    await Deno.writeTextFile(checkout.path("SUMS"), `${sum}  single.bin\n`);
    await Deno.writeFile(checkout.path("x.torrent"), torrent.bytes);
    await Deno.mkdir(checkout.path("folder", "a"));
    await Deno.writeFile(checkout.path("folder", "a", "b"), data);
    await Deno.writeFile(checkout.path("f.torrent"), folder.bytes);
    place.#magnet = `magnet:?xt=urn:btih:${torrent.infoHash.toHex()}`;
    const item = `<item><title>x</title><link>${place.#magnet}</link></item>`;
    const feed = `<rss version="2.0"><channel><title>t</title>${item}</channel></rss>`;
    await Deno.writeTextFile(checkout.path("feed.xml"), feed);
    place.#seeder = checkout.start("seed", "-p", `${place.#port}`, "x.torrent", "data");
    await lab.until("the seeder", () => place.#seeder!.stdout.includes("seeding"));
    return place;
  }

  /** What `starling perms WORDS` prints here, with folders and ports filled in. */
  line(words: readonly string[]): string {
    const folder = `new-${++this.#runs}`;
    const filled = words.map((word) =>
      word === "MAGNET" ? this.#magnet : word.replace(NEW, folder).replace(PORT, `${this.#port}`)
    );
    const { folder: currentFolder } = this.#checkout;
    return denoLine(filled, { currentFolder, programFolder: currentFolder, shell: "sh" });
  }

  /** Runs a line of shell; on a terminal both streams are one. */
  async run(line: string, { onTerminal = false, interruptAt = "" } = {}) {
    // Without `exec`, some shells would hear a terminal's interrupt too, and end with 130 by it.
    const command = `exec ${line}`;
    const child = new Deno.Command(onTerminal ? "script" : "sh", {
      args: onTerminal ? ["-qec", command, "/dev/null"] : ["-c", command],
      cwd: this.#checkout.folder,
      env: { PATH: `${join(this.#lab.folder, "bin")}:${Deno.env.get("PATH")}`, NO_COLOR: "1" },
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const timer = setTimeout(() => child.kill("SIGKILL"), TIMEOUT_MS);
    const keyboard = child.stdin.getWriter();
    const out = (async () => {
      let text = "", isInterrupted = interruptAt === "";
      for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
        text += part;
        if (isInterrupted || !text.includes(interruptAt)) continue;
        isInterrupted = true;
        if (onTerminal) await keyboard.write(Uint8Array.of(CONTROL_C));
        else child.kill("SIGINT");
      }
      return text;
    })();
    const [stdout, stderr, { code }] = await Promise.all([
      out,
      new Response(child.stderr).text(),
      child.status,
    ]);
    clearTimeout(timer);
    await keyboard.close().catch(() => {});
    return { code, stdout, stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#seeder?.stop();
    await this.#lab[Symbol.asyncDispose]();
  }
}

Deno.test("the lines of perms are enough, in a pipe and on a terminal", {
  ignore: Deno.build.os !== "linux",
}, async (test) => {
  await using place = await Place.make();
  for (const [name, [words, exitCode, terminalExitCode]] of Object.entries(CASES)) {
    await test.step(name, async () => {
      for (const onTerminal of TERMINALS) {
        const line = place.line(words);
        const { code, stdout, stderr } = await place.run(line, { onTerminal });
        const expected = onTerminal ? terminalExitCode ?? exitCode : exitCode;
        strictEqual(code, expected, `${line}\n${stdout}\n${stderr}`);
        ok(!/run again with|Deno requests/.test(stdout + stderr), stdout);
      }
    });
  }
  await test.step("tracker", async () => {
    for (const onTerminal of TERMINALS) {
      const line = place.line(["tracker", "--bind", "127.0.0.1", "-p", PORT.replace(PORT, "0")]);
      const { code, stderr } = await place.run(line, { onTerminal, interruptAt: "udp://" });
      deepStrictEqual([code, stderr], [0, ""]);
    }
  });
  await test.step("demo", async () => {
    const { code, stdout } = await place.run(place.line(["demo"]), {
      onTerminal: TERMINALS.includes(true),
    });
    strictEqual(code, 0, stdout);
  });
});

Deno.test("S4 with any permission less, a command says which in one line, and exits 4", {
  ignore: Deno.build.os !== "linux",
}, async (test) => {
  await using place = await Place.make();
  const cases = { ...CASES, tracker: [["tracker"], 0] as const, demo: [["demo"], 0] as const };
  for (const [name, [words]] of Object.entries(cases)) {
    await test.step(name, async () => {
      const count = withOneLess(place.line(words)).length;
      strictEqual(count > 0, place.line(words).includes("--allow-"));
      for (let index = 0; index < count; index++) {
        const { line, flag } = withOneLess(place.line(words))[index]!;
        const { code, stdout, stderr } = await place.run(line);
        strictEqual(code, 4, `${line}\n${stdout}\n${stderr}`);
        ok(stderr.includes(flag), `${flag} is not named: ${stderr}`);
        ok(!/^\s+at /m.test(stderr) && stderr.trimEnd().split("\n").length === 1, stderr);
      }
    });
  }
});

Deno.test("S4 no command needs the environment, the system or foreign code", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  await using place = await Place.make();
  const denied = "--deny-env --deny-sys --deny-ffi --deny-import";
  for (const [words, exitCode] of Object.values(CASES)) {
    const line = place.line(words).replace("--no-prompt", `--no-prompt ${denied}`);
    const { code, stdout, stderr } = await place.run(line);
    strictEqual(code, exitCode, `${line}\n${stdout}\n${stderr}`);
  }
});

Deno.test("the demo of deno.json has the permissions that perms prints", async () => {
  const config = JSON.parse(
    await Deno.readTextFile(new URL("../../deno.json", import.meta.url)),
  );
  const here = { currentFolder: "/s", programFolder: "/s", shell: "sh" };
  strictEqual(config.tasks.demo.command, denoLine(["demo"], here));
});

async function hasScript(): Promise<boolean> {
  try {
    return (await new Deno.Command("script", { args: ["--version"] }).output()).success;
  } catch {
    return false;
  }
}

/** The line, once without each of its permissions; of a list, without each of its entries. */
function withOneLess(line: string): { line: string; flag: string }[] {
  return [...line.matchAll(/ ('?)(--allow-\w+)(?:=((?<= '\S+)[^']*|\S+))?\1/g)].flatMap(
    ({ 0: found, 2: flag = "", 3: list = "" }) => {
      const entries = list.split(",");
      return entries.map((entry) => {
        const rest = entries.filter((other) => other !== entry);
        const less = rest.length === 0 ? "" : ` '${flag}=${rest.join(",")}'`;
        return { line: line.replace(found, () => less), flag };
      });
    },
  );
}
