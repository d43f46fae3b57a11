import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { FileIndex, PieceIndex } from "../../src/base/ids.ts";
import type { FilePlan } from "../../src/storage/file_plan.ts";
import type { FileRecord, ResumeState } from "../../src/storage/resume_codec.ts";
import { Shares } from "../../src/storage/shares.ts";
import type { SeenFile } from "../../src/storage/sightings.ts";
import { isOurPart, judge, type Legacy, type Verdicts } from "../../src/storage/trust.ts";
import type { FileFacts } from "../../src/workers/protocol.ts";
import { sampleData } from "./disk_target.ts";
import { planOf } from "./plan_of.ts";

/** Pieces of 10 bytes: `a` is pieces 0–2, `b` 2–4 (piece 2 is shared), `c` 5–6. */
const LENGTHS = { a: 25, b: 25, c: 20 };
const { metainfo } = sampleData("t", LENGTHS, 10);

const [A, B, C, D] = [0, 1, 2, 3] as FileIndex[] as [FileIndex, FileIndex, FileIndex, FileIndex];

/** When the state was saved, and when the journal was written last. */
const SAVED = 1_700_000_000_000, NOTED = SAVED + 5_000;

interface Situation {
  /** Default: all. */
  readonly selected?: readonly number[];
  /** What each file is found as; default: `.part`, as it was saved. */
  readonly seen?: Readonly<Record<number, Partial<SeenFile>>>;
  readonly edges?: FileFacts;
  readonly state?: Partial<ResumeState> | null;
  readonly isBelieved?: boolean;
  readonly journal?: readonly number[];
}

function facts(size: number, modifiedMs = SAVED): FileFacts {
  return { size, modifiedMs, links: 1 };
}

function record(size: number, isFinal = false): FileRecord {
  return { isFinal, size, modifiedMs: SAVED };
}

function bits(length: number, ones: readonly number[]): Bitfield {
  const field = new Bitfield(length);
  for (const one of ones) field.set(one);
  return field;
}

/** All that files with these indices have of their pieces is in files of their own. */
function own(...files: number[]): Shares {
  return new Shares(bits(3, files), bits(3, files));
}

/** The verdicts on a download of which pieces 0, 1, 2 and 5 were claimed. */
function verdictsOf(situation: Situation): Verdicts & { plan: FilePlan } {
  const { selected = [0, 1, 2], seen = {}, state = {}, journal = [], isBelieved = true } =
    situation;
  const plan = planOf(metainfo, selected);
  const lengths = Object.values(LENGTHS);
  const files = new Map(lengths.map((length, file): [FileIndex, SeenFile] => {
    const usual = { final: undefined, part: facts(length) };
    return [file as FileIndex, { ...usual, ...seen[file] }];
  }));
  const legacy: Legacy = {
    state: state === null ? undefined : {
      claimed: bits(7, [0, 1, 2, 5]),
      noted: bits(7, []),
      shares: own(0, 1, 2),
      files: new Map(lengths.map((length, file) => [file, record(length)])),
      edges: undefined,
      ...state,
    },
    isBelieved,
    journal: new Set(journal),
    journalModifiedMs: NOTED,
  };
  const verdicts = judge(plan, plan.wantedPieces(), { files, edges: situation.edges }, legacy);
  return { ...verdicts, plan };
}

/** Pieces that are believed, and pieces that are to be hashed. */
function judged(situation: Situation): [trusted: number[], toCheck: number[]] {
  const { trusted, toCheck } = verdictsOf(situation);
  return [[...trusted], [...toCheck]];
}

Deno.test("judge() believes what a state claims when the files are as they were", () => {
  deepStrictEqual(judged({}), [[0, 1, 2, 5], []]);
  strictEqual(verdictsOf({}).isComplete, false);
});

Deno.test("judge() hashes everything that is there when there is no state", () => {
  deepStrictEqual(judged({ state: null }), [[], [0, 1, 2, 3, 4, 5, 6]]);
  deepStrictEqual(judged({ state: null, journal: [0, 1] }), [[], [0, 1, 2, 3, 4, 5, 6]]);
  deepStrictEqual(judged({ state: null, seen: { 1: { part: undefined } } }), [[], [0, 1, 5, 6]]);
});

Deno.test("D5 judge() hashes only the file that has changed, whatever changed it", () => {
  for (const part of [facts(20), facts(25, SAVED + 1), facts(25, SAVED - 1)]) {
    deepStrictEqual(judged({ seen: { 0: { part } } }), [[5], [0, 1, 2]]);
  }
  deepStrictEqual(judged({ seen: { 2: { part: facts(20, SAVED + 1) } } }), [[0, 1, 2], [5, 6]]);
});

