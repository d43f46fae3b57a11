import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { StorageError } from "../../src/base/errors.ts";
import { WorkerPool } from "../../src/workers/pool.ts";
import type { Job, JobOf } from "../../src/workers/protocol.ts";
import { blocksOf } from "../storage/disk_target.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

/** What does not end is ended after this time, so that the test fails instead. */
const HANG_MS = 20_000;

class Workshop extends TemporaryFolder {
  readonly pool: WorkerPool;

  constructor(size = 2) {
    super();
    this.pool = new WorkerPool({ size });
  }

  writeJob(path: string, text: string): JobOf<"write"> {
    const data = new TextEncoder().encode(text);
    const place = { root: this.path, path };
    const length = data.length;
    const spans = [
      { place, fileOffset: 0, pieceOffset: 0, length, fileLength: 0, mayCreate: true },
    ];
    const hash = createHash("sha1").update(data).digest("hex");
    return { kind: "write", data, hash, spans, wantDigests: false };
  }

  frameJob(path: string, piece: number, begin: number, length: number): JobOf<"frame"> {
    const place = { root: this.path, path };
    const spans = [{ place, fileOffset: begin, pieceOffset: 0, length, verified: undefined }];
    return { kind: "frame", run: { piece, begin, length }, spans, buffer: undefined };
  }

  /** Of a file that takes hours; soon ended when `stop` is no longer 0. */
  endlessJob(stop: Int32Array<SharedArrayBuffer>): JobOf<"sha256"> {
    const length = 2 ** 40; // Sparse.
    this.write("endless", "");
    Deno.truncateSync(this.at("endless"), length);
    return {
      kind: "sha256",
      files: [{ place: { root: this.path, path: "endless" }, length }],
      stop,
    };
  }

  async carry({ lanes, mebibytes }: Load): Promise<void> {
    let left = mebibytes;
    const writeInTurn = async (lane: number) => {
      const job = this.writeJob(`lane ${lane}`, "x".repeat(1024 * 1024));
      for (let data = job.data; left > 0;) {
        left--;
        const reply = await this.pool.run<"write">({ ...job, data });
        ok(reply.kind === "written");
        data = new Uint8Array(reply.buffer);
      }
    };
    await Promise.all(Array.from({ length: lanes }, (_, lane) => writeInTurn(lane)));
  }

  override [Symbol.dispose](): void {
    this.pool.close();
    super[Symbol.dispose]();
  }
}

interface StartedWorker {
  /** What it has said by itself, as soon as it is here. */
  readonly heard: unknown[];
}

/** Runs `run` with the workers that are started in it. */
async function withStarted(run: (started: StartedWorker[]) => Promise<void>): Promise<void> {
  const started: StartedWorker[] = [];
  const RealWorker = globalThis.Worker;
  globalThis.Worker = class extends RealWorker {
    constructor(...words: ConstructorParameters<typeof Worker>) {
      super(...words);
      const heard: unknown[] = [];
      this.addEventListener("message", ({ data }) => heard.push(data));
      started.push({ heard });
    }
  };
  try {
    await run(started);
  } finally {
    globalThis.Worker = RealWorker;
  }
}

Deno.test("run() writes in a worker, and the buffer goes there and comes back", async () => {
  using shop = new Workshop();
  const job = shop.writeJob("a", "12345");
  const written = shop.pool.run<"write">(job);
  strictEqual(job.data.buffer.detached, true);
  const reply = await written;
  ok(reply.kind === "written");
  deepStrictEqual(new Uint8Array(reply.buffer), new TextEncoder().encode("12345"));
  strictEqual(shop.text("a"), "12345");
});

Deno.test("run() calls beforeSending while the buffer is still here, for each piece of a message", async () => {
  using shop = new Workshop(1);
  const jobs = Array.from({ length: 50 }, (_, index) => shop.writeJob(`f/${index}`, "12345"));
  const sent: number[] = [];
  const replies = jobs.map((job, index) =>
    shop.pool.run<"write">(job, () => {
      strictEqual(job.data.buffer.detached, false);
      sent.push(index);
    })
  );
  ok(sent.length < jobs.length, "pieces that wait for others are not sent yet");
  for (const reply of await Promise.all(replies)) strictEqual(reply.kind, "written");
  deepStrictEqual(sent, [...jobs.keys()]);
});

