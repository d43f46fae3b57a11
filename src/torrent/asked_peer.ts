/**
 * One peer that is asked what it has, and nothing else: its handshake is here, then it says its
 * pieces by itself (BEP 3 "bitfield", BEP 6), and we hang up.
 */
import type { Clock } from "../base/ambient.ts";
import { Bitfield } from "../base/bitfield.ts";
import { ProtocolError } from "../base/errors.ts";
import { BLOCK_LENGTH } from "../metainfo/layout.ts";
import { MessageDecoder } from "../wire/decoder.ts";
import { MessageWriter } from "../wire/encoder.ts";
import type { Message } from "../wire/message.ts";
import type { ReadyPeer } from "./dialer.ts";

/** Who has said nothing of pieces by then has none. */
const SAYS_WITHIN_MS = 3_000;
/** Some name a few pieces apart, right after their bitfield. */
const SAYS_MORE_WITHIN_MS = 300;
/** Beside its pieces, each of which it may name: a peer that says more only talks. */
const MAX_OTHER_MESSAGES = 1_000;
/** Type, index and begin of a Piece message: the least that a decoder must take. */
const PIECE_HEADER_LENGTH = 9;

export interface AskOptions {
  readonly pieceCount: number;
  readonly clock: Clock;
  /** Ends the question. */
  readonly signal: AbortSignal;
}

/**
 * The pieces that a peer has; closes the connection. Throws ProtocolError when it breaks the
 * protocol, or hangs up before it has said anything.
 */
export async function askPieces(
  { connection, handshake }: ReadyPeer,
  { pieceCount, clock, signal }: AskOptions,
): Promise<Bitfield> {
  const ended = new AbortController();
  let isHeardOut = false;
  const end = () => {
    isHeardOut = true;
    connection.close();
  };
  const endAfter = (durationMs: number) =>
    void clock.sleep(durationMs, ended.signal).then(() => ended.signal.aborted || end());
  signal.addEventListener("abort", end);
  endAfter(SAYS_WITHIN_MS);
  try {
    if (handshake.flags.fast) await sayHaveNone(connection);
    const onSaid = () => {
      isHeardOut = true;
      endAfter(SAYS_MORE_WITHIN_MS);
    };
    const pieces = await hear(connection, pieceCount, onSaid);
    if (isHeardOut || !pieces.isEmpty) return pieces;
    throw new ProtocolError("remote-closed", "Cannot use the peer: it hung up");
  } finally {
    ended.abort();
    signal.removeEventListener("abort", end);
    connection.close();
  }
}

/** BEP 6: whoever knows it must say what they have, and we have nothing. */
async function sayHaveNone(connection: ReadyPeer["connection"]): Promise<void> {
  const output = new MessageWriter();
  output.haveNone();
  await connection.write(output.take()!);
}

/** Until the connection ends; `onSaid` is called when the pieces have been said. */
async function hear(
  connection: ReadyPeer["connection"],
  pieceCount: number,
  onSaid: () => void,
): Promise<Bitfield> {
  const decoder = new MessageDecoder({
    maxMessageLength: Math.max(PIECE_HEADER_LENGTH + BLOCK_LENGTH, 1 + Math.ceil(pieceCount / 8)),
  });
  let pieces = new Bitfield(pieceCount);
  let messagesLeft = pieceCount + MAX_OTHER_MESSAGES;
  while (messagesLeft > 0) {
    const length = await connection.read(decoder.space());
    if (length === null) break;
    decoder.advance(length);
    for (let message = decoder.next(); message && messagesLeft-- > 0; message = decoder.next()) {
      const said = saidBy(message, pieceCount);
      if (said !== undefined) {
        pieces = said;
        onSaid();
      } else if (message.kind === "have") {
        if (message.index >= pieceCount) throw broken("it names a piece that there is not");
        pieces.set(message.index);
      }
    }
  }
  return pieces;
}

/** All that the peer has, where the message says that. */
function saidBy(message: Message, pieceCount: number): Bitfield | undefined {
  if (message.kind === "have-none") return new Bitfield(pieceCount);
  if (message.kind === "have-all") {
    const all = new Bitfield(pieceCount);
    all.setAll();
    return all;
  }
  if (message.kind !== "bitfield") return undefined;
  const pieces = Bitfield.fromBytes(message.bytes, pieceCount);
  if (pieces === undefined) throw broken("its bitfield is of another torrent");
  return pieces;
}

function broken(fact: string): ProtocolError {
  return new ProtocolError("malformed-message", `Cannot use the peer: ${fact}`);
}
