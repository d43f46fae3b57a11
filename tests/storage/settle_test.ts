import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import type { FileIndex, PieceIndex } from "../../src/base/ids.ts";
import type { FilePlan } from "../../src/storage/file_plan.ts";
import { createEmptyFiles, settleFiles, type Settling } from "../../src/storage/settle.ts";
import { seeFiles, type Sightings } from "../../src/storage/sightings.ts";
import type { PieceVerdict } from "../../src/workers/protocol.ts";
import { DiskTarget, sampleData } from "./disk_target.ts";
import { LocalJobs } from "./local_jobs.ts";

/** Pieces of 10 bytes: `a` is 0–2, `b` 2–4; piece 2 is shared. */
const SAMPLE = sampleData("t", { a: 25, b: 25, empty: 0 }, 10);
const A = 0 as FileIndex;

function see(plan: FilePlan): Promise<Sightings> {
  return seeFiles(plan, plan.wantedPieces(), new LocalJobs(), undefined);
}

/**
 * Settles after a check: one letter a piece, `g`ood, `b`ad or `m`issing. `sourceOf` is told where
 * the check found it: by default, in the file's own.
 */
async function settle(
  plan: FilePlan,
  verdicts: string,
  isOurs = false,
  sourceOf: Settling["sourceOf"] = () => undefined,
): Promise<void> {
  const names: Record<string, PieceVerdict> = { g: "good", b: "bad", m: "missing" };
  const sightings = await see(plan);
  for (const file of plan.files) {
    const { final, part } = sightings.files.get(file)!;
    plan.setFinal(file, final !== undefined && part === undefined);
  }
  const byPiece = [...verdicts].map((letter) => names[letter]!);
  await settleFiles(plan, sightings, byPiece, {
    pool: new LocalJobs(),
    isOurs: () => isOurs,
    sourceOf,
  });
}

Deno.test("settleFiles() leaves a complete file its name", async () => {
  await using target = new DiskTarget(SAMPLE);
  target.put("t/a");
  const plan = target.plan();
  await settle(plan, "gggmm");
  deepStrictEqual([plan.isFinal(A), target.listing()], [true, ["t/a"]]);
});

Deno.test("settleFiles() makes an incomplete file a part again", async () => {
  await using target = new DiskTarget(SAMPLE);
  target.put("t/a");
  const plan = target.plan();
  await settle(plan, "gbgmm");
  deepStrictEqual([plan.isFinal(A), target.listing()], [false, ["t/a.part"]]);
});

Deno.test("D7 settleFiles() refuses a file that is something else, unless it may be replaced", async () => {
  await using target = new DiskTarget(SAMPLE);
  for (
    const [size, verdicts] of [[25, "bbmmm"], [24, "mmmmm"], [26, "bbbmm"], [0, "mmmmm"]] as const
  ) {
    target.put("t/a", new Uint8Array(size));
    await rejects(settle(target.plan(), verdicts), {
      name: "StorageError",
      reason: "occupied",
      path: `${target.outputDir}/t/a`,
    });
    const plan = target.plan({ overwrite: true });
    await settle(plan, verdicts);
    // Nothing happens to it before there is something to put in its place.
    deepStrictEqual([plan.isFinal(A), target.listing()], [false, ["t/a"]]);
  }
});

Deno.test("D7 settleFiles() refuses a part that no run of ours can have left, unless it may be replaced", async () => {
  await using target = new DiskTarget(SAMPLE);
  target.put("t/a.part", new Uint8Array(25).fill(1));
  await rejects(settle(target.plan(), "bbmmm"), {
    reason: "occupied",
    path: `${target.outputDir}/t/a.part`,
  });
  await settle(target.plan({ overwrite: true }), "bbmmm");
  await settle(target.plan(), "gbmmm");
  await settle(target.plan(), "bbmmm", true);
  await Deno.truncate(`${target.outputDir}/t/a.part`, 0);
  await Deno.truncate(`${target.outputDir}/t/a.part`, 25);
  await settle(target.plan(), "bbmmm");
});

Deno.test("D7 settleFiles() refuses a part that is shorter than a piece, unless it is known, empty or may be replaced", async () => {
  await using target = new DiskTarget(SAMPLE);
  target.put("t/a.part", new Uint8Array(5).fill(1));
  await rejects(settle(target.plan(), "mmmmm"), {
    reason: "occupied",
    path: `${target.outputDir}/t/a.part`,
  });
  await settle(target.plan({ overwrite: true }), "mmmmm");
  await settle(target.plan(), "mmmmm", true);
  target.put("t/a.part", new Uint8Array(0));
  await settle(target.plan(), "mmmmm");
  target.put("t/a.part", new Uint8Array(25).fill(1));
  await settle(target.plan(), "mmmmm");
});

Deno.test("settleFiles() lets a file be that shares its bad piece with one that is not complete", async () => {
  await using target = new DiskTarget(sampleData("t", { a: 5, b: 25 }, 10));
  target.put("t/a");
  target.put("t/b.part", new Uint8Array(25).fill(1));
  await settle(target.plan(), "bgm");
  await settle(target.plan({ selected: target.select("a") }), "bmm");
  target.put("t/b", new Uint8Array(25));
  await Deno.remove(`${target.outputDir}/t/b.part`);
  await rejects(settle(target.plan(), "bgm"), { reason: "occupied" });
});

Deno.test("settleFiles() lets a file be of which nobody can tell yet", async () => {
  await using target = new DiskTarget(SAMPLE);
  target.put("t/a");
  const plan = target.plan();
  await settle(plan, "mmmmm");
  deepStrictEqual([plan.isFinal(A), target.listing()], [false, ["t/a"]]);
});

