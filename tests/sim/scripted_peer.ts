/** A peer that follows a script over any Connection: it has everything, and behaves badly. */
import type { Clock } from "../../src/base/ambient.ts";
import type { InfoHash, PeerId } from "../../src/base/ids.ts";
import type { Connection } from "../../src/net/transport.ts";
import { MessageDecoder } from "../../src/wire/decoder.ts";
import { MessageWriter } from "../../src/wire/encoder.ts";
import {
  encodeHandshake,
  HANDSHAKE_LENGTH,
  startsLikeHandshake,
} from "../../src/wire/handshake.ts";
import type { Message } from "../../src/wire/message.ts";

/** Often enough to be kept. */
export const KEEP_ALIVE_MS = 60_000;

export type Behaviour =
  /** Never unchokes. */
  | { readonly kind: "choking"; readonly keepsAlive?: boolean }
  /** Unchokes, takes requests, and answers none. */
  | { readonly kind: "mute"; readonly keepsAlive?: boolean }
  /** Says nothing after its handshake. */
  | { readonly kind: "silent" }
  /** Chokes and unchokes in turn, and answers nothing. */
  | { readonly kind: "flapping"; readonly everyMs: number }
  /** Sends bytes that are no BitTorrent. */
  | { readonly kind: "garbage" }
  /** Breaks the protocol after its handshake. */
  | { readonly kind: "malformed" }
  /** Hangs up after its handshake. */
  | { readonly kind: "leaving" }
  /** Has no piece at all. */
  | { readonly kind: "empty" }
  /** Rejects every request (BEP 6). */
  | { readonly kind: "rejecting" };

export interface ScriptedPeerOptions {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  readonly clock: Clock;
  readonly behaviour: Behaviour;
  readonly signal: AbortSignal;
}

/** Plays the script on one incoming connection until it ends. */
export async function play(connection: Connection, options: ScriptedPeerOptions): Promise<void> {
  const { behaviour, clock, signal } = options;
  signal.addEventListener("abort", () => connection.close(), { once: true });
  const output = new MessageWriter();
  const send = async () => {
    const bytes = output.take();
    if (bytes === undefined) return;
    await connection.write(bytes).catch(() => connection.close());
    output.release();
  };
  const heard = new Uint8Array(HANDSHAKE_LENGTH);
  if (!await readFully(connection, heard)) return;
  // It has never heard of encryption.
  if (!startsLikeHandshake(heard)) return connection.close();
  if (behaviour.kind === "garbage") {
    await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"))
      .catch(() => {});
    return connection.close();
  }
  const flags = { fast: true, extended: false, dht: false };
  await connection.write(encodeHandshake({ ...options, flags })).catch(() => connection.close());
  if (behaviour.kind === "leaving") return connection.close();
  if (behaviour.kind === "malformed") {
    // A choke of two bytes.
    await connection.write(Uint8Array.of(0, 0, 0, 2, 0, 0)).catch(() => connection.close());
  }
  if (behaviour.kind === "silent") {
    await readFully(connection, new Uint8Array(1 << 20));
    return;
  }
  if (behaviour.kind === "empty") output.haveNone();
  else output.haveAll();
  if (behaviour.kind !== "choking") output.unchoke();
  await send();
  if (behaviour.kind === "flapping") void flap();
  if ("keepsAlive" in behaviour) void keepAlive();
  for await (const message of messages(connection)) {
    if (message.kind === "request" && behaviour.kind === "rejecting") {
      output.reject(message.index, message.begin, message.length);
      await send();
    }
  }

  async function keepAlive(): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(KEEP_ALIVE_MS, signal);
      output.keepAlive();
      await send();
    }
  }

  async function flap(): Promise<void> {
    if (behaviour.kind !== "flapping") return;
    for (let isChoking = true; !signal.aborted; isChoking = !isChoking) {
      await clock.sleep(behaviour.everyMs, signal);
      if (isChoking) output.choke();
      else output.unchoke();
      await send();
    }
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

async function* messages(connection: Connection): AsyncIterable<Message> {
  const decoder = new MessageDecoder({ maxMessageLength: 1 << 20 });
  while (true) {
    const length = await connection.read(decoder.space());
    if (length === null) return;
    decoder.advance(length);
    for (let message = decoder.next(); message; message = decoder.next()) yield message;
  }
}
