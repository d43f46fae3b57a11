/**
 * Looks into an executable that `deno task compile` has made: is all in it that starling is made
 * of, is nothing else, and may it do what it should and no more? Where the runtime for executables
 * cannot be had, the plain Deno stands in for it (DENORT_BIN): what comes out is not starling and
 * is not run, but what is embedded is the same.
 */
import { deepStrictEqual, ok } from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";

interface Metadata {
  readonly permissions: Readonly<Record<string, unknown>>;
  readonly entrypoint_key: string;
  readonly unstable_config: { readonly features: readonly string[] };
}

/** What `deno info` tells of a program. */
interface Graph {
  readonly modules: readonly { readonly npmPackage?: string }[];
  /** By name and version; those of tests too. */
  readonly npmPackages: Readonly<
    Record<string, { readonly name: string; readonly dependencies: readonly string[] }>
  >;
}

const repository = fileURLToPath(new URL("..", import.meta.url));
const [executable = `${repository}dist/starling`, runtime = Deno.execPath()] = Deno.args;

const bytes = await Deno.readFile(executable);
const { size } = await Deno.stat(runtime);
// What is embedded follows the runtime.
const embedded = new TextDecoder("latin1").decode(bytes.subarray(size));
const metadata = readMetadata();

checkPermissions(metadata.permissions);
deepStrictEqual(metadata.entrypoint_key, "main.ts");
deepStrictEqual(metadata.unstable_config.features, ["net"]);
const modules = await checkModules();
const packages = await checkPackages();
const report = `${executable}: ${bytes.length} bytes, ${embedded.length} of them ours: ` +
  `${modules} modules, ${packages.join(", ")}; permissions as stated\n`;
Deno.stdout.writeSync(new TextEncoder().encode(report));

/** The last one: the text of this program may quote others. */
function readMetadata(): Metadata {
  const start = embedded.lastIndexOf('{"argv":');
  ok(start >= 0, "there is no metadata");
  let depth = 0;
  for (const { 0: part, index } of embedded.slice(start).matchAll(/"(?:[^"\\]|\\.)*"|[{}]/g)) {
    depth += part === "{" ? 1 : part === "}" ? -1 : 0;
    if (depth === 0) return JSON.parse(embedded.slice(start, start + index + 1));
  }
  throw new Error("the metadata has no end");
}

function checkPermissions(permissions: Metadata["permissions"]): void {
  deepStrictEqual(permissions, {
    ...Object.fromEntries(Object.keys(permissions).map((name) => [name, null])),
    prompt: false,
    // An empty list is everything.
    allow_net: [],
    allow_read: [],
    allow_write: [],
    allow_sys: ["networkInterfaces", "statfs", "uid"],
    allow_run: [executable.endsWith(".exe") ? "cmd" : "sh"],
    allow_import: permissions["allow_import"],
    deny_import: [],
  });
}

/** Every module of ours: those that are imported late, and the worker with all of its own. */
async function checkModules(): Promise<number> {
  const names = await readdir(`${repository}src`, { recursive: true });
  const paths = ["main.ts", ...names.filter((name) => name.endsWith(".ts")).map((n) => `src/${n}`)];
  const missing = [];
  let count = 0;
  for (const path of paths) {
    const text = await Deno.readTextFile(`${repository}${path}`);
    const hasOnlyTypes = !/^(?!import |export (type|interface) )[a-z]/m.test(text);
    if (hasOnlyTypes) continue;
    count++;
    if (!embedded.includes(latin1(longestLine(text)))) missing.push(path);
  }
  deepStrictEqual(missing, [], "modules are missing");
  for (const name of ["tests/", "bench/", "fast-check"]) {
    ok(!embedded.includes(`file:///${name}`), `${name} is embedded`);
  }
  return count;
}

/** The packages that the program imports, and none that only tests do. */
async function checkPackages(): Promise<string[]> {
  const config = JSON.parse(await Deno.readTextFile(`${repository}deno.json`));
  const info = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "main.ts"],
    cwd: repository,
  }).output();
  const { modules, npmPackages }: Graph = JSON.parse(new TextDecoder().decode(info.stdout));
  const needed = new Set(modules.flatMap(({ npmPackage = [] }) => npmPackage));
  for (const key of needed) npmPackages[key]?.dependencies.forEach((other) => needed.add(other));
  const used = [...needed].map((key) => npmPackages[key]!.name);
  ok(used.length > 0);
  for (const name of new Set([...Object.keys(config.imports), ...used])) {
    const isEmbedded = embedded.includes(`"name": "${name}"`);
    deepStrictEqual(isEmbedded, used.includes(name), `${name}: embedded or not`);
  }
  return used;
}

function longestLine(text: string): string {
  return text.split("\n").reduce((a, b) => b.length > a.length ? b : a);
}

/** The bytes of UTF-8, one a character. */
function latin1(text: string): string {
  return new TextDecoder("latin1").decode(new TextEncoder().encode(text));
}
