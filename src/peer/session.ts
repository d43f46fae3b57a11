/**
 * One connection's rules after the handshake (BEP 3, 6, 10), without its bytes and its clock.
 * What the peer says goes in by `handleMessage`, what we want by the commands; what there is to
 * do comes out by `drain` and, as messages, in `output`. Its parts are Fetching, Serving and
 * Extensions.
 */
import { assert } from "../base/assert.ts";
import type { Bitfield } from "../base/bitfield.ts";
import type { Endpoint } from "../base/endpoint.ts";
import type { BlockIndex, PieceIndex } from "../base/ids.ts";
import type { BlockSpan, Layout } from "../metainfo/layout.ts";
import { MessageWriter } from "../wire/encoder.ts";
import type { HandshakeFlags } from "../wire/handshake.ts";
import type { ExtendedMessage, Message, ShortMessage } from "../wire/message.ts";
import type { PexPeer } from "../wire/pex.ts";
import { type Beyond, Extensions } from "./extensions.ts";
import { Fetching } from "./fetching.ts";
import { Liveness } from "./liveness.ts";
import { Serving } from "./serving.ts";
import { type SessionEvent, SessionEvents } from "./session_event.ts";
import type { UploadRequest } from "./upload_queue.ts";

export interface PeerSessionOptions extends Beyond {
  readonly layout: Layout;
  /** What we have: live, read whenever it matters. */
  readonly have: Bitfield;
  /** What both sides said in their handshakes that they can. */
  readonly flags: HandshakeFlags;
  /** Milliseconds, as in every method. */
  readonly now: number;
}

export class PeerSession {
  /** Messages for the peer: the driver takes and writes them. */
  readonly output = new MessageWriter();
  readonly #have: Bitfield;
  readonly #flags: PeerSessionOptions["flags"];
  readonly #events = new SessionEvents();
  readonly #fetching: Fetching;
  readonly #serving: Serving;
  readonly #extensions: Extensions;
  readonly #liveness: Liveness;
  #isPeerInterested = false;
  #amInterested = false;

  constructor(options: PeerSessionOptions) {
    const { layout, have, flags, now } = options;
    const events = this.#events, output = this.output;
    this.#have = have;
    this.#flags = flags;
    this.#fetching = new Fetching({ layout, output, events });
    this.#serving = new Serving({ layout, have, fast: flags.fast, output, events });
    this.#extensions = new Extensions({ ...options, output, events });
    this.#liveness = new Liveness({ output, events, now });
  }

  /** What they have. Replaced, not changed, when they state all of it anew. */
  get theirHave(): Bitfield {
    return this.#fetching.theirHave;
  }

  get isSeed(): boolean {
    return this.#fetching.theirHave.isFull;
  }

  /** They owe us blocks, and have sent none for long: they are asked for one at a time. */
  get isSnubbed(): boolean {
    return this.#fetching.isSnubbed;
  }

  /** Since when we have asked and got no block; undefined when we have not since the last one. */
  get awaitedSince(): number | undefined {
    return this.#fetching.awaitedSince;
  }

  get isPeerChoking(): boolean {
    return this.#fetching.isChoked;
  }

  get isPeerInterested(): boolean {
    return this.#isPeerInterested;
  }

  get amInterested(): boolean {
    return this.#amInterested;
  }

  /** Pieces that we may ask for even while they choke us (BEP 6). */
  get allowedFast(): ReadonlySet<PieceIndex> {
    return this.#fetching.allowedFast;
  }

  /** There is something for `nextUpload` to take. */
  get hasUploads(): boolean {
    return this.#serving.queuedCount > 0;
  }

  /** Requests of ours that are not answered yet. */
  get outstandingCount(): number {
    return this.#fetching.outstandingCount;
  }

  /** Bytes of blocks, those that came twice included. */
  get downloadedBytes(): number {
    return this.#fetching.bytes;
  }

  get uploadedBytes(): number {
    return this.#serving.bytes;
  }

  /** When the last block came; undefined before the first. */
  get lastBlockAt(): number | undefined {
    return this.#fetching.lastBlockAt;
  }

  /** What they call their program, made printable; "" when they did not say. */
  get clientName(): string {
    return this.#extensions.clientName;
  }

  /** Bytes a second, of blocks. */
  downloadRate(now: number): number {
    return this.#fetching.rate(now);
  }

  uploadRate(now: number): number {
    return this.#serving.rate(now);
  }

  /** They have the piece, and let us ask for it now. */
  offers(piece: PieceIndex): boolean {
    return this.#fetching.offers(piece);
  }

  /** How many more blocks it is worth asking for now; 0 while nothing may be asked for. */
  requestRoom(now: number, maxSlackBytes = Infinity): number {
    return this.#events.isClosed ? 0 : this.#fetching.room(now, maxSlackBytes);
  }

  /** What happened since the last call. The array is used again by the next call but one. */
  drain(): readonly SessionEvent[] {
    return this.#events.drain();
  }

