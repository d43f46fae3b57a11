/// <reference lib="deno.worker" />
/** One disk worker: messages in, jobs done, replies out, in order. See `jobs.ts`. */
import { runJobs } from "./jobs.ts";
import { OpenFiles } from "./open_files.ts";
import type { Job, ReplyTo, WorkerSettings } from "./protocol.ts";

let files: OpenFiles | undefined;
let lastJob = Promise.resolve();

/** The first message holds the settings, every other one jobs; the answer, their replies. */
self.onmessage = ({ data }: MessageEvent<WorkerSettings | readonly Job[]>) => {
  if ("maxOpenFiles" in data) files = new OpenFiles(data.maxOpenFiles);
  else lastJob = lastJob.then(() => answer(data, files!));
};

async function answer(jobs: readonly Job[], files: OpenFiles): Promise<void> {
  const replies = await runJobs(jobs, files);
  // Small pieces come and go in one buffer.
  const buffers = new Set(replies.map(bufferOf).filter((buffer) => buffer !== undefined));
  self.postMessage(replies, [...buffers]);
}

function bufferOf(reply: ReplyTo<Job["kind"]>): ArrayBuffer | undefined {
  return "buffer" in reply ? reply.buffer : "data" in reply ? reply.data.buffer : undefined;
}
