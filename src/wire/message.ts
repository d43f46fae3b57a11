/**
 * The messages of the peer protocol, after the handshake: BEP 3, BEP 5 (port), BEP 6 (fast
 * extension) and BEP 10 (extended).
 *
 * Integers are as they came: nothing here has been checked against a torrent.
 */

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
} as const;

/** Bytes of the length prefix, a big-endian unsigned integer (BEP 3 "peer messages"). */
export const LENGTH_PREFIX_LENGTH = 4;

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

/** A well-framed message that we do not know; its payload is skipped. */
export interface UnknownMessage {
  readonly kind: "unknown";
  readonly id: number;
}

/** Any message of the peer protocol. */
export type Message =
  | BareMessage
  | IndexMessage
  | BlockMessage
  | PieceMessage
  | BitfieldMessage
  | PortMessage
  | ExtendedMessage
  | UnknownMessage;
