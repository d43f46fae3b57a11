/** As cron runs it: no environment, no terminal, no home, the C locale; and worse terminals. */
import { deepStrictEqual, match, ok } from "node:assert/strict";
import { assertExit, type Finished, finished } from "./checkout.ts";
import * as content from "./content.ts";
import { Subprocess } from "./lab.ts";
import { ScriptedSeeder } from "./scripted_seeder.ts";
import { VerdictRoom } from "./verdict_room.ts";

const isLinux = Deno.build.os === "linux";
const NAME = "naïve 日本.bin";
/** Escape sequences, and carriage returns that would write over a line. */
// deno-lint-ignore no-control-regex
const CONTROLS = /[\x00-\x09\x0b-\x1f\x7f-\x9f]/;

class Crontab implements AsyncDisposable {
  readonly room: VerdictRoom;
  readonly seeder: ScriptedSeeder;
  readonly data = content.randomBytes(10 * 32_768, 5);

  private constructor(room: VerdictRoom) {
    this.room = room;
    this.seeder = new ScriptedSeeder(this.torrent);
  }

  static async open(): Promise<Crontab> {
    const crontab = new Crontab(await VerdictRoom.open());
    await Deno.writeFile(crontab.room.checkout.path("x.torrent"), crontab.torrent.bytes);
    return crontab;
  }

  get torrent(): content.MadeTorrent {
    return content.makeTorrent(NAME, this.data, { pieceLength: 32_768 });
  }

  /** A line of a crontab: a session of its own, nothing in the environment but these. */
  run(line: string, ...args: string[]): Promise<Finished> {
    // Where Deno keeps packages is the test machine's business.
    const cache = Deno.env.get("DENO_DIR");
    const environment = ["LANG=C", "TERM=dumb", "SHELL=/bin/sh"];
    if (cache !== undefined) environment.push(`DENO_DIR=${cache}`);
    const shell = ["/bin/sh", "-c", line, "sh", ...this.room.checkout.command(...args)];
    return finished(
      new Subprocess("setsid", ["--wait", "/usr/bin/env", "-i", ...environment, ...shell], {
        cwd: this.room.checkout.folder,
      }),
    );
  }

  get peer(): string[] {
    return ["--bind", "127.0.0.1", "--peer", this.seeder.endpoint];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.seeder[Symbol.asyncDispose]();
    await this.room[Symbol.asyncDispose]();
  }
}

function said({ code, stdout, stderr }: Finished): [number, string, string] {
  return [code, stdout, stderr];
}

Deno.test({
  name: "S3 get -q in a crontab is silent when all went well, and says one line when not",
  ignore: !isLinux,
  async fn() {
    await using crontab = await Crontab.open();
    const get = ["get", "-q", ...crontab.peer, "-o", "out", "x.torrent"];
    for (const line of ['"$@"', '"$@" <&-']) {
      deepStrictEqual(said(await crontab.run(line, ...get)), [0, "", ""]);
    }
    const path = crontab.room.checkout.path("out", NAME);
    ok((await Deno.readFile(path)).toHex() === crontab.data.toHex());
    const nobody = ["--no-tracker", "--stall", "1s", "-o", "lost", "x.torrent"];
    const lost = await crontab.run('"$@"', "get", "-q", "--bind", "127.0.0.1", ...nobody);
    assertExit(lost, 12);
    deepStrictEqual(lost.stdout, "");
    match(lost.stderr, /^starling: naïve 日本\.bin: gave up after 1\.0s without[^\n]*\n$/);
    const absent = await crontab.run('"$@"', "get", "-q", "absent.torrent", "gone.torrent");
    assertExit(absent, 3);
    deepStrictEqual(absent.stderr.trimEnd().split("\n").length, 2);
    deepStrictEqual((await crontab.run('"$@"', "get", "-q", "--no-such-option")).code, 2);
  },
});

Deno.test({
  name: "S3 every command works without environment, terminal and home, in plain text",
  ignore: !isLinux,
  async fn() {
    await using crontab = await Crontab.open();
    const { peer } = crontab;
    const commands: readonly (readonly [code: number, words: RegExp, ...args: string[]])[] = [
      [
        0,
        /complete and verified: 1 file/,
        "get",
        "-v",
        ...peer,
        "--log-dir",
        "l",
        "-o",
        "out",
        "x.torrent",
      ],
      [0, /already complete/, "get", ...peer, "-o", "out", "x.torrent"],
      [0, /"event":"done"/, "get", "--json", ...peer, "-o", "again", "x.torrent"],
      [0, /seeded 0 B/, "seed", "--bind", "127.0.0.1", "--seed-time", "1s", "x.torrent", "out"],
      [0, /complete: 1 file/, "verify", "x.torrent", "out"],
      [0, /naïve 日本\.bin/, "info", "x.torrent"],
      [0, /[0-9a-f]{40}/, "create", "-o", "y.torrent", "out"],
      [0, /^starling 0/, "--version"],
      [0, /Usage/, "--help"],
      [2, /starling: /, "get", "--no-such-option"],
    ];
    for (const [code, words, ...args] of commands) {
      const run = await crontab.run('"$@"', ...args);
      assertExit(run, code);
      const text = `${run.stdout}${run.stderr}`;
      match(text, words);
      ok(!CONTROLS.test(text), JSON.stringify(text));
    }
  },
});

Deno.test({
  name: "S3 get draws on a terminal that is 0×0, dumb or tiny, and ends well",
  ignore: !isLinux,
  async fn() {
    await using crontab = await Crontab.open();
    const { checkout } = crontab.room;
    for (const size of ["cols 0 rows 0", "cols 1 rows 1", "cols 5 rows 2"]) {
      const out = size.replaceAll(" ", "");
      await using seeder = new ScriptedSeeder({ ...crontab.torrent, uploadRate: 300_000 });
      const args = ["--bind", "127.0.0.1", "--peer", seeder.endpoint, "-o", out, "x.torrent"];
      const words = checkout.command("get", "-v", ...args).map((word) => `'${word}'`).join(" ");
      const process = new Subprocess(
        "script",
        ["-qec", `stty ${size}; exec ${words}`, "/dev/null"],
        {
          cwd: checkout.folder,
          env: { TERM: "dumb", LANG: "C" },
        },
      );
      const run = await finished(process);
      assertExit(run, 0);
      match(run.stdout, /complete and verified: 1 file/);
      ok(run.stdout.includes("\x1b[?25h"), "the cursor is shown again");
    }
  },
});
