import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import type { Bytes } from "../../src/base/bytes.ts";
import { OpenFiles } from "../../src/workers/open_files.ts";
import { writePieces } from "../../src/workers/piece_writes.ts";
import type { Place, WriteSpan } from "../../src/workers/protocol.ts";
import { bytesOf, Desk, sha1, writeJob } from "./desk.ts";

/** Pieces of so many bytes each, end to end in one buffer, as the pool sends small ones. */
function inOneBuffer(lengths: readonly number[]): Bytes[] {
  let end = 0;
  const ends = lengths.map((length) => end += length);
  const buffer = new Uint8Array(end).map((_, index) => index + 1).buffer;
  return lengths.map((length, index) => new Uint8Array(buffer, ends[index]! - length, length));
}

/** Where a piece lies, in memory and on the disk. */
interface SecondPiece {
  readonly at: number;
  readonly file: string;
  readonly fileOffset: number;
  readonly folder?: string;
  readonly isCopy?: boolean;
}

/** Writes that this thread has asked the system for. Only Linux tells; elsewhere none. */
function writeCount(): number {
  if (Deno.build.os !== "linux") return 0;
  return Number(/^syscw: (\d+)$/m.exec(Deno.readTextFileSync("/proc/thread-self/io"))![1]);
}

Deno.test("writePieces() puts the parts of a good piece where they belong", async () => {
  using desk = new Desk();
  const data = bytesOf("abcdefghij");
  const spans = [desk.span("a", 3, 0, 4), desk.span("b/c", 0, 4, 1), desk.span("d", 2, 7, 3)];
  const reply = await desk.must<"write">(writeJob(data, spans));
  deepStrictEqual(reply, { kind: "written", buffer: data.buffer, finished: [] });
  strictEqual(desk.text("a"), "\0\0\0abcd");
  strictEqual(desk.text("b/c"), "e");
  strictEqual(desk.text("d"), "\0\0hij");
});

Deno.test("writePieces() lets not a byte of a corrupt piece reach a file", async () => {
  using desk = new Desk();
  const data = bytesOf("abcdefghij");
  const job = { ...writeJob(data, [desk.span("a", 0, 0, 10)]), hash: sha1(bytesOf("other")) };
  const reply = await desk.must<"write">(job);
  strictEqual(reply.kind, "corrupt");
  strictEqual(reply.buffer, data.buffer);
  deepStrictEqual(reply.digests, [sha1(data)]);
  strictEqual(desk.exists("a"), false);
});

Deno.test("writePieces() gives a digest for each block of 16 KiB when it is asked to", async () => {
  using desk = new Desk();
  const data = new Uint8Array(2 * 16_384 + 5).map((_, index) => index >> 8);
  const reply = await desk.must<"write">(writeJob(data, [desk.span("a", 0, 0, data.length)], true));
  deepStrictEqual(reply.digests, [
    sha1(data.subarray(0, 16_384)),
    sha1(data.subarray(16_384, 32_768)),
    sha1(data.subarray(32_768)),
  ]);
});

Deno.test("writePieces() finishes a file once all of it is written", async () => {
  using desk = new Desk();
  const data = bytesOf("abc");
  const whole = { ...desk.span("a.part", 0, 0, 3), finish: desk.finish("a.part", "a", 3) };
  const reply = await desk.must<"write">(writeJob(data, [whole]));
  ok(reply.kind === "written");
  deepStrictEqual(reply.finished.map(({ size }) => size), [3]);
  strictEqual(desk.text("a"), "abc");
});

Deno.test("writePieces() finishes the files that lie in the piece alone", async () => {
  using desk = new Desk();
  const data = bytesOf("abcdefghij");
  const whole = { ...desk.span("b.part", 0, 4, 3), finish: desk.finish("b.part", "b", 3) };
  const reply = await desk.must<"write">(
    writeJob(data, [desk.span("a.part", 0, 0, 4), whole, desk.span("c.part", 0, 7, 3)]),
  );
  ok(reply.kind === "written");
  deepStrictEqual(reply.finished.map(({ size }) => size), [3]);
  strictEqual(desk.text("b"), "efg");
  deepStrictEqual([desk.exists("b.part"), desk.exists("a.part"), desk.exists("c.part")], [
    false,
    true,
    true,
  ]);
});

