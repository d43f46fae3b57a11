import { strictEqual } from "node:assert/strict";
import { type HalfOpen, halfOpenSince, isHopeful } from "../../src/torrent/half_open.ts";

Deno.test("isHopeful() is true until TCP has failed, and not of a mere guess", () => {
  const rows: [known: Partial<HalfOpen>, expected: boolean][] = [
    [{}, true],
    [{ isMeeting: true }, true],
    [{ isUtpSilent: true }, true],
    [{ isHelpSought: true }, true],
    [{ tcpFailure: "refused" }, false],
    [{ isGuess: true }, false],
  ];
  for (const [known, expected] of rows) {
    const dial = { ...halfOpenSince(7, false), ...known };
    strictEqual(isHopeful(dial), expected, JSON.stringify(known));
  }
});
