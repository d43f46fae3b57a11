import { ok, rejects, strictEqual } from "node:assert/strict";
import { SystemClock } from "../../src/base/ambient.ts";
import { type LockOptions, TargetLock } from "../../src/storage/lock.ts";
import { ManualClock } from "../sim/manual_clock.ts";
import { TemporaryFolder } from "../workers/temporary_folder.ts";

function acquire(folder: TemporaryFolder, options: Partial<LockOptions> = {}): Promise<TargetLock> {
  return TargetLock.acquire({
    stateDir: folder.path,
    name: "target",
    waitMs: 0,
    clock: new SystemClock(),
    signal: new AbortController().signal,
    ...options,
  });
}

Deno.test("D14 a target has one lock; another target has another", async () => {
  using folder = new TemporaryFolder();
  const lock = await acquire(folder);
  await rejects(acquire(folder), { name: "StorageError", reason: "locked" });
  (await acquire(folder, { name: "other" })).release();
  lock.release();
  (await acquire(folder)).release();
});

Deno.test("acquire() waits for a lock as long as it is told", async () => {
  using folder = new TemporaryFolder();
  const clock = new ManualClock(), sleep = clock.sleep.bind(clock);
  let tries = 0;
  clock.sleep = (...args) => {
    tries++;
    return sleep(...args);
  };
  const held = await acquire(folder);
  let outcome = "waiting";
  acquire(folder, { waitMs: 10_000, clock })
    .then((lock) => lock.release(), (error) => outcome = error.reason);
  await settled(clock, () => outcome !== "waiting", 20_000);
  strictEqual(outcome, "locked");
  ok(clock.now() >= 10_000);
  ok(tries > 1 && tries <= 50, `${tries} tries in ten seconds`);

  outcome = "waiting";
  const waiting = acquire(folder, { waitMs: 10_000, clock }).then((lock) => {
    outcome = "got it";
    return lock;
  });
  held.release();
  await settled(clock, () => outcome !== "waiting", 5_000);
  strictEqual(outcome, "got it");
  (await waiting).release();
});

Deno.test("acquire() stops waiting when it is asked to", async () => {
  using folder = new TemporaryFolder();
  const held = await acquire(folder);
  const aborter = new AbortController();
  const waiting = acquire(folder, { waitMs: 1e9, signal: aborter.signal });
  aborter.abort(new Error("enough"));
  await rejects(waiting, { message: "enough" });
  held.release();
});

Deno.test("D15 the lock of a process that was killed is free", async () => {
  using folder = new TemporaryFolder();
  const [lock, ambient] = ["src/storage/lock.ts", "src/base/ambient.ts"].map((path) =>
    new URL(`../../${path}`, import.meta.url).href
  );
  folder.write(
    "main.ts",
    `import { TargetLock } from "${lock}";
    import { SystemClock } from "${ambient}";
    await TargetLock.acquire({
      stateDir: ${JSON.stringify(folder.path)}, name: "target", waitMs: 0,
      clock: new SystemClock(), signal: new AbortController().signal,
    });
    console.log("locked");
    setInterval(() => {}, 1000);`,
  );
  const holder = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-lock", "-A", folder.at("main.ts")],
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = holder.stdout.getReader();
  await reader.read();
  await rejects(acquire(folder), { reason: "locked" });
  holder.kill("SIGKILL");
  await holder.status;
  await reader.cancel();
  (await acquire(folder)).release();
});

Deno.test("D8 acquire() locks a file of its own, whatever link is there", async () => {
  using folder = new TemporaryFolder();
  folder.write("outside", "outside");
  Deno.symlinkSync(folder.at("outside"), folder.at("target.lock"));
  const lock = await acquire(folder);
  strictEqual(Deno.lstatSync(folder.at("target.lock")).isFile, true);
  strictEqual(folder.text("outside"), "outside");
  lock.release();
});

/** Moves the clock; the lock itself is asked for in real time, between two turns of it. */
async function settled(clock: ManualClock, isDone: () => boolean, limitMs: number): Promise<void> {
  const end = clock.now() + limitMs;
  while (!isDone() && clock.now() < end) {
    await clock.run(isDone, 100);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}
