/**
 * How files looked when their bytes were verified, so that a change by somebody else is noticed
 * when they are read (hostile-inputs D5). Of a file that we write to nothing is known, until it
 * is finished.
 */
import type { FileIndex, PieceIndex } from "../base/ids.ts";
import type { FileFacts, ReadSpan } from "../workers/protocol.ts";
import type { FilePlan } from "./file_plan.ts";
import type { Sightings } from "./sightings.ts";

export class VerifiedFiles {
  readonly #plan: FilePlan;
  /** By file; of edges, which are one file for all that were not selected, in `#edges`. */
  readonly #facts = new Map<FileIndex, FileFacts>();
  #edges: FileFacts | undefined;

  /** `changing` are files that are about to be cut. */
  constructor(plan: FilePlan, sightings: Sightings, changing: readonly FileIndex[]) {
    this.#plan = plan;
    for (const file of plan.files) {
      const { final, part } = sightings.files.get(file)!;
      const facts = plan.isFinal(file) ? final : part ?? final;
      if (facts !== undefined) this.#facts.set(file, facts);
    }
    for (const file of changing) this.#facts.delete(file);
    this.#edges = sightings.edges;
  }

  /** To be called before a piece is written, and after. */
  touched(piece: PieceIndex): void {
    if (this.#facts.size === 0 && this.#edges === undefined) return; // As in most new downloads.
    for (const file of this.#plan.metainfo.layout.filesOf(piece)) {
      if (this.#plan.isSelected(file)) this.#facts.delete(file);
      else this.#edges = undefined;
    }
  }

  /** All of a file is verified, and nothing will be written to it. */
  finished(file: FileIndex, facts: FileFacts): void {
    this.#facts.set(file, facts);
  }

  /** Where bytes of a piece are, and how their files must look. */
  readSpans(piece: PieceIndex, begin: number, length: number): ReadSpan[] {
    const { layout } = this.#plan.metainfo;
    const files = layout.fileSpansIn(piece, begin, length);
    return this.#plan.readSpans(piece, begin, length).map((span, index) => {
      const { file } = files[index]!;
      const verified = this.#plan.isSelected(file) ? this.#facts.get(file) : this.#edges;
      return { ...span, verified };
    });
  }
}
