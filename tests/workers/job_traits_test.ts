import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  bufferOf,
  countedBytes,
  isSmallPiece,
  isUrgentJob,
  mayTakeLong,
  MESSAGE_BYTES,
} from "../../src/workers/job_traits.ts";
import type { Job } from "../../src/workers/protocol.ts";

const place = { root: "/", path: "a" };
const span = { place, fileOffset: 0, pieceOffset: 0, length: 1, fileLength: 1, mayCreate: true };
const finish = { from: place, to: place, length: 1, mayReplace: false };

function write(length: number, spans: Extract<Job, { kind: "write" }>["spans"] = [span]): Job {
  return { kind: "write", data: new Uint8Array(length), hash: "", spans, wantDigests: false };
}

const frame: Job = {
  kind: "frame",
  run: { piece: 0, begin: 0, length: 300 },
  spans: [],
  buffer: undefined,
};

const TABLE: readonly {
  readonly name: string;
  readonly job: Job;
  readonly bytes: number;
  readonly traits: readonly string[];
}[] = [
  { name: "a small piece", job: write(131_072), bytes: 131_072, traits: ["small", "urgent"] },
  { name: "a larger piece", job: write(131_073), bytes: 131_073, traits: ["urgent"] },
  {
    name: "a piece that finishes a file",
    job: write(1, [span, { ...span, finish }]),
    bytes: 1,
    traits: ["small", "urgent", "long"],
  },
  { name: "a run of blocks", job: frame, bytes: 300, traits: ["urgent"] },
  { name: "any other job", job: { kind: "forget" }, bytes: MESSAGE_BYTES, traits: ["long"] },
];

for (const { name, job, bytes, traits } of TABLE) {
  Deno.test(`isSmallPiece(), isUrgentJob() and mayTakeLong() of ${name} are ${traits}`, () => {
    const found = {
      small: isSmallPiece(job),
      urgent: isUrgentJob(job),
      long: mayTakeLong(job),
    };
    deepStrictEqual(Object.entries(found).filter(([, is]) => is).map(([trait]) => trait), traits);
    strictEqual(countedBytes(job), bytes);
  });
}

Deno.test("bufferOf() is the piece's, or what a run is read into", () => {
  const piece = write(5), buffer = new ArrayBuffer(7);
  strictEqual(bufferOf(piece)?.byteLength, 5);
  strictEqual(bufferOf({ ...frame, buffer }), buffer);
  strictEqual(bufferOf({ kind: "forget" }), undefined);
});
