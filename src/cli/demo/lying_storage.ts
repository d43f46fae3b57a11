import type { Bitfield } from "../../base/bitfield.ts";
import type { Bytes } from "../../base/bytes.ts";
import type { PieceIndex } from "../../base/ids.ts";
import { BLOCK_LENGTH } from "../../metainfo/layout.ts";
import type {
  CheckpointOutcome,
  PieceOutcome,
  PieceRun,
  ReadOutcome,
  Storage,
} from "../../storage/storage.ts";
import { BLOCK_HEADER_LENGTH } from "../../wire/block_run.ts";

/** The storage of a peer that sends corrupt data: some of the blocks read have a flipped bit. */
export class LyingStorage implements Storage {
  readonly #storage: Storage;
  readonly #lies: () => boolean;

  /** `lies` decides for each block that is read. */
  constructor(storage: Storage, lies: () => boolean) {
    this.#storage = storage;
    this.#lies = lies;
  }

  async read(run: PieceRun, buffer?: ArrayBuffer): Promise<ReadOutcome> {
    const outcome = await this.#storage.read(run, buffer);
    if (outcome.kind === "failed") return outcome;
    const { messages } = outcome;
    for (let at = 0; at < messages.length; at += BLOCK_HEADER_LENGTH + BLOCK_LENGTH) {
      if (this.#lies()) messages[at + BLOCK_HEADER_LENGTH]! ^= 1;
    }
    return outcome;
  }

  restore(
    onProgress: (checkedBytes: number, totalBytes: number) => void,
    signal: AbortSignal,
  ): Promise<Bitfield> {
    return this.#storage.restore(onProgress, signal);
  }

  write(piece: PieceIndex, data: Bytes, wantDigests: boolean): Promise<PieceOutcome> {
    return this.#storage.write(piece, data, wantDigests);
  }

  checkpoint(): Promise<CheckpointOutcome> {
    return this.#storage.checkpoint();
  }

  finish(): Promise<void> {
    return this.#storage.finish();
  }

  close(): Promise<void> {
    return this.#storage.close();
  }
}
