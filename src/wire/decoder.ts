/** Bytes from a peer → messages, without copying a block. */
import { assert } from "../base/assert.ts";
import { getUint16, getUint32 } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import { BLOCK_LENGTH } from "../metainfo/layout.ts";
import { MERKLE_HASH_LENGTH } from "../metainfo/merkle.ts";
import {
  type BareMessage,
  HASH_REQUEST_LENGTH,
  type HashRange,
  LENGTH_PREFIX_LENGTH,
  MAX_HASHES,
  type Message,
  MessageId,
} from "./message.ts";

/** Bytes of the buffer of a peer that says little; two blocks fit. */
const INITIAL_BUFFER_LENGTH = 32 * 1024;
/** Bytes of the buffer of a peer that fills its reads: the best size for a socket here. */
const READ_BUFFER_LENGTH = 256 * 1024;
/** After so many reads in a row that leave the buffer nearly empty, half of it is given back. */
const CALM_READS = 256;

/** Bytes of a Piece message besides its block: type, index and begin. */
const EMPTY_PIECE_LENGTH = 9;

const KEEP_ALIVE: BareMessage = { kind: "keep-alive" };
const CHOKE: BareMessage = { kind: "choke" };
const UNCHOKE: BareMessage = { kind: "unchoke" };
const INTERESTED: BareMessage = { kind: "interested" };
const NOT_INTERESTED: BareMessage = { kind: "not-interested" };
const HAVE_ALL: BareMessage = { kind: "have-all" };
const HAVE_NONE: BareMessage = { kind: "have-none" };

/**
 * Decodes the stream of one peer. Read into `space()`, tell `advance()` how much came, take
 * messages from `next()` until there is none.
 *
 * One buffer is used again and again: what a message shows of it is valid until the next
 * `space()`. The buffer grows with what really came, never with what was only announced.
 */
export class MessageDecoder {
  readonly #maxMessageLength: number;
  #buffer = new Uint8Array(INITIAL_BUFFER_LENGTH);
  /** Bytes from `#start` to `#end` are not decoded yet. */
  #start = 0;
  #end = 0;
  #lastReadFilled = false;
  #calmReads = 0;

  /** `maxMessageLength` is in bytes, without the length prefix; the bitfield must fit. */
  constructor({ maxMessageLength }: { maxMessageLength: number }) {
    assert(maxMessageLength >= EMPTY_PIECE_LENGTH + BLOCK_LENGTH);
    this.#maxMessageLength = maxMessageLength;
  }

  /** Where to read into, at least one byte. Ends the life of all views given out so far. */
  space(): Uint8Array<ArrayBuffer> {
    const kept = this.#end - this.#start;
    const capacity = this.#chooseCapacity(kept);
    assert(kept < capacity, "messages must be taken before more is read");
    if (capacity !== this.#buffer.length) {
      const old = this.#buffer;
      this.#buffer = new Uint8Array(capacity);
      this.#buffer.set(old.subarray(this.#start, this.#end));
    } else if (this.#start > 0 && kept > 0) {
      this.#buffer.copyWithin(0, this.#start, this.#end);
    }
    this.#start = 0;
    this.#end = kept;
    return this.#buffer.subarray(kept);
  }

