import { deepStrictEqual, ok, throws } from "node:assert/strict";
import fc from "fast-check";
import { Bitfield } from "../../src/base/bitfield.ts";
import {
  encodeResume,
  type FileRecord,
  maxResumeLength,
  parseResume,
  ResumeError,
  type ResumeState,
} from "../../src/storage/resume_codec.ts";
import { Shares } from "../../src/storage/shares.ts";
import { plain, SUBJECT } from "./resume_text.ts";

/** What makes a line a whole file: a SHA-1 in hex, and two line feeds. */
const SEAL_LENGTH = 42;

const STATE: ResumeState = {
  claimed: bits(SUBJECT.pieceCount, 0, 7, 99),
  noted: bits(SUBJECT.pieceCount, 8),
  shares: new Shares(bits(SUBJECT.fileCount, 1), bits(SUBJECT.fileCount, 0, 1)),
  files: new Map([[1, { isFinal: false, size: 77, modifiedMs: 1_700_000_000_123 }]]),
  edges: { isFinal: false, size: 5, modifiedMs: -1 },
};

function bits(length: number, ...ones: number[]): Bitfield {
  const field = new Bitfield(length);
  for (const one of ones) field.set(one);
  return field;
}

/** The state as it comes back when its JSON is altered. */
function altered(change: (fields: Record<string, unknown>) => void): ResumeState {
  const fields = JSON.parse(encodeResume(SUBJECT, STATE));
  change(fields);
  return parseResume(JSON.stringify(fields), SUBJECT);
}

function refuses(change: (fields: Record<string, unknown>) => void, message: RegExp): void {
  throws(
    () => altered(change),
    (error) => error instanceof ResumeError && message.test(error.message),
  );
}

const record: fc.Arbitrary<FileRecord> = fc.record({
  isFinal: fc.boolean(),
  size: fc.maxSafeNat(),
  modifiedMs: fc.maxSafeInteger(),
}, { noNullPrototype: true });

Deno.test("parseResume() gives back what encodeResume() took", () => {
  const state = fc.record({
    claimed: fc.array(fc.nat(SUBJECT.pieceCount - 1)),
    noted: fc.array(fc.nat(SUBJECT.pieceCount - 1)),
    heads: fc.array(fc.nat(SUBJECT.fileCount - 1)),
    tails: fc.array(fc.nat(SUBJECT.fileCount - 1)),
    files: fc.array(fc.tuple(fc.nat(SUBJECT.fileCount - 1), record)),
    edges: fc.option(record, { nil: undefined }),
  });
  fc.assert(fc.property(state, ({ claimed, noted, heads, tails, files, edges }) => {
    const state = {
      claimed: bits(SUBJECT.pieceCount, ...claimed),
      noted: bits(SUBJECT.pieceCount, ...noted),
      shares: new Shares(bits(SUBJECT.fileCount, ...heads), bits(SUBJECT.fileCount, ...tails)),
      files: new Map(files),
      edges,
    };
    const line = encodeResume(SUBJECT, state);
    ok(line.length + SEAL_LENGTH <= maxResumeLength(SUBJECT) && !line.includes("\n"));
    deepStrictEqual(plain(parseResume(line, SUBJECT)), plain(state));
  }));
});

Deno.test("maxResumeLength() is enough for many pieces, and files with the longest numbers", () => {
  const subject = { ...SUBJECT, pieceCount: 1_000_000, fileCount: 100_000 };
  const longest = { isFinal: true, size: Number.MAX_SAFE_INTEGER, modifiedMs: -8.64e15 };
  const { length } = encodeResume(subject, {
    claimed: new Bitfield(subject.pieceCount),
    noted: new Bitfield(subject.pieceCount),
    shares: Shares.allOwn(subject.fileCount),
    files: new Map(Array.from({ length: subject.fileCount }, (_, file) => [file, longest])),
    edges: longest,
  });
  const limit = maxResumeLength(subject);
  ok(length + SEAL_LENGTH <= limit && limit < 2 * length, `${length} bytes, ${limit} at most`);
});

Deno.test("D12 parseResume() refuses a state that is cut anywhere, or empty", () => {
  const line = encodeResume(SUBJECT, STATE);
  for (let length = 0; length < line.length; length++) {
    throws(() => parseResume(line.slice(0, length), SUBJECT), ResumeError);
  }
});

Deno.test("D12 parseResume() refuses other versions, formats and torrents", () => {
  refuses((fields) => fields["version"] = 1, /version/);
  refuses((fields) => fields["format"] = "aria2", /something else/);
  refuses((fields) => fields["infoHash"] = "00".repeat(20), /another torrent/);
});

Deno.test("D12 parseResume() refuses bitfields that are not of the torrent", () => {
  for (const field of ["claimed", "noted", "heads", "tails"]) {
    for (const value of [undefined, 5, "", "!", "AAAA", "////////////////////////"]) {
      refuses((fields) => fields[field] = value, /bitfield/);
    }
  }
});

Deno.test("D12 parseResume() refuses records that make no sense", () => {
  const files: unknown[] = [
    {},
    [5],
    [[2, 0, 1, 1]],
    [[-1, 0, 1, 1]],
    [["0", 0, 1, 1]],
    [[0, 2, 1, 1]],
    [[0, 0, -1, 1]],
    [[0, 0, 1.5, 1]],
    [[0, 0, 1, null]],
    [[0, 0, 1]],
    [[0, 0, 1, 1], [0, 0, 1, 1]],
  ];
  for (const value of files) refuses((fields) => fields["files"] = value, /file/);
  for (const value of [undefined, 1, [], [0, 1]]) {
    refuses((fields) => fields["edges"] = value, /file/);
  }
  for (const body of ["null", "5", "{", '"text"']) {
    throws(() => parseResume(body, SUBJECT), ResumeError);
  }
});