Deno.test("judge() gives up what lay in a file that is gone", () => {
  deepStrictEqual(judged({ seen: { 0: { part: undefined } } }), [[5], []]);
});

Deno.test("D10 judge() hashes only what was being written when the last run was killed", () => {
  const part = facts(25, NOTED + 1_000);
  deepStrictEqual(judged({ journal: [3, 4], seen: { 1: { part } } }), [[0, 1, 2, 5], [3, 4]]);
  deepStrictEqual(judged({ journal: [3, 3, 99, 2 ** 31] }), [[0, 1, 2, 5], [3]]);
});

Deno.test("judge() hashes all of a file that changed long after the journal", () => {
  const part = facts(25, NOTED + 61_000);
  deepStrictEqual(judged({ journal: [3], seen: { 1: { part } } }), [[0, 1, 5], [2, 3, 4]]);
});

Deno.test("judge() hashes all of a file that is shorter than it was, noted or not", () => {
  const part = facts(20, NOTED);
  deepStrictEqual(judged({ journal: [3], seen: { 1: { part } } }), [[0, 1, 5], [2, 3, 4]]);
});

Deno.test("judge() does not take a stale file for one that was written through the edges", () => {
  const files = new Map([[0, record(25)], [2, record(20)]]);
  const state = { shares: own(0, 2), files, edges: record(30) };
  for (const edges of [undefined, facts(30, NOTED)]) {
    const situation = { state, journal: [2], ...(edges && { edges }) };
    deepStrictEqual(judged(situation), [[0, 1, 5], [2, 3, 4]]);
  }
});

Deno.test("judge() hashes all of a file that is older than it was (D13)", () => {
  const part = facts(25, SAVED - 1);
  deepStrictEqual(judged({ journal: [3], seen: { 1: { part } } }), [[0, 1, 5], [2, 3, 4]]);
});

Deno.test("judge() believes a file that came into being after the state, if it was noted", () => {
  const files = new Map([[0, record(25)], [2, record(20)]]);
  const part = facts(25, NOTED);
  const seen = { 1: { part } };
  deepStrictEqual(judged({ state: { files }, journal: [3], seen }), [[0, 1, 2, 5], [3]]);
  deepStrictEqual(judged({ state: { files }, seen }), [[0, 1, 5], [2, 3, 4]]);
});

Deno.test("isOurPart() tells by facts alone what a run may have left, be its state believed or not", () => {
  const ownRecord = new Map([[0, record(25)], [1, record(7)]]);
  const CASES: [string, FileFacts, journal: number[], FileIndex, expected: boolean][] = [
    ["as recorded", facts(25), [], A, true],
    ["as recorded, of an odd length", facts(7), [], B, true],
    ["younger", facts(25, SAVED + 1), [], A, true],
    ["older", facts(25, SAVED - 1), [0], A, true],
    ["younger, and noted", facts(25, NOTED + 60_000), [0], A, true],
    ["much younger, and noted", facts(25, NOTED + 60_001), [0], A, true],
    ["younger, where another file was noted", facts(25, NOTED), [5], A, true],
    ["longer, and noted", facts(26, NOTED), [0], A, false],
    ["shorter, and noted", facts(24, NOTED), [0], A, false],
    ["no record", facts(20, NOTED), [], C, false],
    ["no record, and noted", facts(20, NOTED), [6], C, true],
    ["no record, shorter, and noted", facts(19, NOTED), [6], C, false],
    ["one write, shorter, and noted", facts(4, NOTED), [7], D, true],
    ["one write, shorter, and noted long before", facts(4, NOTED + 60_001), [7], D, false],
    ["one write, longer, and noted", facts(6, NOTED), [7], D, false],
  ];
  const plan = planOf(sampleData("t", { ...LENGTHS, d: 5 }, 10).metainfo, [0, 1, 2, 3]);
  for (const isBelieved of [true, false]) {
    for (const [what, found, journal, file, expected] of CASES) {
      const state = {
        claimed: bits(8, []),
        noted: bits(8, []),
        shares: new Shares(bits(4, []), bits(4, [])),
        files: ownRecord,
        edges: undefined,
      };
      const legacy = { state, isBelieved, journal: new Set(journal), journalModifiedMs: NOTED };
      strictEqual(isOurPart(plan, file, found, legacy), expected, what);
    }
  }
});