  /** `count` bytes were read into the start of the last `space()`. */
  advance(count: number): void {
    assert(count >= 0 && this.#end + count <= this.#buffer.length);
    this.#end += count;
    this.#lastReadFilled = this.#end === this.#buffer.length;
    this.#calmReads = this.#end <= this.#buffer.length / 4 ? this.#calmReads + 1 : 0;
  }

  /** A Piece message has begun that is not complete: more of its block is here than its type. */
  get isInBlock(): boolean {
    const body = this.#start + LENGTH_PREFIX_LENGTH + 1;
    return this.#end > body && this.#buffer[body - 1] === MessageId.piece;
  }

  /**
   * The next message; undefined when more bytes are needed for one. Throws ProtocolError
   * "message-too-large" or "malformed-message", and then again whenever it is called.
   */
  next(): Message | undefined {
    const start = this.#start;
    const available = this.#end - start;
    if (available < LENGTH_PREFIX_LENGTH) return undefined;
    const length = getUint32(this.#buffer, start);
    if (length === 0) {
      this.#start = start + LENGTH_PREFIX_LENGTH;
      return KEEP_ALIVE;
    }
    if (length > this.#maxMessageLength) {
      throw new ProtocolError(
        "message-too-large",
        `Cannot read message: its length is ${length}, over ${this.#maxMessageLength}`,
      );
    }
    if (available === LENGTH_PREFIX_LENGTH) return undefined;
    const id = this.#buffer[start + LENGTH_PREFIX_LENGTH]!;
    if (!isLegalLength(id, length)) {
      throw new ProtocolError(
        "malformed-message",
        `Cannot read message: the length of one of type ${id} is ${length}`,
      );
    }
    if (available < LENGTH_PREFIX_LENGTH + length) return undefined;
    this.#start = start + LENGTH_PREFIX_LENGTH + length;
    return parseBody(this.#buffer, id, start + LENGTH_PREFIX_LENGTH + 1, this.#start);
  }

  #chooseCapacity(kept: number): number {
    const current = this.#buffer.length;
    const announced = kept < LENGTH_PREFIX_LENGTH
      ? 0
      : LENGTH_PREFIX_LENGTH + getUint32(this.#buffer, this.#start);
    if (announced > current) {
      if (kept < current / 2) return current;
      return Math.min(current * 2, Math.max(announced, READ_BUFFER_LENGTH));
    }
    if (current > READ_BUFFER_LENGTH) {
      return announced > READ_BUFFER_LENGTH ? current : READ_BUFFER_LENGTH;
    }
    if (this.#lastReadFilled) return Math.min(current * 2, READ_BUFFER_LENGTH);
    if (this.#calmReads >= CALM_READS && current > INITIAL_BUFFER_LENGTH) {
      this.#calmReads = 0;
      return Math.max(current / 2, INITIAL_BUFFER_LENGTH);
    }
    return current;
  }
}

/** May a message of this type have this length? Known before its body has come (P5, P15). */
function isLegalLength(id: number, length: number): boolean {
  switch (id) {
    case MessageId.piece:
      return length >= EMPTY_PIECE_LENGTH && length <= EMPTY_PIECE_LENGTH + BLOCK_LENGTH;
    case MessageId.choke:
    case MessageId.unchoke:
    case MessageId.interested:
    case MessageId.notInterested:
    case MessageId.haveAll:
    case MessageId.haveNone:
      return length === 1;
    case MessageId.have:
    case MessageId.suggest:
    case MessageId.allowedFast:
      return length === 5;
    case MessageId.request:
    case MessageId.cancel:
    case MessageId.reject:
      return length === 13;
    case MessageId.port:
      return length === 3;
    case MessageId.extended:
      return length >= 2;
    case MessageId.hashRequest:
    case MessageId.hashReject:
      return length === HASH_REQUEST_LENGTH;
    case MessageId.hashes:
      return isLegalCount((length - HASH_REQUEST_LENGTH) / MERKLE_HASH_LENGTH);
    default:
      return true;
  }
}

function isLegalCount(hashCount: number): boolean {
  return Number.isInteger(hashCount) && hashCount >= 1 && hashCount <= MAX_HASHES;
}

/** The message whose body is `buffer` from `at` to `end`; its length has been checked. */
function parseBody(buffer: Uint8Array, id: number, at: number, end: number): Message {
  switch (id) {
    case MessageId.piece:
      return {
        kind: "piece",
        index: getUint32(buffer, at),
        begin: getUint32(buffer, at + 4),
        block: buffer.subarray(at + 8, end),
      };
    case MessageId.have:
      return { kind: "have", index: getUint32(buffer, at) };
    case MessageId.request:
      return parseBlockMessage("request", buffer, at);
    case MessageId.cancel:
      return parseBlockMessage("cancel", buffer, at);
    case MessageId.reject:
      return parseBlockMessage("reject", buffer, at);
    case MessageId.bitfield:
      return { kind: "bitfield", bytes: buffer.subarray(at, end) };
    case MessageId.extended:
      return { kind: "extended", id: buffer[at]!, payload: buffer.subarray(at + 1, end) };
    case MessageId.choke:
      return CHOKE;
    case MessageId.unchoke:
      return UNCHOKE;
    case MessageId.interested:
      return INTERESTED;
    case MessageId.notInterested:
      return NOT_INTERESTED;
    case MessageId.haveAll:
      return HAVE_ALL;
    case MessageId.haveNone:
      return HAVE_NONE;
    case MessageId.suggest:
      return { kind: "suggest", index: getUint32(buffer, at) };
    case MessageId.allowedFast:
      return { kind: "allowed-fast", index: getUint32(buffer, at) };
    case MessageId.port:
      return { kind: "port", port: getUint16(buffer, at) };
    case MessageId.hashRequest:
      return { kind: "hash-request", ...parseHashRange(buffer, at) };
    case MessageId.hashReject:
      return { kind: "hash-reject", ...parseHashRange(buffer, at) };
    case MessageId.hashes: {
      const hashes = buffer.subarray(at + HASH_REQUEST_LENGTH - 1, end);
      return { kind: "hashes", ...parseHashRange(buffer, at), hashes };
    }
    default:
      return { kind: "unknown", id };
  }
}

function parseBlockMessage(
  kind: "request" | "cancel" | "reject",
  buffer: Uint8Array,
  at: number,
): Message {
  return {
    kind,
    index: getUint32(buffer, at),
    begin: getUint32(buffer, at + 4),
    length: getUint32(buffer, at + 8),
  };
}

function parseHashRange(buffer: Uint8Array, at: number): { root: Uint8Array; range: HashRange } {
  const rest = at + MERKLE_HASH_LENGTH;
  return {
    root: buffer.subarray(at, rest),
    range: {
      baseLayer: getUint32(buffer, rest),
      index: getUint32(buffer, rest + 4),
      length: getUint32(buffer, rest + 8),
      proofLayers: getUint32(buffer, rest + 12),
    },
  };
}