Deno.test("writePieces() gives the buffer back when the disk fails", async () => {
  using desk = new Desk();
  Deno.mkdirSync(desk.at("a"));
  const data = bytesOf("abc");
  const reply = await desk.run<"write">(writeJob(data, [desk.span("a", 0, 0, 3)]));
  deepStrictEqual(reply, {
    kind: "failed",
    reason: "not-regular",
    path: desk.at("a"),
    message: `Cannot open ${desk.at("a")}: it is a folder`,
    buffer: data.buffer,
  });
});

for (
  const [writes, where, { at, file, fileOffset, folder, isCopy }] of [
    [1, "right behind the first", { at: 4, file: "a", fileOffset: 14 }],
    [2, "elsewhere in the buffer", { at: 5, file: "a", fileOffset: 14 }],
    [2, "elsewhere in the file", { at: 4, file: "a", fileOffset: 15 }],
    [2, "in another file", { at: 4, file: "b", fileOffset: 14 }],
    [2, "in another folder", { at: 4, file: "a", fileOffset: 14, folder: "far" }],
    [2, "in another buffer", { at: 4, file: "a", fileOffset: 14, isCopy: true }],
  ] as readonly (readonly [number, string, SecondPiece])[]
) {
  Deno.test(`writePieces() asks the system ${writes} times for two pieces, the second ${where}`, async () => {
    using desk = new Desk();
    const bytes = new Uint8Array(9).map((_, index) => index + 1);
    const { buffer } = isCopy ? bytes.slice() : bytes;
    const root = folder === undefined ? desk.path : desk.at(folder);
    Deno.mkdirSync(root, { recursive: true });
    const place = { root, path: file };
    const jobs = [
      writeJob(bytes.subarray(0, 4), [desk.span("a", 10, 0, 4)]),
      writeJob(new Uint8Array(buffer, at, 4), [{ ...desk.span("", fileOffset, 0, 4), place }]),
    ];
    const before = writeCount();
    const replies = await writePieces(jobs, desk.files);
    const after = writeCount();
    deepStrictEqual(replies.map(({ kind }) => kind), ["written", "written"]);
    strictEqual(after - before, Deno.build.os === "linux" ? writes : 0);
    deepStrictEqual([...desk.bytes("a").subarray(10, 14)], [1, 2, 3, 4]);
    const found = Deno.readFileSync(`${root}/${file}`).subarray(fileOffset);
    deepStrictEqual([...found], [...bytes.subarray(at, at + 4)]);
  });
}

Deno.test("writePieces() writes a long piece in parts of 256 KiB", async () => {
  using desk = new Desk();
  const data = new Uint8Array(600 * 1024).map((_, index) => index % 251);
  const before = writeCount();
  const [reply] = await writePieces(
    [writeJob(data, [desk.span("a", 5, 0, data.length)])],
    desk.files,
  );
  const after = writeCount();
  strictEqual(reply!.kind, "written");
  strictEqual(after - before, Deno.build.os === "linux" ? 3 : 0);
  deepStrictEqual(desk.bytes("a").subarray(5), data);
});

Deno.test("writePieces() fails the pieces of a write that failed, and no others", async () => {
  using desk = new Desk();
  /** What is written to `bad` fails, as it is open for reading alone. */
  class FailingFiles extends OpenFiles {
    override forWriting(place: Place, wish: WriteSpan): number {
      return place.path === "bad" ? this.forReading(place) : super.forWriting(place, wish);
    }
  }
  desk.write("bad", "old!");
  const [first, before, after, last] = inOneBuffer([4, 4, 4, 4]) as [Bytes, Bytes, Bytes, Bytes];
  const files = new FailingFiles(8);
  const named = { ...desk.span("bad", 0, 0, 4), finish: desk.finish("bad", "named", 4) };
  const replies = await writePieces([
    writeJob(bytesOf("name"), [named]),
    writeJob(first, [desk.span("good", 0, 0, 4)]),
    writeJob(before, [desk.span("good", 4, 0, 2), desk.span("bad", 0, 2, 2)]),
    writeJob(after, [desk.span("bad", 2, 0, 2), desk.span("good", 6, 2, 2)]),
    writeJob(last, [desk.span("good", 8, 0, 4)]),
  ], files);
  files.closeAll();
  deepStrictEqual(replies.map(({ kind }) => kind), [
    "failed",
    "written",
    "failed",
    "failed",
    "written",
  ]);
  const failedPaths = replies.flatMap((reply) => reply.kind === "failed" ? [reply.path] : []);
  deepStrictEqual(failedPaths, Array(3).fill(desk.at("bad")));
  for (const { buffer } of replies.slice(1)) strictEqual(buffer, first.buffer);
  strictEqual(desk.exists("named"), false);
  deepStrictEqual([...desk.bytes("good")], [1, 2, 3, 4, 5, 6, 0, 0, 13, 14, 15, 16]);
});

