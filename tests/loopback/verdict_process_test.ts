/** Verdicts that come of what happens to a run: its seed leaves, it is stopped, the disk is full. */
import { ok, strictEqual } from "node:assert/strict";
import { eventsIn, finished } from "./checkout.ts";
import { isWithoutSmallDisk, runOnSmallDisk } from "./small_disk.ts";
import { assertPrintedAsDocumented, assertVerdict, VerdictRoom } from "./verdict_room.ts";

/** A seeder that has sent nothing since so many looks has nobody to send to. */
const POLLS_UNCHANGED = 10;
const SMALL_DISK_BYTES = 300 * 1024;

Deno.test("get exits 15 when the only seed leaves in the middle", async () => {
  await using room = await VerdictRoom.open();
  const seeder = room.seeder({ uploadRate: 100_000 });
  const process = room.start("-o", room.output(), ...await room.withPeers(seeder.endpoint));
  await room.lab.until("a part of it", () => seeder.servedBytes > room.data.length / 4);
  await seeder[Symbol.asyncDispose]();
  const words = /\d+ pieces missing, and every peer has left: 1 peer gave data, .*1 × hung up/;
  assertVerdict(await finished(process), { code: 15, verdict: "swarm-incomplete", words });
});

for (const [signal, code] of [["SIGINT", 130], ["SIGTERM", 143]] as const) {
  Deno.test({
    name: `S1 get exits ${code} at ${signal}, and the next run goes on where it was`,
    ignore: Deno.build.os === "windows",
    async fn() {
      await using room = await VerdictRoom.open();
      const seeder = room.seeder({ uploadRate: 200_000 });
      const args = ["-o", room.output(), "--peer", seeder.endpoint, await room.torrent()];
      const process = room.start(...args);
      await room.lab.until("a part of it", () => seeder.servedBytes > room.data.length / 2);
      process.kill(signal);
      const words =
        /interrupted at [1-9]\d?\.\d%; what is here is saved; run the same command to go on/;
      assertVerdict(await finished(process), { code, verdict: "interrupted", words });
      const again = await room.get(...args);
      const [done] = again.events("done");
      ok(Number(done?.["downloaded"]) < room.data.length * 0.9, again.stdout);
    },
  });
}

Deno.test({
  name: "S11 get that is stopped goes on when it is continued",
  ignore: Deno.build.os === "windows",
  async fn() {
    await using room = await VerdictRoom.open();
    const seeder = room.seeder({ uploadRate: 400_000 });
    const process = room.start(
      "-o",
      room.output(),
      "--peer",
      seeder.endpoint,
      await room.torrent(),
    );
    await room.lab.until("a part of it", () => seeder.servedBytes > room.data.length / 4);
    process.kill("SIGSTOP");
    // What is under way fills the system's buffers, and then nothing more is taken.
    let served = -1, unchanged = 0;
    await room.lab.until("nothing that moves", () => {
      unchanged = served === seeder.servedBytes ? unchanged + 1 : 0;
      served = seeder.servedBytes;
      return unchanged === POLLS_UNCHANGED;
    });
    ok(process.isRunning && !process.stdout.includes('"done"'));
    process.kill("SIGCONT");
    const run = await finished(process);
    strictEqual(run.code, 0, run.stderr);
  },
});

Deno.test("get exits 75 while another run holds the target, waited for or not", async () => {
  await using room = await VerdictRoom.open();
  const where = ["-o", room.output()];
  const torrent = await room.torrent();
  const holder = room.start(...where, torrent);
  await room.lab.until("a target that is held", () => holder.stdout.includes('"checked"'));
  const [at, waited, late] = await Promise.all([
    room.get(...where, torrent),
    room.get(...where, "--wait-lock", "1s", torrent),
    room.get(...where, "--wait-lock", "1h", "--deadline", "10s", torrent),
  ]);
  const held = /another run holds .*\.lock; wait for it \(--wait-lock\), or try again later/;
  for (
    const [run, words] of [
      [at, held],
      [waited, held],
      [late, /the deadline came after \d+(\.\d)?s.*\(waiting for another run.*; try again later/],
    ] as const
  ) assertVerdict(run, { code: 75, verdict: "locked", words });
});

Deno.test("D1 get exits 5 on a full disk, and says what to do", async (t) => {
  await using room = await VerdictRoom.open();
  const folder = room.output();
  await Deno.mkdir(room.checkout.path(folder));
  if (await isWithoutSmallDisk(room.checkout.path(folder), t.name)) return;
  const args = ["-o", folder, ...await room.withPeers(room.seeder().endpoint)];
  const command = room.checkout.command("get", "--json", "--bind", "127.0.0.1", ...args);
  const cwd = room.checkout.folder;
  const run = await runOnSmallDisk(folder, SMALL_DISK_BYTES, command, { cwd });
  const words = /the disk is full; make room and run it again: what is here is kept/;
  assertVerdict(
    { ...run, durationMs: 0, events: (name) => eventsIn(run.stdout, name) },
    { code: 5, verdict: "disk", words },
  );
});

Deno.test("the runs of this file print what the schema says", assertPrintedAsDocumented);
