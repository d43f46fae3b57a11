/**
 * The disk workers: started when there is work, given a few jobs ahead each, so that none waits
 * for the main thread between two. Replies come in the order of a worker's jobs.
 */
import { assert } from "../base/assert.ts";
import { StorageError } from "../base/errors.ts";
import { describeMissing } from "../base/permission.ts";
import {
  bufferOf,
  countedBytes,
  isSmallPiece,
  isUrgentJob,
  mayTakeLong,
  MESSAGE_BYTES,
} from "./job_traits.ts";
import type {
  Job,
  JobOf,
  JobRunner,
  ReplyTo,
  WorkerFailure,
  WorkerLoaded,
  WorkerSettings,
} from "./protocol.ts";

/** Files open at once in all workers together; leaves most of a small limit to sockets (S8). */
const MAX_OPEN_FILES = 64;
/** The same where the process can open few files more. */
const MAX_OPEN_FILES_WHEN_SCARCE = 8;
/** A worker has one message in hand, and as many at the door as it gets through while we read. */
const MAX_MESSAGES_PER_WORKER = 4;
/**
 * One worker hashes and writes 1 GB/s, and a start costs as much as 15 MB: another is started when
 * each was busy for so many bytes on end, and at once for what may take long, or when all do that.
 */
const MAX_BYTES_WITHOUT_PAUSE = 128 * 1024 * 1024;
/** Workers that there are at most when the process can open few files more. */
const MAX_WORKERS_WHEN_SCARCE = 2;
/** Jobs waiting for a worker; callers bound themselves by bytes long before. */
const MAX_QUEUED_JOBS = 65_536;
/** Jobs sent that the queue still holds: to take out one at a time costs as much as many. */
const MAX_JOBS_BEHIND_HEAD = 1_024;

interface Waiting {
  readonly job: Job;
  readonly beforeSending: (() => void) | undefined;
  readonly resolve: (reply: ReplyTo<Job["kind"]>) => void;
  readonly reject: (error: StorageError) => void;
}

interface Message {
  readonly batch: readonly Waiting[];
  /** What its jobs count for. */
  readonly bytes: number;
  /** The pieces went in one buffer, and their own ones stayed here. */
  readonly isShared: boolean;
}

interface DiskWorker {
  readonly worker: Worker;
  /** Resolves when it has loaded its code, or is dropped. */
  readonly loading: PromiseWithResolvers<void>;
  /** Messages sent and not answered, the oldest first. */
  readonly sent: Message[];
  /** Since it last had nothing to do. */
  bytesWithoutPause: number;
}

export class WorkerPool implements JobRunner {
  /** The most workers that there will be. */
  readonly size: number;
  readonly #workers = new Set<DiskWorker>();
  readonly #queue: Waiting[] = [];
  #queueHead = 0;
  /** What the jobs that wait count for, by `countedBytes`. */
  #waitingBytes = 0;
  /** Those of them that are no small pieces. */
  #largeWaiting = 0;
  /** For small pieces that go together: a copy costs less than a transfer of each there and back. */
  readonly #sharedBuffers: ArrayBuffer[] = [];
  #closed = false;
  #isScarce = false;

  /** `size` is 1 to 64. */
  constructor({ size }: { size: number }) {
    assert(Number.isInteger(size) && size >= 1 && size <= MAX_OPEN_FILES);
    this.size = size;
  }

