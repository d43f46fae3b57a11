/** The messages of ut_metadata (BEP 9): what follows their id in an Extended message. */
import { assert } from "../base/assert.ts";
import { type Bytes, concatBytes } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import { BencodeError, decodePrefix, integerIn } from "../metainfo/bencode.ts";
import { encode } from "../metainfo/bencode_encoder.ts";

/** Bytes of a piece of the info dictionary; the last one has the rest. */
export const METADATA_PIECE_LENGTH = 16_384;

/** In bytes: a piece, and a dictionary that is generous (P27). */
const MAX_PAYLOAD_LENGTH = METADATA_PIECE_LENGTH + 1_024;
const BENCODE_LIMITS = { maxDepth: 10, maxTokens: 500 };

/** Values of "msg_type". */
const REQUEST = 0, DATA = 1, REJECT = 2;

/** Asks for a piece, or says that it will not come. */
export interface MetadataPieceMessage {
  readonly kind: "request" | "reject";
  /** At least 0; whether there is such a piece is not checked. */
  readonly piece: number;
}

/** A piece. */
export interface MetadataDataMessage {
  readonly kind: "data";
  /** At least 0; whether there is such a piece is not checked. */
  readonly piece: number;
  /** Bytes of the whole info dictionary, as the sender says here; undefined when it does not. */
  readonly totalSize: number | undefined;
  /** At most METADATA_PIECE_LENGTH bytes: a view of the payload. */
  readonly data: Uint8Array;
}

/** Of a later version of the extension: to be ignored. */
export interface UnknownMetadataMessage {
  readonly kind: "unknown";
}

export type MetadataMessage = MetadataPieceMessage | MetadataDataMessage | UnknownMetadataMessage;

/** The payload of a request for a piece. */
export function encodeMetadataRequest(piece: number): Bytes {
  return encodeHead(REQUEST, piece);
}

/** The payload that refuses a piece. */
export function encodeMetadataReject(piece: number): Bytes {
  return encodeHead(REJECT, piece);
}

/** The payload that carries a piece of a dictionary of `totalSize` bytes. */
export function encodeMetadataData(piece: number, totalSize: number, data: Uint8Array): Bytes {
  assert(data.length <= METADATA_PIECE_LENGTH);
  return concatBytes(encodeHead(DATA, piece, totalSize), data);
}

function encodeHead(type: number, piece: number, totalSize?: number): Bytes {
  assert(Number.isSafeInteger(piece) && piece >= 0);
  return encode({ msg_type: type, piece, total_size: totalSize });
}

/**
 * What a peer says about metadata. Throws ProtocolError: "message-too-large", or
 * "malformed-message" when it is none (P27).
 */
export function parseMetadataMessage(payload: Uint8Array): MetadataMessage {
  if (payload.length > MAX_PAYLOAD_LENGTH) {
    throw new ProtocolError(
      "message-too-large",
      `Cannot use the peer: its metadata message is of ${payload.length} bytes`,
    );
  }
  const { value: head, end } = decodeHead(payload);
  if (head.kind !== "dictionary") throw malformed("is not a dictionary");
  const type = integerIn(head, "msg_type");
  if (type !== REQUEST && type !== DATA && type !== REJECT) return { kind: "unknown" };
  const piece = integerIn(head, "piece");
  if (piece === undefined || piece < 0) throw malformed("names no piece");
  if (type !== DATA) return { kind: type === REQUEST ? "request" : "reject", piece };
  const data = payload.subarray(end);
  if (data.length > METADATA_PIECE_LENGTH) throw malformed("carries more than a piece");
  return { kind: "data", piece, totalSize: integerIn(head, "total_size"), data };
}

function decodeHead(payload: Uint8Array) {
  try {
    return decodePrefix(payload, BENCODE_LIMITS);
  } catch (error) {
    if (error instanceof BencodeError) throw malformed("is not bencode");
    throw error;
  }
}

function malformed(problem: string): ProtocolError {
  return new ProtocolError(
    "malformed-message",
    `Cannot use the peer: its metadata message ${problem}`,
  );
}
