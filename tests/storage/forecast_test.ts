import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { diskPaths } from "../../src/metainfo/paths.ts";
import { type Forecast, type ForecastOptions, foresee } from "../../src/storage/forecast.ts";
import { DiskTarget, type OpenOptions, sampleData } from "./disk_target.ts";

/** Pieces of 16 KiB: `a` is 0–1, `b` 1–3, then padding to the end of 4, `c` is 5. */
const SAMPLE = sampleData("t", {
  a: 20_000,
  b: 30_000,
  ".pad/1": 31_920,
  c: 10_000,
  empty: 0,
}, 16_384);

/** What is foreseen; nothing in the folder may have changed by that. */
async function look(
  target: DiskTarget,
  options: Partial<ForecastOptions> = {},
): Promise<Forecast & { readonly hashedBytes: number }> {
  const { metainfo } = target.sample;
  const before = describe(target.folder);
  let hashedBytes = 0;
  const forecast = await foresee({
    metainfo,
    paths: diskPaths(metainfo, "linux"),
    outputDir: target.outputDir,
    stateDir: target.stateDir,
    selected: target.select(),
    overwrite: false,
    trustState: true,
    check: false,
    identity: {},
    pool: target.pool,
    onProgress: (bytes) => hashedBytes = bytes,
    signal: new AbortController().signal,
    ...options,
  });
  deepStrictEqual(describe(target.folder), before, "something was changed");
  return { ...forecast, hashedBytes };
}

/** Every entry below a folder: name, kind, size, time and place on the disk. */
function describe(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name }) => {
    const path = `${folder}/${name}`;
    const { size, mtime, ctime, ino, mode, isDirectory } = Deno.lstatSync(path);
    const line = [path, size, mtime?.getTime(), ctime?.getTime(), ino, mode].join(" ");
    return isDirectory ? [line, ...describe(path)] : [line];
  }).toSorted();
}

function bits(forecast: Forecast, field: "have" | "unchecked"): string {
  return Array.from(
    { length: forecast.wanted.length },
    (_, piece) => forecast[field].has(piece) ? piece : "",
  ).join("");
}

/** Would a download end before it begins? What it says then. */
async function failureOfDownload(target: DiskTarget, options: OpenOptions = {}): Promise<string> {
  try {
    await using _ = await target.run(options);
    return "";
  } catch (error) {
    return (error as Error).message;
  }
}

Deno.test("foresee() finds nothing where there is no folder, and makes none", async () => {
  await using target = new DiskTarget(SAMPLE);
  const forecast = await look(target);
  const { isFolderThere, folder, isComplete, obstacles, isHeld } = forecast;
  deepStrictEqual([isFolderThere, folder, isComplete], [false, target.folder, false]);
  deepStrictEqual([obstacles, isHeld, forecast.wanted.count], [[], false, 5]);
  deepStrictEqual([bits(forecast, "have"), bits(forecast, "unchecked")], ["", ""]);
});

Deno.test("foresee() believes the saved state of a download that was interrupted", async () => {
  await using target = new DiskTarget(SAMPLE);
  {
    await using run = await target.run();
    await target.writeAll(run.storage, [0, 1, 5]);
    await run.storage.checkpoint();
  }
  const forecast = await look(target);
  deepStrictEqual([bits(forecast, "have"), bits(forecast, "unchecked")], ["015", ""]);
  deepStrictEqual([forecast.isComplete, forecast.obstacles, forecast.hashedBytes], [false, [], 0]);
});

Deno.test("foresee() believes in a part although something as long as its file bears the name", async () => {
  await using target = new DiskTarget(SAMPLE);
  {
    await using run = await target.run();
    await target.writeAll(run.storage, [0, 2]);
    await run.storage.checkpoint();
  }
  target.put("t/a", new Uint8Array(20_000));
  const forecast = await look(target);
  deepStrictEqual([bits(forecast, "have"), forecast.obstacles], ["02", []]);
});

Deno.test("foresee() knows a complete download without hashing, and what was changed since", async () => {
  await using target = new DiskTarget(SAMPLE);
  await target.complete();
  const { isComplete, hashedBytes } = await look(target);
  deepStrictEqual([isComplete, hashedBytes], [true, 0]);
  target.put("t/c", new Uint8Array(10_000));
  const changed = await look(target);
  deepStrictEqual([changed.isComplete, bits(changed, "have")], [false, "0123"]);
});

Deno.test("foresee() looks into files that nothing vouches for; --check into all of them", async () => {
  await using target = new DiskTarget(SAMPLE);
  for (const name of ["a", "b", "c", "empty"]) target.put(`t/${name}`);
  const found = await look(target, { check: true });
  deepStrictEqual([bits(found, "have"), found.isComplete], ["01235", true]);
  deepStrictEqual((await look(target, { trustState: false })).obstacles, []);
});

