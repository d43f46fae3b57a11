/** Messages → bytes for one peer, many of them in one write. */
import { assert } from "../base/assert.ts";
import { putUint16, putUint32 } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import { MERKLE_HASH_LENGTH } from "../metainfo/merkle.ts";
import { HASH_REQUEST_LENGTH, type HashRange, LENGTH_PREFIX_LENGTH, MessageId } from "./message.ts";

/** Bytes of the first buffer: the opening of a connection, or some sixty requests. */
const INITIAL_BUFFER_LENGTH = 1024;
/** Most bytes that wait for a peer; whoever does not read them in time is given up. */
const MAX_PENDING_BYTES = 4 * 1024 * 1024;
/** A written buffer larger than this is not kept. */
const MAX_KEPT_BUFFER_LENGTH = 256 * 1024;

/**
 * Collects the messages for one peer and hands them over for one write at a time.
 *
 * Two buffers take turns: one is being written while messages go into the other. A message
 * that would make more than MAX_PENDING_BYTES wait is dropped, and the next `take` throws: so
 * that whoever tells many peers something need not care about one that does not listen.
 */
export class MessageWriter {
  #buffer = new Uint8Array(INITIAL_BUFFER_LENGTH);
  #length = 0;
  #spare: Uint8Array<ArrayBuffer> | undefined;
  #taken: Uint8Array<ArrayBuffer> | undefined;
  #overflowed = false;

  /** Bytes that wait to be taken. */
  get pendingBytes(): number {
    return this.#length;
  }

