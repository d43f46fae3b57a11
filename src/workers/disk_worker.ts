/// <reference lib="deno.worker" />
/** One disk worker: messages in, jobs done, replies out, in order. See `jobs.ts`. */
import { runJob } from "./jobs.ts";
import { OpenFiles } from "./open_files.ts";
import type { Job, WorkerSettings } from "./protocol.ts";

let files: OpenFiles | undefined;
let lastJob = Promise.resolve();

/** The first message holds the settings, every other one a job. */
self.onmessage = ({ data }: MessageEvent<WorkerSettings | Job>) => {
  if ("maxOpenFiles" in data) files = new OpenFiles(data.maxOpenFiles);
  else lastJob = lastJob.then(() => answer(data, files!));
};

async function answer(job: Job, files: OpenFiles): Promise<void> {
  const reply = await runJob(job, files);
  const buffer = "buffer" in reply ? reply.buffer : "data" in reply ? reply.data.buffer : undefined;
  self.postMessage(reply, buffer === undefined ? [] : [buffer]);
}