Deno.test("isOurPart() goes by what a run has left at the name, and not by times", () => {
  const part = record(25), final = record(25, true), later = NOTED + 3_600_000;
  interface Left {
    readonly saved?: FileRecord;
    readonly journal?: readonly number[];
    readonly noted?: readonly number[];
  }
  const CASES: [string, FileFacts, Left, expected: boolean][] = [
    ["nothing is left", facts(25), {}, false],
    ["a part, and it is younger", facts(25, later), { saved: part }, true],
    ["a part, and it is older", facts(25, 1), { saved: part }, true],
    ["a part, and it is longer", facts(26, later), { saved: part }, false],
    ["a part, and it is shorter", facts(24, later), { saved: part }, false],
    ["a part of an odd length, as it is", facts(26), { saved: record(26) }, true],
    ["begun", facts(25, later), { journal: [0] }, true],
    ["begun, and it is longer", facts(26, later), { journal: [0] }, false],
    ["noted", facts(25, later), { noted: [0] }, true],
    ["a neighbour begun", facts(25, later), { journal: [5] }, false],
    ["its name given away", facts(25, later), { saved: final }, false],
    ["its name given away, and noted", facts(25, later), { saved: final, noted: [0] }, false],
    ["its name given away, and begun", facts(25, later), { saved: final, journal: [0] }, true],
  ];
  const plan = planOf(metainfo, [0, 1, 2]);
  for (const [what, found, { saved, journal = [], noted = [] }, expected] of CASES) {
    const state = {
      claimed: bits(7, []),
      noted: bits(7, noted),
      shares: own(0, 1, 2),
      files: new Map(saved === undefined ? [] : [[A, saved]]),
      edges: undefined,
    };
    for (const isBelieved of [true, false]) {
      const legacy = { state, isBelieved, journal: new Set(journal), journalModifiedMs: NOTED };
      strictEqual(isOurPart(plan, A, found, legacy), expected, what);
    }
  }
});

Deno.test("judge() believes a file that got its name after the state was saved", () => {
  const { plan, trusted } = verdictsOf({ seen: { 0: { part: undefined, final: facts(25) } } });
  deepStrictEqual([...trusted], [0, 1, 2, 5]);
  deepStrictEqual([0, 1, 2].map((file) => plan.isFinal(file as FileIndex)), [true, false, false]);
});

Deno.test("judge() finds a target complete without a look at its bytes", () => {
  const named = (length: number) => ({ final: facts(length), part: undefined });
  const state = {
    claimed: bits(7, [0, 1, 2, 3, 4, 5, 6]),
    files: new Map(Object.values(LENGTHS).map((length, file) => [file, record(length, true)])),
  };
  const seen = { 0: named(25), 1: named(25), 2: named(20) };
  strictEqual(verdictsOf({ state, seen }).isComplete, true);
  strictEqual(verdictsOf({ state, seen, journal: [1] }).isComplete, false);
  strictEqual(verdictsOf({ state, seen: { ...seen, 1: {} } }).isComplete, false);
  const touched = { ...seen, 1: { final: facts(25, SAVED + 1), part: undefined } };
  strictEqual(verdictsOf({ state, seen: touched }).isComplete, false);
});

Deno.test("judge() prefers of two names the one that the state says, else the finished one", () => {
  const both = { 0: { final: facts(25), part: facts(25) } };
  const isFinal = (situation: Situation) => verdictsOf(situation).plan.isFinal(0 as FileIndex);
  strictEqual(isFinal({ seen: both }), false);
  strictEqual(isFinal({ seen: both, state: null }), true);
  strictEqual(isFinal({ seen: { 0: { final: facts(24), part: facts(25) } }, state: null }), false);
  strictEqual(isFinal({ seen: { 0: { final: facts(24), part: undefined } }, state: null }), true);
});

Deno.test("judge() of a selection takes the neighbour's share from the edges", () => {
  const state = { shares: own(0), edges: record(30) };
  const situation = { selected: [0], state, edges: facts(30) };
  deepStrictEqual(judged(situation), [[0, 1, 2], []]);
  const { sourceOf, plan } = verdictsOf(situation);
  strictEqual(sourceOf(1 as FileIndex, 2 as PieceIndex), plan.edges);
  const seen = { 1: { final: facts(25) } };
  deepStrictEqual(judged({ ...situation, seen }), [[0, 1, 2], []], "whoever put that file there");
  deepStrictEqual(judged({ ...situation, edges: facts(30, SAVED + 1) }), [[0, 1], [2]]);
  deepStrictEqual(judged({ selected: [0], state }), [[0, 1], []]);
});

