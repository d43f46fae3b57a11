/** From a raw connection to a peer that has shown that it shares our torrent (BEP 3). */
import type { Clock } from "../base/ambient.ts";
import { equalBytes } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import type { InfoHash, PeerId } from "../base/ids.ts";
import type { Connection } from "../net/transport.ts";
import {
  checkHandshakeStart,
  encodeHandshake,
  type Handshake,
  HANDSHAKE_LENGTH,
  type HandshakeFlags,
  parseHandshake,
} from "../wire/handshake.ts";

/** A peer must have introduced itself within this time, or is not worth the socket. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** What we can: the fast extension (BEP 6) and the extension protocol (BEP 10). */
const OUR_FLAGS = { fast: true, extended: true };

export interface Introduction {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** We run a DHT node, and this torrent may be known to it (BEP 5). */
  readonly dht?: boolean;
}

/**
 * Introduces us first, then hears who they are. Throws ProtocolError; the caller closes the
 * connection.
 */
export async function introduce(
  connection: Connection,
  ours: Introduction,
  clock: Clock,
): Promise<Handshake> {
  return await withDeadline(connection, clock, async () => {
    await connection.write(encodeHandshake({ ...ours, flags: flagsOf(ours) }));
    const theirs = await readHandshake(connection);
    if (!equalBytes(theirs.infoHash, ours.infoHash)) {
      throw new ProtocolError("wrong-info-hash", "Cannot use the peer: it serves another torrent");
    }
    rejectOurselves(theirs, ours);
    return theirs;
  });
}

/**
 * Hears who they are, and answers only to a torrent that we have (P2). Throws ProtocolError;
 * the caller closes the connection.
 */
export async function welcome(
  connection: Connection,
  find: (infoHash: InfoHash) => Introduction | undefined,
  clock: Clock,
): Promise<Handshake> {
  return await withDeadline(connection, clock, async () => {
    const theirs = await readHandshake(connection);
    const ours = find(theirs.infoHash);
    if (ours === undefined) {
      throw new ProtocolError("wrong-info-hash", "Cannot serve the peer: its torrent is not ours");
    }
    rejectOurselves(theirs, ours);
    await connection.write(encodeHandshake({ ...ours, flags: flagsOf(ours) }));
    return theirs;
  });
}

function flagsOf({ dht = false }: Introduction): HandshakeFlags {
  return { ...OUR_FLAGS, dht };
}

function rejectOurselves(theirs: Handshake, ours: Introduction): void {
  if (equalBytes(theirs.peerId, ours.peerId)) {
    throw new ProtocolError("own-connection", "Cannot use the peer: it is ourselves");
  }
}

/** Reads no byte beyond the handshake: what follows belongs to the message decoder. */
async function readHandshake(connection: Connection): Promise<Handshake> {
  const bytes = new Uint8Array(HANDSHAKE_LENGTH);
  let length = 0;
  while (length < HANDSHAKE_LENGTH) {
    const read = await connection.read(bytes.subarray(length));
    if (read === null) throw new ProtocolError("remote-closed", "Cannot use the peer: it hung up");
    length += read;
    checkHandshakeStart(bytes.subarray(0, length));
  }
  return parseHandshake(bytes);
}

async function withDeadline<Result>(
  connection: Connection,
  clock: Clock,
  run: () => Promise<Result>,
): Promise<Result> {
  const done = new AbortController();
  let isLate = false;
  void clock.sleep(HANDSHAKE_TIMEOUT_MS, done.signal).then(() => {
    if (done.signal.aborted) return;
    isLate = true;
    connection.close();
  });
  try {
    return await run();
  } catch (error) {
    if (isLate) {
      throw new ProtocolError("handshake-timeout", "Cannot use the peer: it said no handshake");
    }
    throw error;
  } finally {
    done.abort();
  }
}
