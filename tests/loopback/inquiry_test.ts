/** SIGUSR1 and SIGUSR2: why is it not done yet? */
import { deepStrictEqual, ok } from "node:assert/strict";
import { assertExit, eventsIn, finished } from "./checkout.ts";
import type { Subprocess } from "./lab.ts";
import { VerdictRoom } from "./verdict_room.ts";

const hasSignal = Deno.build.os !== "windows";

/** Asks a process, and waits for so many more lines that match. */
async function ask(
  room: VerdictRoom,
  process: Subprocess,
  words: RegExp,
  signal: Deno.Signal = "SIGUSR1",
): Promise<void> {
  const count = () => process.stderr.split("\n").filter((line) => words.test(line)).length;
  const before = count();
  process.kill(signal);
  await room.lab.until(`an answer like ${words}`, () => count() === before + 1);
  ok(process.isRunning);
}

Deno.test({
  name: "SIGUSR1 is answered in one line a torrent, and changes nothing",
  ignore: !hasSignal,
  async fn() {
    await using room = await VerdictRoom.open();
    const choker = room.peer({ kind: "choking" });
    const slow = room.seeder({ uploadRate: 60_000 });
    const process = room.start("--peer", choker, "-o", "out", await room.torrent());
    await room.lab.until("a choke", () => process.stdout.includes('"choking":1'));
    const choked = /^starling: data\.bin: downloading, 0\.0% of 640 KiB, .* 1 chokes? us/;
    await ask(room, process, choked);
    await ask(room, process, choked, "SIGUSR2");
    process.kill("SIGINT");
    deepStrictEqual((await finished(process)).code, 130);

    const magnet = `magnet:?xt=urn:btih:${"ab".repeat(20)}&dn=x`;
    const several = room.start("--peer", slow.endpoint, "-o", "both", await room.torrent(), magnet);
    await room.lab.until("a block", () => slow.servedBytes > 0);
    await ask(room, several, /^starling: x: looking for the metadata: \d+ peers? known/);
    await ask(room, several, /^starling: data\.bin: downloading, .*data is coming from 1 of 1/);
    const told = eventsIn(several.stdout, "verdict");
    deepStrictEqual(told.length, 4);
    deepStrictEqual(told.map(({ verdict }) => verdict).filter((cause) => cause !== null), [
      "deadline",
      "deadline",
    ]);
    several.kill("SIGTERM");
    deepStrictEqual((await finished(several)).code, 143);
  },
});

Deno.test({
  name: "SIGUSR1 is answered while waiting for a lock, and while seeding; other commands ignore it",
  ignore: !hasSignal,
  async fn() {
    await using room = await VerdictRoom.open();
    const { checkout, lab } = room;
    const torrent = await room.torrent();
    const holder = room.start("-o", "out", torrent);
    await lab.until("a target that is held", () => holder.stdout.includes('"checked"'));
    const waiting = room.start("-o", "out", "--wait-lock", "1h", torrent);
    await lab.until("a torrent", () => waiting.stdout.includes('"added"'));
    await ask(room, waiting, /^starling: data\.bin: waiting for another run on the same target/);
    await waiting.stop();
    await holder.stop();

    await Deno.writeFile(checkout.path("data.bin"), room.data);
    const seeding = checkout.start("seed", "--json", "--bind", "127.0.0.1", torrent);
    await lab.until("a seed", () => seeding.stdout.includes('"seeding"'));
    await ask(room, seeding, /^starling: data\.bin: seeding: 0 peers connected of 0 known, up 0 B/);
    seeding.kill("SIGTERM");
    assertExit(await finished(seeding), 143);

    const tracker = checkout.start("tracker", "--bind", "127.0.0.1", "--port", "0");
    await lab.until("a tracker", () => tracker.stdout.includes("/announce"));
    tracker.kill("SIGUSR1");
    tracker.kill("SIGTERM");
    const { code, stderr } = await finished(tracker);
    deepStrictEqual([code, stderr], [0, ""]);
  },
});
