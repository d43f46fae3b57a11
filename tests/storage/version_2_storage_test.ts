import { deepStrictEqual, equal, ok } from "node:assert/strict";
import type { PieceIndex } from "../../src/base/ids.ts";
import { diskPaths } from "../../src/metainfo/paths.ts";
import { SharedStorage } from "../../src/storage/shared_storage.ts";
import { DiskTarget, readBytes, sampleVersion2 } from "./disk_target.ts";

const PIECE_LENGTH = 32_768;
/** Pieces: `a` is 0–3, `b/c` is 4, `d` is 5–6, `e` is 7. */
const SAMPLE = sampleVersion2(
  "t",
  { a: 3 * PIECE_LENGTH + 1, "b/c": 20_000, d: 2 * PIECE_LENGTH, e: 7, empty: 0 },
  PIECE_LENGTH,
);

Deno.test("DiskStorage writes a torrent of version 2, and believes it later", async () => {
  await using target = new DiskTarget(SAMPLE);
  await target.complete();
  deepStrictEqual(target.listing(), ["t/a", "t/b/c", "t/d", "t/e", "t/empty"]);
  target.assertContents();
  {
    await using run = await target.run();
    ok(run.have.isFull);
    equal(run.checkedBytes, 0);
  }
  await using run = await target.run({ trustState: false });
  ok(run.have.isFull);
  equal(run.checkedBytes, 5 * PIECE_LENGTH + 20_008);
});

Deno.test("DiskStorage takes no piece of version 2 that is corrupt, wherever it is", async () => {
  await using target = new DiskTarget(SAMPLE);
  await using run = await target.run();
  for (const index of [0, 3, 4, 7]) {
    const bytes = target.piece(index);
    bytes[bytes.length - 1]! ^= 1;
    const outcome = await run.storage.write(index as PieceIndex, bytes, false);
    equal(outcome.kind, "corrupt");
  }
  ok(run.done.every((path) => path === "t/empty 0"), "an empty file gets its name at any time");
  await target.writeAll(run.storage);
  await run.storage.finish();
  target.assertContents();
});

Deno.test("DiskStorage resumes a torrent of version 2 of which some files were selected", async () => {
  await using target = new DiskTarget(SAMPLE);
  {
    await using run = await target.run({ selected: target.select("a", "e") });
    await target.writeAll(run.storage, [1, 3, 7]);
    await run.storage.checkpoint();
  }
  deepStrictEqual(target.listing(), ["t/a.part", "t/e"]);
  await using run = await target.run();
  deepStrictEqual([...run.have.ones()], [1, 3, 7]);
  await target.writeAll(run.storage, [0, 2, 4, 5, 6]);
  await run.storage.finish();
  target.assertContents();
});

Deno.test("read() gives zeros beyond the end of a file of version 2, for peers that ask", async () => {
  await using target = new DiskTarget(SAMPLE);
  for (const path of SAMPLE.contents.keys()) target.put(`t/${path}`);
  const { metainfo } = SAMPLE;
  await using storage = Object.assign(
    await SharedStorage.open({
      metainfo,
      paths: diskPaths(metainfo, "linux"),
      outputDir: target.outputDir,
      stateDir: target.stateDir,
      trustState: true,
      allowPartial: false,
      pool: target.pool,
    }),
    { [Symbol.asyncDispose]: () => storage.close() },
  );
  const have = await storage.restore(() => {}, new AbortController().signal);
  ok(have.isFull);
  const whole = new Uint8Array(16_384);
  whole.set(target.piece(4).subarray(16_384));
  deepStrictEqual(await readBytes(storage, 4, 16_384, 16_384), whole);
  deepStrictEqual(await readBytes(storage, 3, 16_384, 16_384), new Uint8Array(16_384));
  deepStrictEqual(await readBytes(storage, 7, 0, 7), SAMPLE.contents.get("e"));
});
