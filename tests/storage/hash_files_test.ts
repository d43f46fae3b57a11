import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { concatBytes, equalBytes } from "../../src/base/bytes.ts";
import type { TorrentFormat } from "../../src/metainfo/create.ts";
import { Layout } from "../../src/metainfo/layout.ts";
import { hashFiles, lookAtFiles } from "../../src/storage/hash_files.ts";
import { randomBytes } from "../loopback/content.ts";
import { TemporaryFolder } from "../workers/temporary_folder.ts";
import { LocalJobs } from "./local_jobs.ts";

interface Setting {
  readonly folder: TemporaryFolder;
  readonly jobs: LocalJobs;
  /** Called after each job. */
  readonly onProgress?: (hashed: number, total: number) => void;
  readonly signal?: AbortSignal;
  readonly format?: TorrentFormat;
}

async function hash(lengths: readonly number[], pieceLength: number, setting: Setting) {
  const { folder, jobs, onProgress = () => {}, format = "v1" } = setting;
  const { signal = new AbortController().signal } = setting;
  const contents = lengths.map((length, index) => randomBytes(length, index + 1));
  for (const [index, bytes] of contents.entries()) folder.write(`${index}`, bytes);
  const places = lengths.map((_, index) => ({ root: folder.path, path: `${index}` }));
  const facts = await lookAtFiles(jobs, places);
  const layout = new Layout({
    pieceLength,
    files: lengths.map((length) => ({ length, isPadding: false })),
  });
  const { pieceHashes: hashes, pieceRoots: roots } = await hashFiles({
    layout,
    format,
    places,
    facts,
    pool: jobs,
    onProgress,
    signal,
  });
  return { hashes, roots, data: concatBytes(...contents) };
}

/** The hashes of all pieces, end to end. */
function digests(algorithm: "sha1" | "sha256", data: Uint8Array, pieceLength: number): Uint8Array {
  const all: Uint8Array[] = [];
  for (let start = 0; start < data.length; start += pieceLength) {
    all.push(createHash(algorithm).update(data.subarray(start, start + pieceLength)).digest());
  }
  return concatBytes(...all);
}

Deno.test("hashFiles() hashes every piece of the files in a row, whatever their sizes", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.nat(5000), { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 100, max: 3000 }),
      async (lengths, pieceLength) => {
        using folder = new TemporaryFolder();
        const jobs = new LocalJobs();
        const { hashes, data } = await hash(lengths, pieceLength, { folder, jobs });
        await jobs.forget();
        deepStrictEqual(hashes, digests("sha1", data, pieceLength));
      },
    ),
    { numRuns: 30 },
  );
});

Deno.test("hashFiles() hashes many pieces in a job, and says how far it is", async () => {
  using folder = new TemporaryFolder();
  const jobs = new LocalJobs();
  const seen: number[] = [];
  const length = 20 * 1024 * 1024 + 1, pieceLength = 16_384;
  const onProgress = (hashed: number) => seen.push(hashed);
  const setting = { folder, jobs, onProgress, format: "hybrid" } as const;
  const { hashes, roots, data } = await hash([length], pieceLength, setting);
  await jobs.forget();
  deepStrictEqual(jobs.kinds.filter((kind) => kind === "digest").length, 3);
  deepStrictEqual(seen.at(-1), length);
  // Of a piece of one block, the root is the hash of the block.
  ok(equalBytes(hashes, digests("sha1", data, pieceLength)), "hashes of version 1");
  ok(equalBytes(roots, digests("sha256", data, pieceLength)), "roots of version 2");
});

Deno.test("hashFiles() notices files that grow, shrink, vanish or are written to", async () => {
  const changes: readonly (readonly [RegExp, (path: string) => void])[] = [
    [
      /0: its size changed from 40000 to 40001 bytes while it was read$/,
      (path) => Deno.writeFileSync(path, new Uint8Array(1), { append: true }),
    ],
    [/0: its size changed from 40000 to 30000 bytes|shorter/, (path) => {
      Deno.truncateSync(path, 30_000);
    }],
    [/0: it is not there any more$/, (path) => Deno.removeSync(path)],
    [/0: it was written to while it was read$/, (path) => Deno.utimeSync(path, 1, 1)],
  ];
  for (const [message, change] of changes) {
    using folder = new TemporaryFolder();
    const jobs = new LocalJobs();
    const onProgress = () => change(folder.at("0"));
    await rejects(hash([40_000], 16_384, { folder, jobs, onProgress }), { message });
    await jobs.forget();
  }
});

Deno.test("hashFiles() stops when it is told to", async () => {
  using folder = new TemporaryFolder();
  const jobs = new LocalJobs(), stop = new AbortController();
  stop.abort(new Error("enough"));
  await rejects(hash([40_000], 16_384, { folder, jobs, signal: stop.signal }), /enough/);
  await jobs.forget();
});

Deno.test("lookAtFiles() wants all of them to be there", async () => {
  using folder = new TemporaryFolder();
  const jobs = new LocalJobs();
  await rejects(lookAtFiles(jobs, [{ root: folder.path, path: "x" }]), { reason: "missing" });
  await jobs.forget();
});
