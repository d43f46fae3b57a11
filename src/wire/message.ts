/**
 * The messages of the peer protocol, after the handshake: BEP 3, BEP 5 (port), BEP 6 (fast
 * extension), BEP 10 (extended) and BEP 52 (hashes of version 2).
 *
 * Integers are as they came: nothing here has been checked against a torrent.
 */
import { MERKLE_HASH_LENGTH } from "../metainfo/merkle.ts";

/** The byte after the length prefix that says what a message is. */
export const MessageId = {
  choke: 0,
  unchoke: 1,
  interested: 2,
  notInterested: 3,
  have: 4,
  bitfield: 5,
  request: 6,
  piece: 7,
  cancel: 8,
  port: 9,
  suggest: 13,
  haveAll: 14,
  haveNone: 15,
  reject: 16,
  allowedFast: 17,
  extended: 20,
  hashRequest: 21,
  hashes: 22,
  hashReject: 23,
} as const;

/** Bytes of the length prefix, a big-endian unsigned integer (BEP 3 "peer messages"). */
export const LENGTH_PREFIX_LENGTH = 4;

/** Bytes of a hash request with its type: root, base layer, index, length, proof layers. */
export const HASH_REQUEST_LENGTH = 1 + MERKLE_HASH_LENGTH + 4 * 4;
/** The most hashes in one message: as many as are asked for at once, and a proof of all layers. */
export const MAX_HASHES = 512 + 32;

/** A message that carries nothing but its kind. */
export interface BareMessage {
  readonly kind:
    | "keep-alive"
    | "choke"
    | "unchoke"
    | "interested"
    | "not-interested"
    | "have-all"
    | "have-none";
}

/** A message that names one piece. */
export interface IndexMessage {
  readonly kind: "have" | "suggest" | "allowed-fast";
  /** Unsigned 32-bit, as it came. */
  readonly index: number;
}

/** A message that names a part of a piece. */
export interface BlockMessage {
  readonly kind: "request" | "cancel" | "reject";
  /** Unsigned 32-bit, as they came. */
  readonly index: number;
  readonly begin: number;
  readonly length: number;
}

/** A block. `block` is a view that lives until the decoder's next `space`. */
export interface PieceMessage {
  readonly kind: "piece";
  /** Unsigned 32-bit, as they came. */
  readonly index: number;
  readonly begin: number;
  /** 0 to BLOCK_LENGTH bytes. */
  readonly block: Uint8Array;
}

/** What the sender has. `bytes` is a view that lives until the decoder's next `space`. */
export interface BitfieldMessage {
  readonly kind: "bitfield";
  readonly bytes: Uint8Array;
}

/** The UDP port of the sender's DHT node (BEP 5), 0 to 65535. */
export interface PortMessage {
  readonly kind: "port";
  readonly port: number;
}

/** BEP 10. `payload` is a view that lives until the decoder's next `space`. */
export interface ExtendedMessage {
  readonly kind: "extended";
  /** 0 is the extension handshake; others are as our own handshake said. */
  readonly id: number;
  readonly payload: Uint8Array;
}

/** Names a run of nodes of a file's tree (BEP 52 "hash request"). */
export interface HashRequestMessage {
  readonly kind: "hash-request" | "hash-reject";
  /** The `pieces root` of the file: a view that lives until the decoder's next `space`. */
  readonly root: Uint8Array;
  readonly range: HashRange;
}

/** As `LayerRange`, but each is unsigned 32-bit, as it came. */
export interface HashRange {
  readonly baseLayer: number;
  readonly index: number;
  readonly length: number;
  readonly proofLayers: number;
}

/** What was asked for. `root` and `hashes` are views that live until the decoder's next `space`. */
export interface HashesMessage {
  readonly kind: "hashes";
  readonly root: Uint8Array;
  readonly range: HashRange;
  /** 32 bytes each, at least one and at most MAX_HASHES: nodes, then proof. */
  readonly hashes: Uint8Array;
}

/** A well-framed message that we do not know; its payload is skipped. */
export interface UnknownMessage {
  readonly kind: "unknown";
  readonly id: number;
}

/** A message of a few numbers at most, which are of pieces and blocks. */
export type ShortMessage = BareMessage | IndexMessage | BlockMessage;

/** Any message of the peer protocol. */
export type Message =
  | ShortMessage
  | PieceMessage
  | BitfieldMessage
  | PortMessage
  | ExtendedMessage
  | HashRequestMessage
  | HashesMessage
  | UnknownMessage;
