/** Loading and saving what `resume_codec.ts` puts into words, so that damage shows (D12). */
import { StorageError } from "../base/errors.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import {
  encodeResume,
  maxResumeLength,
  parseResume,
  ResumeError,
  type ResumeState,
  type ResumeSubject,
} from "./resume_codec.ts";
import { seal, unseal } from "./sealed_line.ts";
import { readStateFile, replaceStateFile } from "./state_file.ts";

export class ResumeFile {
  readonly #path: string;
  readonly #subject: ResumeSubject;

  constructor(stateDir: string, subject: ResumeSubject) {
    this.#path = `${stateDir}/${subject.infoHashHex}.resume`;
    this.#subject = subject;
  }

  /** The file of a torrent's state. */
  static of(stateDir: string, { infoHashHex, layout, files }: Metainfo): ResumeFile {
    const { pieceCount } = layout;
    return new ResumeFile(stateDir, { infoHashHex, pieceCount, fileCount: files.length });
  }

  /**
   * The saved state; undefined when there is none. One that is no use is reported in one
   * sentence and then as good as none (D12). Throws StorageError "permission" only.
   */
  async load(onWarning: (message: string) => void): Promise<ResumeState | undefined> {
    try {
      const bytes = await readStateFile(this.#path, maxResumeLength(this.#subject));
      if (bytes === undefined) return undefined;
      const line = await unseal(bytes);
      if (line === undefined) throw new ResumeError("it is damaged");
      return parseResume(line, this.#subject);
    } catch (error) {
      const isUseless = error instanceof ResumeError ||
        (error instanceof StorageError && error.reason !== "permission");
      if (!isUseless) throw error;
      const fact = error instanceof ResumeError ? `${this.#path}: ${error.message}` : error.message;
      onWarning(`The saved state is no use, so the files are checked instead (${fact})`);
      return undefined;
    }
  }

  /**
   * Atomic and durable, of the state as it is when this is called. Rejects with StorageError; the
   * state before is intact then.
   */
  async save(state: ResumeState): Promise<void> {
    await replaceStateFile(this.#path, await seal(encodeResume(this.#subject, state)));
  }
}
