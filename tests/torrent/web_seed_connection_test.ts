import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom } from "../../src/base/ambient.ts";
import { WebSeedError } from "../../src/base/errors.ts";
import type { PieceIndex } from "../../src/base/ids.ts";
import { untilAborted } from "../../src/base/until_aborted.ts";
import { BLOCK_LENGTH, Layout } from "../../src/metainfo/layout.ts";
import { type FetchRange, WebSeedConnection } from "../../src/torrent/web_seed_connection.ts";
import { MessageDecoder } from "../../src/wire/decoder.ts";
import { MessageWriter } from "../../src/wire/encoder.ts";
import type { Message } from "../../src/wire/message.ts";
import { fullBitfield } from "../sim/lab.ts";

const REMOTE = { host: "web.example", port: 80 };
const MAX_MESSAGE_LENGTH = 128 * 1024;

/** Files of these lengths, of which negative ones are padding, and all their bytes. */
function contentOf(pieceLength: number, lengths: readonly number[], seed = 1) {
  const files = lengths.map((length) => ({ length: Math.abs(length), isPadding: length < 0 }));
  const layout = new Layout({ pieceLength, files });
  const bytes = new SeededRandom(seed).bytes(layout.totalLength);
  const starts: number[] = [];
  let at = 0;
  for (const { length, isPadding } of files) {
    starts.push(at);
    if (isPadding) bytes.fill(0, at, at + length);
    at += length;
  }
  return { layout, bytes, starts };
}

type Content = ReturnType<typeof contentOf>;

/** A server that gives all, in parts of `partLength`. */
function serving({ bytes, starts }: Content, partLength = 5_000): FetchRange {
  return async ({ file, fileOffset, length }, take) => {
    const begin = starts[file]! + fileOffset;
    for (let at = 0; at < length; at += partLength) {
      const part = bytes.slice(begin + at, begin + Math.min(at + partLength, length));
      if (!await take(part)) break;
    }
    return "done";
  };
}

interface Line {
  readonly connection: WebSeedConnection;
  readonly decoder: MessageDecoder;
  closedCount: number;
}

function connect(
  { layout }: Content,
  fetchRange: FetchRange,
  lacking: ReadonlySet<number> = new Set(),
): Line {
  const line: Line = {
    connection: new WebSeedConnection({
      remote: REMOTE,
      layout,
      pieces: () => {
        const pieces = fullBitfield(layout.pieceCount);
        for (const piece of lacking) pieces.clear(piece);
        return pieces;
      },
      fetchRange,
      onClosed: () => line.closedCount++,
    }),
    decoder: new MessageDecoder({ maxMessageLength: MAX_MESSAGE_LENGTH }),
    closedCount: 0,
  };
  return line;
}

async function say(line: Line, speak: (output: MessageWriter) => void): Promise<void> {
  const output = new MessageWriter();
  speak(output);
  await line.connection.write(output.take()!);
}

/** The next message, its bytes copied; undefined at the end. */
async function hear({ connection, decoder }: Line, readLength = Infinity): Promise<unknown> {
  while (true) {
    const message = decoder.next();
    if (message !== undefined) return copied(message);
    const length = await connection.read(decoder.space().subarray(0, readLength));
    if (length === null) return undefined;
    decoder.advance(length);
  }
}

function copied(message: Message): unknown {
  if (message.kind === "piece") return { ...message, block: message.block.slice() };
  return message.kind === "bitfield" ? { ...message, bytes: message.bytes.slice() } : message;
}

/** The message that carries a block of the content. */
function blockOf({ layout, bytes }: Content, piece: number, begin: number, length: number) {
  const at = piece * layout.pieceLength + begin;
  return { kind: "piece", index: piece, begin, block: bytes.slice(at, at + length) };
}

async function greeted(line: Line): Promise<Line> {
  deepStrictEqual(await hear(line), { kind: "have-all" });
  deepStrictEqual(await hear(line), { kind: "unchoke" });
  return line;
}

const SMALL = contentOf(2 * BLOCK_LENGTH, [100_000]);
/** Of pieces with one requested block each, none follows another one. */
const WIDE = contentOf(2 * BLOCK_LENGTH, [14 * BLOCK_LENGTH]);

Deno.test("WebSeedConnection has everything and lets us ask, or all but what it lacks", async () => {
  await greeted(connect(SMALL, serving(SMALL)));
  const line = connect(SMALL, serving(SMALL), new Set([1, 3]));
  deepStrictEqual(await hear(line), { kind: "bitfield", bytes: Uint8Array.of(0b1010_0000) });
  deepStrictEqual(await hear(line), { kind: "unchoke" });
});

