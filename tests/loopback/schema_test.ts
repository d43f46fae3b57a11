/** What real runs print with `--json`, held to the schemas; the verdict tests hold all failures. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { assertValid } from "../cli/json_schema.ts";
import { assertExit, finished } from "./checkout.ts";
import { freePort } from "./lab.ts";
import { VerdictRoom } from "./verdict_room.ts";

/** A test asks nobody beyond this machine. */
const ALONE = ["--no-dht", "--no-lsd", "--no-port-map"];

/** All lines that a run printed. */
function linesOf(stdout: string): Record<string, unknown>[] {
  ok(stdout.endsWith("\n"), stdout);
  return stdout.trimEnd().split("\n").map((line) => JSON.parse(line));
}

function namesOf(lines: readonly Record<string, unknown>[]): string[] {
  return [...new Set(lines.map(({ event }) => String(event)))].toSorted();
}

Deno.test("get --json of a download, and of what is complete, is as the schema says", async () => {
  await using room = await VerdictRoom.open();
  const tracker = room.tracker("d8:intervali600e5:peers0:e");
  const seeder = room.seeder({ uploadRate: 400_000 });
  const args = ["-v", "-o", "out", "--peer", seeder.endpoint, await room.torrent(tracker)];
  const process = room.start(...args);
  await room.lab.until("progress", () => process.stdout.includes('"progress"'));
  if (Deno.build.os !== "windows") process.kill("SIGUSR1");
  const run = await finished(process);
  assertExit(run, 0);
  const lines = linesOf(run.stdout);
  await assertValid("events", lines);
  const expected = ["added", "checked", "done", "file", "progress", "tracker", "verdict"];
  deepStrictEqual(namesOf(lines).filter((name) => expected.includes(name)), expected);
  const again = await room.get(...args);
  assertExit(again, 0);
  await assertValid("events", linesOf(again.stdout));
});

Deno.test("get --json that bans a liar, and get that has nothing to get, is as the schema says", async () => {
  await using room = await VerdictRoom.open();
  const liar = room.seeder({ spoil: (block) => block.fill(0) });
  const bad = await room.get("-o", "bad", ...await room.withPeers(liar.endpoint));
  assertExit(bad, 16);
  const lines = linesOf(bad.stdout);
  ok(namesOf(lines).includes("peer-banned"), bad.stdout);
  await Deno.writeTextFile(room.checkout.path("junk.torrent"), "no torrent");
  const runs = [
    await room.get("-o", "junk", "junk.torrent", "absent.torrent"),
    await room.get("-o", "large", "--max-bytes", "1K", await room.torrent()),
  ];
  for (const run of runs) {
    assertExit(run, 3);
    lines.push(...linesOf(run.stdout));
  }
  await assertValid("events", lines);
});

