/**
 * The disk workers: started when there is work, given a few jobs ahead each, so that none waits
 * for the main thread between two. Replies come in the order of a worker's jobs.
 */
import { assert } from "../base/assert.ts";
import { StorageError } from "../base/errors.ts";
import type { Job, JobOf, JobRunner, ReplyTo, WorkerSettings } from "./protocol.ts";

/** Files open at once in all workers together; leaves most of a small limit to sockets (S8). */
const MAX_OPEN_FILES = 64;
/** A worker has one job in hand and the next at the door. */
const MAX_JOBS_PER_WORKER = 2;
/** Jobs waiting for a worker; callers bound themselves by bytes long before. */
const MAX_QUEUED_JOBS = 65_536;

interface Waiting {
  readonly job: Job;
  readonly resolve: (reply: ReplyTo<Job["kind"]>) => void;
  readonly reject: (error: StorageError) => void;
}

interface DiskWorker {
  readonly worker: Worker;
  /** Jobs sent and not answered, the oldest first. */
  readonly sent: Waiting[];
}

export class WorkerPool implements JobRunner {
  /** The most workers that there will be. */
  readonly size: number;
  readonly #workers = new Set<DiskWorker>();
  #queue: Waiting[] = [];
  #queueHead = 0;
  #closed = false;

  /** `size` is 1 to 64. */
  constructor({ size }: { size: number }) {
    assert(Number.isInteger(size) && size >= 1 && size <= MAX_OPEN_FILES);
    this.size = size;
  }

  /** Rejects with StorageError "io" when a worker crashed, too much waits, or after `close`. */
  run<Kind extends Job["kind"]>(job: JobOf<Kind>): Promise<ReplyTo<Kind>> {
    if (this.#closed) return Promise.reject(poolError("the workers were stopped"));
    if (this.#queue.length - this.#queueHead >= MAX_QUEUED_JOBS) {
      return Promise.reject(poolError("too many jobs wait for the disk"));
    }
    return new Promise((resolve, reject) => {
      const settle = resolve as (reply: ReplyTo<Job["kind"]>) => void;
      this.#queue.push({ job: job as Job, resolve: settle, reject });
      this.#dispatch();
    });
  }

  async forget(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) =>
      new Promise<void>((resolve) => {
        const job: Job = { kind: "forget" };
        this.#send(worker, { job, resolve: () => resolve(), reject: () => resolve() });
      })
    ));
  }

  /** Stops all workers at once; what they had to do is rejected. May be called again. */
  close(): void {
    this.#closed = true;
    for (const worker of [...this.#workers]) this.#drop(worker, "the workers were stopped");
    for (const { reject } of this.#queue.splice(this.#queueHead)) {
      reject(poolError("the workers were stopped"));
    }
  }

  #dispatch(): void {
    while (this.#queueHead < this.#queue.length) {
      const worker = this.#freeWorker();
      if (worker === undefined) break;
      this.#send(worker, this.#queue[this.#queueHead++]!);
    }
    if (this.#queueHead === this.#queue.length) {
      this.#queue = [];
      this.#queueHead = 0;
    }
  }

  /** The worker with the least to do; a new one when all are busy and there may be more. */
  #freeWorker(): DiskWorker | undefined {
    let least: DiskWorker | undefined;
    for (const worker of this.#workers) {
      if (least === undefined || worker.sent.length < least.sent.length) least = worker;
    }
    if (least !== undefined && least.sent.length === 0) return least;
    if (this.#workers.size < this.size) return this.#start();
    return least!.sent.length < MAX_JOBS_PER_WORKER ? least : undefined;
  }

  #start(): DiskWorker {
    const url = new URL("./disk_worker.ts", import.meta.url);
    const worker = new Worker(url, { type: "module", name: `disk ${this.#workers.size + 1}` });
    const started: DiskWorker = { worker, sent: [] };
    worker.onmessage = ({ data }: MessageEvent<ReplyTo<Job["kind"]>>) => {
      // Nobody waits for the last words of a worker that was dropped.
      started.sent.shift()?.resolve(data);
      this.#dispatch();
    };
    worker.onerror = (event) => {
      // Unless it is prevented, an error in a worker ends the whole process.
      event.preventDefault();
      this.#drop(started, event.message);
      this.#dispatch();
    };
    const settings: WorkerSettings = { maxOpenFiles: Math.floor(MAX_OPEN_FILES / this.size) };
    worker.postMessage(settings);
    this.#workers.add(started);
    return started;
  }

  #send(to: DiskWorker, waiting: Waiting): void {
    to.sent.push(waiting);
    const { job } = waiting;
    to.worker.postMessage(job, buffersOf(job));
  }

  #drop(worker: DiskWorker, fact: string): void {
    this.#workers.delete(worker);
    worker.worker.terminate();
    for (const { reject } of worker.sent.splice(0)) reject(poolError(fact));
  }
}

function buffersOf(job: Job): ArrayBuffer[] {
  if (job.kind === "write") return [job.data.buffer];
  return job.kind === "frame" && job.buffer !== undefined ? [job.buffer] : [];
}

/** A worker may not even start: Deno wants permission to read its source. */
function poolError(fact: string): StorageError {
  const refused = /Requires (read|import) access to "([^"]+)"/.exec(fact);
  if (refused === null) return new StorageError("io", "", `Cannot use the disk: ${fact}`);
  const [, access, path] = refused as unknown as [string, string, string];
  return new StorageError(
    "permission",
    path,
    `Cannot start a disk worker: Deno was started without permission; add --allow-${access}=${path}`,
  );
}