Deno.test("settleFiles() refuses a file of the wrong size beside its own part", async () => {
  await using target = new DiskTarget(SAMPLE);
  target.put("t/a", new Uint8Array(3));
  target.put("t/a.part");
  await rejects(settle(target.plan(), "gggmm"), { reason: "occupied" });
  await settle(target.plan({ overwrite: true }), "gggmm");
  deepStrictEqual(target.listing(), ["t/a", "t/a.part"]);
});

Deno.test("settleFiles() lets nothing be made anew that is there, and what was cut be known", async () => {
  const EDGES = `${SAMPLE.metainfo.infoHashHex}.edges`;
  /** Of the spans of piece 2, which is shared: may they create their file, and was it whole? */
  const CASES: [string, readonly number[], [string, number][], unknown][] = [
    ["nothing is there", [0, 1], [], [[true, false], [true, false]]],
    ["a part that is whole", [0, 1], [["a.part", 25]], [[false, true], [true, false]]],
    ["a part that is not", [0, 1], [["a.part", 24]], [[false, false], [true, false]]],
    ["a file that looks finished, and is not", [0, 1], [["a", 25]], [[false, true], [true, false]]],
    ["a neighbour's share", [0], [[EDGES, 30]], [[true, false], [false, undefined]]],
    ["no neighbour's share", [0], [["a.part", 25]], [[false, true], [true, undefined]]],
  ];
  for (const [what, selected, found, expected] of CASES) {
    await using target = new DiskTarget(SAMPLE);
    for (const [name, size] of found) {
      const folder = name === EDGES ? ".starling" : "t";
      target.put(`${folder}/${name}`, new Uint8Array(size));
    }
    const plan = target.plan({ selected: new Set(selected as FileIndex[]) });
    await settle(plan, "ggmmm", true);
    const spans = plan.writeSpans(2 as PieceIndex);
    deepStrictEqual(spans.map(({ mayCreate, wasLong }) => [mayCreate, wasLong]), expected, what);
  }
});

Deno.test("settleFiles() makes a file a part again, over another one only when it may", async () => {
  await using target = new DiskTarget(SAMPLE);
  target.put("t/a");
  target.put("t/a.part", new Uint8Array(25));
  await rejects(settle(target.plan(), "ggmmm"), { reason: "occupied" });
  deepStrictEqual(target.listing(), ["t/a", "t/a.part"]);
  await settle(target.plan({ overwrite: true }), "ggmmm");
  deepStrictEqual(target.listing(), ["t/a.part"]);
});

Deno.test("D7 settleFiles() takes nothing among the edges for part of a file", async () => {
  for (
    const [what, size, edgePieces, verdicts, expected] of [
      ["a stranger's file, longer", 26, [0, 1, 2], "gggmm", "occupied"],
      ["a stranger's file, as long", 25, [0, 1, 2], "gggmm", "t/a"],
      ["only its last piece is there", 25, [2], "gggmm", "t/a.part"],
      ["what is bad among the edges", 25, [0, 1, 2], "bbbmm", "t/a"],
    ] as const
  ) {
    await using target = new DiskTarget(SAMPLE);
    target.put("t/a", new Uint8Array(size));
    const plan = target.plan({ selected: new Set([A]) });
    const among: readonly number[] = edgePieces;
    const settled = settle(
      plan,
      verdicts,
      false,
      (_, piece) => among.includes(piece) ? plan.edges : undefined,
    );
    if (expected === "occupied") await rejects(settled, { reason: expected }, what);
    else {
      await settled;
      deepStrictEqual([plan.isFinal(A), target.listing()], [false, [expected]], what);
    }
  }
});

Deno.test("D7 settleFiles() calls no file a stranger's for what is bad among its neighbour's edges", async () => {
  await using target = new DiskTarget(SAMPLE);
  const B = 1 as FileIndex;
  for (const name of ["t/a", "t/b"]) target.put(name);
  const plan = target.plan();
  await settle(plan, "mmbgg", false, (file) => file === B ? plan.edges : undefined);
  deepStrictEqual(target.listing(), ["t/a", "t/b"]);
  await rejects(settle(target.plan(), "mmbgg"), { reason: "occupied" });
});

Deno.test("settleFiles() looks at each file of a piece a few times, however many there are", async () => {
  const count = 400;
  const files = Object.fromEntries(Array.from({ length: count }, (_, file) => [`${file}`, 1]));
  await using target = new DiskTarget(sampleData("many", files, count));
  for (const name of Object.keys(files)) target.put(`many/${name}`);
  let looks = 0;
  await settle(target.plan({ overwrite: true }), "b", false, () => void looks++);
  ok(looks <= 4 * count, `${looks} looks`);
});

Deno.test("createEmptyFiles() makes those that are not there", async () => {
  await using target = new DiskTarget(SAMPLE);
  const plan = target.plan();
  deepStrictEqual(await createEmptyFiles(plan, await see(plan), new LocalJobs()), [2]);
  deepStrictEqual(target.listing(), ["t/empty"]);
  deepStrictEqual(await createEmptyFiles(plan, await see(plan), new LocalJobs()), []);
});

Deno.test("D7 createEmptyFiles() empties nothing that is something else, unless it may", async () => {
  await using target = new DiskTarget(SAMPLE);
  target.put("t/empty", new Uint8Array(3));
  const plan = target.plan();
  await rejects(createEmptyFiles(plan, await see(plan), new LocalJobs()), { reason: "occupied" });
  const bold = target.plan({ overwrite: true });
  deepStrictEqual(await createEmptyFiles(bold, await see(bold), new LocalJobs()), [2]);
  strictEqual(Deno.statSync(`${target.outputDir}/t/empty`).size, 0);
  deepStrictEqual(target.listing(), ["t/empty"]);
});
