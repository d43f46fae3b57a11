/** A peer that follows a script for those who want the metadata of its torrent (BEP 9). */
import type { Clock } from "../../src/base/ambient.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import type { InfoHash, PeerId } from "../../src/base/ids.ts";
import type { Connection } from "../../src/net/transport.ts";
import { MessageDecoder } from "../../src/wire/decoder.ts";
import { MessageWriter } from "../../src/wire/encoder.ts";
import {
  encodeExtensionHandshake,
  EXTENSION_HANDSHAKE_ID,
  EXTENSION_IDS,
  parseExtensionHandshake,
} from "../../src/wire/extension.ts";
import { encodeHandshake, HANDSHAKE_LENGTH } from "../../src/wire/handshake.ts";
import type { Message } from "../../src/wire/message.ts";
import {
  encodeMetadataData,
  encodeMetadataReject,
  METADATA_PIECE_LENGTH,
  parseMetadataMessage,
} from "../../src/wire/metadata_message.ts";
import { encodePex } from "../../src/wire/pex.ts";
import { KEEP_ALIVE_MS } from "./scripted_peer.ts";

export type MetadataBehaviour =
  /** Gives what it has, which may be something else. */
  | "giving"
  /** The same, after it has said all that a seed of many pieces may say first. */
  | "talkative"
  /** Says that it has metadata, and refuses it. */
  | "rejecting"
  /** Says that it has metadata, answers nothing, and stays. */
  | "mute"
  /** Says nothing after its handshake. */
  | "silent"
  /** Has no metadata either, and names others (BEP 11). */
  | "naming"
  /** Does not know the extension protocol. */
  | "old"
  /** Hangs up after the extension handshake. */
  | "leaving"
  /** Sends a message that is none of metadata. */
  | "malformed"
  /** Gives the first piece, and the next ones as if of something longer. */
  | "contradicting"
  /** Sends a block that nobody asked for. */
  | "blocks";

export interface MetadataPeerOptions {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  readonly behaviour: MetadataBehaviour;
  readonly metadata: Uint8Array;
  /** Whom a "naming" peer names. */
  readonly named: readonly Endpoint[];
  readonly clock: Clock;
  /** For each answer. */
  readonly delayMs: number;
}

/** Plays the script on one incoming connection until it ends. */
export async function playMetadataPeer(
  connection: Connection,
  options: MetadataPeerOptions,
): Promise<void> {
  const { behaviour, metadata, infoHash, peerId, named } = options;
  const output = new MessageWriter();
  const flush = async () => {
    const bytes = output.take();
    if (bytes === undefined) return;
    await connection.write(bytes).catch(() => connection.close());
    output.release();
  };
  if (!await readFully(connection, new Uint8Array(HANDSHAKE_LENGTH))) return;
  const flags = { fast: true, extended: behaviour !== "old", dht: false };
  await connection.write(encodeHandshake({ infoHash, peerId, flags })).catch(() => {});
  if (behaviour === "silent" || behaviour === "old") return void await drain(connection);
  if (behaviour === "talkative") {
    output.bitfield(new Uint8Array(20_000).fill(0xff));
    for (let index = 0; index < 100; index++) output.have(index * 1_000);
    output.unchoke();
    output.interested();
    output.keepAlive();
    output.port(6881);
    output.allowedFast(123_456);
    output.request(5, 0, METADATA_PIECE_LENGTH);
  }
  const messages = { ut_metadata: 33, ut_pex: 44 };
  const metadataSize = behaviour === "naming" ? undefined : metadata.length;
  output.extended(
    EXTENSION_HANDSHAKE_ID,
    encodeExtensionHandshake({ clientName: behaviour, messages, metadataSize }),
  );
  if (behaviour === "naming") {
    const added = named.map((endpoint) => ({ endpoint, flags: 0 }));
    output.extended(EXTENSION_IDS.ut_pex, encodePex({ added, dropped: [] }));
  }
  if (behaviour === "malformed") output.extended(EXTENSION_IDS.ut_metadata, new Uint8Array([1]));
  if (behaviour === "blocks") output.piece(0, 0, new Uint8Array(10));
  await flush();
  if (behaviour === "leaving") return connection.close();
  const ending = new AbortController();
  if (behaviour === "mute") void stay(ending.signal);
  await answer(connection, output, flush, options);
  ending.abort();

  async function stay(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await options.clock.sleep(KEEP_ALIVE_MS, signal);
      output.keepAlive();
      await flush();
    }
  }
}

async function answer(
  connection: Connection,
  output: MessageWriter,
  flush: () => Promise<void>,
  { behaviour, metadata, clock, delayMs }: MetadataPeerOptions,
): Promise<void> {
  let theirId = 0;
  for await (const message of messagesOf(connection)) {
    if (message.kind !== "extended") continue;
    if (message.id === EXTENSION_HANDSHAKE_ID) {
      theirId = parseExtensionHandshake(message.payload).messages.get("ut_metadata") ?? 0;
      continue;
    }
    const request = parseMetadataMessage(message.payload);
    if (request.kind !== "request" || behaviour === "mute") continue;
    await clock.sleep(delayMs);
    const begin = request.piece * METADATA_PIECE_LENGTH;
    const data = metadata.subarray(begin, begin + METADATA_PIECE_LENGTH);
    const isWrong = behaviour === "contradicting" && begin > 0;
    const totalSize = isWrong ? metadata.length + 1 : metadata.length;
    output.extended(
      theirId,
      behaviour === "rejecting"
        ? encodeMetadataReject(request.piece)
        : encodeMetadataData(request.piece, totalSize, data),
    );
    await flush();
  }
}

async function readFully(connection: Connection, bytes: Uint8Array): Promise<boolean> {
  for (let length = 0; length < bytes.length;) {
    const read = await connection.read(bytes.subarray(length));
    if (read === null) return false;
    length += read;
  }
  return true;
}

async function drain(connection: Connection): Promise<void> {
  const buffer = new Uint8Array(1_000);
  while (await connection.read(buffer) !== null);
}

async function* messagesOf(connection: Connection): AsyncIterable<Message> {
  const decoder = new MessageDecoder({ maxMessageLength: 1 << 20 });
  while (true) {
    const length = await connection.read(decoder.space());
    if (length === null) return;
    decoder.advance(length);
    for (let message = decoder.next(); message; message = decoder.next()) yield message;
  }
}
