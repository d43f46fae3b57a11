/** Reads the data of a torrent as soon as its pieces are verified and written. */
import type { Bitfield } from "../../base/bitfield.ts";
import { type Bytes, concatBytes } from "../../base/bytes.ts";
import type { PieceIndex } from "../../base/ids.ts";
import { untilAborted } from "../../base/until_aborted.ts";
import type { PieceSpan } from "../../metainfo/layout.ts";
import type { ReadOutcome } from "../../storage/storage.ts";
import type { TorrentEvent } from "../../torrent/snapshot.ts";
import { unframeBlocks } from "../../wire/block_run.ts";
import type { ReadableTorrent } from "../tasks/outlet.ts";
import { isSpan, type Part } from "./batches.ts";

export class VerifiedReader {
  readonly #torrent: ReadableTorrent;
  readonly #have: Bitfield;
  readonly #signal: AbortSignal;
  /** What the last read of one part was read into, to be used again. */
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

  /** Is there nothing to wait for? */
  isHere(piece: PieceIndex): boolean {
    return this.#have.has(piece);
  }

  /**
   * Waits for the pieces, and reads the parts, one after the other; valid until the next read,
   * which is not to begin before this one has ended. Throws StorageError when one cannot be read,
   * or its file has changed since it was verified; the reason of the signal. After that it
   * reads nothing more.
   */
  async read(parts: readonly Part[]): Promise<Bytes> {
    for (const part of parts) if (isSpan(part)) await this.#arrival(part.piece);
    const [first] = parts;
    const isOne = parts.length === 1 && isSpan(first!);
    return isOne ? await this.#readOne(first) : await this.#readAll(parts);
  }

  async #readOne(span: PieceSpan): Promise<Bytes> {
    const messages = messagesOf(await this.#torrent.read(span, this.#buffer));
    this.#buffer = messages.buffer;
    return unframeBlocks(messages, span);
  }

  /**
   * At once: what is asked for together goes to a worker together. To give up before all have ended
   * would leave the worker at a file that is about to be let go of.
   */
  async #readAll(parts: readonly Part[]): Promise<Bytes> {
    const outcomes = await Promise.all(
      parts.map((part) => isSpan(part) ? this.#torrent.read(part) : undefined),
    );
    return concatBytes(
      ...parts.map((part, index) =>
        isSpan(part) ? unframeBlocks(messagesOf(outcomes[index]!), part) : part
      ),
    );
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

function messagesOf(outcome: ReadOutcome): Bytes {
  if (outcome.kind === "failed") throw outcome.error;
  return outcome.messages;
}
