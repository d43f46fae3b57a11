import { deepStrictEqual, match, strictEqual } from "node:assert/strict";
import { VERSION, versionLine } from "../../../src/cli/output/version.ts";

const REPOSITORY = new URL("../../../", import.meta.url);

Deno.test("VERSION is that of deno.json", async () => {
  const config = JSON.parse(await Deno.readTextFile(new URL("deno.json", REPOSITORY)));
  deepStrictEqual(VERSION, config.version);
});

Deno.test("versionLine() names the version, the commit and Deno's version", () => {
  const commit = "0123456789abcdef0123456789abcdef01234567";
  strictEqual(versionLine("2.9.6", commit), `starling ${VERSION} (commit ${commit}, Deno 2.9.6)`);
});

Deno.test("versionLine() claims no commit for what was not made from one", () => {
  match(versionLine("2.9.6"), /\(from a checkout, Deno 2\.9\.6\)$|\(commit [0-9a-f]{40}, /);
  strictEqual(
    versionLine("2.9.6", "$Format:%H$"),
    `starling ${VERSION} (from a checkout, Deno 2.9.6)`,
  );
});

Deno.test("git writes the commit into version.ts when it packs the sources", async () => {
  const attributes = await Deno.readTextFile(new URL(".gitattributes", REPOSITORY));
  match(attributes, /^src\/cli\/output\/version\.ts export-subst$/m);
  match(
    await Deno.readTextFile(new URL("src/cli/output/version.ts", REPOSITORY)),
    /^const COMMIT = "(\$Format:%H\$|[0-9a-f]{40})";$/m,
  );
});
