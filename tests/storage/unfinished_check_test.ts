/** Checks that are cut off, again and again: each goes on where the one before was. */
import { deepStrictEqual, match, ok, rejects } from "node:assert/strict";
import type { Random } from "../../src/base/ambient.ts";
import type { Job, JobOf, JobRunner, ReplyTo } from "../../src/workers/protocol.ts";
import { DiskTarget, type OpenOptions, sampleData } from "./disk_target.ts";
import { LocalJobs } from "./local_jobs.ts";

const MIB = 1024 * 1024;
/** As much as is hashed in one job. `a` is pieces 0–2, `b` 2–5, `c` 5–6; 2 and 5 are shared. */
const PIECE_LENGTH = 8 * MIB;
const SAMPLE = sampleData("t", { a: 20 * MIB, b: 24 * MIB, c: 8 * MIB }, PIECE_LENGTH);
const PIECES = SAMPLE.metainfo.layout.pieceCount;
/** One a file (D13). */
const MAX_SAMPLED = 3;
/** One is hashed, the next is under way. */
const AT_ONCE = 2;

/** Aborts after so many pieces were hashed. */
class CountedJobs implements JobRunner {
  readonly size = AT_ONCE / 2;
  readonly local = new LocalJobs();
  readonly stopping = new AbortController();
  readonly #limit: number;
  hashed = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  async run<Kind extends Job["kind"]>(
    job: JobOf<Kind>,
    beforeSending?: () => void,
  ): Promise<ReplyTo<Kind>> {
    const asked = job as Job, { pieces } = asked.kind === "hash" ? asked : { pieces: [] };
    const reply = await this.local.run<Kind>(job, beforeSending);
    this.hashed += pieces.length;
    if (this.hashed >= this.#limit) this.stopping.abort(new Error("cut off"));
    return reply;
  }

  forget(): Promise<void> {
    return this.local.forget();
  }
}

interface Checked {
  readonly hashed: number;
  /** Undefined when it was cut off. */
  readonly have: readonly number[] | undefined;
}

/** A run that is cut off after so many pieces, if it comes to that. */
async function check(
  target: DiskTarget,
  jobs: CountedJobs,
  options: OpenOptions = {},
): Promise<Checked> {
  const storage = await target.open({ ...options, pool: jobs });
  try {
    const have = await storage.restore(() => {}, jobs.stopping.signal);
    return { hashed: jobs.hashed, have: [...have.ones()] };
  } catch (error) {
    if ((error as Error).message !== "cut off") throw error;
    return { hashed: jobs.hashed, have: undefined };
  } finally {
    await storage.close();
  }
}

/** Runs until one comes to the end: what it has, how many there were, and pieces hashed in all. */
async function checkInRuns(target: DiskTarget, options: OpenOptions = {}) {
  let hashed = 0;
  for (let runs = 1; runs <= PIECES; runs++) {
    // A sample of what is believed comes first.
    const checked = await check(target, new CountedJobs(MAX_SAMPLED + 1), options);
    hashed += checked.hashed;
    if (checked.have !== undefined) return { have: checked.have, runs, hashed };
  }
  throw new Error("the check begins anew for ever");
}

/** Everything that is there, with some pieces spoilt; what is as in the torrent is taken from it. */
function put(target: DiskTarget, names: readonly string[], spoilt: readonly number[] = []): void {
  const data = SAMPLE.data.slice();
  for (const piece of spoilt) data[piece * PIECE_LENGTH + MIB]! ^= 1;
  const { files } = SAMPLE.metainfo;
  let begin = 0;
  for (const { path: [name], length } of files) {
    const end = begin + length;
    const found = names.find((found) => found.startsWith(name!));
    if (found !== undefined) target.put(`t/${found}`, data.subarray(begin, end));
    begin = end;
  }
}

Deno.test("a check that is cut off goes on where it was, and finds what one finds that is not", async () => {
  const all = [...Array(PIECES).keys()];
  const CASES: [string, names: string[], spoilt: number[], expected: number[]][] = [
    ["all is here", ["a", "b", "c"], [], all],
    ["as parts", ["a.part", "b.part", "c.part"], [], all],
    ["spoilt in places", ["a", "b.part", "c"], [1, 4], [0, 2, 3, 5, 6]],
    ["one is not there", ["a.part", "c"], [], [0, 1, 6]],
    ["the first piece is spoilt", ["a.part", "b.part", "c.part"], [0], [1, 2, 3, 4, 5, 6]],
  ];
  for (const [what, names, spoilt, expected] of CASES) {
    await using target = new DiskTarget(SAMPLE);
    put(target, names, spoilt);
    const { have, runs, hashed } = await checkInRuns(target);
    deepStrictEqual(have, expected, what);
    // Of a file nothing is believed before a piece of it was good.
    ok(runs > 1 || expected.length < 4, `${what}: ${runs} runs`);
    ok(hashed <= PIECES + (runs - 1) * MAX_SAMPLED, `${what}: ${hashed} in ${runs} runs`);
    await target.complete();
    target.assertContents();
  }
});

Deno.test("D7 a stranger's part is refused however often its check was cut off", async () => {
  await using target = new DiskTarget(SAMPLE);
  const other = new Uint8Array(24 * MIB).fill(5);
  put(target, ["a", "c"]);
  target.put("t/b.part", other);
  for (const limit of [1, 3, 3]) {
    deepStrictEqual((await check(target, new CountedJobs(limit))).have, undefined);
  }
  const refused = { reason: "occupied", path: `${target.outputDir}/t/b.part` };
  await rejects(check(target, new CountedJobs(Infinity)), refused);
  deepStrictEqual(await Deno.readFile(`${target.outputDir}/t/b.part`), other);
});

Deno.test("a check that is cut off claims nothing of an older state that it has not looked at", async () => {
  await using target = new DiskTarget(SAMPLE);
  await target.complete();
  // Since then a restored backup, say: younger, and wrong in the end.
  put(target, ["a", "b", "c"], [4, 6]);
  deepStrictEqual((await check(target, new CountedJobs(1))).have, undefined);
  deepStrictEqual((await checkInRuns(target)).have, [0, 1, 2, 3, 5]);
});

Deno.test("a check that is cut off finds what is aside, and where a larger selection has its files", async () => {
  await using target = new DiskTarget(SAMPLE);
  {
    await using run = await target.run({ selected: target.select("a") });
    await target.writeAll(run.storage, [0, 1, 2]);
    await run.storage.finish();
  }
  await Deno.utime(`${target.outputDir}/t/a`, 5, 5);
  deepStrictEqual((await check(target, new CountedJobs(1))).have, undefined);
  deepStrictEqual((await checkInRuns(target)).have, [0, 1, 2]);
});

Deno.test("a check that is cut off finds again what was away while it ran", async () => {
  const CASES: [string, names: string[], away: string][] = [
    ["a file", ["a", "b", "c"], "out/t/a"],
    ["the edges", ["a", "c"], `out/.starling/${SAMPLE.metainfo.infoHashHex}.edges`],
  ];
  for (const [what, names, away] of CASES) {
    await using target = new DiskTarget(SAMPLE);
    const options = { selected: target.select(...names) };
    const wanted = names.includes("b") ? [0, 1, 2, 3, 4, 5, 6] : [0, 1, 2, 5, 6];
    {
      await using run = await target.run(options);
      await target.writeAll(run.storage, wanted);
      await run.storage.finish();
    }
    const path = `${target.folder}/${away}`, aside = `${target.folder}/aside`;
    await Deno.rename(path, aside);
    // Nothing of the others is believed, so that there is no sample of it.
    for (const name of names.filter((name) => !away.endsWith(`/${name}`))) {
      await Deno.utime(`${target.outputDir}/t/${name}`, 5, 5);
    }
    deepStrictEqual((await check(target, new CountedJobs(1), options)).have, undefined, what);
    await Deno.rename(aside, path);
    deepStrictEqual((await check(target, new CountedJobs(Infinity), options)).have, wanted, what);
  }
});

Deno.test("a check that is cut off claims nothing beside it that is not believed", async () => {
  const CASES: [string, trustState: boolean, limit: number][] = [
    ["a sample is bad", true, 2],
    ["--no-resume", false, 1],
  ];
  for (const [what, trustState, limit] of CASES) {
    await using target = new DiskTarget(SAMPLE);
    await target.complete();
    for (const [name, at] of [["a", 1], ["a", 9], ["a", 17], ["b", 15]] as const) {
      await spoil(`${target.outputDir}/t/${name}`, at * MIB);
    }
    // `a` has lost its name, so that there is something to do for it.
    await Deno.rename(`${target.outputDir}/t/a`, `${target.outputDir}/t/a.part`);
    const options = { selected: target.select("a"), trustState };
    deepStrictEqual((await check(target, new CountedJobs(limit), options)).have, undefined, what);
    const { have } = await check(target, new CountedJobs(Infinity), {
      selected: target.select("b", "c"),
      random: FIRST,
    });
    deepStrictEqual(have, [3, 5, 6], what);
  }
});

/** Takes the first piece of each file for a sample. */
const FIRST: Random = { next: () => 0, below: () => 0, bytes: (length) => new Uint8Array(length) };

/** Another bit, and the times of before. */
async function spoil(path: string, at: number): Promise<void> {
  const { atime, mtime } = await Deno.stat(path);
  const bytes = await Deno.readFile(path);
  bytes[at]! ^= 1;
  await Deno.writeFile(path, bytes);
  await Deno.utime(path, atime!, mtime!);
}

Deno.test("D3 what was checked is claimed only when it is flushed, and who cannot be saved is told", async () => {
  await using target = new DiskTarget(SAMPLE);
  put(target, ["a", "b", "c"]);
  const jobs = new CountedJobs(2), warnings: string[] = [];
  jobs.local.fault = ({ kind }) => kind === "flush" ? { reason: "io", path: "/x" } : undefined;
  const checked = await check(target, jobs, { onWarning: (message) => warnings.push(message) });
  deepStrictEqual([checked.have, warnings.length], [undefined, 1]);
  match(warnings[0]!, /^What was checked is not saved: Cannot flush/);
  const again = await check(target, new CountedJobs(Infinity));
  deepStrictEqual([again.have?.length, again.hashed], [PIECES, PIECES]);
});

Deno.test("a check that is cut off before its first piece saves nothing", async () => {
  await using target = new DiskTarget(SAMPLE);
  put(target, ["a", "b", "c"]);
  deepStrictEqual((await check(target, new CountedJobs(0))).hashed, 0);
  const names = [...Deno.readDirSync(target.stateDir)].map(({ name }) => name);
  deepStrictEqual(names.filter((name) => name.endsWith(".resume")), []);
});
