import { Bitfield } from "../../src/base/bitfield.ts";
import type { BlockIndex, PieceIndex } from "../../src/base/ids.ts";
import { type BlockSpan, Layout } from "../../src/metainfo/layout.ts";
import type { Beyond } from "../../src/peer/extensions.ts";
import { PeerSession } from "../../src/peer/session.ts";
import type { SessionEvent } from "../../src/peer/session_event.ts";
import type { Message } from "../../src/wire/message.ts";
import { decodeStream } from "../wire/decode_stream.ts";

const KIB = 1024;

/** A session whose peer says what the test makes it say. Ten pieces of four blocks, if not more. */
export class ScriptedSession {
  readonly layout: Layout;
  readonly have: Bitfield;
  readonly session: PeerSession;
  now = 1_000;

  constructor(
    {
      pieceCount = 10,
      pieceLength = 64 * KIB,
      layout = new Layout({
        pieceLength,
        files: [{ length: pieceCount * pieceLength, isPadding: false }],
      }),
      have = [],
      fast = true,
      extended = true,
      dht = false,
      ...beyond
    }:
      & Partial<Beyond>
      & {
        pieceCount?: number;
        pieceLength?: number;
        layout?: Layout;
        have?: readonly number[];
        fast?: boolean;
        extended?: boolean;
        dht?: boolean;
      } = {},
  ) {
    this.layout = layout;
    this.have = new Bitfield(layout.pieceCount);
    for (const piece of have) this.have.set(piece);
    const { now } = this;
    this.session = new PeerSession({
      layout,
      have: this.have,
      flags: { fast, extended, dht },
      host: "10.0.0.2",
      now,
      ...beyond,
    });
  }

  /** The peer has everything and lets us ask; what that says and does is forgotten. */
  asGenerousSeed(): this {
    const bytes = new Bitfield(this.layout.pieceCount);
    bytes.setAll();
    this.hear({ kind: "bitfield", bytes: bytes.toBytes() }, { kind: "unchoke" });
    this.session.setInterested(true, this.now);
    this.events();
    this.said();
    return this;
  }

  hear(...messages: readonly Message[]): void {
    for (const message of messages) this.session.handleMessage(message, this.now);
  }

  span(piece: number, block: number): BlockSpan {
    return this.layout.blockRequest(piece as PieceIndex, block as BlockIndex);
  }

  ask(piece: number, block: number): BlockSpan {
    const span = this.span(piece, block);
    this.session.request(span, this.now);
    return span;
  }

  /** The Piece message that answers a request. */
  answer({ piece, begin, length }: BlockSpan): Message {
    return { kind: "piece", index: piece, begin, block: new Uint8Array(length).fill(piece) };
  }

  pass(durationMs: number): void {
    this.now += durationMs;
    this.session.handleTimeout(this.now);
  }

  /** What happened since the last call. */
  events(): SessionEvent[] {
    return [...this.session.drain()];
  }

  /** The messages for the peer since the last call. */
  said(): Message[] {
    const bytes = this.session.output.take();
    if (bytes === undefined) return [];
    const messages = decodeStream(bytes.slice());
    this.session.output.release();
    return messages;
  }
}

export function blockMessage(
  kind: "request" | "cancel" | "reject",
  { piece, begin, length }: { piece: number; begin: number; length: number },
): Message {
  return { kind, index: piece, begin, length };
}
