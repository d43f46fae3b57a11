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
import type { BlockMessage, Message } from "../../src/wire/message.ts";

/** Requests that one that gives slowly remembers. */
const MAX_WANTED = 100;
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
  | { readonly kind: "rejecting" }
  /** Chokes, refuses what it was asked for, and unchokes, all at once. */
  | { readonly kind: "refusing" }
  /** Gives one block at a time, each after a pause; those of a liar are wrong. */
  | { readonly kind: "trickling"; readonly everyMs: number; readonly lies?: boolean }
  /** Gives one block, and hangs up. */
  | { readonly kind: "parting" }
  /** Gives one block, byte by byte. */
  | { readonly kind: "dribbling"; readonly everyMs: number };

export interface ScriptedPeerOptions {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  readonly clock: Clock;
  readonly behaviour: Behaviour;
  /** The bytes of a block; zeros when left out. */
  readonly blockOf?: (index: number, begin: number, length: number) => Uint8Array;
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
  const wanted: BlockMessage[] = [];
  if (behaviour.kind === "trickling") void trickle(behaviour.everyMs, behaviour.lies === true);
  if (behaviour.kind === "dribbling") void dribble(behaviour.everyMs);
  for await (const message of messages(connection)) {
    if (message.kind === "cancel") remove(wanted, message);
    if (message.kind !== "request") continue;
    const { index, begin, length } = message;
    switch (behaviour.kind) {
      case "rejecting":
        output.reject(index, begin, length);
        break;
      case "refusing":
        output.choke();
        output.reject(index, begin, length);
        output.unchoke();
        break;
      case "parting":
        output.piece(index, begin, blockOf(message));
        await send();
        return connection.close();
      case "trickling":
      case "dribbling":
        if (wanted.length < MAX_WANTED) wanted.push(message);
        break;
    }
    await send();
  }

  async function trickle(everyMs: number, lies: boolean): Promise<void> {
    while (!signal.aborted) {
      await clock.sleep(everyMs, signal);
      const request = wanted.shift();
      if (request === undefined) continue;
      const block = blockOf(request).slice();
      if (lies) block[0]! ^= 255;
      output.piece(request.index, request.begin, block);
      await send();
    }
  }

  function blockOf({ index, begin, length }: BlockMessage): Uint8Array {
    return options.blockOf?.(index, begin, length) ?? new Uint8Array(length);
  }

  async function dribble(everyMs: number): Promise<void> {
    while (wanted.length === 0 && !signal.aborted) await clock.sleep(everyMs, signal);
    const [request] = wanted;
    if (request === undefined) return;
    const blocks = new MessageWriter();
    blocks.piece(request.index, request.begin, blockOf(request));
    for (const byte of blocks.take() ?? []) {
      if (signal.aborted) return;
      await connection.write(Uint8Array.of(byte)).catch(() => connection.close());
      await clock.sleep(everyMs, signal);
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

function remove(requests: BlockMessage[], { index, begin }: BlockMessage): void {
  const place = requests.findIndex((one) => one.index === index && one.begin === begin);
  if (place >= 0) requests.splice(place, 1);
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
