/// <reference lib="deno.worker" />
/** One disk worker: messages in, jobs done, replies out, in order. See `jobs.ts`. */
import type { Job, ReplyTo, WorkerFailure, WorkerSettings } from "./protocol.ts";

type AnswerJobs = (jobs: readonly Job[]) => Promise<readonly ReplyTo<Job["kind"]>[]>;

let lastJob = Promise.resolve();
/** Undefined for a worker that cannot do any. */
let loading: Promise<AnswerJobs | undefined> | undefined;

/** The first message holds the settings, every other one jobs; the answer, their replies. */
self.onmessage = ({ data }: MessageEvent<WorkerSettings | readonly Job[]>) => {
  if ("maxOpenFiles" in data) loading = load(data).catch(reportFailure);
  else lastJob = lastJob.then(() => answer(data));
};

/** Loaded here, because Deno prints the stack of what cannot be imported at the top of a file. */
async function load({ maxOpenFiles }: WorkerSettings): Promise<AnswerJobs> {
  const [{ runJobs }, { OpenFiles }] = await Promise.all([
    import("./jobs.ts"),
    import("./open_files.ts"),
  ]);
  const files = new OpenFiles(maxOpenFiles);
  return (jobs) => runJobs(jobs, files);
}

function reportFailure(error: unknown): undefined {
  const failure: WorkerFailure = {
    cannotStart: error instanceof Error ? error.message : String(error),
  };
  self.postMessage(failure);
}

async function answer(jobs: readonly Job[]): Promise<void> {
  const answerJobs = await loading;
  if (answerJobs === undefined) return;
  const replies = await answerJobs(jobs);
  // Small pieces come and go in one buffer.
  const buffers = new Set(replies.map(bufferOf).filter((buffer) => buffer !== undefined));
  self.postMessage(replies, [...buffers]);
}

function bufferOf(reply: ReplyTo<Job["kind"]>): ArrayBuffer | undefined {
  return "buffer" in reply ? reply.buffer : "data" in reply ? reply.data.buffer : undefined;
}