Deno.test("writePieces() writes good pieces, and no corrupt ones, wherever they lie", async () => {
  const pieces = fc.array(
    fc.record({ length: fc.integer({ min: 1, max: 9 }), isGood: fc.boolean() }),
    {
      minLength: 1,
      maxLength: 12,
    },
  );
  const seed = fc.infiniteStream(fc.nat(100));
  await fc.assert(
    fc.asyncProperty(pieces, seed, async (pieces, seed) => {
      using desk = new Desk();
      const data = inOneBuffer(pieces.map(({ length }) => length));
      const expected = new Map<string, number[]>();
      let offset = 0;
      const jobs = pieces.map(({ length, isGood }, index) => {
        const cut = seed.next().value! % (length + 1);
        const spans = [[0, cut], [cut, length - cut]] as const;
        const job = writeJob(
          data[index]!,
          spans.filter(([, length]) => length > 0).map(([at, length]) => {
            const path = `file ${seed.next().value! % 2}`;
            const bytes = expected.get(path) ?? [];
            data[index]!.subarray(at, at + length).forEach((byte, index) => {
              bytes[offset + at + index] = isGood ? byte : 0;
            });
            if (isGood) expected.set(path, bytes);
            return desk.span(path, offset + at, at, length);
          }),
        );
        offset += length;
        return isGood ? job : { ...job, hash: sha1(bytesOf("other")) };
      });
      const replies = await writePieces(jobs, desk.files);
      deepStrictEqual(
        replies.map(({ kind }) => kind),
        pieces.map(({ isGood }) => isGood ? "written" : "corrupt"),
      );
      for (const [path, bytes] of expected) {
        const found = desk.bytes(path);
        for (const [at, byte] of bytes.entries()) {
          strictEqual(found[at] ?? 0, byte ?? 0, `${path} at ${at}`);
        }
      }
    }),
    { numRuns: 100 },
  );
});

Deno.test({
  name: "D19 writePieces() takes nothing for written of which the system took a part",
  ignore: Deno.build.os === "windows",
  async fn() {
    using desk = new Desk();
    const [files, writes] = ["open_files.ts", "piece_writes.ts"].map((name) =>
      new URL(`../../src/workers/${name}`, import.meta.url)
    );
    desk.write(
      "main.ts",
      `import { createHash } from "node:crypto";
      import { OpenFiles } from "${files}";
      import { writePieces } from "${writes}";
      const data = new Uint8Array(100_000).fill(7);
      const place = { root: ${JSON.stringify(desk.path)}, path: "long" };
      const hash = createHash("sha1").update(data).digest("hex");
      const length = data.length;
      const spans = [{ place, fileOffset: 0, pieceOffset: 0, length, fileLength: 0, mayCreate: true }];
      const job = { kind: "write", data, hash, spans, wantDigests: false };
      const [reply] = await writePieces([job], new OpenFiles(4));
      console.log(reply.kind, reply.reason);`,
    );
    // No file may be longer than that: a write that reaches it is cut short, the next one fails.
    const limited = 'trap "" XFSZ; ulimit -f 100; exec "$@"';
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const words = ["run", "--no-lock", "--config", config, "-A", desk.at("main.ts")];
    const { stdout, stderr } = await new Deno.Command("sh", {
      args: ["-c", limited, "sh", Deno.execPath(), ...words],
    }).output();
    const text = new TextDecoder();
    strictEqual(text.decode(stdout), "failed io\n", text.decode(stderr));
    ok([51_200, 102_400].includes(Deno.statSync(desk.at("long")).size));
  },
});
