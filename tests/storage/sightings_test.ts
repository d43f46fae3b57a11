import { deepStrictEqual, rejects, strictEqual } from "node:assert/strict";
import type { FileIndex } from "../../src/base/ids.ts";
import { ownPaths } from "../../src/metainfo/own_paths.ts";
import { diskPaths } from "../../src/metainfo/paths.ts";
import { FilePlan } from "../../src/storage/file_plan.ts";
import { isOversized, seeFiles } from "../../src/storage/sightings.ts";
import { DiskTarget, sampleData } from "./disk_target.ts";
import { LocalJobs } from "./local_jobs.ts";

/** Pieces of 10 bytes; `a` and `b` share one, `c` has its own, `empty` none. */
const SAMPLE = sampleData("t", { a: 15, b: 5, c: 10, empty: 0 }, 10);

interface Seen {
  readonly names: Record<number, string>;
  readonly jobs: LocalJobs;
}

/** Which names were found, by file. */
async function see(
  plan: FilePlan,
  { parts = [] as number[] } = {},
): Promise<Seen> {
  const jobs = new LocalJobs();
  const unfinished = { isFinal: false, size: 0, modifiedMs: 0 };
  const state = { files: new Map(parts.map((file) => [file, unfinished])) };
  const { files } = await seeFiles(plan, plan.wantedPieces(), jobs, state);
  const names: Record<number, string> = {};
  for (const [file, { final, part }] of files) {
    names[file] = `${final ? "final" : ""} ${part ? "part" : ""}`.trim();
  }
  return { names, jobs };
}

Deno.test("seeFiles() looks at selected files, and at those that share a piece with one", async () => {
  await using target = new DiskTarget(SAMPLE);
  for (const path of ["t/a", "t/b.part", "t/c"]) target.put(path);
  const all = await see(target.plan());
  deepStrictEqual(all.names, { 0: "final", 1: "part", 2: "final", 3: "" });
  const some = await see(target.plan({ selected: target.select("a") }));
  deepStrictEqual(some.names, { 0: "final", 1: "part" });
});

Deno.test("seeFiles() looks at a neighbour of which only one end is in a piece that is wanted", async () => {
  await using target = new DiskTarget(sampleData("t", { a: 15, b: 30, c: 10 }, 10));
  for (const [name, expected] of [["a", [0, 1]], ["c", [2, 1]]] as const) {
    const plan = target.plan({ selected: target.select(name) });
    const { files } = await seeFiles(plan, plan.wantedPieces(), new LocalJobs(), undefined);
    deepStrictEqual([...files.keys()], expected);
  }
});

Deno.test("isOversized() is for a file under its final name that is longer than it should be", async () => {
  await using target = new DiskTarget(SAMPLE);
  const plan = target.plan(), file = 0 as FileIndex;
  const rows: [isFinal: boolean, size: number | undefined, isOversized: boolean][] = [
    [true, 16, true],
    [true, 15, false],
    [true, undefined, false],
    [false, 16, false],
  ];
  for (const [isFinal, size, expected] of rows) {
    plan.setFinal(file, isFinal);
    const final = size === undefined ? undefined : { size, modifiedMs: 0, links: 1 };
    const files = new Map([[file, { final, part: undefined }]]);
    strictEqual(isOversized(plan, file, { files, edges: undefined }), expected, `${size}`);
  }
});

Deno.test("seeFiles() looks for a part where the finished file is odd, or not known as one", async () => {
  await using target = new DiskTarget(SAMPLE);
  for (const path of ["t/a", "t/a.part", "t/b.part"]) target.put(path);
  target.put("t/b", new Uint8Array(4));
  const plan = target.plan();
  deepStrictEqual((await see(plan)).names, { 0: "final", 1: "final part", 2: "", 3: "" });
  strictEqual((await see(plan, { parts: [0] })).names[0], "final part");
});

Deno.test("seeFiles() looks for no part of a file whose name leaves no room for the suffix", async () => {
  const long = "x".repeat(255), short = "y".repeat(250);
  const sample = sampleData("t", { [long]: 15, [short]: 5 }, 10);
  await using target = new DiskTarget(sample);
  const { metainfo } = sample, { outputDir } = target;
  const paths = ownPaths(metainfo, diskPaths(metainfo, "linux"), "linux");
  for (const name of [long, short, `${short}.part`]) target.put(`t/${name}`, new Uint8Array(4));
  const folders = { outputDir, stateDir: outputDir };
  const selected = target.select();
  const plan = new FilePlan({ metainfo, paths, ...folders, selected, overwrite: false });
  deepStrictEqual((await see(plan, { parts: [0] })).names, { 0: "final", 1: "final part" });
});

Deno.test("seeFiles() asks for nothing where there is no target", async () => {
  await using target = new DiskTarget(SAMPLE);
  const { names, jobs } = await see(target.plan());
  deepStrictEqual(names, { 0: "", 1: "", 2: "", 3: "" });
  deepStrictEqual(jobs.kinds, []);
});

Deno.test("seeFiles() finds the edges", async () => {
  await using target = new DiskTarget(SAMPLE);
  const plan = target.plan();
  Deno.writeFileSync(`${target.stateDir}/${plan.edges.path}`, new Uint8Array(7));
  const seen = await seeFiles(plan, plan.wantedPieces(), new LocalJobs(), undefined);
  strictEqual(seen.edges?.size, 7);
  deepStrictEqual(seen.files.get(0 as FileIndex), { final: undefined, part: undefined });
});

Deno.test("D8 D9 D4 seeFiles() refuses what is no ordinary file, under either name", async () => {
  await using target = new DiskTarget(SAMPLE);
  const plan = target.plan();
  for (const name of ["a", "a.part", "empty"]) {
    target.put("t/other", new Uint8Array(3));
    const path = `${target.outputDir}/t/${name}`;
    Deno.symlinkSync(`${target.outputDir}/t/other`, path);
    await rejects(see(plan), { reason: "symlink", path });
    Deno.removeSync(path);
    Deno.mkdirSync(path);
    await rejects(see(plan), { reason: "not-regular", path });
    Deno.removeSync(path);
  }
});
