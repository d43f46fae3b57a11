/** One connection's rules after the handshake (BEP 3, 6, 10): skeleton, signatures are final. */
import { ok as assert } from "node:assert/strict";
import type { Bitfield } from "../base/bitfield.ts";
import type { BlockIndex, PieceIndex } from "../base/ids.ts";
import type { BlockSpan, Layout } from "../metainfo/layout.ts";
import { MessageWriter } from "../wire/encoder.ts";
import type { Message } from "../wire/message.ts";
import type { SessionEvent } from "./session_event.ts";
import type { UploadRequest } from "./upload_queue.ts";

export interface PeerSessionOptions {
  readonly layout: Layout;
  /** What we have: live, read whenever it matters. */
  readonly have: Bitfield;
  /** What both sides said in their handshakes that they can. */
  readonly flags: { readonly fast: boolean; readonly extended: boolean };
  /** Milliseconds, as in every method. */
  readonly now: number;
}

export class PeerSession {
  /** Messages for the peer: the driver takes and writes them. */
  readonly output = new MessageWriter();

  constructor(_options: PeerSessionOptions) {}

  // What happens.
  /** Never throws for what the peer says. Nothing happens after a `close` event. */
  handleMessage(_message: Message, _now: number): void {}
  /** To be called twice a second or so: deadlines, keep-alives, silence. */
  handleTimeout(_now: number): void {}
  /** When `handleTimeout` next has something to do. */
  deadline(): number {
    return 0;
  }
  /** What has happened since the last call; the array is used again by the next call but one. */
  drain(): readonly SessionEvent[] {
    return [];
  }

  // What we want.
  /** What we have, and `extensionHandshake` (a payload, BEP 10) if they can read it. First. */
  open(_extensionHandshake: Uint8Array, _now: number): void {}
  /** Asks for a block; `offers(span.piece)` must hold, and it must not be asked for already. */
  request(_span: BlockSpan, _now: number): void {}
  /** No longer needs a block that came from another peer; nothing if it is not asked for. */
  cancel(_piece: PieceIndex, _block: BlockIndex, _now: number): void {}
  setInterested(_interested: boolean, _now: number): void {}
  choke(_now: number): void {}
  unchoke(_now: number): void {}
  sendHave(_piece: PieceIndex, _now: number): void {}
  /** Lets them ask for these pieces even while choked (BEP 6); nothing without that extension. */
  grantAllowedFast(_pieces: readonly PieceIndex[], _now: number): void {}
  /** Takes the next request to be served out of the queue; undefined when it is empty. */
  nextUpload(): UploadRequest | undefined {
    return undefined;
  }
  /** Answers a request taken by `nextUpload`, unless they have been choked since. */
  sendBlock(_request: UploadRequest, _data: Uint8Array, _now: number): void {}
  /** Says that a request taken by `nextUpload` cannot be served (the disk failed). */
  rejectUpload(_request: UploadRequest, _now: number): void {}

  // Facts.
  get theirHave(): Bitfield {
    assert.fail();
  }
  get isSeed(): boolean {
    return false;
  }
  /** They have it and let us ask for it now. */
  offers(_piece: PieceIndex): boolean {
    return false;
  }
  get isSnubbed(): boolean {
    return false;
  }
  get isPeerChoking(): boolean {
    return true;
  }
  get isPeerInterested(): boolean {
    return false;
  }
  get amChoking(): boolean {
    return true;
  }
  get amInterested(): boolean {
    return false;
  }
  get allowedFast(): ReadonlySet<PieceIndex> {
    assert.fail();
  }
  get hasUploads(): boolean {
    return false;
  }
  get outstandingCount(): number {
    return 0;
  }
  /** How many more blocks it is worth asking for now; 0 while nothing may be asked for. */
  requestRoom(): number {
    return 0;
  }
  /** Bytes a second, of blocks. */
  downloadRate(_now: number): number {
    return 0;
  }
  uploadRate(_now: number): number {
    return 0;
  }
  get downloadedBytes(): number {
    return 0;
  }
  get uploadedBytes(): number {
    return 0;
  }
  /** When the last block came; undefined before the first. */
  get lastBlockAt(): number | undefined {
    return undefined;
  }
  /** What they call their program, made printable; "" when they did not say. */
  get clientName(): string {
    return "";
  }
}
