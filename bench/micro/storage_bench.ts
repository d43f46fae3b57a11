/**
 * The disk on its own: 64 MiB verified and written, or hashed where they lie, by the real pool.
 *
 * `createHash` is what one core can hash of them; with two workers the pool should come near it
 * while it writes as well. In memory (/dev/shm) where there is such a folder.
 */
import { createHash } from "node:crypto";
import { OpenFiles } from "../../src/workers/open_files.ts";
import { runJobs } from "../../src/workers/jobs.ts";
import { WorkerPool } from "../../src/workers/pool.ts";
import type { PieceToHash, WriteSpan } from "../../src/workers/protocol.ts";

const MIB = 1024 * 1024;
const TOTAL_BYTES = 64 * MIB;
const HASH_BATCH_BYTES = 8 * MIB;
/** Bytes on their way to the workers, as many as a download holds. */
const IN_FLIGHT_BYTES = 32 * MIB;

const root = await Deno.makeTempDir(await hasSharedMemory() ? { dir: "/dev/shm" } : {});
const pool = new WorkerPool({ size: 2 });
addEventListener("unload", () => Deno.removeSync(root, { recursive: true }));

for (const pieceLength of [256 * 1024, MIB]) {
  const group = `${pieceLength / 1024} KiB pieces, 64 MiB`;
  const piece = new Uint8Array(pieceLength).fill(7);
  const hash = createHash("sha1").update(piece).digest("hex");
  const count = TOTAL_BYTES / pieceLength;
  const place = { root, path: `pieces-${pieceLength}` };

  const spanOf = (index: number): WriteSpan => ({
    place,
    fileOffset: index * pieceLength,
    pieceOffset: 0,
    length: pieceLength,
    fileLength: TOTAL_BYTES,
    mayCreate: true,
  });

  const buffers = Array.from({ length: IN_FLIGHT_BYTES / pieceLength }, () => piece.slice());
  const writeAll = async () => {
    const indices = Array(count).keys();
    await Promise.all(buffers.map(async (_, slot) => {
      for (const index of indices) {
        const data = buffers[slot]!;
        const spans = [spanOf(index)];
        const reply = await pool.run<"write">({
          kind: "write",
          data,
          hash,
          spans,
          wantDigests: false,
        });
        if (reply.kind !== "written") throw new Error(reply.kind);
        buffers[slot] = new Uint8Array(reply.buffer);
      }
    }));
  };

  const toHash = Array.from({ length: count }, (_, index): PieceToHash => (
    { length: pieceLength, hash, spans: [spanOf(index)] }
  ));
  const hashAll = async () => {
    const batch = HASH_BATCH_BYTES / pieceLength;
    const batches = Array.from({ length: count / batch }, (_, index) => index * batch);
    await Promise.all(batches.map(async (start) => {
      const pieces = toHash.slice(start, start + batch);
      const reply = await pool.run<"hash">({ kind: "hash", pieces });
      if (reply.kind === "failed" || reply.verdicts.some((verdict) => verdict !== "good")) {
        throw new Error("the pieces are not good");
      }
    }));
  };

  await writeAll();
  Deno.bench("createHash alone, one core", { group, baseline: true }, () => {
    for (let index = 0; index < count; index++) createHash("sha1").update(piece).digest();
  });
  const files = new OpenFiles(4);
  Deno.bench("verify and write, one core, no worker", { group }, async () => {
    for (let index = 0; index < count; index++) {
      await runJobs(
        [{ kind: "write", data: piece, hash, spans: [spanOf(index)], wantDigests: false }],
        files,
      );
    }
  });
  Deno.bench("verify and write, two workers", { group }, writeAll);
  Deno.bench("hash on disk, two workers", { group }, hashAll);
}

async function hasSharedMemory(): Promise<boolean> {
  try {
    return (await Deno.stat("/dev/shm")).isDirectory;
  } catch {
    return false;
  }
}