Deno.test("judge() hashes claimed pieces where an earlier selection put them", () => {
  const fewer = verdictsOf({ selected: [0] });
  deepStrictEqual([[...fewer.trusted], [...fewer.toCheck]], [[0, 1], [2]]);
  deepStrictEqual(fewer.sourceOf(1 as FileIndex, 2 as PieceIndex), {
    root: "/out",
    path: "t/b.part",
  });
  const seen = { 1: { final: facts(25), part: undefined } };
  const finished = verdictsOf({ selected: [0], seen });
  deepStrictEqual(finished.sourceOf(1 as FileIndex, 2 as PieceIndex), {
    root: "/out",
    path: "t/b",
  });

  const more = verdictsOf({
    seen: { 1: { part: undefined } },
    state: { shares: own(0, 2), edges: record(30) },
    edges: facts(30),
  });
  deepStrictEqual([[...more.trusted], [...more.toCheck]], [[0, 1, 5], [2]]);
  strictEqual(more.sourceOf(1 as FileIndex, 2 as PieceIndex), more.plan.edges);
});

Deno.test("judge() looks into a file that has its name, and not for copies of its ends among the edges", () => {
  const files = new Map([[0, record(25)], [1, record(25, true)], [2, record(20)]]);
  const state = { shares: own(0, 2), edges: record(30), files };
  const B2 = (selected: number[], seen: Partial<SeenFile>, isFinal = true) => {
    const records = new Map(files).set(1, record(25, isFinal));
    const situation = { selected, seen: { 1: { part: undefined, ...seen } }, edges: facts(30) };
    const verdicts = verdictsOf({ ...situation, state: { ...state, files: records } });
    return [
      verdicts.sourceOf(B, 2 as PieceIndex)?.path,
      verdicts.toCheck.includes(2 as PieceIndex),
    ];
  };
  const edges = `${metainfo.infoHashHex}.edges`;
  deepStrictEqual(B2([0, 1, 2], { final: facts(25) }), ["t/b", true]);
  deepStrictEqual(B2([0], { final: facts(25) }), [edges, false], "it is not written to");
  deepStrictEqual(B2([0, 1, 2], { final: facts(25, SAVED + 1) }), [edges, true], "a stranger's");
  deepStrictEqual(B2([0, 1, 2], { final: facts(25) }, false), [edges, true], "the same");
  deepStrictEqual(B2([0, 1, 2], { part: facts(25) }), [edges, true]);
});

Deno.test("judge() without a state takes the neighbour's share from a finished file", () => {
  const seen = { 1: { final: facts(25), part: undefined } };
  const { toCheck, sourceOf } = verdictsOf({ selected: [0], state: null, seen });
  deepStrictEqual([...toCheck], [0, 1, 2]);
  deepStrictEqual(sourceOf(1 as FileIndex, 2 as PieceIndex), { root: "/out", path: "t/b" });
});

Deno.test("judge() looks for a piece of an earlier selection where that one put it", () => {
  // `b` was selected for its end, and not for its start: what it has of piece 2 is aside.
  const shares = new Shares(bits(3, [0, 2]), bits(3, [0, 1, 2]));
  const situation = { state: { shares, edges: record(30) }, edges: facts(30) };
  const { sourceOf, plan, trusted, toCheck } = verdictsOf(situation);
  deepStrictEqual([[...trusted], [...toCheck]], [[0, 1, 5], [2]]);
  strictEqual(sourceOf(1 as FileIndex, 2 as PieceIndex), plan.edges);
  deepStrictEqual(sourceOf(1 as FileIndex, 4 as PieceIndex), { root: "/out", path: "t/b.part" });
  deepStrictEqual(judged({ state: { shares } }), [[0, 1, 5], [2]], "the edges are gone");
});

Deno.test("judge() of a selection takes from a neighbour's own file what no run has noted", () => {
  const state = { claimed: bits(7, [0, 1]), shares: own(0) };
  const { toCheck, sourceOf } = verdictsOf({
    selected: [0],
    state: { ...state, files: new Map([[0, record(25)]]) },
    edges: facts(30),
  });
  deepStrictEqual([...toCheck], [2]);
  deepStrictEqual(sourceOf(1 as FileIndex, 2 as PieceIndex), { root: "/out", path: "t/b.part" });
});

Deno.test("judge() hashes what is only noted, and all that is here when nothing is believed", () => {
  deepStrictEqual(judged({ state: { noted: bits(7, [4, 6]) } }), [[0, 1, 2, 5], [4, 6]]);
  deepStrictEqual(judged({ isBelieved: false }), [[], [0, 1, 2, 3, 4, 5, 6]]);
});
