/** Outputs that are full, closed or never read: the download does not notice. */
import { deepStrictEqual, match, ok } from "node:assert/strict";
import { assertExit, finished } from "./checkout.ts";
import * as content from "./content.ts";
import { Subprocess } from "./lab.ts";
import { ScriptedSeeder } from "./scripted_seeder.ts";
import { isWithoutSmallDisk, runOnSmallDisk } from "./small_disk.ts";
import { VerdictRoom } from "./verdict_room.ts";

const SMALL_DISK_BYTES = 8 * 1024;
const isWindows = Deno.build.os === "windows";

/** Runs a line of shell in which `"$@"` is `starling ARGS`. */
function shell(room: VerdictRoom, line: string, ...args: string[]) {
  const command = room.checkout.command(...args);
  const options = { cwd: room.checkout.folder, env: { NO_COLOR: "1" } };
  return finished(new Subprocess("sh", ["-c", line, "sh", ...command], options));
}

async function isComplete(room: VerdictRoom, folder: string): Promise<boolean> {
  const bytes = await Deno.readFile(room.checkout.path(folder, "data.bin")).catch(() => undefined);
  return bytes !== undefined && bytes.toHex() === room.data.toHex();
}

const LOST = /^starling: Cannot write to standard output: No space left/;
const LEFT = /^starling: nobody reads standard output any more; starling goes on/;
const LOUDNESSES = [["--json", "-v"], ["-v"]];

/** What became of the outputs, how, and what is said of it with `--json` and without. */
const CASES: readonly [what: string, line: string, json?: RegExp, plain?: RegExp][] = [
  ["standard output is on a full disk", '"$@" > /dev/full', LOST, LOST],
  ["all outputs are on a full disk", '"$@" > /dev/full 2>&1'],
  ["all outputs are closed", '"$@" >&- 2>&-'],
  // Without --json it leaves no more to be said: the result is the first line, and the last.
  ["its reader leaves", '{ "$@"; echo $? > code; } | head -1 > first; exit $(cat code)', LEFT],
];

for (const [what, line, ...said] of CASES) {
  for (const [index, loudness] of LOUDNESSES.entries()) {
    Deno.test({
      name: `D2 S2 get ${loudness.join(" ")} completes and exits 0 when ${what}`,
      ignore: isWindows,
      async fn() {
        await using room = await VerdictRoom.open();
        const seeder = room.seeder({ uploadRate: 400_000 });
        const args = ["get", ...loudness, "--bind", "127.0.0.1", "--peer", seeder.endpoint];
        const run = await shell(room, line, ...args, "-o", "out", await room.torrent());
        assertExit(run, 0);
        ok(await isComplete(room, "out"));
        const lines = run.stderr.split("\n").filter((text) => /standard output/.test(text));
        const expected = said[index];
        deepStrictEqual(lines.length, expected === undefined ? 0 : 1, run.stderr);
        if (expected !== undefined) match(lines[0]!, expected);
      },
    });
  }
}

Deno.test("D2 get completes and says once that the disk of its log is full", async (t) => {
  await using room = await VerdictRoom.open();
  const logs = await room.lab.makeFolder("checkout", "logs");
  if (await isWithoutSmallDisk(logs, t.name)) return;
  const seeder = room.seeder();
  const args = ["get", "--bind", "127.0.0.1", "--peer", seeder.endpoint, "--log-dir", "logs"];
  const torrent = await room.torrent();
  // The rest of the disk is taken before it begins.
  const command = ["sh", "-c", 'head -c 8192 /dev/zero > logs/other 2> /dev/null; exec "$@"', "sh"];
  const run = await runOnSmallDisk(
    logs,
    SMALL_DISK_BYTES,
    [...command, ...room.checkout.command(...args, "-o", "out", torrent)],
    { cwd: room.checkout.folder },
  );
  deepStrictEqual(run.code, 0, run.stderr);
  ok(await isComplete(room, "out"));
  const lines = run.stderr.split("\n").filter((line) =>
    /Cannot write to the log in logs: /.test(line)
  );
  deepStrictEqual(lines.length, 1, run.stderr);
});

Deno.test("get waits for no reader: all is here while its output is stuck in a full pipe", async () => {
  await using room = await VerdictRoom.open();
  const { checkout } = room;
  const files = Object.fromEntries(
    Array.from(
      { length: 1500 },
      (_, number) => [`folder/${number}.bin`, content.randomBytes(400, number + 1)],
    ),
  );
  const torrent = content.makeTorrent("many", files, { pieceLength: 32_768 });
  await Deno.writeFile(checkout.path("many.torrent"), torrent.bytes);
  await using seeder = new ScriptedSeeder(torrent);
  const [program, ...args] = checkout.command(
    ...[
      "get",
      "--json",
      "--bind",
      "127.0.0.1",
      "--peer",
      seeder.endpoint,
      "-o",
      "out",
      "many.torrent",
    ],
  );
  const process = new Deno.Command(program, {
    args,
    cwd: checkout.folder,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const isHere = async () => {
    const names = await Array.fromAsync(Deno.readDir(checkout.path("out/many/folder"))).catch(
      () => [],
    );
    return names.length === 1500 && names.every(({ name }) => !name.endsWith(".part"));
  };
  await room.lab.until("all files", isHere);
  const { code, stdout } = await process.output();
  const text = new TextDecoder().decode(stdout);
  deepStrictEqual(code, 0);
  // More than a pipe holds, and nothing of it is lost.
  ok(text.length > 200_000);
  deepStrictEqual(text.split("\n").filter((line) => line.includes('"event":"file"')).length, 1500);
});