Deno.test("run() lets pieces wait for each other while the only worker that is needed is busy", async () => {
  using shop = new Workshop(2);
  const jobs = Array.from(
    { length: 3 },
    (_, index) => shop.writeJob(`f${index}`, "x".repeat(300 * 1024)),
  );
  const sent: number[] = [];
  const written = jobs.map((job, index) => shop.pool.run<"write">(job, () => sent.push(index)));
  deepStrictEqual(sent, [0]);
  await Promise.all(written);
  deepStrictEqual(sent, [0, 1, 2]);
});

Deno.test("run() gives the buffer back when the piece is corrupt, or the disk fails", async () => {
  using shop = new Workshop();
  const corrupt = await shop.pool.run<"write">({
    ...shop.writeJob("a", "12345"),
    hash: "00".repeat(20),
  });
  ok(corrupt.kind === "corrupt");
  strictEqual(corrupt.buffer.byteLength, 5);
  Deno.mkdirSync(shop.at("folder"));
  const failed = await shop.pool.run<"write">(shop.writeJob("folder", "12345"));
  ok(failed.kind === "failed");
  deepStrictEqual([failed.reason, failed.buffer?.byteLength], ["not-regular", 5]);
});

Deno.test("run() does many jobs with few workers, each answered with its own reply", async () => {
  using shop = new Workshop(3);
  const texts = Array.from({ length: 200 }, (_, index) => `the text of file ${index}`);
  await Promise.all(
    texts.map((text, index) => shop.pool.run<"write">(shop.writeJob(`f/${index}`, text))),
  );
  const replies = await Promise.all(texts.map((text, index) => {
    const place = { root: shop.path, path: `f/${index}` };
    const length = text.length;
    const spans = [{ place, fileOffset: 0, pieceOffset: 0, length }];
    return shop.pool.run<"read">({ kind: "read", length, spans });
  }));
  const read = replies.map((reply) =>
    reply.kind === "read" && new TextDecoder().decode(reply.data)
  );
  deepStrictEqual(read, texts);
});

for (const pieceLength of [10, 128 * 1024, 300 * 1024]) {
  Deno.test(`run() gives every piece of ${pieceLength} its own buffer back, good, corrupt or failed`, () =>
    givesBuffersBack(pieceLength));
}

async function givesBuffersBack(pieceLength: number): Promise<void> {
  using shop = new Workshop(1);
  Deno.mkdirSync(shop.at("folder"));
  const texts = Array.from({ length: 100 }, (_, index) => `piece ${index}`.padEnd(pieceLength));
  const jobs = texts.map((text, index) => {
    const job = shop.writeJob(index === 50 ? "folder" : `f${index}`, text);
    return index === 60 ? { ...job, hash: "00".repeat(20) } : job;
  });
  const replies = await Promise.all(jobs.map((job) => shop.pool.run<"write">(job)));
  const kinds = new Map<string, number>();
  for (const [index, reply] of replies.entries()) {
    kinds.set(reply.kind, (kinds.get(reply.kind) ?? 0) + 1);
    ok("buffer" in reply);
    strictEqual(new TextDecoder().decode(reply.buffer), texts[index]);
    if (reply.kind === "written") strictEqual(shop.text(`f${index}`), texts[index]);
  }
  deepStrictEqual(Object.fromEntries(kinds), { written: 98, failed: 1, corrupt: 1 });
  strictEqual(new Set(replies.map((reply) => "buffer" in reply && reply.buffer)).size, 100);
}