  keepAlive(): void {
    const at = this.#reserve(LENGTH_PREFIX_LENGTH);
    if (at >= 0) putUint32(this.#buffer, at, 0);
  }

  choke(): void {
    this.#begin(MessageId.choke, 1);
  }

  unchoke(): void {
    this.#begin(MessageId.unchoke, 1);
  }

  interested(): void {
    this.#begin(MessageId.interested, 1);
  }

  notInterested(): void {
    this.#begin(MessageId.notInterested, 1);
  }

  /** Fast extension only (BEP 6), like all of `haveNone`, `suggest`, `reject`, `allowedFast`. */
  haveAll(): void {
    this.#begin(MessageId.haveAll, 1);
  }

  haveNone(): void {
    this.#begin(MessageId.haveNone, 1);
  }

  have(index: number): void {
    this.#indexMessage(MessageId.have, index);
  }

  suggest(index: number): void {
    this.#indexMessage(MessageId.suggest, index);
  }

  allowedFast(index: number): void {
    this.#indexMessage(MessageId.allowedFast, index);
  }

  request(index: number, begin: number, length: number): void {
    this.#blockMessage(MessageId.request, index, begin, length);
  }

  cancel(index: number, begin: number, length: number): void {
    this.#blockMessage(MessageId.cancel, index, begin, length);
  }

  reject(index: number, begin: number, length: number): void {
    this.#blockMessage(MessageId.reject, index, begin, length);
  }

  /** Copies `block`. */
  piece(index: number, begin: number, block: Uint8Array): void {
    const at = this.#begin(MessageId.piece, 9 + block.length);
    if (at < 0) return;
    putUint32(this.#buffer, at, index);
    putUint32(this.#buffer, at + 4, begin);
    this.#buffer.set(block, at + 8);
  }

  /** Copies `bytes`, the wire form of a bitfield. */
  bitfield(bytes: Uint8Array): void {
    const at = this.#begin(MessageId.bitfield, 1 + bytes.length);
    if (at >= 0) this.#buffer.set(bytes, at);
  }

  /** The UDP port of our DHT node (BEP 5). */
  port(port: number): void {
    const at = this.#begin(MessageId.port, 3);
    if (at >= 0) putUint16(this.#buffer, at, port);
  }

  /** Copies `payload`. `id` is the receiver's number for the message, 0 for the handshake. */
  extended(id: number, payload: Uint8Array): void {
    const at = this.#begin(MessageId.extended, 2 + payload.length);
    if (at < 0) return;
    this.#buffer[at] = id;
    this.#buffer.set(payload, at + 1);
  }

  /** Asks for nodes of the tree of a file, whose `pieces root` is `root` (BEP 52). */
  hashRequest(root: Uint8Array, range: HashRange): void {
    this.#hashMessage(MessageId.hashRequest, root, range);
  }

  /** The answer that there is none. */
  hashReject(root: Uint8Array, range: HashRange): void {
    this.#hashMessage(MessageId.hashReject, root, range);
  }

  /** Copies `hashes`, 32 bytes each: nodes, then proof. */
  hashes(root: Uint8Array, range: HashRange, hashes: Uint8Array): void {
    const at = this.#hashMessage(MessageId.hashes, root, range, hashes.length);
    if (at >= 0) this.#buffer.set(hashes, at);
  }

  /**
   * All that waits, for one write, or undefined when nothing does. The bytes do not change
   * until `release`, which must come before the next `take`. Throws ProtocolError
   * "not-reading" once a message had to be dropped.
   */
  take(): Uint8Array<ArrayBuffer> | undefined {
    assert(this.#taken === undefined, "one write at a time");
    if (this.#overflowed) {
      throw new ProtocolError(
        "not-reading",
        `Cannot write to peer: more than ${MAX_PENDING_BYTES} bytes wait for it`,
      );
    }
    if (this.#length === 0) return undefined;
    const bytes = this.#buffer.subarray(0, this.#length);
    this.#taken = bytes;
    this.#buffer = this.#spare ?? new Uint8Array(INITIAL_BUFFER_LENGTH);
    this.#spare = undefined;
    this.#length = 0;
    return bytes;
  }

  /** The bytes last taken have been written; their buffer may be used again. */
  release(): void {
    assert(this.#taken !== undefined);
    const { buffer, length } = this.#taken;
    this.#taken = undefined;
    const isMostlyUsed = length >= buffer.byteLength / 4;
    const isSmall = buffer.byteLength <= INITIAL_BUFFER_LENGTH;
    if (isSmall || (isMostlyUsed && buffer.byteLength <= MAX_KEPT_BUFFER_LENGTH)) {
      this.#spare = new Uint8Array(buffer);
    }
  }

  #indexMessage(id: number, index: number): void {
    const at = this.#begin(id, 5);
    if (at >= 0) putUint32(this.#buffer, at, index);
  }

  #blockMessage(id: number, index: number, begin: number, length: number): void {
    const at = this.#begin(id, 13);
    if (at < 0) return;
    putUint32(this.#buffer, at, index);
    putUint32(this.#buffer, at + 4, begin);
    putUint32(this.#buffer, at + 8, length);
  }

  /** The offset of what follows the range, or -1 when it is dropped. */
  #hashMessage(id: number, root: Uint8Array, range: HashRange, restLength = 0): number {
    const at = this.#begin(id, HASH_REQUEST_LENGTH + restLength);
    if (at < 0) return -1;
    assert(root.length === MERKLE_HASH_LENGTH);
    this.#buffer.set(root, at);
    const { baseLayer, index, length, proofLayers } = range;
    for (const [nth, number] of [baseLayer, index, length, proofLayers].entries()) {
      putUint32(this.#buffer, at + MERKLE_HASH_LENGTH + 4 * nth, number);
    }
    return at + HASH_REQUEST_LENGTH - 1;
  }

  /** Writes length prefix and type; the offset of the body, or -1 when it is dropped. */
  #begin(id: number, length: number): number {
    const at = this.#reserve(LENGTH_PREFIX_LENGTH + length);
    if (at < 0) return -1;
    putUint32(this.#buffer, at, length);
    this.#buffer[at + LENGTH_PREFIX_LENGTH] = id;
    return at + LENGTH_PREFIX_LENGTH + 1;
  }

  /** The offset of `count` free bytes, or -1 when too many wait already. */
  #reserve(count: number): number {
    const at = this.#length;
    const needed = at + count;
    if (this.#overflowed || needed > MAX_PENDING_BYTES) {
      this.#overflowed = true;
      return -1;
    }
    if (needed > this.#buffer.length) {
      const old = this.#buffer;
      let capacity = old.length;
      while (capacity < needed) capacity *= 2;
      this.#buffer = new Uint8Array(capacity);
      this.#buffer.set(old.subarray(0, at));
    }
    this.#length = needed;
    return at;
  }
}
