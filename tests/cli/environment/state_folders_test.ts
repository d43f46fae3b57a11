import { deepStrictEqual } from "node:assert/strict";
import { foldersOf } from "../../../src/cli/environment/state_folders.ts";

Deno.test("foldersOf() keeps the state in the output folder, unless another one is named", () => {
  deepStrictEqual(foldersOf({ outputDir: "out", stateDir: undefined }), {
    outputDir: "out",
    stateDir: "out/.starling",
  });
  deepStrictEqual(foldersOf({ outputDir: "out", stateDir: "state" }).stateDir, "state");
});
