import { strictEqual } from "node:assert/strict";
import type * as free_files from "../../src/net/free_files.ts";
import { countFreeFiles } from "../../src/net/free_files.ts";
import { TemporaryFolder } from "../workers/temporary_folder.ts";

const URL_OF_IT = new URL("../../src/net/free_files.ts", import.meta.url);
const SCRIPT = `import { countFreeFiles } from "${URL_OF_IT}";
  const count = countFreeFiles(300);
  const files = [];
  try { for (;;) files.push(Deno.openSync(new URL(import.meta.url))); } catch { /* no more */ }
  console.log(count === files.length ? "all of them" : count + " of " + files.length);`;

Deno.test("countFreeFiles() counts no more than it is asked for, and closes what it opened", () => {
  for (let round = 0; round < 3; round++) strictEqual(countFreeFiles(50), 50);
});

/** What a program says that may open 100 files. */
async function saysWithFewFiles(...flags: string[]): Promise<string> {
  const folder = await Deno.makeTempDir({ dir: new URL(".", import.meta.url).pathname });
  try {
    const main = `${folder}/main.ts`;
    await Deno.writeTextFile(main, SCRIPT);
    const words = [Deno.execPath(), "run", "--no-lock", "--no-prompt", ...flags, main];
    const { stdout } = await new Deno.Command("sh", {
      args: ["-c", 'ulimit -n 100; exec "$@"', "sh", ...words],
    }).output();
    return new TextDecoder().decode(stdout).trim();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name:
    "S8 countFreeFiles() counts what `ulimit -n` leaves, with no permission but to read our source",
  ignore: Deno.build.os === "windows",
  async fn() {
    const repository = new URL("../..", import.meta.url).pathname;
    strictEqual(await saysWithFewFiles(`--allow-read=${repository}`), "all of them");
  },
});

Deno.test({
  name: "countFreeFiles() takes all that it is asked for as free when its source is not there",
  ignore: Deno.build.os === "windows",
  async fn() {
    using folder = new TemporaryFolder();
    const source = folder.at("src");
    Deno.symlinkSync(new URL("../../src", import.meta.url).pathname, source);
    const module: typeof free_files = await import(`file://${source}/net/free_files.ts`);
    strictEqual(module.countFreeFiles(50), 50);
    Deno.removeSync(source);
    strictEqual(module.countFreeFiles(50), 50);
  },
});

Deno.test({
  name: "countFreeFiles() takes all that it is asked for as free when it may not look",
  ignore: Deno.build.os === "windows",
  async fn() {
    strictEqual(await saysWithFewFiles(), "300 of 0");
  },
});
