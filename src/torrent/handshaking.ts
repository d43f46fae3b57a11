/**
 * From a raw connection to a peer that has shown that it shares our torrent (BEP 3), encrypted
 * or not.
 */
import type { Clock, Random } from "../base/ambient.ts";
import { equalBytes } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import type { InfoHash, PeerId } from "../base/ids.ts";
import type { Connection } from "../net/transport.ts";
import {
  checkHandshakeStart,
  encodeHandshake,
  type Handshake,
  HANDSHAKE_LENGTH,
  HANDSHAKE_PREFIX_LENGTH,
  type HandshakeFlags,
  parseHandshake,
  startsLikeHandshake,
} from "../wire/handshake.ts";
import type { EncryptionMode } from "../wire/mse.ts";
import { acceptEncrypted, encrypt, EncryptionError } from "./encrypting.ts";

/** A peer must have shaken hands within this time, or is not worth the socket. */
const HANDSHAKE_TIMEOUT_MS = 10_000;

/** What we can: the fast extension (BEP 6) and the extension protocol (BEP 10). */
const OUR_FLAGS = { fast: true, extended: true };

/** What we say in the handshakes of a torrent. */
export interface OurHandshake {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** We run a DHT node, and this torrent may be known to it (BEP 5). */
  readonly dht?: boolean;
}

/** The torrents that we have. */
export interface Hosted {
  find(infoHash: InfoHash): OurHandshake | undefined;
  /** By `torrentHash` of `wire/mse.ts`. */
  findByTorrentHash(torrentHash: Uint8Array): OurHandshake | undefined;
}

/** A peer that has said who it is. */
export interface HandshakeResult {
  /** On which its messages come in plaintext: perhaps another one than it was. */
  readonly connection: Connection;
  readonly handshake: Handshake;
}

export interface InitiateOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** Bits of PayloadMethod to offer in an encrypted handshake; undefined: no encryption. */
  readonly offer: number | undefined;
}

/**
 * Says our handshake first, then hears theirs. Throws ProtocolError, EncryptionError among them;
 * the caller closes the connection.
 */
export async function initiateHandshake(
  connection: Connection,
  ours: OurHandshake,
  { clock, random, offer }: InitiateOptions,
): Promise<HandshakeResult> {
  const { infoHash } = ours;
  const payload = encodeHandshake({ ...ours, flags: flagsOf(ours) });
  return await withDeadline(connection, clock, async () => {
    if (offer === undefined) {
      await connection.write(payload);
      return { connection, handshake: await readAnswer(connection, ours) };
    }
    const encrypted = await encrypt(connection, { infoHash, offer, payload, random });
    const handshake = await readAnswer(encrypted, ours);
    return { connection: encrypted.simplest, handshake };
  });
}

export interface AcceptOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly encryption: EncryptionMode;
}

/**
 * Hears their handshake, and answers only to a torrent that we have (P2). Throws ProtocolError;
 * the caller closes the connection.
 */
export async function acceptHandshake(
  connection: Connection,
  hosted: Hosted,
  options: AcceptOptions,
): Promise<HandshakeResult> {
  return await withDeadline(connection, options.clock, async () => {
    const bytes = new Uint8Array(HANDSHAKE_LENGTH);
    let length = 0;
    while (length < HANDSHAKE_PREFIX_LENGTH) {
      length += await readSome(connection, bytes.subarray(length));
      if (startsLikeHandshake(bytes.subarray(0, length))) continue;
      if (options.encryption === "off") checkHandshakeStart(bytes.subarray(0, length));
      return await acceptEncryptedHandshake(connection, hosted, options, bytes.subarray(0, length));
    }
    if (options.encryption === "require") {
      throw new ProtocolError("malformed-handshake", "Cannot use the peer: it does not encrypt");
    }
    const theirs = await readHandshake(connection, bytes, length);
    await answer(connection, theirs, hosted);
    return { connection, handshake: theirs };
  });
}

async function acceptEncryptedHandshake(
  raw: Connection,
  hosted: Hosted,
  { random, encryption }: AcceptOptions,
  received: Uint8Array,
): Promise<HandshakeResult> {
  if (encryption === "off") {
    throw new ProtocolError("malformed-handshake", "Cannot use the peer: it encrypts");
  }
  const { connection, infoHash } = await acceptEncrypted(raw, {
    findTorrent: (torrentHash) => hosted.findByTorrentHash(torrentHash)?.infoHash,
    encryption,
    random,
    received,
  });
  const theirs = await readHandshake(connection);
  checkTorrent(theirs, infoHash);
  await answer(connection, theirs, hosted);
  return { connection: connection.simplest, handshake: theirs };
}

async function answer(connection: Connection, theirs: Handshake, hosted: Hosted): Promise<void> {
  const ours = hosted.find(theirs.infoHash);
  if (ours === undefined) {
    throw new ProtocolError("wrong-info-hash", "Cannot serve the peer: its torrent is not ours");
  }
  await connection.write(encodeHandshake({ ...ours, flags: flagsOf(ours) }));
  // Only now: we who dialled are to know it too, and never dial there again.
  rejectOurselves(theirs, ours);
}

async function readAnswer(connection: Connection, ours: OurHandshake): Promise<Handshake> {
  const theirs = await readHandshake(connection);
  checkTorrent(theirs, ours.infoHash);
  rejectOurselves(theirs, ours);
  return theirs;
}

function checkTorrent(theirs: Handshake, infoHash: InfoHash): void {
  if (equalBytes(theirs.infoHash, infoHash)) return;
  throw new ProtocolError("wrong-info-hash", "Cannot use the peer: it serves another torrent");
}

function flagsOf({ dht = false }: OurHandshake): HandshakeFlags {
  return { ...OUR_FLAGS, dht };
}

function rejectOurselves(theirs: Handshake, ours: OurHandshake): void {
  if (equalBytes(theirs.peerId, ours.peerId)) {
    throw new ProtocolError("own-connection", "Cannot use the peer: it is ourselves");
  }
}

/**
 * Reads no byte beyond the handshake: what follows belongs to the message decoder. `length` of
 * its bytes have come already.
 */
async function readHandshake(
  connection: Connection,
  bytes = new Uint8Array(HANDSHAKE_LENGTH),
  length = 0,
): Promise<Handshake> {
  while (length < HANDSHAKE_LENGTH) {
    length += await readSome(connection, bytes.subarray(length));
    checkHandshakeStart(bytes.subarray(0, length));
  }
  return parseHandshake(bytes);
}

async function readSome(connection: Connection, buffer: Uint8Array): Promise<number> {
  const length = await connection.read(buffer);
  if (length === null) throw new ProtocolError("remote-closed", "Cannot use the peer: it hung up");
  return length;
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
    if (isLate) throw asLate(error);
    throw error;
  } finally {
    done.abort();
  }
}

function asLate(error: unknown): ProtocolError {
  const late = new ProtocolError(
    "handshake-timeout",
    "Cannot use the peer: it said no handshake",
  );
  return error instanceof EncryptionError ? new EncryptionError(late, error.knowsEncryption) : late;
}