Deno.test("seed, magnets, info, create and verify print what the schemas say", async () => {
  await using room = await VerdictRoom.open();
  const { checkout, data, lab } = room;
  await Deno.mkdir(checkout.path("data"));
  await Deno.writeFile(checkout.path("data", "data.bin"), data);
  const created = await checkout.run("create", "--json", "-t", "http://t/a,udp://u:1", "data");
  assertExit(created, 0);
  await assertValid("create", linesOf(created.stdout));
  const { infoHash, magnet } = linesOf(created.stdout)[0]!;

  const port = freePort();
  const seeding = checkout.start(
    ...["seed", "--json", "--bind", "127.0.0.1", "--no-tracker", "-p", `${port}`, "data.torrent"],
  );
  await lab.until("a seed", () => seeding.stdout.includes('"seeding"'));
  const where = ["--bind", "127.0.0.1", "--no-tracker", "--peer", `127.0.0.1:${port}`];
  const got = await checkout.run("get", "--json", "-o", "got", ...where, String(infoHash));
  assertExit(got, 0);
  ok(namesOf(linesOf(got.stdout)).includes("metadata"), got.stdout);
  const saved = await checkout.run(
    ...["get", "--json", "--metadata-only", "-o", "saved.torrent", ...where, String(magnet)],
  );
  assertExit(saved, 0);
  const known = await checkout.run("info", "--json", ...where, String(magnet));
  assertExit(known, 0);
  await seeding.stop();
  const late = await checkout.run(
    ...["get", "--json", "-o", "late", ...where, "--metadata-timeout", "1s", String(magnet)],
  );
  assertExit(late, 10);
  const refusal = encodeURIComponent(room.tracker("d14:failure reason2:noe"));
  const refused = await checkout.run(
    ...["get", "--json", "-o", "late", "--bind", "127.0.0.1", "--metadata-timeout", "1s"],
    `magnet:?xt=urn:btih:${"cd".repeat(20)}&tr=${refusal}`,
  );
  assertExit(refused, 10);
  const texts = [seeding.stdout, got.stdout, saved.stdout, late.stdout, refused.stdout];
  const lines = texts.flatMap(linesOf);
  ok(namesOf(lines).includes("seeded"), seeding.stdout);
  await assertValid("events", lines);

  const unknown = await checkout.run(
    "info",
    "--json",
    "--no-tracker",
    `magnet:?xt=urn:btih:${"ab".repeat(20)}`,
  );
  assertExit(unknown, 10);
  const info = await checkout.run("info", "--json", "data.torrent");
  await assertValid("info", [known, unknown, info].flatMap(({ stdout }) => linesOf(stdout)));

  const good = await checkout.run("verify", "--json", "data.torrent", "got");
  assertExit(good, 0);
  const path = checkout.path("got", "data", "data.bin");
  await Deno.writeFile(path, data.slice().fill(0, 0, 100));
  const bad = await checkout.run("verify", "--json", "data.torrent", "got");
  assertExit(bad, 5);
  await Deno.remove(path);
  const missing = await checkout.run("verify", "--json", "data.torrent", "got");
  assertExit(missing, 5);
  await assertValid("verify", [good, bad, missing].flatMap(({ stdout }) => linesOf(stdout)));
});

Deno.test("plan --json prints what the schema says, of every kind of source", async () => {
  await using room = await VerdictRoom.open();
  const { checkout } = room;
  const torrent = await room.torrent(room.tracker("d8:completei3e8:intervali600e5:peers0:e"));
  const refused = await room.torrent(room.tracker("d14:failure reason2:noe"));
  const seeder = room.seeder();
  const peer = ["--bind", "127.0.0.1", "--peer", seeder.endpoint];
  const link = `magnet:?xt=urn:btih:${"ab".repeat(20)}`;
  await Deno.writeTextFile(checkout.path("junk.torrent"), "no torrent");
  await Deno.mkdir(checkout.path("taken"));
  await Deno.writeTextFile(checkout.path("taken", "data.bin"), "something else");
  const search = ["--no-tracker", "--metadata-timeout", "1s"];
  const runs: readonly (readonly [code: number, ...args: string[]])[] = [
    [0, ...peer, torrent],
    [0, "--offline", torrent],
    [11, "--bind", "127.0.0.1", "--timeout", "2s", refused],
    [3, "--offline", "--max-bytes", "1K", torrent],
    [6, "--offline", "--check", "-o", "taken", torrent],
    [3, "--offline", "junk.torrent", torrent],
    [10, "--bind", "127.0.0.1", ...search, link],
  ];
  const lines: unknown[] = [];
  for (const [code, ...args] of runs) {
    const run = await checkout.run("plan", "--json", ...ALONE, ...args);
    assertExit(run, code);
    lines.push(...linesOf(run.stdout));
  }
  await assertValid("plan", lines);
});

Deno.test("get --json of --sums that do not hold is as the schema says", async () => {
  await using room = await VerdictRoom.open();
  const { checkout } = room;
  const seeder = room.seeder();
  const args = ["--peer", seeder.endpoint, await room.torrent()];
  await Deno.writeTextFile(checkout.path("wrong.txt"), `${"ab".repeat(32)}  data.bin\n`);
  await Deno.writeTextFile(checkout.path("other.txt"), `${"ab".repeat(32)}  other.bin\n`);
  const lines: unknown[] = [];
  for (const sums of ["wrong", "other"]) {
    const run = await room.get("--sums", `${sums}.txt`, "-o", sums, ...args);
    assertExit(run, 8);
    lines.push(...linesOf(run.stdout));
  }
  await assertValid("events", lines);
});
