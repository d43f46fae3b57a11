/**
 * Reading for peers: 64 MiB in pieces of 1 MiB, out of memory (/dev/shm) where there is such a
 * folder, by the real pool and in runs of several lengths. A run costs one way to a worker and
 * back; a block alone costs as much, which is why blocks are not read alone.
 */
import type { PieceIndex } from "../../src/base/ids.ts";
import { BLOCK_LENGTH } from "../../src/metainfo/layout.ts";
import { WorkerPool } from "../../src/workers/pool.ts";
import { frameBlocks, headersLength } from "../../src/wire/block_run.ts";

const MIB = 1024 * 1024;
const TOTAL_BYTES = 64 * MIB;
/** Runs asked for at a time, as by two peers that are read ahead. */
const IN_FLIGHT = 4;

const root = await Deno.makeTempDir(await hasSharedMemory() ? { dir: "/dev/shm" } : {});
const pool = new WorkerPool({ size: 2 });
addEventListener("unload", () => Deno.removeSync(root, { recursive: true }));
const place = { root, path: "content" };
await Deno.writeFile(`${root}/content`, new Uint8Array(TOTAL_BYTES).fill(7));
const [verified] = await inspect();

async function inspect() {
  const reply = await pool.run<"inspect">({ kind: "inspect", places: [place] });
  if (reply.kind === "failed") throw new Error(reply.message);
  return reply.facts;
}

async function readAll(length: number): Promise<void> {
  const starts = Array.from({ length: TOTAL_BYTES / length }, (_, index) => index * length)
    .values();
  await Promise.all(Array.from({ length: IN_FLIGHT }, async () => {
    let buffer: ArrayBuffer | undefined;
    for (const fileOffset of starts) {
      const run = {
        piece: Math.floor(fileOffset / MIB) as PieceIndex,
        begin: fileOffset % MIB,
        length,
      };
      const spans = [{ place, fileOffset, pieceOffset: 0, length, verified }];
      const reply = await pool.run<"frame">({ kind: "frame", run, spans, buffer });
      if (reply.kind === "failed") throw new Error(reply.message);
      buffer = reply.data.buffer;
    }
  }));
}

for (const blocks of [1, 4, 16, 32, 64]) {
  Deno.bench(`read and frame, two workers, runs of ${blocks} blocks`, {
    group: "64 MiB for peers",
    baseline: blocks === 1,
  }, async () => await readAll(blocks * BLOCK_LENGTH));
}

const run = { piece: 1, begin: 0, length: 64 * BLOCK_LENGTH };
const framed = new Uint8Array(headersLength(run) + run.length);
Deno.bench("frameBlocks() alone, 64 MiB", { group: "64 MiB for peers" }, () => {
  for (let done = 0; done < TOTAL_BYTES; done += run.length) frameBlocks(framed, run);
});

async function hasSharedMemory(): Promise<boolean> {
  try {
    return (await Deno.stat("/dev/shm")).isDirectory;
  } catch {
    return false;
  }
}
