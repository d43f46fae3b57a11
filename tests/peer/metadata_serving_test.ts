import { deepStrictEqual, ok, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom } from "../../src/base/ambient.ts";
import { concatBytes } from "../../src/base/bytes.ts";
import { MetadataServing } from "../../src/peer/metadata_serving.ts";
import { MessageDecoder } from "../../src/wire/decoder.ts";
import { MessageWriter } from "../../src/wire/encoder.ts";
import {
  encodeMetadataData,
  encodeMetadataReject,
  encodeMetadataRequest,
  METADATA_PIECE_LENGTH,
  type MetadataMessage,
  parseMetadataMessage,
} from "../../src/wire/metadata_message.ts";

const THEIR_ID = 3;

class Asker {
  readonly output = new MessageWriter();
  readonly serving: MetadataServing;
  readonly #decoder = new MessageDecoder({ maxMessageLength: 32_768 });

  constructor(metadata: Uint8Array) {
    this.serving = new MetadataServing({ metadata, output: this.output });
  }

  ask(...pieces: number[]): void {
    for (const piece of pieces) this.serving.handleMessage(encodeMetadataRequest(piece), THEIR_ID);
  }

  /** What was answered since the last call. */
  read(): MetadataMessage[] {
    const answers: MetadataMessage[] = [];
    const bytes = this.output.take() ?? new Uint8Array();
    for (let at = 0; at < bytes.length;) {
      const space = this.#decoder.space();
      const part = bytes.subarray(at, at + space.length);
      space.set(part);
      this.#decoder.advance(part.length);
      at += part.length;
      for (let message = this.#decoder.next(); message; message = this.#decoder.next()) {
        ok(message.kind === "extended" && message.id === THEIR_ID);
        answers.push(parseMetadataMessage(message.payload.slice()));
      }
    }
    if (bytes.length > 0) this.output.release();
    return answers;
  }
}

const dataOf = (answers: readonly MetadataMessage[]) =>
  concatBytes(...answers.map((answer) => answer.kind === "data" ? answer.data : new Uint8Array()));

Deno.test("MetadataServing gives dictionaries of any size, piece by piece", () => {
  const size = fc.oneof(
    fc.integer({ min: 1, max: 40_000 }),
    fc.constantFrom(METADATA_PIECE_LENGTH - 1, METADATA_PIECE_LENGTH, 2 * METADATA_PIECE_LENGTH),
  );
  fc.assert(fc.property(size, (size) => {
    const metadata = new SeededRandom(size).bytes(size);
    const pieceCount = Math.ceil(size / METADATA_PIECE_LENGTH);
    const asker = new Asker(metadata);
    asker.ask(...Array(pieceCount).keys());
    const answers = asker.read();
    strictEqual(answers.length, pieceCount);
    ok(answers.every((answer) => answer.kind === "data" && answer.totalSize === size));
    deepStrictEqual(dataOf(answers), metadata);
    asker.ask(pieceCount);
    deepStrictEqual(asker.read(), [{ kind: "reject", piece: pieceCount }]);
  }));
});

Deno.test("MetadataServing refuses everything when there are no bytes of metadata", () => {
  const asker = new Asker(new Uint8Array());
  asker.ask(0, 5);
  deepStrictEqual(asker.read(), [{ kind: "reject", piece: 0 }, { kind: "reject", piece: 5 }]);
});

Deno.test("P28 MetadataServing lets pieces wait while the peer does not read", () => {
  const metadata = new SeededRandom(1).bytes(100 * METADATA_PIECE_LENGTH);
  const asker = new Asker(metadata);
  asker.ask(...Array(100).keys());
  ok(asker.output.pendingBytes <= 17 * (METADATA_PIECE_LENGTH + 200));
  const answers: MetadataMessage[] = [];
  for (let turn = 0; turn < 10; turn++) {
    answers.push(...asker.read());
    asker.serving.resume(THEIR_ID);
  }
  strictEqual(answers.length, 100);
  deepStrictEqual(dataOf(answers), metadata);
});

Deno.test("P28 MetadataServing queues 1024 pieces, and refuses more", () => {
  const asker = new Asker(new Uint8Array(573 * METADATA_PIECE_LENGTH));
  for (let request = 0; request < 1_024 + 16 + 50; request++) asker.ask(0);
  const kinds = asker.read().map(({ kind }) => kind);
  strictEqual(kinds.filter((kind) => kind === "reject").length, 50);
  strictEqual(kinds.filter((kind) => kind === "data").length, 16);
});

Deno.test("P28 MetadataServing gives the dictionary four times, then refuses", () => {
  const asker = new Asker(new Uint8Array(20_000));
  const answers: MetadataMessage[] = [];
  for (let request = 0; request < 100; request++) {
    asker.ask(request % 2);
    answers.push(...asker.read());
  }
  deepStrictEqual(answers.map(({ kind }) => kind), [
    ...Array(8).fill("data"),
    ...Array(92).fill("reject"),
  ]);
});

Deno.test("MetadataServing ignores what is no request, and peers that take no answer", () => {
  const asker = new Asker(new Uint8Array(100));
  asker.serving.handleMessage(encodeMetadataData(0, 100, new Uint8Array(100)), THEIR_ID);
  asker.serving.handleMessage(encodeMetadataReject(0), THEIR_ID);
  asker.serving.handleMessage(new TextEncoder().encode("d8:msg_typei9ee"), THEIR_ID);
  asker.serving.handleMessage(encodeMetadataRequest(0), 0);
  asker.serving.resume(0);
  deepStrictEqual(asker.read(), []);
});

Deno.test("MetadataServing forgets what waits when the peer takes no answers any more", () => {
  const asker = new Asker(new Uint8Array(40 * METADATA_PIECE_LENGTH));
  asker.ask(...Array(40).keys());
  strictEqual(asker.read().length, 16);
  asker.serving.resume(0);
  asker.serving.resume(THEIR_ID);
  deepStrictEqual(asker.read(), []);
});

Deno.test("P27 MetadataServing throws ProtocolError for a malformed message", () => {
  const asker = new Asker(new Uint8Array(100));
  throws(() => asker.serving.handleMessage(new Uint8Array([0x69]), THEIR_ID), {
    reason: "malformed-message",
  });
});
