/**
 * Gives the info dictionary to one peer that asks for it over ut_metadata (BEP 9), in bounds
 * (P28): whoever needs it needs it once, and what it does not read does not pile up.
 */
import type { MessageWriter } from "../wire/encoder.ts";
import {
  encodeMetadataData,
  encodeMetadataReject,
  METADATA_PIECE_LENGTH,
  parseMetadataMessage,
} from "../wire/metadata_message.ts";

/** Pieces that may wait to be sent; further requests are refused. As libtorrent. */
const MAX_QUEUED_PIECES = 1_024;
/** Bytes in the output, beyond which pieces wait: sixteen pieces at once, not a thousand. */
const MAX_PENDING_BYTES = 16 * METADATA_PIECE_LENGTH;
/** How often the whole dictionary is given over one connection; once should do. */
const MAX_COPIES = 4;

export interface MetadataServingOptions {
  /** The info dictionary as it is encoded. */
  readonly metadata: Uint8Array;
  /** Where answers go. */
  readonly output: MessageWriter;
}

export class MetadataServing {
  readonly #metadata: Uint8Array;
  readonly #output: MessageWriter;
  readonly #pieceCount: number;
  readonly #queue: number[] = [];
  #allowance: number;

  constructor({ metadata, output }: MetadataServingOptions) {
    this.#metadata = metadata;
    this.#output = output;
    this.#pieceCount = Math.ceil(metadata.length / METADATA_PIECE_LENGTH);
    this.#allowance = this.#pieceCount * MAX_COPIES;
  }

  /**
   * Takes a message of the peer, of which only requests matter here. `theirId` is the peer's id
   * of ut_metadata, 0 when it takes none. Throws ProtocolError when it is malformed.
   */
  handleMessage(payload: Uint8Array, theirId: number): void {
    const message = parseMetadataMessage(payload);
    if (message.kind !== "request" || theirId === 0) return;
    const { piece } = message;
    if (
      piece >= this.#pieceCount ||
      this.#queue.length >= Math.min(this.#allowance, MAX_QUEUED_PIECES)
    ) {
      return this.#output.extended(theirId, encodeMetadataReject(piece));
    }
    this.#queue.push(piece);
    this.resume(theirId);
  }

  /** Sends what waits as far as there is room: to be called twice a second or so. */
  resume(theirId: number): void {
    if (theirId === 0) this.#queue.length = 0;
    while (this.#queue.length > 0 && this.#output.pendingBytes < MAX_PENDING_BYTES) {
      const piece = this.#queue.shift()!;
      const begin = piece * METADATA_PIECE_LENGTH;
      const data = this.#metadata.subarray(begin, begin + METADATA_PIECE_LENGTH);
      this.#allowance--;
      this.#output.extended(theirId, encodeMetadataData(piece, this.#metadata.length, data));
    }
  }
}
