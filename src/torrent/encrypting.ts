/** Drives MSE handshakes over connections; `handshaking.ts` holds them to its deadline. */
import type { Random } from "../base/ambient.ts";
import { ProtocolError } from "../base/errors.ts";
import type { InfoHash } from "../base/ids.ts";
import type { Connection } from "../net/transport.ts";
import type { EncryptionMode, MseResult } from "../wire/mse.ts";
import { PayloadMethod } from "../wire/mse.ts";
import { MseInitiator, type MseInitiatorOptions } from "../wire/mse_initiator.ts";
import { MseReceiver } from "../wire/mse_receiver.ts";
import type { MseSide } from "../wire/mse_side.ts";
import { EncryptedConnection } from "./encrypted_connection.ts";

/** A peer that we dialled did not come to terms with us about encryption. */
export class EncryptionError extends ProtocolError {
  constructor(
    cause: ProtocolError,
    /** It has sent a public key; otherwise perhaps it has never heard of MSE. */
    readonly knowsEncryption: boolean,
  ) {
    super(cause.reason, cause.message);
  }
}

/** Throws EncryptionError; the caller closes the connection. */
export async function encrypt(
  connection: Connection,
  options: MseInitiatorOptions,
): Promise<EncryptedConnection> {
  const handshake = new MseInitiator(options);
  try {
    return new EncryptedConnection(connection, await drive(connection, handshake));
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    throw new EncryptionError(error, handshake.hasTheirKey);
  }
}

export interface AcceptOptions {
  /** The torrent whose `torrentHash` this is, if it is one of ours. */
  readonly findTorrent: (torrentHash: Uint8Array) => InfoHash | undefined;
  readonly encryption: Exclude<EncryptionMode, "off">;
  readonly random: Random;
  /** What has been read already: no longer than a public key. */
  readonly received: Uint8Array;
}

/** Throws ProtocolError; the caller closes the connection. */
export async function acceptEncrypted(
  connection: Connection,
  { findTorrent, encryption, random, received }: AcceptOptions,
): Promise<{ readonly connection: EncryptedConnection; readonly infoHash: InfoHash }> {
  const { plaintext, rc4 } = PayloadMethod;
  const accepted = encryption === "require" ? rc4 : plaintext | rc4;
  const handshake = new MseReceiver({ findTorrent, accepted, random });
  handshake.space().set(received);
  handshake.advance(received.length);
  const result = await drive(connection, handshake);
  return {
    connection: new EncryptedConnection(connection, result),
    infoHash: result.infoHash,
  };
}

async function drive(connection: Connection, handshake: MseSide): Promise<MseResult> {
  while (true) {
    const output = handshake.drain();
    if (output !== undefined) await connection.write(output);
    if (handshake.result !== undefined) return handshake.result;
    const length = await connection.read(handshake.space());
    if (length === null) {
      throw new ProtocolError("remote-closed", "Cannot use the peer: it hung up");
    }
    handshake.advance(length);
  }
}
