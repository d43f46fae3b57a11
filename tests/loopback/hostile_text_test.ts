/** What strangers say, in every output of real runs: it can move no cursor and fake no line. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { encode } from "../../src/metainfo/bencode_encoder.ts";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { Checkout, type Finished, finished } from "./checkout.ts";
import * as content from "./content.ts";
import { Lab, Subprocess } from "./lab.ts";
import { ScriptedSeeder } from "./scripted_seeder.ts";

/** Sets the title, clears the screen, turns the reading direction, and fakes a line of ours. */
const EVIL = "a\x1b]0;owned\x07\x1b[2J\u202egpj.exe\u2028\x9b31m\u200b\r\nFORGED: complete\n";
// deno-lint-ignore no-control-regex
const ESCAPES = /\x1b\]0;|\x1b\[2J|\x07|\u202e|\u2028|\x9b|\u200b/u;
/** Nothing else has a place in plain text. */
const UNSAFE = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}]/u;
const PIECE_LENGTH = 32_768;

class HostileRoom implements AsyncDisposable {
  readonly data = content.randomBytes(5 * PIECE_LENGTH, 1);
  readonly #ending = new AsyncDisposableStack();
  readonly lab: Lab;
  readonly checkout: Checkout;
  readonly seeder: ScriptedSeeder;
  readonly tracker: string;

  private constructor(lab: Lab, checkout: Checkout) {
    this.lab = this.#ending.use(lab);
    this.checkout = checkout;
    const tracker = Deno.serve(
      { hostname: "127.0.0.1", port: 0, onListen: () => {} },
      ({ url }) =>
        new Response(
          encode(
            url.includes("warn")
              ? { "warning message": EVIL, interval: 600, peers: "" }
              : { "failure reason": EVIL },
          ),
        ),
    );
    this.#ending.defer(() => tracker.shutdown());
    this.tracker = `http://127.0.0.1:${tracker.addr.port}/announce`;
    const { data } = this;
    this.seeder = this.#ending.use(
      new ScriptedSeeder({
        data,
        pieceLength: PIECE_LENGTH,
        infoHash: parseMetainfo(this.torrent()).infoHash,
        clientName: EVIL,
        uploadRate: 200_000,
      }),
    );
  }

  static async open(): Promise<HostileRoom> {
    const lab = await Lab.open();
    const room = new HostileRoom(lab, await Checkout.make(lab));
    await Deno.writeFile(room.checkout.path("x.torrent"), room.torrent());
    return room;
  }

  /** Everything that a stranger may write into a torrent. */
  torrent(): Uint8Array<ArrayBuffer> {
    const { data } = this;
    const file = (path: string[], length: number) => ({ length, path });
    const half = data.length / 2;
    const digest = (at: number) => content.sha1(data.subarray(at, at + PIECE_LENGTH));
    return encode({
      announce: `${this.tracker}?${encodeURIComponent(EVIL)}`,
      "announce-list": [[`${this.tracker}?warn`], [`${this.tracker}?fail`], [EVIL]],
      comment: EVIL,
      "created by": EVIL,
      info: {
        files: [file([EVIL, `${EVIL}.txt`], half), file([`${EVIL}2`], half)],
        name: EVIL,
        "piece length": PIECE_LENGTH,
        pieces: Uint8Array.from([0, 1, 2, 3, 4].flatMap((n) => [...digest(n * PIECE_LENGTH)])),
        source: EVIL,
      },
    });
  }

  /** The link of it, as a stranger would write it. */
  get link(): string {
    const infoHash = parseMetainfo(this.torrent()).infoHashHex;
    const query = `tr=${encodeURIComponent(`${this.tracker}?fail`)}`;
    return `magnet:?xt=urn:btih:${infoHash}&dn=${encodeURIComponent(EVIL)}&${query}`;
  }

  get peer(): string[] {
    return ["--bind", "127.0.0.1", "--peer", this.seeder.endpoint];
  }

  async logs(): Promise<string> {
    let text = "";
    for await (const { name } of Deno.readDir(this.checkout.path("logs"))) {
      text += await Deno.readTextFile(this.checkout.path("logs", name));
    }
    return text;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#ending.disposeAsync();
  }
}

function assertHarmless(text: string): void {
  ok(text !== "");
  ok(!UNSAFE.test(text), JSON.stringify(text));
  ok(!/^FORGED/m.test(text), text);
}

