import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import type { Bitfield } from "../../src/base/bitfield.ts";
import { StorageError } from "../../src/base/errors.ts";
import type { PieceIndex } from "../../src/base/ids.ts";
import { diskPaths } from "../../src/metainfo/paths.ts";
import { SharedStorage, type SharedStorageOptions } from "../../src/storage/shared_storage.ts";
import { blocksOf, DiskTarget, sampleData } from "./disk_target.ts";

/** Pieces of 16 KiB: `a` is 0–1, `b` 1–3, then padding to the end of 4, `c` is 5. */
const SAMPLE = sampleData("t", {
  a: 20_000,
  b: 30_000,
  ".pad/1": 31_920,
  c: 10_000,
  empty: 0,
}, 16_384);

function everything(): DiskTarget {
  const target = new DiskTarget(SAMPLE);
  for (const name of ["a", "b", "c", "empty"]) target.put(`t/${name}`);
  return target;
}

interface Opened extends AsyncDisposable {
  readonly storage: SharedStorage;
  readonly have: Bitfield;
  readonly checked: number;
}

async function open(
  target: DiskTarget,
  options: Partial<SharedStorageOptions> = {},
): Promise<Opened> {
  const { metainfo } = SAMPLE;
  const storage = await SharedStorage.open({
    metainfo,
    paths: diskPaths(metainfo, "linux"),
    outputDir: target.outputDir,
    stateDir: target.stateDir,
    trustState: true,
    allowPartial: false,
    pool: target.pool,
    ...options,
  });
  let checked = 0;
  const have = await storage.restore((bytes) => checked = bytes, new AbortController().signal);
  return { storage, have, checked, [Symbol.asyncDispose]: () => storage.close() };
}

async function snapshotOf(folder: string): Promise<string[]> {
  return await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
}

Deno.test("SharedStorage checks everything, reads it, and leaves nothing behind", async () => {
  await using target = everything();
  await using opened = await open(target);
  const { storage, have, checked } = opened;
  deepStrictEqual(have.count, 6);
  // Piece 4 is all padding.
  deepStrictEqual(checked, SAMPLE.data.length - 16_384);
  const outcome = await storage.read({ piece: 1 as PieceIndex, begin: 0, length: 16_384 });
  ok(outcome.kind === "read");
  deepStrictEqual(blocksOf(outcome.messages)[0]?.block, target.piece(1));
  deepStrictEqual(await storage.checkpoint(), { kind: "saved" });
  await storage.finish();
  deepStrictEqual(await snapshotOf(target.outputDir), ["t"]);
});

Deno.test("SharedStorage finds what another program has put beside a selection of ours", async () => {
  await using target = new DiskTarget(SAMPLE);
  {
    await using run = await target.run({ selected: target.select("b") });
    await target.writeAll(run.storage, [1, 2, 3]);
    await run.storage.finish();
  }
  for (const name of ["a", "c", "empty"]) target.put(`t/${name}`);
  await using opened = await open(target);
  ok(opened.have.isFull);
});

Deno.test("SharedStorage believes a finished download, until a file looks otherwise", async () => {
  await using target = new DiskTarget(SAMPLE);
  await target.complete();
  {
    await using opened = await open(target);
    deepStrictEqual([opened.have.count, opened.checked], [6, 0]);
  }
  {
    await using opened = await open(target, { trustState: false });
    ok(opened.checked > 0);
  }
  await Deno.utime(`${target.outputDir}/t/a`, 1, 1);
  await using opened = await open(target);
  ok(opened.checked > 0);
});

Deno.test("SharedStorage shares a part although something as long as its file bears the name", async () => {
  await using target = new DiskTarget(SAMPLE);
  {
    await using run = await target.run();
    await target.writeAll(run.storage, [0, 2]);
    await run.storage.checkpoint();
  }
  target.put("t/a", new Uint8Array(20_000));
  await using opened = await open(target, { allowPartial: true });
  deepStrictEqual([...opened.have.ones()], [0, 2, 4]);
});

Deno.test("SharedStorage names what is missing, and shares the rest only when asked", async () => {
  await using target = everything();
  await Deno.remove(`${target.outputDir}/t/c`);
  await rejects(open(target), (error) => {
    ok(error instanceof StorageError);
    deepStrictEqual(error.reason, "missing");
    ok(error.message.includes("4 of 5 pieces"), error.message);
    ok(error.message.includes("t/c; "), error.message);
    return true;
  });
  await using opened = await open(target, { allowPartial: true });
  deepStrictEqual([...opened.have.ones()], [0, 1, 2, 3, 4]);
});

Deno.test("SharedStorage shares nothing where there is nothing, even in part", async () => {
  await using target = new DiskTarget(SAMPLE);
  await Deno.mkdir(target.outputDir);
  await rejects(open(target, { allowPartial: true }), StorageError);
  await rejects(open(target, { outputDir: `${target.folder}/nowhere` }), StorageError);
});

Deno.test("D5 SharedStorage stops reading a file that is changed while it is shared", async () => {
  await using target = everything();
  await using opened = await open(target);
  target.put("t/b", new Uint8Array(30_000));
  await Deno.utime(`${target.outputDir}/t/b`, 1, 1);
  const run = { piece: 2 as PieceIndex, begin: 0, length: 16_384 };
  const outcome = await opened.storage.read(run);
  ok(outcome.kind === "failed");
  deepStrictEqual(outcome.lost, [1, 2, 3]);
});
