import { ok } from "node:assert/strict";
import type { Random } from "../../src/base/ambient.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import { MessageDecoder } from "../../src/wire/decoder.ts";
import type { Message } from "../../src/wire/message.ts";
import { WatchedSession } from "../peer/watched_session.ts";
import { fuzz } from "./mutation.ts";

const MAX_MESSAGE_LENGTH = 64 * 1024;

/** The messages of one read; none come after one that is malformed. */
function* decode(decoder: MessageDecoder): Iterable<Message> {
  try {
    for (let message = decoder.next(); message; message = decoder.next()) yield message;
  } catch (error) {
    ok(error instanceof ProtocolError);
  }
}

function talk(input: Uint8Array, random: Random): void {
  const flags = { fast: random.below(4) > 0, extended: random.below(4) > 0 };
  const watched = new WatchedSession(random, flags);
  const decoder = new MessageDecoder({ maxMessageLength: MAX_MESSAGE_LENGTH });
  for (let offset = 0; offset < input.length;) {
    const space = decoder.space();
    const length = Math.min(1 + random.below(200), space.length, input.length - offset);
    space.set(input.subarray(offset, offset + length));
    decoder.advance(length);
    offset += length;
    watched.hear(decode(decoder));
    for (let count = random.below(3); count > 0; count--) watched.act();
  }
}

Deno.test("fuzz: PeerSession keeps its promises for any bytes, in reads of any length", () => {
  fuzz({ corpus: "session", check: talk });
});
