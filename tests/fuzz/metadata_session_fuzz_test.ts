import { ok } from "node:assert/strict";
import type { Random } from "../../src/base/ambient.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import type { InfoHash } from "../../src/base/ids.ts";
import { MetadataFetch } from "../../src/peer/metadata_fetch.ts";
import { MetadataSession } from "../../src/peer/metadata_session.ts";
import { MessageDecoder } from "../../src/wire/decoder.ts";
import type { Message } from "../../src/wire/message.ts";
import { fuzz } from "./mutation.ts";

const MAX_MESSAGE_LENGTH = 64 * 1024;
const PEER = 1;

/** The messages of one read; none come after one that is malformed. */
function* decode(decoder: MessageDecoder): Iterable<Message> {
  try {
    for (let message = decoder.next(); message; message = decoder.next()) yield message;
  } catch (error) {
    ok(error instanceof ProtocolError);
  }
}

/** One session and one fetch, as their driver would have them. */
function talk(input: Uint8Array, random: Random): void {
  const flags = { fast: random.below(4) > 0, extended: random.below(4) > 0, dht: false };
  const session = new MetadataSession({
    flags,
    host: "10.0.0.1",
    pex: true,
    dhtPort: () => 1,
    now: 0,
  });
  const fetch = new MetadataFetch(new Uint8Array(20) as InfoHash);
  const decoder = new MessageDecoder({ maxMessageLength: MAX_MESSAGE_LENGTH });
  let now = 0, isClosed = false;
  for (let offset = 0; offset < input.length;) {
    const space = decoder.space();
    const length = Math.min(1 + random.below(200), space.length, input.length - offset);
    space.set(input.subarray(offset, offset + length));
    decoder.advance(length);
    offset += length;
    for (const message of decode(decoder)) session.handleMessage(message, now);
    for (const answer of session.drainAnswers()) {
      if (answer.kind === "data") fetch.handleData(PEER, answer, now);
      else if (answer.kind === "reject") fetch.handleReject(PEER, answer.piece, now);
    }
    for (const event of session.drain()) {
      ok(!isClosed, "nothing after a close");
      isClosed = event.kind === "close";
      if (event.kind !== "extension-handshake") continue;
      const { metadataSize } = event.handshake;
      if (metadataSize !== undefined) fetch.handleSize(PEER, metadataSize, now);
    }
    now += random.below(3_000);
    fetch.handleTimeout(now);
    for (const effect of fetch.drain()) {
      ok(effect.kind !== "found");
      if (effect.kind === "request") session.request(effect.piece, now);
      else fetch.handleGone(PEER, now);
    }
    ok(fetch.heldBytes <= input.length);
  }
}

Deno.test("fuzz: MetadataSession and MetadataFetch stand any bytes, in reads of any length", () => {
  fuzz({ corpus: "metadata_session", check: talk });
});
