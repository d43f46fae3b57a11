import type { Bitfield } from "../base/bitfield.ts";
import type { Bytes } from "../base/bytes.ts";
import type { PieceIndex } from "../base/ids.ts";
import type { CheckpointOutcome, PieceOutcome, Storage } from "../storage/storage.ts";

/** The storage of a peer that sends corrupt data: some of the blocks read have a flipped bit. */
export class LyingStorage implements Storage {
  readonly #storage: Storage;
  readonly #lies: () => boolean;

  /** `lies` decides for each read. */
  constructor(storage: Storage, lies: () => boolean) {
    this.#storage = storage;
    this.#lies = lies;
  }

  async read(piece: PieceIndex, begin: number, length: number): Promise<Bytes> {
    const bytes = await this.#storage.read(piece, begin, length);
    if (this.#lies()) bytes[0]! ^= 1;
    return bytes;
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