  /** Rejects with StorageError "io" when a worker crashed, too much waits, or after `close`. */
  run<Kind extends Job["kind"]>(
    job: JobOf<Kind>,
    beforeSending?: () => void,
  ): Promise<ReplyTo<Kind>> {
    if (this.#closed) return Promise.reject(poolError("the workers were stopped"));
    if (this.#queue.length - this.#queueHead >= MAX_QUEUED_JOBS) {
      return Promise.reject(poolError("too many jobs wait for the disk"));
    }
    return new Promise((resolve, reject) => {
      const settle = resolve as (reply: ReplyTo<Job["kind"]>) => void;
      this.#queue.push({ job: job as Job, beforeSending, resolve: settle, reject });
      this.#waitingBytes += countedBytes(job);
      if (!isSmallPiece(job)) this.#largeWaiting++;
      this.#dispatch();
    });
  }

  /** Starts a worker before there is work: to start takes as long as many jobs. */
  warm(): void {
    if (this.#workers.size === 0) this.#start();
  }

  async forget(): Promise<void> {
    await Promise.all([...this.#workers].map((worker) => this.#forgetIn(worker)));
  }

  /**
   * Resolves when all workers that there are now have loaded their code, or were dropped: no job is
   * waited for, which may take minutes. Never rejects.
   */
  async ready(): Promise<void> {
    await Promise.all([...this.#workers].map(({ loading }) => loading.promise));
  }

  /** From now on few files are open at once, and few more workers started: each needs some. */
  economize(): void {
    this.#isScarce = true;
    for (const { worker } of this.#workers) worker.postMessage(this.#settings);
  }

  /** Once it has done what it has to do already. */
  #forgetIn(worker: DiskWorker): Promise<void> {
    return new Promise((resolve) => {
      const job: Job = { kind: "forget" };
      const end = () => resolve();
      this.#send(worker, [{ job, beforeSending: undefined, resolve: end, reject: end }]);
    });
  }

  get #settings(): WorkerSettings {
    if (!this.#isScarce) return { maxOpenFiles: Math.floor(MAX_OPEN_FILES / this.size) };
    const workers = Math.max(this.#workers.size, this.#mostWorkers);
    return { maxOpenFiles: Math.max(1, Math.floor(MAX_OPEN_FILES_WHEN_SCARCE / workers)) };
  }

  get #mostWorkers(): number {
    return this.#isScarce ? Math.min(MAX_WORKERS_WHEN_SCARCE, this.size) : this.size;
  }

  get #mayStart(): boolean {
    return this.#workers.size < this.#mostWorkers;
  }

  /** Is it worth a start not to leave the job at the door of a worker that is busy? */
  #isHeldUp(job: Job): boolean {
    if (mayTakeLong(job)) return true;
    for (const { bytesWithoutPause } of this.#workers) {
      if (bytesWithoutPause < MAX_BYTES_WITHOUT_PAUSE) return false;
    }
    return true;
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
      const worker = this.#mayWait() ? undefined : this.#freeWorker();
      if (worker === undefined) break;
      this.#send(worker, this.#takeBatch());
    }
    // All at once, or a queue that never gets empty would keep every job that it ever had.
    if (this.#queueHead === this.#queue.length || this.#queueHead >= MAX_JOBS_BEHIND_HEAD) {
      this.#queue.splice(0, this.#queueHead);
      this.#queueHead = 0;
    }
  }

  /**
   * Urgent jobs are on their way, and what has come since does not fill a message. Others are not
   * waited for: to flush a file, or to hash a whole one, may take minutes.
   */
  #mayWait(): boolean {
    if (this.#waitingBytes >= MESSAGE_BYTES || !this.#isAnyUrgentSent()) return false;
    return this.#largeWaiting === 0 || !this.#isAnyIdle();
  }

  #isAnyUrgentSent(): boolean {
    for (const { sent } of this.#workers) {
      if (sent.some(isUrgent)) return true;
    }
    return false;
  }

  #isAnyIdle(): boolean {
    for (const { sent } of this.#workers) if (sent.length === 0) return true;
    return this.#mayStart && this.#isHeldUp(this.#queue[this.#queueHead]!.job);
  }

  /** The job that waited longest, with those of its kind after it that fit into one message. */
  #takeBatch(): Waiting[] {
    const batch: Waiting[] = [];
    let bytes = 0;
    while (this.#queueHead < this.#queue.length) {
      const next = this.#queue[this.#queueHead]!;
      const nextBytes = countedBytes(next.job);
      const isOfOtherKind = next.job.kind !== batch[0]?.job.kind;
      if (batch.length > 0 && (isOfOtherKind || bytes + nextBytes > MESSAGE_BYTES)) break;
      bytes += nextBytes;
      batch.push(next);
      this.#queueHead++;
      if (!isSmallPiece(next.job)) this.#largeWaiting--;
    }
    this.#waitingBytes -= bytes;
    return batch;
  }

  /**
   * The worker with the least to do, or a new one. Pieces, and what is read for peers, are not left
   * at the door of one that does anything else.
   */
  #freeWorker(): DiskWorker | undefined {
    const { job } = this.#queue[this.#queueHead]!;
    const isNextUrgent = isUrgentJob(job);
    let least: DiskWorker | undefined;
    for (const worker of this.#workers) {
      if (isNextUrgent && !worker.sent.every(isUrgent)) continue;
      if (least === undefined || worker.sent.length < least.sent.length) least = worker;
    }
    if (least?.sent.length === 0) return least;
    if (this.#mayStart && (least === undefined || this.#isHeldUp(job))) return this.#start();
    if (least === undefined || least.sent.length >= MAX_MESSAGES_PER_WORKER) return undefined;
    return least;
  }

  #start(): DiskWorker {
    const url = new URL("./disk_worker.ts", import.meta.url);
    const worker = new Worker(url, { type: "module", name: `disk ${this.#workers.size + 1}` });
    const loading = Promise.withResolvers<void>();
    const started: DiskWorker = { worker, loading, sent: [], bytesWithoutPause: 0 };
    worker.onmessage = (
      { data }: MessageEvent<readonly ReplyTo<Job["kind"]>[] | WorkerLoaded | WorkerFailure>,
    ) => {
      if ("isLoaded" in data) return started.loading.resolve();
      if ("cannotStart" in data) this.#drop(started, data.cannotStart);
      else {
        // Nobody waits for the last words of a worker that was dropped.
        const message = started.sent.shift();
        if (message !== undefined) this.#settle(message, data);
        if (started.sent.length === 0) started.bytesWithoutPause = 0;
        else started.bytesWithoutPause += message?.bytes ?? 0;
      }
      this.#dispatch();
    };
    worker.onerror = (event) => {
      // Unless it is prevented, an error in a worker ends the whole process.
      event.preventDefault();
      this.#drop(started, event.message);
      this.#dispatch();
    };
    worker.postMessage(this.#settings);
    this.#workers.add(started);
    return started;
  }

  #send(to: DiskWorker, batch: readonly Waiting[]): void {
    const isShared = batch.length > 1 && batch.every(({ job }) => isSmallPiece(job));
    // First: a message that is booked must be sent, or replies would go to the wrong jobs.
    for (const { beforeSending } of batch) beforeSending?.();
    const jobs = batch.map(({ job }) => job);
    const bytes = jobs.reduce((sum, job) => sum + countedBytes(job), 0);
    to.sent.push({ batch, bytes, isShared });
    const message = isShared ? this.#share(jobs) : jobs;
    to.worker.postMessage(message, [...new Set(message.map(bufferOf))].filter(isDefined));
  }

