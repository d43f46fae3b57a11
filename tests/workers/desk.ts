import { ok } from "node:assert/strict";
import { createHash } from "node:crypto";
import type { Bytes } from "../../src/base/bytes.ts";
import { runJobs } from "../../src/workers/jobs.ts";
import { OpenFiles } from "../../src/workers/open_files.ts";
import type {
  Finish,
  Job,
  JobOf,
  Place,
  Replies,
  ReplyTo,
  WriteSpan,
} from "../../src/workers/protocol.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

/** A worker without the thread. */
export class Desk extends TemporaryFolder {
  readonly files = new OpenFiles(8);

  async run<Kind extends Job["kind"]>(job: JobOf<Kind>): Promise<ReplyTo<Kind>> {
    return (await runJobs([job as Job], this.files))[0] as ReplyTo<Kind>;
  }

  /** Does the job, which must succeed. */
  async must<Kind extends Job["kind"]>(job: JobOf<Kind>): Promise<Replies[Kind]> {
    const reply = await this.run(job);
    ok(reply.kind !== "failed", JSON.stringify(reply));
    return reply as Replies[Kind];
  }

  place(path: string): Place {
    return { root: this.path, path };
  }

  span(path: string, fileOffset: number, pieceOffset: number, length: number): WriteSpan {
    const place = this.place(path);
    return { place, fileOffset, pieceOffset, length, fileLength: 0, mayCreate: true };
  }

  finish(from: string, to: string, length: number): Finish {
    return { from: this.place(from), to: this.place(to), length, mayReplace: false };
  }

  override [Symbol.dispose](): void {
    this.files.closeAll();
    super[Symbol.dispose]();
  }
}

export function sha1(bytes: Uint8Array): string {
  return createHash("sha1").update(bytes).digest("hex");
}

export function bytesOf(text: string): Bytes {
  return new TextEncoder().encode(text);
}

export function writeJob(
  data: Bytes,
  spans: readonly WriteSpan[],
  wantDigests = false,
): JobOf<"write"> {
  return { kind: "write", data, hash: sha1(data), spans, wantDigests };
}
