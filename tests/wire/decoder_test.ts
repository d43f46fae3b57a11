import { deepStrictEqual, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { concatBytes, putUint32 } from "../../src/base/bytes.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import { MessageDecoder } from "../../src/wire/decoder.ts";
import { MessageWriter } from "../../src/wire/encoder.ts";
import type { Message } from "../../src/wire/message.ts";
import { arbitraryMessage } from "./arbitrary_message.ts";
import { decodeStream, MAX_MESSAGE_LENGTH } from "./decode_stream.ts";
import { writeMessage } from "./write_message.ts";

const KIB = 1024;

const ROOT = Uint8Array.from({ length: 32 }, (_, index) => index + 1);
const RANGE = { baseLayer: 2, index: 512, length: 256, proofLayers: 9 };
const RANGE_HEX = ROOT.toHex() + "00000002000002000000010000000009";

/** Every message, as BEP 3, 5, 6, 10 and 52 show it, and what it says. */
const EXAMPLES: readonly (readonly [hex: string, message: Message])[] = [
  ["00000000", { kind: "keep-alive" }],
  ["0000000100", { kind: "choke" }],
  ["0000000101", { kind: "unchoke" }],
  ["0000000102", { kind: "interested" }],
  ["0000000103", { kind: "not-interested" }],
  ["000000050400000102", { kind: "have", index: 258 }],
  ["0000000405ff8001", { kind: "bitfield", bytes: Uint8Array.of(255, 128, 1) }],
  ["0000000d06000000010000400000004000", blockMessage("request", 1, 16_384, 16_384)],
  ["0000000b07fffffffe800000007879", {
    kind: "piece",
    index: 4_294_967_294,
    begin: 2_147_483_648,
    block: Uint8Array.of(0x78, 0x79),
  }],
  ["000000090700000001000000" + "02", {
    kind: "piece",
    index: 1,
    begin: 2,
    block: new Uint8Array(0),
  }],
  ["0000000d08000000010000400000004000", blockMessage("cancel", 1, 16_384, 16_384)],
  ["00000003091ae1", { kind: "port", port: 6881 }],
  ["000000050d00000003", { kind: "suggest", index: 3 }],
  ["000000010e", { kind: "have-all" }],
  ["000000010f", { kind: "have-none" }],
  ["0000000d10000000010000400000004000", blockMessage("reject", 1, 16_384, 16_384)],
  ["0000000511ffffffff", { kind: "allowed-fast", index: 4_294_967_295 }],
  ["0000000414006465", { kind: "extended", id: 0, payload: Uint8Array.of(0x64, 0x65) }],
  ["000000021403", { kind: "extended", id: 3, payload: new Uint8Array(0) }],
  ["0000003115" + RANGE_HEX, { kind: "hash-request", root: ROOT, range: RANGE }],
  ["0000007116" + RANGE_HEX + "ab".repeat(64), {
    kind: "hashes",
    root: ROOT,
    range: RANGE,
    hashes: new Uint8Array(64).fill(0xab),
  }],
  ["0000003117" + RANGE_HEX, { kind: "hash-reject", root: ROOT, range: RANGE }],
];

function blockMessage(
  kind: "request" | "cancel" | "reject",
  index: number,
  begin: number,
  length: number,
): Message {
  return { kind, index, begin, length };
}

function bytesOf(hex: string): Uint8Array {
  const bytes = Uint8Array.fromHex(hex);
  ok(bytes !== undefined, hex);
  return bytes;
}

/** A message of this type, `length` as its prefix says, filled with zeros. */
function message(id: number, length: number): Uint8Array {
  const bytes = new Uint8Array(4 + length);
  putUint32(bytes, 0, length);
  bytes[4] = id;
  return bytes;
}

function feed(decoder: MessageDecoder, bytes: Uint8Array): void {
  decoder.space().set(bytes);
  decoder.advance(bytes.length);
}

function newDecoder(maxMessageLength = MAX_MESSAGE_LENGTH): MessageDecoder {
  return new MessageDecoder({ maxMessageLength });
}

Deno.test("next() gives every message of BEP 3, 5, 6, 10 and 52", () => {
  for (const [hex, message] of EXAMPLES) deepStrictEqual(decodeStream(bytesOf(hex)), [message]);
});

Deno.test("next() gives the same messages wherever the stream is split", () => {
  const stream = bytesOf(EXAMPLES.map(([hex]) => hex).join(""));
  const messages = EXAMPLES.map(([, message]) => message);
  for (let at = 1; at < stream.length; at++) deepStrictEqual(decodeStream(stream, [at]), messages);
  deepStrictEqual(decodeStream(stream, new Array(stream.length).fill(1)), messages);
});

Deno.test("next() gives what was written, for any messages in any reads", () => {
  fc.assert(fc.property(
    fc.array(arbitraryMessage, { maxLength: 30 }),
    fc.array(fc.integer({ min: 1, max: 40_000 }), { maxLength: 60 }),
    (messages, readLengths) => {
      const writer = new MessageWriter();
      for (const message of messages) writeMessage(writer, message);
      const stream = writer.take() ?? new Uint8Array(0);
      deepStrictEqual(decodeStream(stream, readLengths), messages);
    },
  ));
});

Deno.test("next() gives blocks whole when each read ends within one", () => {
  const writer = new MessageWriter();
  const blocks = Array.from({ length: 100 }, (_, i) => new Uint8Array(16_384).fill(i + 1));
  for (const [index, block] of blocks.entries()) writer.piece(index, 0, block);
  const messages = decodeStream(writer.take()!, new Array(200).fill(16_384 + 13 + 1));
  deepStrictEqual(
    messages,
    blocks.map((block, index) => ({ kind: "piece", index, begin: 0, block })),
  );
});

Deno.test("isInBlock says that a part of a block has come, and not its end", () => {
  const bytes = message(7, 9 + 100);
  for (let cut = 0; cut < bytes.length; cut++) {
    const decoder = newDecoder();
    feed(decoder, bytes.subarray(0, cut));
    deepStrictEqual([decoder.next(), decoder.isInBlock], [undefined, cut > 5], `${cut}`);
    feed(decoder, bytes.subarray(cut));
    deepStrictEqual([decoder.next()?.kind, decoder.isInBlock], ["piece", false]);
  }
});

Deno.test("isInBlock takes no other message for a block", () => {
  const bytes = message(5, 100);
  for (let cut = 0; cut < bytes.length; cut++) {
    const decoder = newDecoder();
    feed(decoder, bytes.subarray(0, cut));
    deepStrictEqual([decoder.next(), decoder.isInBlock], [undefined, false], `${cut}`);
  }
});

Deno.test("next() copies nothing: blocks are views of the buffer that was read into", () => {
  const decoder = newDecoder();
  const { buffer } = decoder.space();
  feed(decoder, bytesOf("0000000b0700000000000000007879"));
  const piece = decoder.next();
  ok(piece?.kind === "piece" && piece.block.buffer === buffer);
});

Deno.test("P4 next() refuses a length over the limit, or a negative one, before it comes", () => {
  for (const length of [MAX_MESSAGE_LENGTH + 1, 2 ** 31, 2 ** 32 - 1]) {
    const decoder = newDecoder();
    const prefix = new Uint8Array(4);
    putUint32(prefix, 0, length);
    feed(decoder, prefix);
    const isTooLarge = (error: unknown) =>
      error instanceof ProtocolError && error.reason === "message-too-large";
    throws(() => decoder.next(), isTooLarge);
    throws(() => decoder.next(), isTooLarge, "and again");
  }
});

Deno.test("P5 next() refuses fixed-size messages of another size at their type", () => {
  const lengths: readonly (readonly [length: number, ids: readonly number[]])[] = [
    [1, [0, 1, 2, 3, 14, 15]],
    [3, [9]],
    [5, [4, 13, 17]],
    [13, [6, 8, 16]],
    [49, [21, 23]],
  ];
  for (const [right, ids] of lengths) {
    for (const id of ids) {
      for (const length of [1, 2, 3, 4, 5, 6, 12, 13, 14, 48, 49, 50, 100]) {
        const decoder = newDecoder();
        feed(decoder, message(id, length).subarray(0, 5));
        if (length !== right) throws(() => decoder.next(), { reason: "malformed-message" });
        else if (right > 1) deepStrictEqual(decoder.next(), undefined);
        else ok(decoder.next());
      }
    }
  }
});

Deno.test("P5 next() refuses a piece without its header and an extended message without id", () => {
  for (const [id, length] of [[7, 1], [7, 8], [20, 1]] as const) {
    throws(() => decodeStream(message(id, length)), { reason: "malformed-message" });
  }
});

Deno.test("P5 next() refuses hashes that are none, too many or cut, at their type", () => {
  const outcome = (length: number) => {
    const decoder = newDecoder();
    feed(decoder, message(22, length).subarray(0, 5));
    try {
      return decoder.next();
    } catch (error) {
      ok(error instanceof ProtocolError);
      return error.reason;
    }
  };
  for (const length of [49 + 32, 49 + 64, 49 + 544 * 32]) {
    deepStrictEqual(outcome(length), undefined);
  }
  for (const length of [1, 48, 49, 49 + 31, 49 + 33, 49 + 545 * 32]) {
    deepStrictEqual(outcome(length), "malformed-message");
  }
});

Deno.test("P9 next() skips the body of an unknown message, however long, and names its type", () => {
  const stream = concatBytes(message(99, 70_000), message(255, 1), message(0, 1));
  deepStrictEqual(decodeStream(stream, new Array(50).fill(1_500)), [
    { kind: "unknown", id: 99 },
    { kind: "unknown", id: 255 },
    { kind: "choke" },
  ]);
});

Deno.test("P15 next() refuses a block over 16 KiB before it comes", () => {
  const decoder = newDecoder();
  feed(decoder, message(7, 9 + 16_385).subarray(0, 5));
  throws(() => decoder.next(), { reason: "malformed-message" });
  deepStrictEqual(decodeStream(message(7, 9 + 16_384)).length, 1);
});

Deno.test("space() grows for the bitfield of 2,097,152 pieces and shrinks again after it", () => {
  const decoder = newDecoder();
  const bitfield = message(5, 1 + 256 * KIB).map((byte, index) => index < 5 ? byte : index);
  let received = 0, largest = 0;
  while (received < bitfield.length) {
    deepStrictEqual(decoder.next(), undefined);
    const space = decoder.space();
    const count = Math.min(space.length, 4_000, bitfield.length - received);
    space.set(bitfield.subarray(received, received + count));
    decoder.advance(count);
    received += count;
    largest = Math.max(largest, space.buffer.byteLength);
    ok(space.buffer.byteLength <= Math.max(32 * KIB, 4 * received), "room only for what came");
  }
  deepStrictEqual(largest, bitfield.length, "no byte more than the message needs");
  const whole = decoder.next();
  ok(whole?.kind === "bitfield");
  deepStrictEqual(whole.bytes, bitfield.subarray(5));
  deepStrictEqual(decoder.space().buffer.byteLength, 256 * KIB);
});

Deno.test("space() keeps a long message while its end comes byte by byte", () => {
  const bytes = new Uint8Array(256 * KIB).map((_, index) => index);
  const writer = new MessageWriter();
  writer.bitfield(bytes);
  const readLengths = [...new Array(10).fill(262_100 / 10), ...new Array(100).fill(1)];
  deepStrictEqual(decodeStream(writer.take()!, readLengths), [{ kind: "bitfield", bytes }]);
});

Deno.test("space() keeps what follows a long message when it shrinks", () => {
  const start = new Uint8Array(16_384).fill(7);
  const writer = new MessageWriter();
  writer.bitfield(new Uint8Array(256 * KIB));
  for (let index = 0; index < 30; index++) writer.piece(index, 0, start);
  const messages = decodeStream(writer.take()!, new Array(1_000).fill(262_100));
  deepStrictEqual(messages.length, 31);
  ok(messages.slice(1).every((message) => message.kind === "piece" && message.block[16_383] === 7));
});

Deno.test("space() is 32 KiB at first, doubles up to 256 KiB while reads fill it, and calms down", () => {
  const decoder = newDecoder();
  const sizes: number[] = [];
  for (let read = 0; read < 5; read++) {
    const space = decoder.space();
    sizes.push(space.length / KIB);
    decoder.advance(space.fill(0).length); // keep-alives
    while (decoder.next() !== undefined);
  }
  deepStrictEqual(sizes, [32, 64, 128, 256, 256]);
  for (let read = 0; read < 2_000; read++) {
    decoder.space().fill(0, 0, 4);
    decoder.advance(4);
    decoder.next();
  }
  deepStrictEqual(decoder.space().length, 32 * KIB);
});

Deno.test("space() asserts that messages are taken before more is read", () => {
  const decoder = newDecoder();
  for (let read = 0; read < 4; read++) decoder.advance(decoder.space().fill(0).length);
  throws(() => {
    for (let read = 0; read < 4; read++) decoder.advance(decoder.space().fill(0).length);
  }, /messages must be taken/);
});

Deno.test("new MessageDecoder() asserts that a block fits into its limit", () => {
  throws(() => newDecoder(16_384), { name: "BugError" });
});
