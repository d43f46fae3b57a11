import { throws } from "node:assert/strict";
import { assert, fail } from "../../src/base/assert.ts";

Deno.test("assert() throws BugError when its condition does not hold", () => {
  assert(true);
  throws(() => assert(false, "two is one"), { name: "BugError", message: /two is one/ });
  throws(() => assert(false), { name: "BugError" });
});

Deno.test("fail() throws BugError", () => {
  throws(() => fail("nothing is something"), { name: "BugError", message: /nothing/ });
});
