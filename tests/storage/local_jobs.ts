import { Turns } from "../../src/storage/turns.ts";
import { runJobs } from "../../src/workers/jobs.ts";
import { OpenFiles } from "../../src/workers/open_files.ts";
import type { FailedReply, Job, JobOf, JobRunner, ReplyTo } from "../../src/workers/protocol.ts";

/** What goes wrong with a job: a reply in its place, or nothing. */
export type Fault = (job: Job) => Pick<FailedReply, "reason" | "path" | "isFlush"> | undefined;

/**
 * The jobs of the workers without threads, one after the other, and a disk that fails when the
 * test says so.
 */
export class LocalJobs implements JobRunner {
  readonly size = 2;
  /** Everything that was asked for, in order. */
  readonly kinds: Job["kind"][] = [];
  fault: Fault = () => undefined;
  /** Jobs that were begun. */
  performedCount = 0;
  readonly #files = new OpenFiles(4);
  readonly #turns = new Turns();

  async run<Kind extends Job["kind"]>(
    job: JobOf<Kind>,
    beforeSending?: () => void,
  ): Promise<ReplyTo<Kind>> {
    const asked = job as Job;
    this.kinds.push(asked.kind);
    const mine = asked.kind === "write" ? { ...asked, data: moved(asked) } : asked;
    const reply = await this.#turns.take(() => {
      beforeSending?.();
      return this.#perform(mine);
    });
    return reply as ReplyTo<Kind>;
  }

  async #perform(mine: Job): Promise<ReplyTo<Job["kind"]>> {
    this.performedCount++;
    const fault = this.fault(mine);
    if (fault === undefined) return (await runJobs([mine], this.#files))[0]!;
    const failed: FailedReply = { kind: "failed", message: `Cannot ${mine.kind} it`, ...fault };
    return mine.kind === "write" ? { ...failed, buffer: mine.data.buffer } : failed;
  }

  forget(): Promise<void> {
    this.#files.closeAll();
    return Promise.resolve();
  }
}

/** As a worker takes it: the sender's array is empty from then on. */
function moved({ data }: JobOf<"write">): Uint8Array<ArrayBuffer> {
  const { length } = data;
  return new Uint8Array(data.buffer.transfer(), 0, length);
}