  /** Never throws for what the peer says. Nothing happens after a `close` event. */
  handleMessage(message: Message, now: number): void {
    if (this.#events.isClosed) return;
    this.#liveness.heardAt = now;
    switch (message.kind) {
      case "piece":
        return this.#fetching.handlePiece(message, now);
      case "have":
        return this.#fetching.handleHave(message.index);
      case "request":
        return this.#serving.handleRequest(message, now);
      case "cancel":
        return this.#serving.handleCancel(message);
      case "choke":
        return this.#fetching.handleChoke(now);
      case "unchoke":
        return this.#fetching.handleUnchoke();
      case "interested":
        return this.#handleInterest(true);
      case "not-interested":
        return this.#handleInterest(false);
      case "bitfield":
        return this.#fetching.handleStatement(message.bytes);
      case "extended":
        return this.#handleExtended(message, now);
      case "port":
        return this.#extensions.handlePort(message.port);
      case "hash-request":
      case "hashes":
      case "hash-reject":
        return this.#liveness.say(() => this.#extensions.handleHashes(message), now);
      case "keep-alive":
        return;
      case "unknown":
        return this.#events.close("malformed-message");
      default:
        return this.#handleFast(message, now);
    }
  }

  /** To be called twice a second or so: requests that are overdue, keep-alives, silence. */
  handleTimeout(now: number): void {
    this.#liveness.handleTimeout(now);
    if (this.#events.isClosed) return;
    this.#fetching.handleTimeout(now);
    this.#liveness.say(() => this.#extensions.handleTimeout(), now);
  }

  /** The first command: says what we have, and `extensionHandshake` (its payload, BEP 10). */
  open(extensionHandshake: Uint8Array, now: number): void {
    this.#liveness.say(() => {
      if (this.#flags.fast && this.#have.isFull) this.output.haveAll();
      else if (this.#flags.fast && this.#have.isEmpty) this.output.haveNone();
      else if (!this.#have.isEmpty) this.output.bitfield(this.#have.toBytes());
      this.#extensions.open(extensionHandshake);
    }, now);
  }

  /** They take messages about other peers, it is time for one, and `version` is a new one. */
  isPexDue(version: number, now: number): boolean {
    return !this.#events.isClosed && this.#extensions.isPexDue(version, now);
  }

  /**
   * Tells them, when it is due, how `known`, all whom they may know of, has changed. `version` is
   * another one whenever `known` is.
   */
  sendPex(known: readonly PexPeer[], version: number, now: number): void {
    assert(this.isPexDue(version, now));
    this.#liveness.say(() => this.#extensions.sendPex(known, version, now), now);
  }

  /** They take part in bringing peers together (BEP 55). */
  get takesHolepunch(): boolean {
    return this.#extensions.takesHolepunch;
  }

  /** They can bring us together with the endpoint, as they say. */
  canReach(endpoint: Endpoint): boolean {
    return this.#extensions.canReach(endpoint);
  }

  /** Says a message of BEP 55 to a peer that `takesHolepunch`. */
  sayHolepunch(payload: Uint8Array, now: number): void {
    this.#liveness.say(() => this.#extensions.sayHolepunch(payload), now);
  }

  /** Asks for a block that they offer and that they do not owe us yet. */
  request(span: BlockSpan, now: number): void {
    this.#fetching.request(span, now);
    this.#liveness.saidAt = now;
  }

  /** The block came from somebody else; nothing when they do not owe it. */
  cancel(piece: PieceIndex, block: BlockIndex, now: number): void {
    this.#liveness.say(() => this.#fetching.cancel(piece, block, now), now);
  }

  setInterested(interested: boolean, now: number): void {
    if (interested === this.#amInterested) return;
    this.#amInterested = interested;
    this.#liveness.say(
      () => interested ? this.output.interested() : this.output.notInterested(),
      now,
    );
  }

  /** What they asked for and did not get is refused, but for the pieces granted. */
  choke(now: number): void {
    this.#liveness.say(() => this.#serving.choke(now), now);
  }

  unchoke(now: number): void {
    this.#liveness.say(() => this.#serving.unchoke(), now);
  }

  sendHave(piece: PieceIndex, now: number): void {
    this.#liveness.say(() => this.output.have(piece), now);
  }

  /** Lets them ask for these pieces, as far as we have them, even while choked (BEP 6). */
  grantAllowedFast(pieces: readonly PieceIndex[], now: number): void {
    if (!this.#flags.fast) return;
    this.#liveness.say(() => pieces.forEach((piece) => this.#serving.grant(piece)), now);
  }

  /** What they still want and may have, the oldest first: gone when cancelled or choked. */
  get uploads(): Iterable<UploadRequest> {
    return this.#serving.waiting;
  }

  /** The request that waited longest; undefined when there is none. */
  get firstUpload(): UploadRequest | undefined {
    return this.#serving.first();
  }

  /** Takes the request that waited longest, to be answered at once. */
  nextUpload(): UploadRequest | undefined {
    return this.#serving.next();
  }

  /** Blocks went out, not through `output`; `bytes` are those of the blocks alone. */
  noteUploaded(bytes: number, now: number): void {
    this.#serving.sent(bytes, now);
    this.#liveness.saidAt = now;
  }

  /** The request that waited longest cannot be served: the disk failed. */
  rejectUpload(now: number): void {
    this.#liveness.say(() => this.#serving.reject(), now);
  }

  #handleInterest(interested: boolean): void {
    if (interested === this.#isPeerInterested) return;
    this.#isPeerInterested = interested;
    this.#events.push({ kind: interested ? "interested" : "not-interested" });
  }

  /** BEP 6. */
  #handleFast(message: ShortMessage, now: number): void {
    if (!this.#flags.fast) return this.#events.close("unnegotiated-extension");
    switch (message.kind) {
      case "have-all":
        return this.#fetching.handleTotal(true);
      case "have-none":
        return this.#fetching.handleTotal(false);
      case "suggest":
        return this.#fetching.handleSuggest(message.index);
      case "allowed-fast":
        return this.#fetching.handleAllowedFast(message.index);
      case "reject":
        return this.#fetching.handleReject(message, now);
    }
  }

  #handleExtended(message: ExtendedMessage, now: number): void {
    const depth = this.#extensions.handleMessage(message, now)?.requestQueueLimit;
    if (depth !== undefined) this.#fetching.setStatedDepth(depth);
  }
}