Deno.test("run() does pieces of every size, and reads, while another worker hashes a file without end", async () => {
  using shop = new Workshop();
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const hashing = shop.pool.run<"sha256">(shop.endlessJob(stop));
  const guard = setTimeout(() => Atomics.store(stop, 0, 1), HANG_MS);
  const runLength = 600 * 1024; // No two go together.
  Deno.writeTextFileSync(shop.at("read"), "x".repeat(runLength));
  const runs = Array.from(
    { length: 20 },
    (_, index) => shop.pool.run<"frame">(shop.frameJob("read", index, 0, runLength)),
  );
  const pieces = [10, 100, 300, 700, 10, 2_000].map((kibibytes, index) =>
    shop.pool.run<"write">(shop.writeJob(`f${index}`, "x".repeat(kibibytes * 1024)))
  );
  const first = await Promise.race([
    Promise.all([...pieces, ...runs]).then(() => "pieces"),
    hashing.then(() => "hashing"),
  ]);
  strictEqual(first, "pieces");
  clearTimeout(guard);
  Atomics.store(stop, 0, 1);
  strictEqual((await hashing).kind, "failed");
});

Deno.test("run() reads runs for peers between pieces, each answered with its own reply", async () => {
  using shop = new Workshop();
  const text = Array.from({ length: 200 }, (_, index) => `run ${index}`.padEnd(8)).join("");
  Deno.writeTextFileSync(shop.at("read"), text);
  await Promise.all(Array.from({ length: 200 }, async (_, index) => {
    const writing = shop.pool.run<"write">(shop.writeJob(`f/${index}`, `piece ${index}`));
    const reading = shop.pool.run<"frame">(
      index % 10 === 9
        ? shop.frameJob("absent", index, 0, 8)
        : shop.frameJob("read", index, index * 8, 8),
    );
    const [written, framed] = await Promise.all([writing, reading]);
    ok(written.kind === "written");
    strictEqual(new TextDecoder().decode(written.buffer), `piece ${index}`);
    if (index % 10 === 9) return strictEqual(framed.kind, "failed");
    ok(framed.kind === "framed");
    const [message] = blocksOf(framed.data);
    deepStrictEqual([message?.index, message?.begin], [index, index * 8]);
    strictEqual(new TextDecoder().decode(message!.block), `run ${index}`.padEnd(8));
  }));
});

Deno.test("run() does thousands of jobs that wait, each for its own caller", async () => {
  using shop = new Workshop();
  const texts = Array.from({ length: 3_000 }, (_, index) => `${index}`);
  const replies = await Promise.all(
    texts.map((text) => shop.pool.run<"write">(shop.writeJob("a", text))),
  );
  for (const [index, reply] of replies.entries()) {
    ok(reply.kind === "written");
    strictEqual(new TextDecoder().decode(reply.buffer), texts[index]);
  }
});

Deno.test("warm() starts a worker that jobs then find", async () => {
  using shop = new Workshop();
  await withStarted(async (started) => {
    shop.pool.warm();
    shop.pool.warm();
    strictEqual(started.length, 1);
    const { kind } = await shop.pool.run<"write">(shop.writeJob("a", "12345"));
    strictEqual(kind, "written");
    strictEqual(started.length, 1);
  });
});

interface Load {
  /** Pieces of 1 MiB on their way at a time. */
  readonly lanes: number;
  readonly mebibytes: number;
}

for (
  const [workers, ...loads] of [
    [1, { lanes: 4, mebibytes: 120 }],
    [1, { lanes: 1, mebibytes: 140 }],
    [1, { lanes: 4, mebibytes: 100 }, { lanes: 1, mebibytes: 1 }, { lanes: 4, mebibytes: 100 }],
    [2, { lanes: 4, mebibytes: 140 }],
  ] as [number, ...Load[]][]
) {
  const words = loads.map(({ lanes, mebibytes }) => `${mebibytes} MiB, ${lanes} at a time`);
  Deno.test(`run() starts ${workers} of 4 workers when pieces come: ${words.join(", then ")}`, () =>
    startsWorkers(workers, loads));
}

async function startsWorkers(workers: number, loads: readonly Load[]): Promise<void> {
  using shop = new Workshop(4);
  await withStarted(async (started) => {
    for (const load of loads) await shop.carry(load);
    strictEqual(started.length, workers);
  });
}

