import { deepStrictEqual } from "node:assert/strict";
import { TemporaryFolder } from "../workers/temporary_folder.ts";

const ACCESS = new URL("../../src/storage/folder_permissions.ts", import.meta.url);

/** What `missingAccess` says to a process in `here` that may read and write below it alone. */
async function missingIn(
  folder: TemporaryFolder,
  questions: readonly (readonly [folders: readonly string[], accesses?: readonly string[]])[],
): Promise<(string | null)[]> {
  folder.write(
    "here/main.ts",
    `import { missingAccess } from "${ACCESS}";
    const questions = ${JSON.stringify(questions)};
    console.log(JSON.stringify(questions.map((each) => missingAccess(...each)?.flag ?? null)));`,
  );
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-lock", "--no-prompt", "--allow-read=.", "--allow-write=.", "main.ts"],
    cwd: folder.at("here"),
    stderr: "inherit",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("S4 missingAccess() names the folder that a link leads to, once for all that lies in it", async () => {
  using folder = new TemporaryFolder();
  const there = folder.at("there");
  Deno.mkdirSync(folder.at("here"));
  Deno.mkdirSync(there);
  Deno.symlinkSync("../there", folder.at("here/link"));
  const both = (path: string) => `--allow-read=${path} --allow-write=${path}`;
  const answers = await missingIn(folder, [
    [["."]],
    [["new/folder", "new/folder/.starling"]],
    [["link", "link/.starling"]],
    [["link/"]],
    [["link/new/folder"]],
    [["link"], ["read"]],
    [["../there/x"]],
    [[there, "new"]],
    [["/"], ["read"]],
    [["/no/such", "link"], ["write"]],
  ]);
  deepStrictEqual(answers, [
    null,
    null,
    both(there),
    both(there),
    both(`${there}/new/folder`),
    `--allow-read=${there}`,
    both("../there/x"),
    both(there),
    "--allow-read=/",
    `--allow-write=/no/such,${there}`,
  ]);
});
