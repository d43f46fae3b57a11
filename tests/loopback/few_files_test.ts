/** S8: what `ulimit -n 64` leaves to a swarm that is larger than that. */
import { ok, strictEqual } from "node:assert/strict";
import { assertExit, type Checkout, finished } from "./checkout.ts";
import { freePort, Subprocess } from "./lab.ts";
import { VerdictRoom } from "./verdict_room.ts";

const MAX_FILES = 64;
const SEEDERS = 60;
const STRANGERS = 100;
const isUnlimited = Deno.build.os === "windows";

/** Starts a command of which Deno has the code at hand, as after a first run: it compiles none. */
async function startWithFewFiles(
  room: VerdictRoom,
  first: readonly string[],
  args: readonly string[],
): Promise<Subprocess> {
  const { checkout } = room;
  assertExit(await checkout.run("get", ...first), 0);
  return startLimited(checkout, args);
}

function startLimited(checkout: Checkout, args: readonly string[]): Subprocess {
  const words = ["-c", `ulimit -n ${MAX_FILES}; exec "$@"`, "sh", ...checkout.command(...args)];
  return new Subprocess("sh", words, { cwd: checkout.folder, env: { NO_COLOR: "1" } });
}

Deno.test({
  name: "S8 P32 get downloads from 60 peers when the process may open 64 files",
  ignore: isUnlimited,
  async fn() {
    await using room = await VerdictRoom.open();
    const torrent = await room.torrent();
    const seeders = Array.from({ length: SEEDERS }, () => room.seeder({ uploadRate: 10_000 }));
    const peers = seeders.flatMap(({ endpoint }) => ["--peer", endpoint]);
    const quick = ["-o", room.output(), "--peer", room.seeder().endpoint, torrent];
    const output = room.output();
    const args = ["get", "--json", "-o", output, ...peers, torrent];
    const run = await finished(await startWithFewFiles(room, quick, args));
    assertExit(run, 0);
    const busy = seeders.filter(({ servedBytes }) => servedBytes > 0).length;
    ok(busy >= 8, `only ${busy} seeders were asked`);
  },
});

Deno.test({
  name: "S8 P32 seed outlives 100 strangers at once when the process may open 64 files",
  ignore: isUnlimited,
  async fn() {
    await using room = await VerdictRoom.open();
    const torrent = await room.torrent();
    const output = room.output();
    const port = freePort();
    const first = ["-o", output, "--peer", room.seeder().endpoint, torrent];
    const args = ["seed", "--bind", "127.0.0.1", "-p", `${port}`, torrent, output];
    const seed = await startWithFewFiles(room, first, args);
    await room.lab.until(
      "a seed that listens",
      () => (ok(seed.isRunning, seed.log), isListening(port)),
    );
    const strangers = await Promise.all(
      Array.from({ length: STRANGERS }, () => Deno.connect({ hostname: "127.0.0.1", port })),
    );
    // As long as a seed takes to load what it needs late; whether there is a place is open.
    const from = ["get", "--no-utp", "--peer", `127.0.0.1:${port}`];
    const meanwhile = await room.checkout.run(
      ...from,
      ...["-o", room.output(), "--stall", "4s", torrent],
    );
    ok([0, 13, 14, 15].includes(meanwhile.code), `exit code ${meanwhile.code}`);
    ok(seed.isRunning, seed.log);
    for (const stranger of strangers) stranger.close();
    assertExit(await room.checkout.run(...from, "-o", room.output(), torrent), 0, seed.log);
    seed.kill("SIGINT");
    strictEqual((await finished(seed)).code, 130);
  },
});

async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}
