import { deepStrictEqual } from "node:assert/strict";
import { VERSION } from "../../src/cli/version.ts";

Deno.test("VERSION is that of deno.json", async () => {
  const config = JSON.parse(await Deno.readTextFile(new URL("../../deno.json", import.meta.url)));
  deepStrictEqual(VERSION, config.version);
});