Deno.test("run() starts another worker for a piece whose files are flushed, rather than let it wait", async () => {
  using shop = new Workshop(4);
  const length = 200 * 1024; // Smaller ones go together.
  const finishing = (name: string): JobOf<"write"> => {
    const job = shop.writeJob(`${name}.part`, "x".repeat(length));
    const place = (path: string) => ({ root: shop.path, path });
    const finish = { from: place(`${name}.part`), to: place(name), length, mayReplace: false };
    return { ...job, spans: job.spans.map((span) => ({ ...span, finish })) };
  };
  await withStarted(async (started) => {
    const jobs = [finishing("a"), finishing("b"), shop.writeJob("c", "x".repeat(length))];
    const replies = jobs.map((job) => shop.pool.run<"write">(job));
    strictEqual(started.length, 2);
    for (const { kind } of await Promise.all(replies)) strictEqual(kind, "written");
    strictEqual(shop.text("a"), shop.text("b"));
  });
});

Deno.test("run() starts a worker for each job that may take long, and one for a piece beside them", async () => {
  using shop = new Workshop(4);
  const stop = new Int32Array(new SharedArrayBuffer(4));
  await withStarted(async (started) => {
    const hashing = [0, 1].map(() => shop.pool.run<"sha256">(shop.endlessJob(stop)));
    strictEqual(started.length, 2);
    const writing = shop.pool.run<"write">(shop.writeJob("a", "12345"));
    strictEqual(started.length, 3);
    strictEqual((await writing).kind, "written");
    Atomics.store(stop, 0, 1);
    await Promise.all(hashing);
  });
});

Deno.test("an error that a worker does not catch rejects its jobs, and others go on", async () => {
  using shop = new Workshop(1);
  const bomb = "no job at all" as unknown as JobOf<"forget">;
  const before = await shop.pool.run<"write">(shop.writeJob("before", "1"));
  strictEqual(before.kind, "written");
  const [broken, sent, queued] = await Promise.allSettled([
    shop.pool.run<"forget">(bomb),
    shop.pool.run<"inspect">({ kind: "inspect", places: [] }),
    shop.pool.run<"write">(shop.writeJob("queued", "3")),
  ]);
  for (const outcome of [broken, sent]) {
    ok(outcome.status === "rejected");
    ok(outcome.reason instanceof StorageError);
    strictEqual(outcome.reason.reason, "io");
  }
  strictEqual(queued.status, "fulfilled");
  const again = await shop.pool.run<"write">(shop.writeJob("after", "4"));
  strictEqual(again.kind, "written");
});

Deno.test("forget() closes the files of every worker", async () => {
  using shop = new Workshop();
  await shop.pool.forget();
  await Promise.all(
    ["a", "b", "c", "d"].map((path) => shop.pool.run<"write">(shop.writeJob(path, path))),
  );
  ok(shop.openFileCount > 0);
  await shop.pool.forget();
  strictEqual(shop.openFileCount, 0);
});

Deno.test("all workers together keep at most 64 files open", async () => {
  using shop = new Workshop(2);
  const inspect = () => shop.pool.run<"inspect">({ kind: "inspect", places: [] });
  await Promise.all([inspect(), inspect()]); // Now there are two.
  // Smaller pieces would all go to one of them.
  const text = "x".repeat(256 * 1024);
  const paths = Array.from({ length: 100 }, (_, index) => `${index}`);
  await Promise.all(paths.map((path) => shop.pool.run<"write">(shop.writeJob(path, text))));
  const open = shop.openFileCount;
  ok(open > 32 && open <= 64, `${open} files are open`);
});

Deno.test("S8 economize() keeps at most 8 files open in all workers, and starts no more than two", async () => {
  using shop = new Workshop(8);
  const stop = new Int32Array(new SharedArrayBuffer(4));
  await withStarted(async (started) => {
    shop.pool.warm();
    shop.pool.economize();
    const hashing = [0, 1, 2].map(() => shop.pool.run<"sha256">(shop.endlessJob(stop)));
    strictEqual(started.length, 2);
    Atomics.store(stop, 0, 1);
    await Promise.all(hashing);
    const jobs = Array.from({ length: 40 }, (_, index) => shop.writeJob(`${index}`, "12345"));
    await Promise.all(jobs.map((job) => shop.pool.run<"write">(job)));
    strictEqual(started.length, 2);
  });
  const open = shop.openFileCount;
  ok(open > 2 && open <= 8, `${open} files are open`);
});

