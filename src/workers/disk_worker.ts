/// <reference lib="deno.worker" />
/** One disk worker: messages in, jobs done, replies out, in order. See `jobs.ts`. */
import type { runJobs } from "./jobs.ts";
import type { OpenFiles } from "./open_files.ts";
import type { Job, ReplyTo, WorkerFailure, WorkerLoaded, WorkerSettings } from "./protocol.ts";

interface Loaded {
  readonly files: OpenFiles;
  readonly runJobs: typeof runJobs;
}

let lastJob = Promise.resolve();
/** Undefined for a worker that cannot do any. */
let loading: Promise<Loaded | undefined> | undefined;

/** A message holds settings, as the first one does, or jobs; the answer, their replies. */
self.onmessage = ({ data }: MessageEvent<WorkerSettings | readonly Job[]>) => {
  if (!("maxOpenFiles" in data)) lastJob = lastJob.then(() => answer(data));
  else if (loading === undefined) loading = load(data).catch(reportFailure);
  else lastJob = lastJob.then(() => keepAtMost(data.maxOpenFiles));
};

/** Loaded here, because Deno prints the stack of what cannot be imported at the top of a file. */
async function load({ maxOpenFiles }: WorkerSettings): Promise<Loaded> {
  const [{ runJobs }, { OpenFiles }] = await Promise.all([
    import("./jobs.ts"),
    import("./open_files.ts"),
  ]);
  const message: WorkerLoaded = { isLoaded: true };
  self.postMessage(message);
  return { files: new OpenFiles(maxOpenFiles), runJobs };
}

function reportFailure(error: unknown): undefined {
  const failure: WorkerFailure = {
    cannotStart: error instanceof Error ? error.message : String(error),
  };
  self.postMessage(failure);
}

async function keepAtMost(maxOpenFiles: number): Promise<void> {
  (await loading)?.files.keepAtMost(maxOpenFiles);
}

async function answer(jobs: readonly Job[]): Promise<void> {
  const loaded = await loading;
  if (loaded === undefined) return;
  const replies = await loaded.runJobs(jobs, loaded.files);
  // Small pieces come and go in one buffer.
  const buffers = new Set(replies.map(bufferOf).filter((buffer) => buffer !== undefined));
  self.postMessage(replies, [...buffers]);
}

function bufferOf(reply: ReplyTo<Job["kind"]>): ArrayBuffer | undefined {
  return "buffer" in reply ? reply.buffer : "data" in reply ? reply.data.buffer : undefined;
}
