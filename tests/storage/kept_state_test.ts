import { deepStrictEqual } from "node:assert/strict";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { FileIndex } from "../../src/base/ids.ts";
import { type KeptState, keptState } from "../../src/storage/kept_state.ts";
import { Shares } from "../../src/storage/shares.ts";
import type { SeenFile } from "../../src/storage/sightings.ts";
import type { Legacy } from "../../src/storage/trust.ts";
import type { FileFacts } from "../../src/workers/protocol.ts";
import { sampleData } from "./disk_target.ts";
import { planOf } from "./plan_of.ts";

/** Pieces of 10 bytes: `a` is 0–2, `b` 2–4, `c` 4–6, `d` 6–7; `a` is what this run is for. */
const { metainfo } = sampleData("t", { a: 25, b: 20, c: 20, d: 15 }, 10);
const PIECES = 8, FILES = 4;
const RECORD = { isFinal: false, size: 20, modifiedMs: 5 };
const FACTS = { size: 20, modifiedMs: 7, links: 1 };

interface Situation {
  readonly claimed?: readonly number[];
  readonly noted?: readonly number[];
  readonly journal?: readonly number[];
  /** Files with records. */
  readonly files?: readonly number[];
  /** Files whose bytes are all in files of their own. */
  readonly own?: readonly number[];
  readonly isBelieved?: boolean;
  /** How `a` and `b` look. */
  readonly facts?: FileFacts;
  /** They are used under their final names, though there are parts too. */
  readonly isFinal?: boolean;
  readonly areEdgesTrusted?: boolean;
}

function bits(length: number, ones: readonly number[]): Bitfield {
  const field = new Bitfield(length);
  for (const one of ones) field.set(one);
  return field;
}

/** What is kept: pieces claimed, pieces noted, and the files with records. */
function kept(situation: Situation): { claimed: number[]; noted: number[]; files: number[] } {
  const { claimed, noted, files } = keptOf(situation);
  return {
    claimed: [...claimed.ones()],
    noted: [...noted.ones()],
    files: [...files.keys()],
  };
}

function keptOf(situation: Situation): KeptState {
  const { claimed = [], noted = [], journal = [], own = [0, 1, 2, 3] } = situation;
  const recorded = situation.files ?? [1, 2, 3];
  const plan = planOf(metainfo, [0]);
  const { isFinal = false, facts = FACTS } = situation;
  const legacy: Legacy = {
    state: {
      claimed: bits(PIECES, claimed),
      noted: bits(PIECES, noted),
      shares: new Shares(bits(FILES, own), bits(FILES, own)),
      files: new Map(recorded.map((file) => [file, RECORD])),
      edges: undefined,
    },
    isBelieved: situation.isBelieved ?? true,
    journal: new Set(journal),
    journalModifiedMs: 0,
  };
  const seen: SeenFile = { final: isFinal ? facts : undefined, part: facts };
  const files = new Map([[0 as FileIndex, seen], [1 as FileIndex, seen]]);
  for (const file of files.keys()) plan.setFinal(file, isFinal);
  const sightings = {
    files,
    edges: FACTS,
  };
  const { areEdgesTrusted = true } = situation;
  return keptState(plan, plan.wantedPieces(), sightings, legacy, areEdgesTrusted);
}

Deno.test("keptState() goes on claiming the pieces of other files, and those alone", () => {
  const all = [0, 1, 2, 3, 4, 5, 6, 7];
  deepStrictEqual(kept({ claimed: all, files: [0, 1, 2, 3] }), {
    claimed: [3, 4, 5, 6, 7],
    noted: [],
    files: [1, 2, 3],
  });
});

Deno.test("keptState() notes claims that nobody vouches for", () => {
  const claimed = [3, 4, 5, 6, 7];
  deepStrictEqual(kept({ claimed, isBelieved: false }).noted, claimed);
  deepStrictEqual(kept({ claimed, files: [1, 2] }).noted, [6, 7], "d has no record");
  deepStrictEqual(kept({ claimed, journal: [5] }).noted, [4, 5, 6], "c was written to");
  deepStrictEqual(kept({ claimed, own: [1, 2], areEdgesTrusted: false }).noted, [6, 7]);
});

Deno.test("keptState() keeps notes, and takes those of a run that was killed", () => {
  deepStrictEqual(kept({ noted: [1, 3], journal: [2, 6, 99] }).noted, [3, 6]);
});

Deno.test("keptState() records a file that a killed run began, while its piece is looked at", () => {
  deepStrictEqual(kept({ files: [], journal: [2] }).files, [1]);
  deepStrictEqual(kept({ files: [], noted: [4] }).files, [1]);
  deepStrictEqual(kept({ files: [], journal: [6] }).files, []);
  const facts = { ...FACTS, size: 19 };
  deepStrictEqual(kept({ files: [], journal: [2], facts }).files, [], "a stranger's");
  deepStrictEqual(kept({ files: [], journal: [2], isFinal: true }).files, [], "perhaps one");
});

Deno.test("keptState() records anew what a killed run may have written to, and claims nothing of it", () => {
  const situations: [Situation, modifiedMs: number, claimed: number[]][] = [
    [{}, RECORD.modifiedMs, [3, 4, 5]],
    [{ journal: [2] }, FACTS.modifiedMs, [5]],
    [{ noted: [4] }, FACTS.modifiedMs, [5]],
    [{ journal: [2], own: [2, 3] }, FACTS.modifiedMs, [4, 5]],
    [{ journal: [2], facts: { ...FACTS, modifiedMs: 5 } }, RECORD.modifiedMs, [5]],
    [{ noted: [4], facts: { ...FACTS, modifiedMs: 5 } }, RECORD.modifiedMs, [3, 4, 5]],
    [{ journal: [2], facts: { ...FACTS, modifiedMs: 60_001 } }, 60_001, [5]],
    [{ journal: [2], isFinal: true }, RECORD.modifiedMs, [5]],
    [{ noted: [4], isFinal: true }, RECORD.modifiedMs, [3, 4, 5]],
  ];
  for (const [situation, modifiedMs, claimed] of situations) {
    const { files, ...state } = keptOf({ claimed: [3, 4, 5], ...situation });
    const found = [files.get(1)!.modifiedMs, [...state.claimed.ones()]];
    deepStrictEqual(found, [modifiedMs, claimed], JSON.stringify(situation));
  }
});

Deno.test("keptState() says where the pieces of this run go, and others stay", () => {
  const shares = new Shares(bits(FILES, [1, 2]), bits(FILES, [1, 2]));
  const plan = planOf(metainfo, [0]);
  const seen: SeenFile = { final: undefined, part: undefined };
  const files = new Map([[0 as FileIndex, seen], [1 as FileIndex, seen]]);
  const none = new Bitfield(PIECES);
  const state = { claimed: none, noted: none, shares, files: new Map(), edges: undefined };
  const legacy = { state, isBelieved: true, journal: new Set<number>(), journalModifiedMs: 0 };
  const sharesBeside = (edges: FileFacts | undefined) => {
    const kept = keptState(plan, plan.wantedPieces(), { files, edges }, legacy, false);
    return [[...kept.shares.heads.ones()], [...kept.shares.tails.ones()]];
  };
  deepStrictEqual(sharesBeside(FACTS), [[0, 2], [0, 1, 2]]);
  deepStrictEqual(sharesBeside(undefined), [[0, 2, 3], [0, 1, 2, 3]], "nothing is left there");
});
