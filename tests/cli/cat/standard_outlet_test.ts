import { deepStrictEqual, ok, rejects, strictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { Bitfield } from "../../../src/base/bitfield.ts";
import { concatBytes } from "../../../src/base/bytes.ts";
import { StandardOutlet } from "../../../src/cli/cat/standard_outlet.ts";
import { TAR_END, tarHeader, tarPadding } from "../../../src/cli/cat/tar.ts";
import { listFiles } from "../../../src/cli/files/file_list.ts";
import { Output, type Sink } from "../../../src/cli/output/output.ts";
import type { ReadableTorrent } from "../../../src/cli/tasks/outlet.ts";
import type { Target } from "../../../src/cli/tasks/target.ts";
import { Layout } from "../../../src/metainfo/layout.ts";
import { diskPaths } from "../../../src/metainfo/paths.ts";
import { ManualClock } from "../../sim/manual_clock.ts";
import { randomBytes } from "../../loopback/content.ts";
import { readFrom } from "../fake_engine.ts";
import { makeSnapshot } from "../snapshots.ts";
import { makeMetainfo, PIECE_LENGTH } from "../torrents.ts";

const MAX_HELD_BYTES = 1024 * 1024;
const CREATED = 1_700_000_000;

/** A target with files of these lengths, of which those at `chosen` are selected. */
function makeTarget(lengths: readonly number[], chosen: readonly number[]): Target {
  const files = lengths.map((length, index) => ({ path: `sub/${index}.bin`, length }));
  const metainfo = makeMetainfo({ name: "pack", files, creationDate: CREATED });
  const paths = diskPaths(metainfo, "linux");
  const listed = [...listFiles({ metainfo, paths })];
  // Those of a user come in any order.
  const selected = new Set(chosen.map((index) => listed[index]!).toReversed());
  return {
    source: { metainfo, metainfoLength: 0, paths },
    selected,
    indices: new Set([...selected].map(({ index }) => index)),
    size: 0,
    ranges: [],
  };
}

/** All files of a torrent in a row, of which pieces come one by one. */
class ComingPieces implements ReadableTorrent {
  readonly data: Uint8Array;
  readonly have: Bitfield;

  constructor({ source: { metainfo: { layout } } }: Target) {
    this.data = randomBytes(layout.totalLength, 1);
    this.have = new Bitfield(layout.pieceCount);
  }

  verifyAll(): this {
    for (let piece = 0; piece < this.have.length; piece++) this.have.set(piece);
    return this;
  }

  snapshot() {
    return makeSnapshot({ havePieces: this.have });
  }

  async read(...[run, buffer]: Parameters<ReadableTorrent["read"]>) {
    ok(this.have.has(run.piece), "only what was verified may be read");
    ok(run.length <= MAX_HELD_BYTES);
    const start = run.piece * PIECE_LENGTH + run.begin;
    await Promise.resolve();
    return readFrom(run, buffer, (blocks) => {
      blocks.set(this.data.subarray(start, start + run.length));
    });
  }

  /** What is to be written of these files. */
  expected({ selected }: Target, lengths: readonly number[], asTar: boolean): Uint8Array {
    const files = [...selected].toSorted((a, b) => a.index - b.index);
    const parts = files.flatMap((file) => {
      const start = lengths.slice(0, file.index).reduce((sum, length) => sum + length, 0);
      const bytes = this.data.subarray(start, start + file.size);
      return asTar
        ? [tarHeader({ ...file, modifiedS: CREATED }), bytes, tarPadding(file)]
        : [bytes];
    });
    return concatBytes(...parts, ...asTar ? [TAR_END] : []);
  }
}

/** Somebody at the end of a pipe, who takes bytes when the test says so. */
class Reader {
  readonly #taken: Uint8Array[] = [];
  #allowed = 0;
  #wake = () => {};
  #isWriting = false;

  readonly sink: Sink = async (bytes) => {
    ok(!this.#isWriting, "one write at a time");
    ok(bytes.length <= MAX_HELD_BYTES);
    this.#isWriting = true;
    while (this.#allowed === 0) await new Promise<void>((resolve) => this.#wake = resolve);
    const part = bytes.slice(0, this.#allowed);
    this.#allowed -= part.length;
    this.#taken.push(part);
    this.#isWriting = false;
    return part.length;
  };

  get taken(): Uint8Array {
    return concatBytes(...this.#taken);
  }

  take(bytes: number): void {
    this.#allowed += bytes;
    this.#wake();
  }
}

function outputTo(sink: Sink, isTerminal = false): Output {
  return new Output(sink, { clock: new ManualClock(), isTerminal });
}

/** The outlet of a download to "out", which asks whether `itself` is among its files. */
function outletTo(stdout: Output, tar: boolean, itself?: string): StandardOutlet {
  const standardOutputAmong = (folder: string, paths: Iterable<string>) =>
    Promise.resolve([...paths].find((path) => `${folder}/${path}` === itself));
  return new StandardOutlet({ stdout, standardOutputAmong }, { tar, outputDir: "out" });
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await Promise.resolve();
}

const lengths = fc.array(fc.oneof(fc.constant(0), fc.nat(3 * PIECE_LENGTH)), {
  minLength: 1,
  maxLength: 6,
}).filter((all) => all.some((length) => length > 0));
/** What happens next: a piece comes, as a place among those that are missing; the reader reads. */
const step = fc.oneof(
  fc.record({ piece: fc.nat() }),
  fc.record({ bytes: fc.integer({ min: 1, max: 2 * PIECE_LENGTH }) }),
);

Deno.test("take() writes every byte once and in order, whenever pieces come and however it is read", async () => {
  const scenario = fc.record({
    lengths,
    chosen: fc.array(fc.nat(5), { maxLength: 6 }),
    asTar: fc.boolean(),
    steps: fc.array(step, { maxLength: 40 }),
  });
  await fc.assert(
    fc.asyncProperty(scenario, async ({ lengths, chosen, asTar, steps }) => {
      const some = [...new Set(chosen.map((index) => index % lengths.length))];
      const target = makeTarget(lengths, asTar ? some : [some[0] ?? 0]);
      const torrent = new ComingPieces(target), reader = new Reader();
      const outlet = outletTo(outputTo(reader.sink), asTar);
      await outlet.check(target);
      const expected = torrent.expected(target, lengths, asTar);
      let isDone = false;
      const taking = outlet.take(target, torrent, new AbortController().signal)
        .then(() => isDone = true);
      const missing = [...Array(torrent.have.length).keys()];
      const verify = (place: number) => {
        const [piece] = missing.splice(place % missing.length, 1);
        outlet.hear({ kind: "piece", piece: piece! });
        torrent.have.set(piece!);
      };
      for (const next of steps) {
        if ("bytes" in next) reader.take(next.bytes);
        else if (missing.length > 0) verify(next.piece);
        await turns();
        const { taken } = reader;
        deepStrictEqual(taken, expected.subarray(0, taken.length));
        ok(!isDone || taken.length === expected.length, "it waits for its reader");
      }
      while (missing.length > 0) verify(0);
      reader.take(Infinity);
      await taking;
      deepStrictEqual(reader.taken, expected);
    }),
    { numRuns: 200 },
  );
});

Deno.test("take() holds no more than 1 MiB of a piece that is larger", async () => {
  const spans: number[] = [];
  const target = makeTarget([5_000_000], [0]);
  const { files } = target.source.metainfo;
  const layout = new Layout({ pieceLength: 4 * MAX_HELD_BYTES, files });
  const metainfo = { ...target.source.metainfo, layout };
  const have = new Bitfield(2);
  have.set(0);
  have.set(1);
  const torrent: ReadableTorrent = {
    snapshot: () => makeSnapshot({ havePieces: have }),
    read: (run, buffer) => {
      spans.push(run.length);
      return Promise.resolve(readFrom(run, buffer, () => {}));
    },
  };
  const outlet = outletTo(outputTo(({ length }) => Promise.resolve(length)), false);
  const source = { ...target.source, metainfo };
  await outlet.take({ ...target, source }, torrent, new AbortController().signal);
  deepStrictEqual(spans, [...Array(4).fill(MAX_HELD_BYTES), 5_000_000 - 4 * MAX_HELD_BYTES]);
});

Deno.test("take() writes what is here together, however short its files and pieces are", async () => {
  const lengths = Array<number>(3_000).fill(1_000);
  const target = makeTarget(lengths, [...lengths.keys()]);
  const writes: number[] = [];
  const sink: Sink = ({ length }) => {
    writes.push(length);
    return Promise.resolve(length);
  };
  const torrent = new ComingPieces(target).verifyAll();
  const outlet = outletTo(outputTo(sink), true);
  await outlet.take(target, torrent, new AbortController().signal);
  const bytes = writes.reduce((sum, length) => sum + length, 0);
  strictEqual(bytes, 3_000 * (512 + 1024) + 1024);
  ok(writes.length < 20, `${writes.length} writes`);
});

Deno.test("take() tells a reader that has left from an output that fails", async () => {
  const cases: [error: Error, verdict: string, exitCode: number, said: RegExp][] = [
    [new Deno.errors.BrokenPipe("Broken pipe"), "reader-gone", 141, /has left/],
    [new Error("No space left"), "disk", 5, /^Cannot write to standard output: No space left$/],
  ];
  for (const [error, verdict, exitCode, said] of cases) {
    const target = makeTarget([100_000], [0]);
    const outlet = outletTo(outputTo(() => Promise.reject(error)), false);
    const taking = outlet.take(
      target,
      new ComingPieces(target).verifyAll(),
      new AbortController().signal,
    );
    await rejects(taking, { name: "CommandError", message: said });
    const failure = await taking.catch(({ failure }) => failure);
    deepStrictEqual([failure.verdict, failure.exitCode], [verdict, exitCode]);
  }
});

Deno.test("take() waits no longer for a reader who does not read once it is to end", async () => {
  const target = makeTarget([100_000], [0]);
  const outlet = outletTo(outputTo(() => new Promise(() => {})), false);
  const ending = new AbortController();
  const taking = outlet.take(target, new ComingPieces(target).verifyAll(), ending.signal);
  await turns();
  ending.abort(new Error("it is over"));
  await rejects(taking, /it is over/);
});

Deno.test("check() refuses what is not one file, unless it is to be an archive", async () => {
  const output = outputTo(({ length }) => Promise.resolve(length));
  const plain = outletTo(output, false);
  const archive = outletTo(output, true);
  for (const chosen of [[0], [0, 1]]) await archive.check(makeTarget([1, 0, 2], chosen));
  await plain.check(makeTarget([1, 0, 2], [1]));
  await rejects(plain.check(makeTarget([1, 0, 2], [0, 1, 2])), {
    message: "Cannot write 3 files to standard output: choose one with --select, or --tar",
  });
});

Deno.test("check() refuses a standard output that is a file of the target, under either name", async () => {
  const output = outputTo(({ length }) => Promise.resolve(length));
  for (
    const [chosen, name, isRefused] of [
      [[1], "1.bin", true],
      [[1], "1.bin.part", true],
      [[0, 2], "2.bin", true],
      [[0, 2], "1.bin", false],
      [[1], "other.bin", false],
    ] as const
  ) {
    const outlet = outletTo(output, chosen.length > 1, `out/pack/sub/${name}`);
    const checking = outlet.check(makeTarget([1, 2, 3], chosen));
    if (!isRefused) await checking;
    else {
      await rejects(checking, {
        name: "CommandError",
        message: `Cannot write to standard output: it is pack/sub/${name}, a file that is ` +
          'downloaded; name another file, or use "starling get"',
      });
    }
  }
});

Deno.test("StandardOutlet writes to no terminal", () => {
  const terminal = outputTo(({ length }) => Promise.resolve(length), true);
  for (const asTar of [false, true]) {
    throws(
      () => outletTo(terminal, asTar),
      /^CommandError: Cannot write data to a terminal: /,
    );
  }
  strictEqual(terminal.isBusy, false);
});
