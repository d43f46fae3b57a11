/** What a session tells its driver. Plain values; views in them die with the decoder's buffer. */
import type { Bitfield } from "../base/bitfield.ts";
import { type CloseReason, ProtocolError } from "../base/errors.ts";
import type { BlockIndex, PieceIndex } from "../base/ids.ts";
import type { ExtensionHandshake } from "../wire/extension.ts";
import type { HolepunchMessage } from "../wire/holepunch_message.ts";
import type { PexPeer } from "../wire/pex.ts";

/** Names one block of the torrent. */
export interface BlockId {
  readonly piece: PieceIndex;
  readonly block: BlockIndex;
}

export type SessionEvent =
  /**
   * A block that we asked for, once; or one that we gave up no longer ago than a minute, so that
   * it may have come from somebody else in the meantime. `data` has the length of the block.
   */
  | {
    readonly kind: "block";
    readonly piece: PieceIndex;
    readonly block: BlockIndex;
    readonly data: Uint8Array;
  }
  /** Requests that will not be answered (choked, rejected, timed out, snubbed): for others. */
  | { readonly kind: "freed"; readonly blocks: readonly BlockId[] }
  /** They have one more piece. */
  | { readonly kind: "have"; readonly piece: PieceIndex }
  /**
   * All that they have has been replaced: it was `previous`, it is `theirHave`. At most one of
   * these waits, and `have` for nothing that `theirHave` will show then anyway.
   */
  | { readonly kind: "bitfield"; readonly previous: Bitfield }
  /** They let us ask for everything. */
  | { readonly kind: "unchoked" }
  /** Whether they want something from us has changed. */
  | { readonly kind: "interested" }
  | { readonly kind: "not-interested" }
  | { readonly kind: "extension-handshake"; readonly handshake: ExtensionHandshake }
  /** They know these peers (BEP 11): at most 50, who may be dialled. */
  | { readonly kind: "pex-peers"; readonly peers: readonly PexPeer[] }
  /** They bring us together with somebody, or ask us to bring them together (BEP 55). */
  | { readonly kind: "holepunch"; readonly message: HolepunchMessage }
  /** Where they have a DHT node, 1 to 65535 (BEP 5). */
  | { readonly kind: "dht-port"; readonly port: number }
  /** The last event: nothing but closing the connection is left to do. */
  | { readonly kind: "close"; readonly reason: CloseReason };

/** What waits for the driver, in order; nothing comes after a `close`. */
export class SessionEvents {
  #waiting: SessionEvent[] = [];
  #drained: SessionEvent[] = [];
  #isClosed = false;
  #hasStatement = false;

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** A `bitfield` waits: whoever takes it will look at all that the peer has. */
  get hasStatement(): boolean {
    return this.#hasStatement;
  }

  push(event: SessionEvent): void {
    this.#waiting.push(event);
  }

  /** All that the peer has was replaced. */
  pushStatement(previous: Bitfield): void {
    if (this.#hasStatement) return;
    this.#hasStatement = true;
    this.#waiting.push({ kind: "bitfield", previous });
  }

  close(reason: CloseReason): void {
    this.#isClosed = true;
    this.#waiting.push({ kind: "close", reason });
  }

  /** Closes for what the peer did; any other error is a mistake of ours, and thrown. */
  closeBy(error: unknown): void {
    if (!(error instanceof ProtocolError)) throw error;
    this.close(error.reason);
  }

  /** What was pushed since the last call; the array is used again by the next call but one. */
  drain(): readonly SessionEvent[] {
    const events = this.#waiting;
    this.#waiting = this.#drained;
    this.#waiting.length = 0;
    this.#hasStatement = false;
    this.#drained = events;
    return events;
  }
}