  /** The same jobs, with all pieces in one buffer. */
  #share(jobs: readonly Job[]): Job[] {
    const buffer = this.#sharedBuffers.pop() ?? new ArrayBuffer(MESSAGE_BYTES);
    let offset = 0;
    return jobs.map((job) => {
      assert(job.kind === "write");
      const data = new Uint8Array(buffer, offset, job.data.length);
      data.set(job.data);
      offset += data.length;
      return { ...job, data };
    });
  }

  #settle({ batch, isShared }: Message, replies: readonly ReplyTo<Job["kind"]>[]): void {
    for (const [index, { job, resolve }] of batch.entries()) {
      const reply = replies[index]!;
      if (!isShared || !("buffer" in reply)) resolve(reply);
      else {
        if (index === 0) this.#sharedBuffers.push(reply.buffer!);
        resolve({ ...reply, buffer: bufferOf(job)! });
      }
    }
  }

  #drop(worker: DiskWorker, fact: string): void {
    this.#workers.delete(worker);
    worker.worker.terminate();
    worker.loading.resolve();
    const lost = worker.sent.splice(0).flatMap(({ batch }) => batch);
    for (const { reject } of lost) reject(poolError(fact));
  }
}

function isDefined<Value>(value: Value | undefined): value is Value {
  return value !== undefined;
}

function isUrgent({ batch }: Message): boolean {
  return isUrgentJob(batch[0]!.job);
}

/** A worker may not even start: Deno wants permission to read its source. */
function poolError(fact: string): StorageError {
  const refused = /Requires (read|import) access to "([^"]+)"/.exec(fact);
  if (refused === null) return new StorageError("io", "", `Cannot use the disk: ${fact}`);
  const [, access, path] = refused as unknown as [string, string, string];
  const missing = { access, target: path, flag: `--allow-${access}=${path}` };
  const message = `Cannot start a disk worker: ${describeMissing(missing)}`;
  return new StorageError("permission", path, message);
}
