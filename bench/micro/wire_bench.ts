/**
 * The wire codec on its own: what one second of traffic costs.
 *
 * Each line is one MiB (64 blocks) in or out; `deno task bench` shows the time for it. At
 * 65,000 blocks a second a MiB may cost 1 ms at most.
 */
import { MessageDecoder } from "../../src/wire/decoder.ts";
import { MessageWriter } from "../../src/wire/encoder.ts";

const BLOCK_LENGTH = 16_384;
const BLOCKS = 64;

/** A stream of Piece messages that never ends: `read` fills a buffer with what comes next. */
class PieceStream {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor() {
    const writer = new MessageWriter();
    const block = new Uint8Array(BLOCK_LENGTH).fill(7);
    for (let index = 0; index < BLOCKS; index++) writer.piece(index, 0, block);
    this.#bytes = writer.take()!.slice();
  }

  read(buffer: Uint8Array): number {
    const end = Math.min(this.#position + buffer.length, this.#bytes.length);
    buffer.set(this.#bytes.subarray(this.#position, end));
    const length = end - this.#position;
    this.#position = end === this.#bytes.length ? 0 : end;
    return length;
  }
}

function decodeBlocks(decoder: MessageDecoder, stream: PieceStream, maxReadLength: number): void {
  for (let blocks = 0; blocks < BLOCKS;) {
    decoder.advance(stream.read(decoder.space().subarray(0, maxReadLength)));
    for (let message = decoder.next(); message; message = decoder.next()) {
      if (message.kind === "piece") blocks++;
    }
  }
}

for (const readLength of [1_448, 16 * 1024, 256 * 1024]) {
  const decoder = new MessageDecoder({ maxMessageLength: 1 << 20 });
  const stream = new PieceStream();
  Deno.bench(`read and decode 64 blocks, ${readLength} bytes a read`, { group: "decode" }, () => {
    decodeBlocks(decoder, stream, readLength);
  });
}

{
  const stream = new PieceStream();
  const buffer = new Uint8Array(256 * 1024);
  Deno.bench("only read them, as the bench does", { group: "decode", baseline: true }, () => {
    for (let length = 0; length < BLOCKS * (BLOCK_LENGTH + 13);) length += stream.read(buffer);
  });
}

{
  const writer = new MessageWriter();
  Deno.bench("write 64 requests and take them", { group: "encode" }, () => {
    for (let index = 0; index < BLOCKS; index++) writer.request(index, 0, BLOCK_LENGTH);
    writer.take();
    writer.release();
  });
  const block = new Uint8Array(BLOCK_LENGTH);
  Deno.bench("write 64 blocks, take 8 at a time", { group: "encode" }, () => {
    for (let index = 0; index < BLOCKS; index++) {
      writer.piece(index, 0, block);
      if (index % 8 < 7) continue;
      writer.take();
      writer.release();
    }
  });
}

{
  const writer = new MessageWriter();
  for (let index = 0; index < 10_000; index++) writer.have(index);
  const haves = writer.take()!.slice();
  const decoder = new MessageDecoder({ maxMessageLength: 1 << 20 });
  Deno.bench("decode 10,000 Have messages", { group: "have" }, () => {
    for (let offset = 0; offset < haves.length;) {
      const space = decoder.space();
      const length = Math.min(space.length, haves.length - offset);
      space.set(haves.subarray(offset, offset + length));
      decoder.advance(length);
      offset += length;
      while (decoder.next() !== undefined);
    }
  });
}
