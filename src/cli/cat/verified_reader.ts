/** Reads the data of a torrent as soon as its pieces are verified and written. */
import type { Bitfield } from "../../base/bitfield.ts";
import type { Bytes } from "../../base/bytes.ts";
import type { PieceIndex } from "../../base/ids.ts";
import { untilAborted } from "../../base/until_aborted.ts";
import type { PieceSpan } from "../../metainfo/layout.ts";
import type { TorrentEvent } from "../../torrent/snapshot.ts";
import { unframeBlocks } from "../../wire/block_run.ts";
import type { ReadableTorrent } from "../tasks/outlet.ts";

export class VerifiedReader {
  readonly #torrent: ReadableTorrent;
  readonly #have: Bitfield;
  readonly #signal: AbortSignal;
  /** What the last read was read into, to be used again. */
  #buffer: ArrayBuffer | undefined;
  #wake = () => {};

  /** `signal` ends the waiting for a piece. */
  constructor(torrent: ReadableTorrent, signal: AbortSignal) {
    this.#torrent = torrent;
    this.#have = torrent.snapshot().havePieces; // It is live.
    this.#signal = signal;
  }

  /** There may be more pieces than before. */
  hear({ kind }: TorrentEvent): void {
    if (kind === "piece" || kind === "checked") this.#wake();
  }

  /**
   * Waits for the piece, and reads a part of it; valid until the next read, which is not to begin
   * before this one has ended. Throws StorageError when it cannot be read, or its file has changed
   * since it was verified; the reason of the signal.
   */
  async read(span: PieceSpan): Promise<Bytes> {
    await this.#arrival(span.piece);
    // To give up half way would leave the worker at a file that is about to be let go of.
    const outcome = await this.#torrent.read(span, this.#buffer);
    this.#buffer = undefined;
    if (outcome.kind === "failed") throw outcome.error;
    this.#buffer = outcome.messages.buffer;
    return unframeBlocks(outcome.messages, span);
  }

  async #arrival(piece: PieceIndex): Promise<void> {
    this.#signal.throwIfAborted();
    while (!this.#have.has(piece)) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await untilAborted(promise, this.#signal);
    }
  }
}