Deno.test("WebSeedConnection asks once for blocks that lie end to end, and answers in order", async () => {
  const ranges: number[][] = [];
  const line = await greeted(connect(SMALL, (range, ...rest) => {
    ranges.push([range.fileOffset, range.length]);
    return serving(SMALL)(range, ...rest);
  }));
  await say(line, (output) => {
    output.interested();
    output.request(1, 0, BLOCK_LENGTH);
    output.request(1, BLOCK_LENGTH, BLOCK_LENGTH);
    output.request(2, 0, BLOCK_LENGTH);
    output.request(0, 0, BLOCK_LENGTH);
  });
  for (const [piece, begin] of [[1, 0], [1, BLOCK_LENGTH], [2, 0], [0, 0]] as const) {
    deepStrictEqual(await hear(line), blockOf(SMALL, piece, begin, BLOCK_LENGTH));
  }
  deepStrictEqual(ranges, [[2 * BLOCK_LENGTH, 3 * BLOCK_LENGTH], [0, BLOCK_LENGTH]]);
});

Deno.test("WebSeedConnection gives what was asked for, however files, parts and reads are cut", async () => {
  const lengths = fc.array(fc.integer({ min: -40_000, max: 60_000 }), {
    minLength: 1,
    maxLength: 8,
  })
    .filter((lengths) => lengths.some((length) => length > 0));
  const cuts = fc.record({
    lengths,
    pieceLength: fc.constantFrom(16_384, 32_768, 65_536),
    partLength: fc.integer({ min: 1_000, max: 30_000 }),
    readLength: fc.integer({ min: 900, max: 40_000 }),
    seed: fc.nat(),
  });
  await fc.assert(
    fc.asyncProperty(cuts, async ({ lengths, pieceLength, partLength, readLength, seed }) => {
      const content = contentOf(pieceLength, lengths, seed);
      const { layout } = content;
      const random = new SeededRandom(seed);
      const blocks = Array.from(
        { length: layout.pieceCount },
        (_, piece) =>
          Array.from(
            { length: layout.blockCount(piece as PieceIndex) },
            (_, block) => layout.blockRequest(piece as PieceIndex, block as never),
          ),
      ).flat()
        .filter(({ length }) => length > 0 && random.next() < 0.8);
      const line = await greeted(connect(content, serving(content, partLength)));
      await say(line, (output) => {
        output.interested();
        for (const { piece, begin, length } of blocks) output.request(piece, begin, length);
      });
      for (const { piece, begin, length } of blocks) {
        deepStrictEqual(await hear(line, readLength), blockOf(content, piece, begin, length));
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("WebSeedConnection rejects what is cancelled in time, and answers a keep-alive", async () => {
  const held = Promise.withResolvers<void>();
  const line = await greeted(connect(WIDE, async (...args) => {
    await held.promise;
    return await serving(WIDE)(...args);
  }));
  // Six are on their way, each by itself; the seventh waits.
  const reading = hear(line);
  await say(line, (output) => {
    for (let piece = 0; piece < 7; piece++) output.request(piece, 0, BLOCK_LENGTH);
  });
  await say(line, (output) => {
    output.cancel(0, 0, BLOCK_LENGTH);
    output.cancel(6, 0, BLOCK_LENGTH);
  });
  held.resolve();
  const heard = [await reading];
  while (heard.length < 7) heard.push(await hear(line));
  await say(line, (output) => output.keepAlive());
  heard.push(await hear(line));
  const kinds = heard.map((message) => (message as Message).kind);
  deepStrictEqual(kinds.toSorted(), ["keep-alive", ...Array(6).fill("piece"), "reject"]);
});

Deno.test("WebSeedConnection fetches six parts at once, and no part runs far ahead of its reader", async () => {
  const content = contentOf(BLOCK_LENGTH, Array(12).fill(BLOCK_LENGTH));
  let under = 0, most = 0, taken = 0;
  const line = await greeted(connect(content, async (range, take, signal) => {
    most = Math.max(most, ++under);
    await serving(content, 1_000)(range, async (part) => {
      taken += part.length;
      return await take(part);
    }, signal);
    under--;
    return "done";
  }));
  await say(line, (output) => {
    for (let piece = 0; piece < 12; piece++) output.request(piece, 0, BLOCK_LENGTH);
  });
  const first = await hear(line);
  deepStrictEqual(first, blockOf(content, 0, 0, BLOCK_LENGTH));
  strictEqual(most, 6);
  ok(taken < 3 * BLOCK_LENGTH, `${taken} bytes taken`);
  for (let piece = 1; piece < 12; piece++) {
    deepStrictEqual(await hear(line), blockOf(content, piece, 0, BLOCK_LENGTH));
  }
  strictEqual(most, 6);
});

Deno.test("WebSeedConnection ends after the blocks that came, when a part does not come", async () => {
  const line = await greeted(connect(SMALL, async (range, take, signal) => {
    await serving(SMALL)({ ...range, length: BLOCK_LENGTH + 500 }, take, signal);
    throw new WebSeedError("malformed", "it gives less than it was asked for");
  }));
  await say(line, (output) => {
    for (const begin of [0, BLOCK_LENGTH]) output.request(0, begin, BLOCK_LENGTH);
  });
  deepStrictEqual(await hear(line), blockOf(SMALL, 0, 0, BLOCK_LENGTH));
  strictEqual(await hear(line), undefined);
  strictEqual(line.closedCount, 1);
  await rejects(say(line, (output) => output.keepAlive()), { reason: "remote-closed" });
});

Deno.test("WebSeedConnection tells a mistake of ours from one of the server's", async () => {
  const line = await greeted(connect(SMALL, () => Promise.reject(new TypeError("a bug"))));
  await say(line, (output) => output.request(0, 0, BLOCK_LENGTH));
  await rejects(hear(line), { message: "a bug" });
  strictEqual(line.closedCount, 1);
});

Deno.test("WebSeedConnection starts anew without what does not come, after the blocks before it", async () => {
  const lacking = new Set<number>();
  let hangingCount = 0, endedCount = 0;
  const line = await greeted(connect(
    WIDE,
    async (range, take, signal) => {
      if (range.fileOffset > 4 * BLOCK_LENGTH) {
        hangingCount++;
        signal.addEventListener("abort", () => endedCount++);
        return await untilAborted(new Promise(() => {}), signal);
      }
      if (range.fileOffset < 4 * BLOCK_LENGTH) return await serving(WIDE)(range, take, signal);
      await take(WIDE.bytes.slice(0, 100));
      lacking.add(2);
      return "lacking";
    },
    lacking,
  ));
  await say(line, (output) => {
    for (let piece = 0; piece < 7; piece++) output.request(piece, 0, BLOCK_LENGTH);
  });
  for (const piece of [0, 1]) {
    deepStrictEqual(await hear(line), blockOf(WIDE, piece, 0, BLOCK_LENGTH));
  }
  deepStrictEqual(await hear(line), { kind: "choke" });
  deepStrictEqual(await hear(line), { kind: "bitfield", bytes: Uint8Array.of(0b1101_1110) });
  deepStrictEqual(await hear(line), { kind: "unchoke" });
  ok(hangingCount >= 3 && endedCount === hangingCount, "what was under way has ended");
  await say(line, (output) => output.request(1, 0, BLOCK_LENGTH));
  deepStrictEqual(await hear(line), blockOf(WIDE, 1, 0, BLOCK_LENGTH));
});

Deno.test("WebSeedConnection forgets the parts of a run that it has not begun, when one does not come", async () => {
  const content = contentOf(64 * BLOCK_LENGTH, Array<number>(60).fill(1_000));
  const begun: number[] = [];
  const line = await greeted(connect(content, async (range, take, signal) => {
    begun.push(range.file);
    return range.file === 1 ? "lacking" : await serving(content)(range, take, signal);
  }));
  await say(line, (output) => {
    for (let block = 0; block < 3; block++) output.request(0, block * BLOCK_LENGTH, BLOCK_LENGTH);
  });
  deepStrictEqual(await hear(line), { kind: "choke" });
  await greeted(line);
  const begunCount = begun.length;
  ok(begunCount <= 7, `${begunCount} parts`);
  await say(line, (output) => output.request(0, 2 * BLOCK_LENGTH, BLOCK_LENGTH));
  await hear(line);
  deepStrictEqual(begun[begunCount], 32, "the first file of the third block");
});

Deno.test("WebSeedConnection begins nothing more once the server is not there", async () => {
  let begunCount = 0;
  const line = await greeted(connect(WIDE, async (range, take, signal) => {
    begunCount++;
    if (range.fileOffset > 0) throw new WebSeedError("unreachable", "it is unreachable");
    return await serving(WIDE)(range, take, signal);
  }));
  await say(line, (output) => {
    for (let piece = 0; piece < 7; piece++) output.request(piece, 0, BLOCK_LENGTH);
  });
  deepStrictEqual(await hear(line), blockOf(WIDE, 0, 0, BLOCK_LENGTH));
  strictEqual(await hear(line), undefined);
  strictEqual(begunCount, 6);
});

Deno.test("WebSeedConnection takes our bitfield, however many pieces there are", async () => {
  const content = contentOf(BLOCK_LENGTH, [1]);
  const layout = new Layout({
    pieceLength: BLOCK_LENGTH,
    files: [{ length: 1_100_000 * BLOCK_LENGTH, isPadding: false }],
  });
  const line = connect({ ...content, layout }, serving(content));
  await say(line, (output) => output.bitfield(new Uint8Array(layout.pieceCount / 8)));
  await greeted(line);
});

Deno.test("WebSeedConnection asks a busy server for less at once, and in the end for nothing", async () => {
  let under = 0, limit = 2, refusals = 0;
  const line = await greeted(connect(WIDE, async (range, take, signal) => {
    if (under >= limit) {
      refusals++;
      return "busy";
    }
    under++;
    try {
      return await serving(WIDE)(range, take, signal);
    } finally {
      under--;
    }
  }));
  const kinds: string[] = [];
  const askAll = () =>
    say(line, (output) => {
      for (let piece = 0; piece < 7; piece++) output.request(piece, 0, BLOCK_LENGTH);
    });
  await askAll();
  for (let blocks = 0; blocks < 7;) {
    const { kind } = await hear(line) as Message;
    kinds.push(kind);
    if (kind === "piece") blocks++;
    else if (kind === "choke") blocks = 0;
    else if (kind === "unchoke") await askAll();
  }
  // Six at once, then three, then one.
  strictEqual(kinds.filter((kind) => kind === "choke").length, 2);
  ok(refusals <= 5, `${refusals} refusals`);
  limit = 0;
  await askAll();
  strictEqual(await hear(line), undefined);
  strictEqual(line.closedCount, 1);
});

Deno.test("WebSeedConnection asks a server for more again that was busy for a while", async () => {
  const content = contentOf(BLOCK_LENGTH, [40 * 2 * BLOCK_LENGTH]);
  let isBusy = true, under = 0, most = 0;
  const line = await greeted(connect(content, async (range, take, signal) => {
    if (isBusy) return "busy";
    most = Math.max(most, ++under);
    const outcome = await serving(content)(range, take, signal);
    under--;
    return outcome;
  }));
  /** Every other piece, so that each is a GET of its own. */
  const askAll = () =>
    say(line, (output) => {
      for (let piece = 0; piece < 80; piece += 2) output.request(piece, 0, BLOCK_LENGTH);
    });
  for (let times = 0; times < 2; times++) {
    await askAll();
    deepStrictEqual(await hear(line), { kind: "choke" });
    await greeted(line);
  }
  isBusy = false;
  await askAll();
  const mostAfter: number[] = [];
  for (let blocks = 0; blocks < 40; blocks++) {
    strictEqual((await hear(line) as Message).kind, "piece");
    mostAfter.push(most);
  }
  deepStrictEqual([mostAfter[0], mostAfter[12], mostAfter.at(-1)], [1, 1, 3]);
});

Deno.test("WebSeedConnection says eight times what it has, and then ends", async () => {
  const line = await greeted(connect(SMALL, () => Promise.resolve("lacking")));
  for (let offers = 1; offers < 8; offers++) {
    await say(line, (output) => output.request(0, 0, BLOCK_LENGTH));
    deepStrictEqual(await hear(line), { kind: "choke" });
    await greeted(line);
  }
  await say(line, (output) => output.request(0, 0, BLOCK_LENGTH));
  strictEqual(await hear(line), undefined);
});

Deno.test("WebSeedConnection ends when nothing of it is wanted", async () => {
  const line = await greeted(connect(SMALL, serving(SMALL)));
  await say(line, (output) => output.interested());
  strictEqual(line.closedCount, 0);
  await say(line, (output) => output.notInterested());
  strictEqual(await hear(line), undefined);
  strictEqual(line.closedCount, 1);
});

Deno.test("close() ends a read that waits for news, for a part, or for a fetch not begun", async () => {
  const content = contentOf(64 * BLOCK_LENGTH, Array(60).fill(1_000) as number[]);
  let endedCount = 0;
  const never: FetchRange = (_range, _take, signal) => {
    signal.addEventListener("abort", () => endedCount++);
    return new Promise(() => {});
  };
  for (const [asks, fetchRange] of [[false, never], [true, never], [true, serving(content)]]) {
    const line = await greeted(connect(content, fetchRange as FetchRange));
    if (asks) await say(line, (output) => output.request(0, 0, BLOCK_LENGTH));
    const reading = hear(line, 100);
    await Promise.resolve();
    line.connection.close();
    line.connection.close();
    await reading;
    strictEqual(await hear(line), undefined);
    strictEqual(line.closedCount, 1);
  }
  strictEqual(endedCount, 6, "what was under way has ended");
});