Deno.test("foresee() hashes no more of a large file than shows whose it is", async () => {
  const megabyte = 1 << 20;
  const large = sampleData("large.bin", 40 * megabyte, megabyte);
  await using target = new DiskTarget(large);
  target.put("large.bin");
  const forecast = await look(target);
  deepStrictEqual([forecast.hashedBytes, forecast.have.count], [16 * megabyte, 16]);
  deepStrictEqual([forecast.unchecked.count, forecast.isComplete], [24, false]);
  deepStrictEqual(forecast.obstacles, []);
});

Deno.test("D6 D7 foresee() names all files in the way, the first as a download would", async () => {
  await using target = new DiskTarget(SAMPLE);
  target.put("t/b", new Uint8Array(30_000).fill(7));
  target.put("t/a", new TextEncoder().encode("something else"));
  target.put("t/empty", new Uint8Array(3));
  const { obstacles, occupied } = await look(target);
  const names = obstacles.map(({ path }) => path.slice(target.outputDir.length + 1));
  deepStrictEqual(names, ["t/a", "t/b", "t/empty"]);
  deepStrictEqual([...occupied].length, 3);
  deepStrictEqual(await failureOfDownload(target), obstacles[0]!.message);
  deepStrictEqual((await look(target, { overwrite: true })).obstacles, []);
});

Deno.test("D7 foresee() agrees with a download about a whole file that is something else", async () => {
  await using target = new DiskTarget(SAMPLE);
  target.put("t/c", new Uint8Array(10_000));
  const { obstacles } = await look(target);
  deepStrictEqual(obstacles.map(({ reason }) => reason), ["occupied"]);
  deepStrictEqual(await failureOfDownload(target), obstacles[0]!.message);
});

Deno.test("D4 D8 D9 foresee() tells of folders, links and links in place of folders", async () => {
  for (
    const [prepare, reason] of [
      [(path: string) => Deno.mkdirSync(`${path}/t/a`, { recursive: true }), "not-regular"],
      [(path: string) => {
        Deno.mkdirSync(`${path}/t`, { recursive: true });
        Deno.symlinkSync("/etc/passwd", `${path}/t/a`);
      }, "symlink"],
      [(path: string) => {
        Deno.mkdirSync(path, { recursive: true });
        Deno.symlinkSync("/", `${path}/t`);
      }, "symlink"],
      [(path: string) => {
        Deno.mkdirSync(path, { recursive: true });
        Deno.symlinkSync("/tmp", `${path}/.starling`);
      }, "symlink"],
    ] as const
  ) {
    await using target = new DiskTarget(SAMPLE);
    prepare(target.outputDir);
    const { obstacles } = await look(target);
    deepStrictEqual(obstacles.map((obstacle) => obstacle.reason), [reason]);
    deepStrictEqual(await failureOfDownload(target), obstacles[0]!.message);
  }
});

Deno.test("D14 foresee() sees that another run holds the target, and does not disturb it", async () => {
  await using target = new DiskTarget(SAMPLE);
  {
    await using run = await target.run();
    await target.writeAll(run.storage, [5]);
    await run.storage.checkpoint();
    deepStrictEqual((await look(target)).isHeld, true);
  }
  deepStrictEqual((await look(target)).isHeld, false);
  deepStrictEqual(await failureOfDownload(target), "");
});

Deno.test("D12 foresee() takes a damaged state for none", async () => {
  await using target = new DiskTarget(SAMPLE);
  await target.complete();
  const state = `${target.stateDir}/${SAMPLE.metainfo.infoHashHex}.resume`;
  const bytes = await Deno.readFile(state);
  bytes[bytes.length >> 1]! ^= 1;
  await Deno.writeFile(state, bytes);
  const forecast = await look(target);
  deepStrictEqual([forecast.isComplete, bits(forecast, "have")], [true, "01235"]);
  ok(forecast.hashedBytes > 0);
});

Deno.test("foresee() foresees a selection alone", async () => {
  await using target = new DiskTarget(SAMPLE);
  target.put("t/b", new Uint8Array(30_000));
  const { wanted, obstacles } = await look(target, { selected: target.select("c") });
  deepStrictEqual([wanted.count, obstacles], [1, []]);
});

Deno.test("foresee() ends when it is told to", async () => {
  await using target = new DiskTarget(SAMPLE);
  for (const name of ["a", "b", "c"]) target.put(`t/${name}`);
  const signal = AbortSignal.abort(new Error("enough"));
  await rejects(look(target, { signal }), /enough/);
});
