import { MessageDecoder } from "../../src/wire/decoder.ts";
import type { Message } from "../../src/wire/message.ts";

/** Enough for the bitfield of the largest torrent, 2,097,152 pieces. */
export const MAX_MESSAGE_LENGTH = 262_145;

/** The messages of a stream that comes in reads of these lengths, and then in large ones. */
export function decodeStream(stream: Uint8Array, readLengths: Iterable<number> = []): Message[] {
  const decoder = new MessageDecoder({ maxMessageLength: MAX_MESSAGE_LENGTH });
  const lengths = readLengths[Symbol.iterator]();
  const messages: Message[] = [];
  for (let offset = 0; offset < stream.length;) {
    const space = decoder.space();
    const wanted = lengths.next().value ?? Infinity;
    const length = Math.min(wanted, space.length, stream.length - offset);
    space.set(stream.subarray(offset, offset + length));
    decoder.advance(length);
    offset += length;
    for (let message = decoder.next(); message; message = decoder.next()) {
      messages.push(copyOf(message));
    }
  }
  return messages;
}

/** The message with bytes of its own instead of a view. */
function copyOf(message: Message): Message {
  switch (message.kind) {
    case "piece":
      return { ...message, block: message.block.slice() };
    case "bitfield":
      return { ...message, bytes: message.bytes.slice() };
    case "extended":
      return { ...message, payload: message.payload.slice() };
    case "hash-request":
    case "hash-reject":
      return { ...message, root: message.root.slice() };
    case "hashes":
      return { ...message, root: message.root.slice(), hashes: message.hashes.slice() };
    default:
      return message;
  }
}
