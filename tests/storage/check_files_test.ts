import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { diskPaths } from "../../src/metainfo/paths.ts";
import { checkFiles, type CheckReport } from "../../src/storage/check_files.ts";
import { DiskTarget, sampleData } from "./disk_target.ts";

/** Pieces of 16 KiB: `a` is 0–1, `b` 1–3, then padding to the end of 4, `c` is 5. */
const SAMPLE = sampleData("t", {
  a: 20_000,
  b: 30_000,
  ".pad/1": 31_920,
  c: 10_000,
  empty: 0,
}, 16_384);

async function check(
  target: DiskTarget,
  { signal = new AbortController().signal } = {},
): Promise<
  { pieces: string; files: Record<string, string>; checked: number; report: CheckReport }
> {
  let checked = 0;
  const report = await checkFiles({
    metainfo: SAMPLE.metainfo,
    paths: diskPaths(SAMPLE.metainfo, "linux"),
    outputDir: target.outputDir,
    pool: target.pool,
    onProgress: (bytes, total) => {
      ok(bytes <= total);
      checked = bytes;
    },
    signal,
  });
  const pieces = report.pieces.map((verdict) => verdict[0]).join("");
  const files = Object.fromEntries(report.files.map(({ path, verdict }) => [path, verdict]));
  return { pieces, files, checked, report };
}

function everything(): DiskTarget {
  const target = new DiskTarget(SAMPLE);
  for (const name of ["a", "b", "c", "empty"]) target.put(`t/${name}`);
  return target;
}

Deno.test("checkFiles() finds all good, and writes nothing", async () => {
  await using target = everything();
  const { pieces, files, checked } = await check(target);
  deepStrictEqual(pieces, "gggggg");
  deepStrictEqual(files, { "t/a": "good", "t/b": "good", "t/c": "good", "t/empty": "good" });
  // Piece 4 is all padding.
  deepStrictEqual(checked, SAMPLE.data.length - 16_384);
  deepStrictEqual([...Deno.readDirSync(target.outputDir)].map(({ name }) => name), ["t"]);
});

Deno.test("checkFiles() tells bad, missing and unknown apart", async () => {
  await using target = everything();
  const { outputDir } = target;
  using file = await Deno.open(`${outputDir}/t/b`, { write: true });
  await file.seek(20_000, Deno.SeekMode.Start);
  await file.write(new Uint8Array(1));
  await Deno.remove(`${outputDir}/t/c`);
  await Deno.remove(`${outputDir}/t/empty`);
  deepStrictEqual((await check(target)).pieces, "ggbggm");
  deepStrictEqual((await check(target)).files, {
    "t/a": "good",
    "t/b": "bad",
    "t/c": "missing",
    "t/empty": "missing",
  });
  await Deno.remove(`${outputDir}/t/b`);
  const { pieces, files } = await check(target);
  deepStrictEqual(pieces, "gmmmgm");
  deepStrictEqual([files["t/a"], files["t/b"]], ["unknown", "missing"]);
});

Deno.test("checkFiles() finds a file of the wrong size bad", async () => {
  await using target = everything();
  await Deno.truncate(`${target.outputDir}/t/c`, 9_999);
  await Deno.writeFile(`${target.outputDir}/t/a`, new Uint8Array(1), { append: true });
  await Deno.writeFile(`${target.outputDir}/t/empty`, new Uint8Array(1));
  const { pieces, files } = await check(target);
  deepStrictEqual(pieces, "gggggm");
  deepStrictEqual(files, { "t/a": "bad", "t/b": "good", "t/c": "bad", "t/empty": "bad" });
});

Deno.test("checkFiles() takes unfinished files for what they are", async () => {
  await using target = everything();
  await Deno.rename(`${target.outputDir}/t/a`, `${target.outputDir}/t/a.part`);
  const { pieces, files } = await check(target);
  deepStrictEqual([pieces, files["t/a.part"]], ["gggggg", "good"]);
});

Deno.test("checkFiles() wants a folder, ordinary files, and somebody to wait for it", async () => {
  await using target = new DiskTarget(SAMPLE);
  await rejects(check(target), { reason: "missing" });
  target.put("t/a");
  await Deno.symlink("a", `${target.outputDir}/t/b`);
  await rejects(check(target), { reason: "symlink" });
  await Deno.remove(`${target.outputDir}/t/b`);
  await rejects(check(target, { signal: AbortSignal.abort(new Error("enough")) }), {
    message: "enough",
  });
});
