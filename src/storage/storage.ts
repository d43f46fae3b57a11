/**
 * Where verified pieces live, as the rest of the program sees it. `disk_storage.ts` is the real
 * one; the simulation has its own.
 *
 * The contract:
 *
 * 1. `restore` comes first, once. It says which pieces are here already and verified; it is the
 *    only place that may refuse the target (occupied, a symlink, a missing permission), so that
 *    nothing is downloaded in vain.
 * 2. `write` verifies, then writes. A byte that was not verified reaches no file. The buffer of
 *    `data` is taken over and comes back in the outcome, whatever happened; nothing here
 *    rejects. Pieces may be written in any order and several at a time, but never one piece
 *    twice at once. Writing a good piece again does no harm. A good piece fails all the same when
 *    a flush of its files failed meanwhile.
 * 3. `read` is for pieces that are here. When a file changed under us the outcome lists what
 *    must not be given to anybody any more; nothing here rejects.
 * 4. `checkpoint` makes what was written so far outlive a power failure, and only then claims it
 *    in the saved state. The caller asks for it every few seconds and when it stops, be it
 *    during `restore`. When flushing fails, the outcome lists the pieces that must be
 *    downloaded again. A storage may flush before it is asked to; when that fails, the next
 *    `checkpoint` tells.
 * 5. A file takes its final name when all of it is verified and flushed, without being asked.
 *    `finish` waits for the last of them; it is called once every selected piece is here.
 * 6. `close` comes last, after whatever else was asked for has settled. It does not save; call
 *    `checkpoint` before it.
 */
import type { Bitfield } from "../base/bitfield.ts";
import type { Bytes } from "../base/bytes.ts";
import type { StorageError } from "../base/errors.ts";
import type { PieceIndex } from "../base/ids.ts";
import type { BlockRun } from "../wire/block_run.ts";

/**
 * What became of a piece. `buffer` is the one that was handed in, to be used again (after a
 * crashed worker: a new one of the same size). `digests` are hex SHA-1, one for each 16 KiB
 * block; a good piece has them when they were asked for.
 */
export type PieceOutcome =
  | { readonly kind: "good"; readonly buffer: ArrayBuffer; readonly digests?: readonly string[] }
  | { readonly kind: "corrupt"; readonly buffer: ArrayBuffer; readonly digests: readonly string[] }
  | { readonly kind: "failed"; readonly buffer: ArrayBuffer; readonly error: StorageError };

/**
 * `lost` pieces were good and are no more: their flush failed, so the system may have dropped
 * them. It is empty when only the saved state could not be written.
 */
export type CheckpointOutcome =
  | { readonly kind: "saved" }
  | {
    readonly kind: "failed";
    readonly error: StorageError;
    readonly lost: readonly PieceIndex[];
  };

/** Blocks of a piece that is here. */
export interface PieceRun extends BlockRun {
  readonly piece: PieceIndex;
}

/**
 * `messages` are the piece messages of a run (`wire/block_run.ts`). `lost` pieces are no longer
 * what was verified: their file was changed, taken away, or cannot be read; it is empty when the
 * failure says nothing about them.
 */
export type ReadOutcome =
  | { readonly kind: "read"; readonly messages: Bytes }
  | {
    readonly kind: "failed";
    readonly error: StorageError;
    readonly lost: readonly PieceIndex[];
  };

export interface Storage {
  /**
   * The pieces that are here and verified. Reports bytes looked at, and to look at; with a good
   * saved state there is next to nothing to look at. Throws StorageError, or the reason of
   * `signal`; what was found by then is saved, and the next run goes on there.
   */
  restore(
    onProgress: (checkedBytes: number, totalBytes: number) => void,
    signal: AbortSignal,
  ): Promise<Bitfield>;
  /** Verifies and writes one piece; its buffer may be longer than `data`. Never rejects. */
  write(piece: PieceIndex, data: Bytes, wantDigests: boolean): Promise<PieceOutcome>;
  /**
   * Reads a run of blocks; `buffer` is taken over, and read into when it has the size of the
   * messages. Never rejects.
   */
  read(run: PieceRun, buffer?: ArrayBuffer): Promise<ReadOutcome>;
  /** Flushes, then saves the state. Never rejects. */
  checkpoint(): Promise<CheckpointOutcome>;
  /** Waits until all selected files have their final names, and saves. Throws StorageError. */
  finish(): Promise<void>;
  /** Lets go of files and of the lock. Never rejects. */
  close(): Promise<void>;
}
