/**
 * `deno task compile` and `compile:all`: starling as one executable that needs no Deno, for this
 * machine or for all targets. What is compiled is a copy of the sources, in which the commit
 * stands that they are of.
 */
import { createHash } from "node:crypto";
import { cp } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const TARGETS = [
  "x86_64-unknown-linux-gnu",
  "aarch64-unknown-linux-gnu",
  "x86_64-apple-darwin",
  "aarch64-apple-darwin",
  "x86_64-pc-windows-msvc",
  "aarch64-pc-windows-msvc",
];
/** All that an executable is made of. */
const SOURCES = ["main.ts", "src", "deno.json", "deno.lock"];
const VERSION_FILE = "src/cli/output/version.ts";
/** What `git archive` puts the commit in place of. */
const NO_COMMIT = "$Format:%H$";

/**
 * What `get` needs for any folder, and what it and `plan` may be told of the system: an executable
 * cannot be given permissions later. The shell for `--on-done` is added by its name.
 */
const PERMISSIONS = [
  "--no-prompt",
  "--allow-net",
  "--allow-read",
  "--allow-write",
  "--allow-sys=networkInterfaces,statfs,uid",
  "--deny-import",
];

const repository = fileURLToPath(new URL("..", import.meta.url));
const dist = `${repository}dist/`;
const staged = `${dist}source/`;

const isForAll = Deno.args.includes("--all");
await stage();
const made: string[] = [];
for (const target of isForAll ? TARGETS : [Deno.build.target]) made.push(await compile(target));
await Deno.remove(staged, { recursive: true });
if (isForAll) await writeSums(made);

/** Copies the sources, and writes into them which commit they are. */
async function stage(): Promise<void> {
  await Deno.remove(staged, { recursive: true }).catch(() => {});
  await Deno.mkdir(staged, { recursive: true });
  for (const name of SOURCES) {
    await cp(`${repository}${name}`, `${staged}${name}`, { recursive: true });
  }
  const commit = await commitOf();
  if (commit === undefined) return;
  const text = await Deno.readTextFile(`${staged}${VERSION_FILE}`);
  await Deno.writeTextFile(`${staged}${VERSION_FILE}`, text.replace(NO_COMMIT, commit));
}

/** Undefined when the sources are of no commit: changed since then, or not from git. */
async function commitOf(): Promise<string | undefined> {
  try {
    if (await git("status", "--porcelain", "--", ...SOURCES) !== "") return undefined;
    return await git("rev-parse", "HEAD");
  } catch {
    return undefined;
  }
}

async function git(...args: string[]): Promise<string> {
  const { success, stdout } = await new Deno.Command("git", { args, cwd: repository }).output();
  if (!success) throw new Error(`git ${args[0]} failed`);
  return new TextDecoder().decode(stdout).trim();
}

/** Returns the name of the executable. */
async function compile(target: string): Promise<string> {
  const isWindows = target.includes("windows");
  const name = `starling${isForAll ? `-${target}` : ""}${isWindows ? ".exe" : ""}`;
  const args = [
    ...["compile", "--exclude-unused-npm", ...PERMISSIONS],
    `--allow-run=${isWindows ? "cmd" : "sh"}`,
    // Only what is imported is found without being named.
    ...["--include", "src/workers/disk_worker.ts"],
    ...["--target", target, "--output", `${dist}${name}`, "main.ts"],
  ];
  const { success } = await new Deno.Command(Deno.execPath(), { args, cwd: staged }).spawn().status;
  if (!success) Deno.exit(1);
  return name;
}

/** SHA256SUMS, as `sha256sum --check` reads it. */
async function writeSums(names: readonly string[]): Promise<void> {
  const lines = [];
  for (const name of names) {
    const hash = createHash("sha256").update(await Deno.readFile(`${dist}${name}`));
    lines.push(`${hash.digest("hex")}  ${name}\n`);
  }
  await Deno.writeTextFile(`${dist}SHA256SUMS`, lines.join(""));
}
