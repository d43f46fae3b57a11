import { deepStrictEqual, ok } from "node:assert/strict";
import { Bitfield } from "../../../src/base/bitfield.ts";
import { StorageError } from "../../../src/base/errors.ts";
import { failureBy } from "../../../src/cli/output/failure.ts";
import { type Findings, planFailure } from "../../../src/cli/plan/plan_verdict.ts";
import { makeSurveyReport } from "../fake_engine.ts";

const NOTHING = new Bitfield(10);

function findings(
  { outlook, ...changes }: Partial<Omit<Findings, "outlook">> & {
    readonly outlook?: Partial<Findings["outlook"]>;
  } = {},
): Findings {
  return {
    tooLarge: undefined,
    outlook: {
      folder: "/data",
      isFolderThere: true,
      isHeld: false,
      wanted: NOTHING,
      have: NOTHING,
      unchecked: NOTHING,
      missing: NOTHING,
      isComplete: false,
      obstacles: [],
      occupied: new Set(),
      present: new Set(),
      bytes: { wanted: 1000, here: 0, unchecked: 0, toFetch: 1000 },
      space: { bytes: 1000 },
      accessFlag: undefined,
      ...outlook,
    },
    survey: makeSurveyReport(),
    namedPeers: [],
    isPrivate: false,
    ...changes,
  };
}

const OCCUPIED = new StorageError("occupied", "/data/x", "Cannot download to /data/x: taken");
const SYMLINK = new StorageError("symlink", "/data/x", "Cannot use /data/x: it is a link");
const TOO_LARGE = failureBy("too-large", "more than --max-bytes allows");
const UNREACHED = { peersReached: 0, seeds: 0, peersUseful: 0 };
const REFUSING = { url: "http://a/announce", state: "failing", hasAnswered: false } as const;
const EMPTY = { ...REFUSING, state: "working", hasAnswered: true } as const;

Deno.test("planFailure() gives the first cause that already holds, in the order of get", () => {
  const survey = makeSurveyReport();
  const noPieces = { wanted: 10, atNobody: 4, copies: 0 };
  const full = { space: { bytes: 999 } };
  const table: [expected: string, exitCode: number, findings: Findings][] = [
    ["go", 0, findings()],
    ["go", 0, findings({ survey: undefined })],
    ["go", 0, findings({ outlook: { space: {} } })],
    ["go", 0, findings({ survey: undefined, outlook: { isComplete: true } })],
    ["locked", 75, findings({ survey: undefined, outlook: { isComplete: true, isHeld: true } })],
    ["too-large", 3, findings({ tooLarge: TOO_LARGE, outlook: { isComplete: true } })],
    ["locked", 75, findings({ outlook: { isHeld: true, obstacles: [OCCUPIED] } })],
    ["occupied", 6, findings({ outlook: { obstacles: [OCCUPIED], ...full } })],
    ["disk", 5, findings({ outlook: { obstacles: [SYMLINK] } })],
    ["disk", 5, findings({ outlook: full, survey: { ...survey, ...UNREACHED } })],
    ["swarm-incomplete", 15, findings({ survey: { ...survey, pieces: noPieces } })],
    ["peers-unreachable", 13, findings({ survey: { ...survey, ...UNREACHED } })],
    [
      "trackers-failed",
      11,
      findings({ survey: { ...survey, ...UNREACHED, peersKnown: 0, trackers: [REFUSING] } }),
    ],
    [
      "no-peers",
      12,
      findings({ survey: { ...survey, ...UNREACHED, peersKnown: 0, trackers: [EMPTY, REFUSING] } }),
    ],
  ];
  for (const [expected, exitCode, all] of table) {
    const failure = planFailure(all);
    deepStrictEqual([failure?.verdict ?? "go", failure?.exitCode ?? 0], [expected, exitCode]);
  }
});

Deno.test("planFailure() says how much space there is and how much is needed", () => {
  const failure = planFailure(findings({ outlook: { space: { bytes: 10 } } }))!;
  ok(failure.detail.includes("1000 B are to be fetched, and 10 B are free"), failure.detail);
  deepStrictEqual(failure.evidence, { reason: "no-space", needed: 1000, free: 10 });
});