function assertPlain({ stdout, stderr }: Finished): void {
  assertHarmless(`${stdout}${stderr}`);
  for (const line of stderr.trimEnd().split("\n")) {
    ok(line === "" || line.startsWith("starling: "), line);
  }
}

Deno.test("S13 T8 get, in plain lines, in JSON and in a log, shows nothing of strangers as it is", async () => {
  await using room = await HostileRoom.open();
  const { checkout, peer } = room;
  const logged = ["-v", "--log-dir", "logs"];
  const plain = await checkout.run("get", ...logged, ...peer, "-o", "plain", "x.torrent");
  deepStrictEqual(plain.code, 0, plain.stderr);
  assertPlain(plain);
  ok(plain.stderr.includes("\\x1b]0;owned"), plain.stderr);
  const json = await checkout.run("get", "--json", ...logged, ...peer, "-o", "json", "x.torrent");
  deepStrictEqual(json.code, 0, json.stderr);
  assertPlain(json);
  for (const line of json.stdout.trimEnd().split("\n")) JSON.parse(line);
  const failed = await checkout.run(
    "get",
    ...logged,
    "-o",
    "failed",
    "--deadline",
    "2s",
    "x.torrent",
  );
  ok(failed.code >= 10, failed.stderr);
  assertPlain(failed);
  const magnet = ["--no-dht", "--metadata-timeout", "1s", room.link];
  for (const extra of [[], ["--json"]]) {
    const lost = await checkout.run("get", ...extra, ...logged, "-o", "magnet", ...magnet);
    deepStrictEqual(lost.code, 10, lost.stderr);
    assertPlain(lost);
  }
  assertHarmless(await room.logs());
});

Deno.test("S13 info, verify and errors show nothing of strangers as it is", async () => {
  await using room = await HostileRoom.open();
  const { checkout } = room;
  await Deno.writeFile(checkout.path(`${EVIL}.torrent`), room.torrent());
  const runs = [
    ["info", "x.torrent"],
    ["info", "--json", "x.torrent"],
    ["info", "--metadata-timeout", "1s", room.link],
    ["info", "--json", "--metadata-timeout", "1s", room.link],
    ["info", `${EVIL}.torrent`],
    ["info", `${EVIL}absent.torrent`],
    ["info", `http://127.0.0.1:1/${EVIL}`],
    ["verify", "x.torrent"],
    ["verify", "--json", "x.torrent"],
    ["get", "-o", EVIL, "--deadline", "1s", "x.torrent"],
    ["get", "--select", `nothing${EVIL}`, "x.torrent"],
    ["get", "--peer", EVIL, "x.torrent"],
    ["plan", "--offline", "x.torrent"],
    ["plan", "--offline", "--json", "x.torrent", `${EVIL}absent.torrent`],
    ["plan", "--bind", "127.0.0.1", "--timeout", "2s", "x.torrent"],
    ["plan", "--json", "--bind", "127.0.0.1", "--timeout", "2s", "x.torrent"],
    ["feed", `${EVIL}absent.xml`],
    [`--${EVIL}`],
    ["create", "-o", "y.torrent", "--comment", EVIL, EVIL],
    ["create", "--name", EVIL, "-t", `http://t/${EVIL}`, "-o", "z.torrent", "x.torrent"],
  ];
  for (const args of runs) {
    const run = await checkout.run(...args);
    ok(run.code !== 1 && run.code < 128, run.stderr);
    assertHarmless(`${run.stdout}${run.stderr}`);
  }
});

Deno.test({
  name: "S13 the live view shows nothing of strangers as it is",
  ignore: Deno.build.os !== "linux",
  async fn() {
    await using room = await HostileRoom.open();
    const words = room.checkout.command("get", "-v", ...room.peer, "-o", "out", "x.torrent");
    const quoted = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
    const command = `stty cols 100 rows 30; exec ${quoted}`;
    const process = new Subprocess("script", ["-qec", command, "/dev/null"], {
      cwd: room.checkout.folder,
    });
    const { code, stdout } = await finished(process);
    deepStrictEqual(code, 0, stdout);
    // It was drawn, with the name and the client of the peer.
    ok(stdout.includes("\x1b[?25l") && stdout.includes("CLIENT"), stdout);
    ok(stdout.includes("\\x1b]0;owned"), stdout);
    ok(!ESCAPES.test(stdout), JSON.stringify(stdout));
    ok(!/^FORGED/m.test(stdout), stdout);
  },
});
