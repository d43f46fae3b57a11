/** The program as a process: permissions, pipes, signals and a terminal, which no fake has. */
import { deepStrictEqual, match, ok } from "node:assert/strict";
import { join } from "node:path";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { makeTorrent as makeRealTorrent, randomBytes } from "../loopback/content.ts";
import { Terminal } from "./terminal.ts";
import { makeTorrent } from "./torrents.ts";

const MAIN = join(import.meta.dirname!, "../../main.ts");
const SOURCE = join(import.meta.dirname!, "../../src");
const CONTROL_C = 3;
/** The lock file is for users; a test must not depend on its being up to date. */
const RUN = ["run", "--no-prompt", "--no-lock"];
/** A test asks nobody beyond this machine. */
const ALONE = ["--no-dht", "--no-lsd", "--no-port-map"];

function start(
  flags: readonly string[],
  args: readonly string[],
  cwd = Deno.cwd(),
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: [...RUN, ...flags, MAIN, ...args],
    cwd,
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

function runToEnd(flags: readonly string[], ...args: string[]) {
  return runIn(Deno.cwd(), flags, args);
}

async function runIn(folder: string, flags: readonly string[], args: readonly string[]) {
  const process = start(flags, args, folder);
  await process.stdin.close();
  const { code, stdout, stderr } = await process.output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

Deno.test("main.ts needs no permission for its version and its help", async () => {
  const { code, out, err } = await runToEnd([], "--version");
  deepStrictEqual([code, err], [0, ""]);
  match(out, /^starling 0\.1\.0 \(\S.*, Deno \d+\.\d+\.\d+\)\n$/);
  deepStrictEqual((await runToEnd([], "--help")).code, 0);
});

Deno.test("S4 main.ts names the missing flag in one line and exits 4", async () => {
  const torrent = await Deno.makeTempFile({ suffix: ".torrent" });
  await Deno.writeFile(torrent, makeTorrent());
  const nowhere = `${torrent}.out`;
  try {
    const cases: [string[], string[], string][] = [
      [[], ["info", torrent], `--allow-read=${torrent}`],
      [[], ["info", "http://127.0.0.1:65535/x"], "--allow-net"],
      [["--allow-read"], ["get", ...ALONE, "-o", nowhere, torrent], `--allow-write=${nowhere}`],
      [
        [`--allow-read=${torrent}`],
        ["get", ...ALONE, "-o", nowhere, torrent],
        `--allow-read=${SOURCE}\n`,
      ],
      [["--allow-read"], ["get", ...ALONE, "--on-done", "true", torrent], "--allow-run=sh"],
      [
        ["--allow-read"],
        ["get", ...ALONE, "--log-dir", nowhere, torrent],
        `--allow-write=${nowhere}`,
      ],
    ];
    for (const [flags, args, words] of cases) {
      const { code, out, err } = await runToEnd(flags, ...args);
      deepStrictEqual([code, out], [4, ""], err);
      ok(err.includes(words) && err.trimEnd().split("\n").length === 1, err);
    }
  } finally {
    await Deno.remove(torrent);
  }
});

Deno.test("S4 main.ts works after two rounds of doing what it says, in a folder that is not the program's", async () => {
  const folder = await Deno.realPath(await Deno.makeTempDir({ prefix: "starling_test_" }));
  const here = join(folder, "here"), there = join(folder, "there");
  const torrent = makeRealTorrent("data.bin", randomBytes(100_000, 1), { pieceLength: 32_768 });
  await using server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    ({ url }) =>
      new Response(
        url.endsWith(".xml")
          ? feedOf(new URL(url).origin)
          : new Blob([Uint8Array.from(torrent.bytes)]),
      ),
  );
  try {
    for (const place of [here, there]) {
      await Deno.mkdir(place);
      await Deno.writeFile(join(place, "data.bin"), torrent.data);
    }
    await Deno.writeFile(join(here, "x.torrent"), torrent.bytes);
    await Deno.symlink("../there", join(here, "link"));
    const quietly = ["--no-tracker", ...ALONE];
    for (const out of [".", "link"]) {
      const commands = [
        ["get", ...quietly, "-o", out, "x.torrent"],
        ["cat", ...quietly, "-o", out, "--no-resume", "x.torrent"],
        ["seed", ...quietly, "--seed-time", "1s", "x.torrent", out],
        ["verify", "x.torrent", out],
        ["create", "-o", `${out}/made.torrent`, "data.bin"],
        ["feed", ...quietly, "-o", out, `http://127.0.0.1:${server.addr.port}/feed.xml`],
      ];
      for (const command of commands) {
        const flags = ["--allow-net", "--allow-read=.", "--allow-write=."];
        let rounds = 0, ended = await runIn(here, flags, command);
        while (ended.code === 4 && rounds++ < 2) {
          // What is told is said in one line, and nothing is made where we may not be.
          match(ended.err, /^starling: [^\n]+; run again with (--allow-\S+ ?)+\n$/);
          flags.push(.../run again with (.*)/.exec(ended.err)![1]!.split(" "));
          ended = await runIn(here, flags, command);
        }
        deepStrictEqual([command, ended.code, ended.err], [command, 0, ""]);
        ok(flags.length > 3, "its workers need one more");
        await Deno.remove(join(here, out, ".starling"), { recursive: true }).catch(() => {});
      }
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("main.ts writes a .torrent to standard output with nothing else, and makes no file called -", async () => {
  const folder = await Deno.makeTempDir({ prefix: "starling_test_" });
  try {
    const data = randomBytes(100_000, 1);
    const { infoHash } = makeRealTorrent("data.bin", data, { pieceLength: 16_384 });
    await Deno.writeFile(join(folder, "data.bin"), data);
    const flags = ["--allow-net", `--allow-read=.,${SOURCE}`];
    const made = await outputIn(folder, flags, ["create", "-o", "-", "data.bin"]);
    match(made.err, /^ +Torrent {2}standard output\n(.*\n){3}$/);
    await Deno.writeFile(join(folder, "x.torrent"), made.bytes);
    const saving = ["get", "--metadata-only", ...ALONE, "-o", "-", "x.torrent"];
    const saved = await outputIn(folder, flags, saving);
    deepStrictEqual(saved.err, "");
    for (const { bytes } of [made, saved]) deepStrictEqual(parseMetainfo(bytes).infoHash, infoHash);
    const names = [...Deno.readDirSync(folder)].map(({ name }) => name);
    deepStrictEqual(names.toSorted(), ["data.bin", "x.torrent"]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

async function outputIn(folder: string, flags: readonly string[], args: readonly string[]) {
  const process = start(flags, args, folder);
  await process.stdin.close();
  const { stdout, stderr } = await process.output();
  return { bytes: stdout, err: new TextDecoder().decode(stderr) };
}

function feedOf(origin: string): string {
  const link = `${origin}/x.torrent`;
  const item = `<item><title>x</title><enclosure type="application/x-bittorrent" url="${link}"/>`;
  return `<rss version="2.0"><channel>${item}</item></channel></rss>`;
}

Deno.test("main.ts asks nobody about a magnet whose data is complete: no network is allowed", async () => {
  const folder = await Deno.makeTempDir({ prefix: "starling_test_" });
  try {
    const torrent = makeRealTorrent("data.bin", randomBytes(100_000, 1), { pieceLength: 32_768 });
    const infoHash = torrent.infoHash.toHex();
    await Deno.writeFile(join(folder, "data.bin"), torrent.data);
    await Deno.mkdir(join(folder, ".starling"));
    await Deno.writeFile(join(folder, ".starling", `${infoHash}.torrent`), torrent.bytes);
    const flags = ["--allow-read", `--allow-write=${folder}`];
    for (const source of [infoHash, `magnet:?xt=urn:btih:${infoHash}&x.pe=127.0.0.1:9`]) {
      const { code, out, err } = await runToEnd(flags, "get", "-o", folder, source);
      deepStrictEqual([code, err], [0, ""]);
      ok(out.startsWith("data.bin: already complete: 1 file"), out);
    }
    const verified = await runToEnd(["--allow-read"], "verify", infoHash, folder);
    deepStrictEqual([verified.code, verified.err], [0, ""]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("main.ts info prints what a magnet says when there is nobody to ask, without permissions", async () => {
  const link = `magnet:?xt=urn:btih:${"ab".repeat(20)}&dn=x`;
  const { code, out, err } = await runToEnd([], "info", ...ALONE, "--json", link);
  deepStrictEqual([code, JSON.parse(out).name, JSON.parse(out).size], [10, "x", null]);
  ok(err.startsWith("starling: no metadata can be had: ") && err.split("\n").length === 2, err);
});

Deno.test({
  name: "S1 S11 main.ts exits 128 + n at a signal",
  ignore: Deno.build.os === "windows",
  async fn() {
    for (
      const [signal, expected] of [["SIGINT", 130], ["SIGTERM", 143], ["SIGHUP", 129]] as const
    ) {
      // It reads standard input, which stays open and silent.
      const process = start([], ["info", "-"]);
      const { stdin, stdout, stderr } = process;
      const ended = Promise.all([stdout.cancel(), stderr.cancel(), process.status]);
      while (!await isListening(process.pid)) await new Promise((next) => setTimeout(next, 20));
      process.kill(signal);
      const [, , { code }] = await ended;
      deepStrictEqual(code, expected);
      await stdin.close().catch(() => {});
    }
  },
});

Deno.test({
  name: "S3 main.ts gives the cursor back to a terminal when it is interrupted",
  ignore: !await hasProgram("script"),
  async fn() {
    const folder = await Deno.makeTempDir({ prefix: "starling_test_" });
    try {
      await Deno.writeFile(join(folder, "x.torrent"), makeTorrent());
      const command = [
        `stty cols 60 rows 20; exec ${Deno.execPath()} ${RUN.join(" ")}`,
        `--allow-net --allow-read --allow-write=${folder} ${MAIN}`,
        `get --no-tracker ${ALONE.join(" ")} -o ${folder} --bind 127.0.0.1 ${folder}/x.torrent`,
      ].join(" ");
      const process = new Deno.Command("script", {
        args: ["-qec", command, "/dev/null"],
        stdin: "piped",
        stdout: "piped",
      }).spawn();
      const keyboard = process.stdin.getWriter();
      let text = "", isInterrupted = false;
      for await (const part of process.stdout.pipeThrough(new TextDecoderStream())) {
        text += part;
        if (isInterrupted || !text.includes("peers 0 connected, 0 known")) continue;
        isInterrupted = true;
        await keyboard.write(Uint8Array.of(CONTROL_C));
      }
      deepStrictEqual((await process.status).code, 130);
      await keyboard.close().catch(() => {});
      ok(text.includes("\x1b[?25l"), text);
      const terminal = new Terminal();
      terminal.write(text);
      ok(terminal.isCursorShown);
      ok(terminal.lines.join("\n").includes("starling: starling: interrupted at 0.0%"), text);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

/** Does the process handle signals by now, instead of being ended by them? */
async function isListening(pid: number): Promise<boolean> {
  if (Deno.build.os !== "linux") {
    await new Promise((next) => setTimeout(next, 2_000));
    return true;
  }
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  const caught = BigInt(`0x${/^SigCgt:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return [1n, 2n, 15n].every((signal) => (caught >> (signal - 1n) & 1n) === 1n);
}

async function hasProgram(name: string): Promise<boolean> {
  try {
    return (await new Deno.Command(name, { args: ["--version"] }).output()).success;
  } catch {
    return false;
  }
}
