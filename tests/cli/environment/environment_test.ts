import { ok, strictEqual } from "node:assert/strict";
import { realEnvironment } from "../../../src/cli/environment/environment.ts";

Deno.test({
  name: "freeBytes() is how much may be written where Deno lets it see that",
  permissions: { read: true, sys: ["statfs"] },
  fn: async () => {
    const bytes = await realEnvironment().freeBytes(".");
    ok(Number.isSafeInteger(bytes) && bytes! >= 0, `${bytes}`);
    strictEqual(await realEnvironment().freeBytes("no such folder"), undefined);
  },
});

Deno.test({
  name: "freeBytes() is not known, and nobody is asked, where Deno was not allowed to see it",
  permissions: { read: true, sys: false },
  fn: async () => strictEqual(await realEnvironment().freeBytes("."), undefined),
});
