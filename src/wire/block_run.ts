/**
 * A run of blocks of one piece as the messages that carry them, one after the other (BEP 3
 * "piece"): read from the disk once, framed once, and sent as it is to whoever asks.
 */
import { type Bytes, putUint32 } from "../base/bytes.ts";
import { BLOCK_LENGTH } from "../metainfo/layout.ts";
import { LENGTH_PREFIX_LENGTH, MessageId } from "./message.ts";

/** Bytes of a piece message before its block: length, type, index, begin. */
export const BLOCK_HEADER_LENGTH = LENGTH_PREFIX_LENGTH + 9;

/** Part of a piece: blocks of 16 KiB from `begin` on, the last one as long as is left. */
export interface BlockRun {
  readonly piece: number;
  /** Offset within the piece. */
  readonly begin: number;
  readonly length: number;
}

/** Bytes of all headers of a run; where its raw bytes must be for `frameBlocks`. */
export function headersLength({ length }: Pick<BlockRun, "length">): number {
  return Math.ceil(length / BLOCK_LENGTH) * BLOCK_HEADER_LENGTH;
}

/**
 * Turns the raw bytes of a run, which end where `bytes` ends, into messages that fill `bytes`:
 * each block but the last moves towards the front by the headers that come after it.
 */
export function frameBlocks(bytes: Uint8Array, { piece, begin, length }: BlockRun): void {
  let from = headersLength({ length }), to = 0;
  for (let done = 0; done < length; done += BLOCK_LENGTH) {
    const blockLength = Math.min(BLOCK_LENGTH, length - done);
    putBlockHeader(bytes, to, { piece, begin: begin + done, length: blockLength });
    to += BLOCK_HEADER_LENGTH;
    if (to < from) bytes.copyWithin(to, from, from + blockLength);
    to += blockLength;
    from += blockLength;
  }
}

/**
 * The raw bytes of a run again, at the front of the messages that `frameBlocks` has made of them:
 * each block moves there by the headers that come before it. The messages are used up.
 */
export function unframeBlocks(
  messages: Bytes,
  { length }: Pick<BlockRun, "length">,
): Bytes {
  for (let done = 0; done < length; done += BLOCK_LENGTH) {
    const from = done + headersLength({ length: done + 1 });
    messages.copyWithin(done, from, from + Math.min(BLOCK_LENGTH, length - done));
  }
  return messages.subarray(0, length);
}

/** Writes the BLOCK_HEADER_LENGTH bytes that come before a block. */
export function putBlockHeader(
  bytes: Uint8Array,
  at: number,
  { piece, begin, length }: BlockRun,
): void {
  putUint32(bytes, at, BLOCK_HEADER_LENGTH - LENGTH_PREFIX_LENGTH + length);
  bytes[at + LENGTH_PREFIX_LENGTH] = MessageId.piece;
  putUint32(bytes, at + LENGTH_PREFIX_LENGTH + 1, piece);
  putUint32(bytes, at + LENGTH_PREFIX_LENGTH + 5, begin);
}