Deno.test("economize() closes files that are open already", async () => {
  using shop = new Workshop(1);
  for (let index = 0; index < 20; index++) {
    await shop.pool.run<"write">(shop.writeJob(`${index}`, "1"));
  }
  strictEqual(shop.openFileCount, 20);
  shop.pool.economize();
  await shop.pool.run<"write">(shop.writeJob("last", "1"));
  strictEqual(shop.openFileCount, 1);
});

Deno.test("ready() resolves when every worker has loaded its code, without a job", async () => {
  using shop = new Workshop(2);
  await shop.pool.ready();
  await withStarted(async (started) => {
    shop.pool.warm();
    const guard = setTimeout(() => shop.pool.close(), HANG_MS);
    await shop.pool.ready();
    clearTimeout(guard);
    deepStrictEqual(started, [{ heard: [{ isLoaded: true }] }]);
    await shop.pool.ready();
    strictEqual(started[0]!.heard.length, 1);
  });
});

Deno.test("ready() waits for no job, however long it takes", async () => {
  using shop = new Workshop(1);
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const hashing = shop.pool.run<"sha256">(shop.endlessJob(stop));
  const guard = setTimeout(() => Atomics.store(stop, 0, 1), HANG_MS);
  const ready = shop.pool.ready().then(() => "ready");
  strictEqual(await Promise.race([ready, hashing.then(() => "hashing")]), "ready");
  clearTimeout(guard);
  Atomics.store(stop, 0, 1);
  strictEqual((await hashing).kind, "failed");
});

Deno.test("ready() resolves when a worker is stopped before it has loaded", async () => {
  using shop = new Workshop(1);
  shop.pool.warm();
  const waiting = shop.pool.ready();
  shop.pool.close();
  await waiting;
  await shop.pool.ready();
});

Deno.test("close() rejects what is under way and what comes later, and may be repeated", async () => {
  using shop = new Workshop(1);
  const jobs = Array.from(
    { length: 5 },
    (_, index) => shop.pool.run<"write">(shop.writeJob(`${index}`, "12345")),
  );
  const outcomes = Promise.allSettled(jobs);
  shop.pool.close();
  shop.pool.close();
  for (const { status } of await outcomes) strictEqual(status, "rejected");
  const late: Job = { kind: "forget" };
  await rejects(shop.pool.run<"forget">(late), { name: "StorageError", reason: "io" });
  await shop.pool.forget();
});

Deno.test("S4 a worker that may not read its own source says which flag is missing, and no stack", async () => {
  using folder = new TemporaryFolder();
  const url = new URL("../../src/workers/pool.ts", import.meta.url);
  folder.write(
    "main.ts",
    `import { WorkerPool } from "${url}";
    const pool = new WorkerPool({ size: 1 });
    pool.warm();
    await pool.ready();
    await pool.run({ kind: "forget" }).catch((error) => console.log(error.reason, error.message));
    pool.close();`,
  );
  const pathOf = (name: string) => new URL(`../../src/workers/${name}`, import.meta.url).pathname;
  const run = async (...readable: string[]) => {
    const read = `--allow-read=${[folder.path, ...readable].join(",")}`;
    const { stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-lock", "--no-prompt", read, folder.at("main.ts")],
    }).output();
    return [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  };
  const [text] = await run();
  ok(/^permission .*--allow-read=.*disk_worker\.ts\n$/.test(text!), text);
  // Once it runs at all, nothing is printed that was not caught.
  const [part, errors] = await run(pathOf("disk_worker.ts"));
  ok(/^permission .*--allow-read=.*\/src\/.*\.ts\n$/.test(part!), part);
  strictEqual(errors, "");
});
