import { deepStrictEqual, ok } from "node:assert/strict";
import { Patience } from "../../src/peer/patience.ts";

const SECOND = 1_000;

Deno.test("isOver() is true when the source has been silent for ten seconds since it was asked or gave", () => {
  const patience = new Patience(0);
  ok(!patience.isOver(10 * SECOND - 1) && patience.isOver(10 * SECOND));
  patience.begin(5 * SECOND);
  ok(!patience.isOver(15 * SECOND - 1) && patience.isOver(15 * SECOND));
  patience.renew(8 * SECOND);
  ok(!patience.isOver(18 * SECOND - 1) && patience.isOver(18 * SECOND));
});

Deno.test("rest() lasts twenty seconds, doubled every time up to five minutes, until it gives", () => {
  const patience = new Patience(0);
  ok(patience.isUnbroken && !patience.isResting(0));
  const lengths = [20, 40, 80, 160, 300, 300].map((seconds) => {
    patience.rest(0);
    return patience.isResting(seconds * SECOND - 1) && !patience.isResting(seconds * SECOND);
  });
  deepStrictEqual(lengths, lengths.map(() => true));
  ok(!patience.isUnbroken);
  patience.renew(0);
  ok(patience.isUnbroken && !patience.isResting(0));
  patience.rest(0);
  ok(!patience.isResting(20 * SECOND));
});

Deno.test("bearsUnrequested() a hundred times", () => {
  const patience = new Patience(0);
  for (let count = 0; count < 100; count++) ok(patience.bearsUnrequested());
  ok(!patience.bearsUnrequested());
});
