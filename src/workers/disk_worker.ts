/// <reference lib="deno.worker" />
/** One disk worker: messages in, jobs done, replies out, in order. See `jobs.ts`. */
import { runJob } from "./jobs.ts";
import { OpenFiles } from "./open_files.ts";
import type { Job, WorkerSettings } from "./protocol.ts";

let files: OpenFiles | undefined;

/** The first message holds the settings, every other one a job. */
self.onmessage = ({ data }: MessageEvent<WorkerSettings | Job>) => {
  if ("maxOpenFiles" in data) {
    files = new OpenFiles(data.maxOpenFiles);
    return;
  }
  const reply = runJob(data, files!);
  const buffer = "buffer" in reply ? reply.buffer : "data" in reply ? reply.data.buffer : undefined;
  self.postMessage(reply, buffer === undefined ? [] : [buffer]);
};
