/**
 * Holds the tree to its own rules (see src/README.md): who may import whom, which files touch
 * the world, how long a file may be, and that nothing lies about unused. A rule's exceptions
 * stand in a table here, each with its reason; an exception that is no longer needed fails too.
 */
import { deepStrictEqual, ok } from "node:assert/strict";
import { dirname, join, relative } from "node:path/posix";
import { SourceFile } from "./tidy/source_file.ts";

/** Folders of src/ from the foundations up. Those in one row do not import each other. */
const LAYERS: readonly (readonly string[])[] = [
  ["base"],
  ["metainfo", "net"],
  ["wire", "piece", "tracker", "web_seed", "dht", "lsd", "feed", "utp"],
  ["peer"],
  ["workers"],
  ["storage"],
  ["torrent"],
  ["cli"],
];

/** Folders of src/cli, likewise; "." is cli itself, where the commands are. */
const CLI_LAYERS: readonly (readonly string[])[] = [
  ["output"],
  ["options"],
  ["files"],
  ["environment"],
  ["source"],
  ["tasks"],
  ["plan", "feed", "demo", "cat"],
  ["."],
];

/** Imports that the rows would allow and the design does not: importer, then imported. */
const FORBIDDEN_IMPORTS: readonly (readonly [string, string])[] = [
  ["peer", "piece"], // The picker declares the narrow PickerPeer that it needs.
  ["peer", "tracker"], // Where an endpoint came from is not a connection's business.
];

/** The ways in which a file can depend on more than its arguments. */
const WORLD: Readonly<Record<string, RegExp>> = {
  deno: /(?<![\w$.])Deno\./,
  fetch: /(?<![\w$.#])fetch\(/,
  thread: /\bnew Worker\(|(?<![\w$.#])(self\.|postMessage\(|onmessage\b)/,
  timer: /(?<![\w$.#])(setTimeout|setInterval|clearTimeout|clearInterval)\(|AbortSignal\.timeout\(/,
  time: /\bDate\.now\(|\bnew Date\(\)|(?<![\w$.#])performance\./,
  random: /\bMath\.random\(|\brandom(Bytes|FillSync|Fill|Int|UUID)\(|\bgetRandomValues\(/,
  console: /(?<![\w$.#])console\b/,
  process: /(?<![\w$.#])(process|navigator|globalThis)\./,
};

/** Modules of the runtime that only compute. Any other `node:` module is the world ("node"). */
const PURE_NODE_MODULES = ["node:crypto", "node:path"];

/** Every file that touches the world, and how. All others take what they need as arguments. */
const WORLDLY_FILES: Readonly<Record<string, readonly string[]>> = {
  "main.ts": ["deno"],
  "src/base/ambient.ts": ["timer", "time", "random"],
  "src/cli/demo.ts": ["deno"],
  "src/cli/demo/demo_content.ts": ["deno"],
  "src/cli/environment/environment.ts": ["deno", "process"],
  "src/cli/environment/standard_output.ts": ["deno", "node"],
  "src/cli/output/log_folder.ts": ["deno"],
  "src/net/connection_stream.ts": ["node"],
  "src/net/deno_datagram.ts": ["deno"],
  "src/net/deno_network.ts": ["deno", "node"],
  "src/net/free_files.ts": ["deno"],
  "src/net/http.ts": ["deno", "fetch"],
  "src/net/multicast.ts": ["deno", "node"],
  "src/net/node_datagram.ts": ["node"],
  "src/net/proxied_http.ts": ["node"],
  "src/net/socket_errors.ts": ["deno"],
  "src/net/tcp.ts": ["deno"],
  "src/storage/denials.ts": ["deno"],
  "src/storage/folder_permissions.ts": ["deno"],
  "src/storage/journal.ts": ["deno"],
  "src/storage/lock.ts": ["deno"],
  "src/storage/room.ts": ["deno", "node"],
  "src/storage/source_tree.ts": ["deno"],
  "src/storage/state_file.ts": ["deno"],
  "src/storage/target_folders.ts": ["deno"],
  "src/storage/torrent_file.ts": ["deno"],
  "src/workers/disk_worker.ts": ["thread"],
  "src/workers/folders.ts": ["deno"],
  "src/workers/jobs.ts": ["node"],
  "src/workers/piece_writes.ts": ["node"],
  "src/workers/naming.ts": ["deno", "node"],
  "src/workers/open_files.ts": ["deno", "node", "time"],
  "src/workers/pool.ts": ["thread"],
};

/** The one place where the real clock and the real randomness are made. */
const ENVIRONMENT = "src/cli/environment/environment.ts";

const MAX_LINES = 350;

/** Exports that no other file of src imports, each with the reason why it stays. */
const UNUSED_EXPORTS: Readonly<Record<string, string>> = {
  "src/base/ambient.ts SeededRandom": "the repeatable Random of simulations, fuzzing and tests",
};

const IN_SIMULATION = "composes tested parts; torrent_test.ts and tests/sim run it in whole swarms";
const IN_COMMANDS = "part of whole commands, which get_test.ts and seed_test.ts run";
const IN_PLANS = "part of whole plans, which plan_test.ts runs";
const IN_MAPPING = "port_mapping_test.ts runs it against a gateway on loopback";
const IN_NODE = "part of the DHT's node: lookup_test.ts, node_test.ts and tests/sim run it";
const IN_FEED = "part of whole runs, which feed_test.ts has";
const IN_DOCUMENT = "part of a feed's document; feed_document_test.ts runs it";
const IN_DEMO = "runs in `deno task demo`, which says itself whether all went well";

/** Files that run and have no test file of the same name, each with the reason. */
const UNTESTED_FILES: Readonly<Record<string, string>> = {
  "src/cli/demo.ts": IN_DEMO,
  "src/cli/demo/demo_content.ts": IN_DEMO,
  "src/cli/demo/lying_storage.ts": IN_DEMO,
  "src/cli/environment/running_torrent.ts": IN_COMMANDS,
  "src/cli/feed/feed_lane.ts": IN_FEED,
  "src/cli/feed/feed_memory.ts": IN_FEED,
  "src/cli/feed/feed_source.ts": IN_FEED,
  "src/cli/options/cat_options.ts": "part of whole commands, which cat_test.ts runs",
  "src/cli/options/feed_options.ts": IN_FEED,
  "src/cli/plan/plan_report.ts": IN_PLANS,
  "src/cli/plan/plan_source.ts": IN_PLANS,
  "src/cli/plan/plan_target.ts": IN_PLANS,
  "src/cli/tasks/share.ts": IN_COMMANDS,
  "src/dht/asking.ts": IN_NODE,
  "src/dht/bucket.ts": "part of the routing table; routing_table_test.ts runs it",
  "src/dht/krpc_encoder.ts": "the other half of krpc.ts; krpc_test.ts runs both",
  "src/dht/ladder.ts": IN_NODE,
  "src/dht/place.ts": IN_NODE,
  "src/dht/responder.ts": IN_NODE,
  "src/dht/round.ts": IN_NODE,
  "src/dht/round_runner.ts": IN_NODE,
  "src/dht/upkeep.ts": IN_NODE,
  "src/feed/item_reader.ts": IN_DOCUMENT,
  "src/feed/markup.ts": IN_DOCUMENT,
  "src/metainfo/file_tree.ts": "hybrid_test.ts and version_2_test.ts run it",
  "src/metainfo/metainfo_content.ts": "part of a .torrent; metainfo_test.ts runs it",
  "src/metainfo/version_1.ts": "part of a .torrent; metainfo_test.ts runs it",
  "src/net/gateway_ways.ts": IN_MAPPING,
  "src/peer/known_peer.ts": "one peer of the list; peer_list_test.ts runs it",
  "src/torrent/driven_connection.ts":
    "the base of both connections, which connection_test.ts and metadata_connection_test.ts run",
  "src/torrent/facts.ts": IN_SIMULATION,
  "src/torrent/metadata_swarm.ts": "part of a whole search, which metadata_search_test.ts runs",
  "src/torrent/pex_sending.ts": IN_SIMULATION,
  "src/torrent/revealing.ts": IN_SIMULATION,
  "src/torrent/swarm.ts": IN_SIMULATION,
  "src/torrent/unchoking.ts": IN_SIMULATION,
  "src/wire/mse_side.ts":
    "the base of both sides, which mse_initiator_test.ts and mse_receiver_test.ts run",
  "src/workers/disk_worker.ts": "only hands messages to jobs.ts; pool_test.ts runs it",
};

const FORBIDDEN_NAMES = /(^|_)(utils?|helpers?|common|misc|index|mod)(_|$)/;
const UNFINISHED = new RegExp(["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"].join("|"));

/** What `get x.torrent` loads, one after the other: Node's modules would take longer than all. */
const BEFORE_FIRST_REQUEST = [
  "main.ts",
  "src/cli/options/plain_arguments.ts",
  "src/cli/get.ts",
  "src/storage/finished_target.ts",
  "src/cli/environment/engine.ts",
  "src/dht/service.ts",
  "src/lsd/service.ts",
];

/** Imports of a file that wait at its start for what few runs need, each with the reason. */
const SELDOM_AT_ONCE: Readonly<Record<string, string>> = {
  "src/net/deno_network.ts ./node_datagram.ts": 'only for a Deno without the feature "net"',
};

const ROOTS = ["main.ts", "src/workers/disk_worker.ts"];
const repository = new URL("../", import.meta.url);
const files = await readTree();
const source = files.filter(({ path }) => path === "main.ts" || path.startsWith("src/"));
const byPath = new Map(files.map((file) => [file.path, file]));
const importMap = await readImportMap();

Deno.test("SourceFile sees code, not comments and strings", () => {
  const text = [
    'import { a, type B as C } from "./x.ts"; // Deno.exit()',
    'const s = "Deno.x" + `fetch(${Deno.pid} "`; /* console */',
    'const r = /["`]/.test(s) ? 1 / 2 : 3; // "',
    'export { a }; export type { D } from "./y.ts";',
    'import { type E, type F } from "./z.ts";',
    'const w = new URL("./w.ts", import.meta.url);',
    "const u = s",
    '  ? await import("./u.ts")',
    "  : undefined;",
    "if (s) {",
    '  await import("./t.ts");',
    "}",
    'type V = typeof import("./v.ts");',
    'const later = () => import("./q.ts");',
    "class Late {",
    "  async load() {",
    '    return await import("./p.ts");',
    "  }",
    "}",
  ].join("\n");
  const file = new SourceFile("src/example.ts", text);
  deepStrictEqual(file.code.match(/Deno\.\w+/g), ["Deno.pid"]);
  ok(!/fetch|console/.test(file.code));
  deepStrictEqual(file.code.split("\n").length, 19);
  deepStrictEqual(
    file.imports.map(({ specifier, names, isAtOnce }) => [specifier, isAtOnce, ...names]),
    [
      ["./x.ts", true, "a", "B"],
      ["./z.ts", false, "E", "F"],
      ["./u.ts", true, "*"],
      ["./t.ts", true, "*"],
      ["./v.ts", false, "*"],
      ["./q.ts", false, "*"],
      ["./p.ts", false, "*"],
      ["./w.ts", false, "*"],
    ],
  );
});

Deno.test("every file imports only from the layers below its own", () => {
  deepStrictEqual(wrongImports("src", LAYERS), []);
  deepStrictEqual(wrongImports("src/cli", CLI_LAYERS), []);
});

Deno.test("no file of src imports what is outside src", () => {
  const wrong = source.filter(({ path }) => path !== "main.ts").flatMap((file) =>
    importedPaths(file).filter((path) => !path.startsWith("src/"))
      .map((path) => `${file.path} imports ${path}`)
  );
  deepStrictEqual(wrong, []);
});

Deno.test("main.ts imports from cli alone", () => {
  const imported = importedPaths(byPath.get("main.ts")!);
  deepStrictEqual(imported.filter((path) => !path.startsWith("src/cli/")), []);
});

Deno.test("src/README.md names every folder of src", async () => {
  const text = await Deno.readTextFile(new URL("src/README.md", repository));
  const folders = new Set(source.map(({ path }) => relative("src", dirname(path))));
  folders.delete("..");
  deepStrictEqual([...folders].filter((folder) => !text.includes(`\`${folder}/\``)), []);
});

Deno.test("only the listed files touch the world, and only as listed", () => {
  const touching = source.map((file) => [file.path, waysOf(file)] as const)
    .filter(([, ways]) => ways.length > 0);
  deepStrictEqual(sorted(Object.fromEntries(touching)), sorted(WORLDLY_FILES));
});

Deno.test("the real clock and randomness are made in one file", () => {
  const makers = source.filter((file) => /\bnew System(Clock|Random)\b/.test(file.code));
  deepStrictEqual(makers.map((file) => file.path), [ENVIRONMENT]);
});

Deno.test("no file of src is longer than it may be", () => {
  const long = source.filter((file) => file.lineCount > MAX_LINES);
  deepStrictEqual(long.map((file) => `${file.path}: ${file.lineCount} lines`), []);
});

Deno.test("every file of src is reached from main.ts or the worker", () => {
  const reached = new Set<string>(ROOTS);
  for (const path of reached) {
    for (const next of importedPaths(byPath.get(path)!)) reached.add(next);
  }
  deepStrictEqual(source.map((file) => file.path).filter((path) => !reached.has(path)), []);
});

Deno.test("no file that a download loads before its first request imports Node at once", () => {
  const loaded = new Set<string>(BEFORE_FIRST_REQUEST);
  const ofNode: string[] = [], seldom: string[] = [];
  for (const path of loaded) {
    for (const { specifier, isAtOnce } of byPath.get(path)!.imports) {
      if (!isAtOnce) continue;
      if (`${path} ${specifier}` in SELDOM_AT_ONCE) seldom.push(`${path} ${specifier}`);
      else if (specifier.startsWith("node:")) ofNode.push(`${path} imports ${specifier}`);
      else if (specifier.startsWith(".")) loaded.add(join(dirname(path), specifier));
    }
  }
  deepStrictEqual(ofNode, []);
  deepStrictEqual(seldom, Object.keys(SELDOM_AT_ONCE));
  ok(loaded.size > 200, "the engine is among them");
});

Deno.test("every export of a value is imported by another file of src", () => {
  const used = usedNames();
  const unused = source.flatMap((file) =>
    file.exports
      .filter(({ name }) => !used.has(`${file.path} ${name}`) && !used.has(`${file.path} *`))
      // A type may be part of what the file's other exports take or give.
      .filter(({ name, isType }) => !isType || file.mentions(name) < 2)
      .map(({ name }) => `${file.path} ${name}`)
  );
  deepStrictEqual(unused.toSorted(), Object.keys(UNUSED_EXPORTS).toSorted());
});

Deno.test("no test asks anybody beyond this machine about peers", () => {
  const tests = files.filter(({ path }) =>
    /^(tests|bench)\//.test(path) && path !== "tests/tidy_test.ts"
  );
  const starters = tests.filter(({ text }) =>
    /main\.ts/.test(text) && /Deno\.Command|new Subprocess/.test(text) &&
    /["`](get|cat|seed|feed)\b/.test(text)
  );
  deepStrictEqual(starters.some(({ path }) => path === "tests/loopback/checkout.ts"), true);
  const careless = starters.filter(({ text }) =>
    !text.includes("onThisMachine(") && // It adds them.
    !["--no-dht", "--no-lsd", "--no-port-map"].every((option) => text.includes(option))
  );
  deepStrictEqual(careless.map(({ path }) => path), []);
  const routers = /router\.(bittorrent|utorrent)\.com|dht\.(transmissionbt\.com|libtorrent\.org)/;
  deepStrictEqual(
    tests.filter(({ text }) => routers.test(text)).map(({ path }) => path),
    ["tests/cli/options/explained_arguments_test.ts"],
  );
});

Deno.test("there are no barrels and no default exports", () => {
  const wrong = source.filter((file) =>
    file.hasDefaultExport || file.imports.some(({ isReExport }) => isReExport)
  );
  deepStrictEqual(wrong.map((file) => file.path), []);
});

Deno.test("names of files and folders are snake_case and say something", () => {
  const wrong = files.map((file) => file.path).filter((path) =>
    path.replace(/\.ts$/, "").split("/").some((name) =>
      !/^[a-z0-9]+(_[a-z0-9]+)*$/.test(name) || FORBIDDEN_NAMES.test(name)
    )
  );
  deepStrictEqual(wrong, []);
});

Deno.test("nothing is marked as unfinished", () => {
  deepStrictEqual(
    files.filter(({ text }) => UNFINISHED.test(text)).map(({ path }) => path),
    [],
  );
});

Deno.test("every file of src that runs has a test file of its name", () => {
  const untested = source.filter(({ path, exports }) =>
    path !== "main.ts" && (exports.some(({ runs }) => runs) || ROOTS.includes(path)) &&
    !byPath.has(path.replace(/^src/, "tests").replace(/\.ts$/, "_test.ts"))
  );
  deepStrictEqual(
    untested.map(({ path }) => path).toSorted(),
    Object.keys(UNTESTED_FILES).toSorted(),
  );
});

Deno.test("packages come through the import map alone, and every one is used", () => {
  const used = new Set<string>();
  const wrong: string[] = [];
  for (const file of files) {
    for (const { specifier } of file.imports) {
      if (specifier.startsWith("node:")) continue;
      const name = importMap.find((key) => specifier === key || specifier.startsWith(`${key}/`));
      if (name !== undefined) used.add(name);
      else if (!/^\.\.?\/.*\.ts$/.test(specifier)) wrong.push(`${file.path}: ${specifier}`);
    }
  }
  deepStrictEqual(wrong, []);
  deepStrictEqual(importMap.filter((name) => !used.has(name)), [], "packages that nobody uses");
});

/** Imports from one folder of `root` to another one that is in no row above its own. */
function wrongImports(root: string, layers: readonly (readonly string[])[]): string[] {
  const rank = new Map(layers.flatMap((row, index) => row.map((folder) => [folder, index])));
  const folderOf = (path: string) => dirname(relative(root, path)).split("/")[0]!;
  const wrong: string[] = [];
  for (const file of source.filter(({ path }) => path.startsWith(`${root}/`))) {
    const from = folderOf(file.path);
    if (!rank.has(from)) wrong.push(`${file.path}: the folder ${from} is in no layer`);
    for (const path of importedPaths(file).filter((path) => path.startsWith(`${root}/`))) {
      const to = folderOf(path);
      if (from === to) continue;
      if (
        !rank.has(to) || rank.get(to)! >= rank.get(from)! ||
        FORBIDDEN_IMPORTS.some(([importer, imported]) => importer === from && imported === to)
      ) wrong.push(`${file.path} imports ${path}: ${from} may not know ${to}`);
    }
  }
  return wrong;
}

function waysOf(file: SourceFile): string[] {
  const ways = Object.entries(WORLD).filter(([, pattern]) => pattern.test(file.code));
  const usesNode = file.imports.some(({ specifier }) =>
    specifier.startsWith("node:") && !PURE_NODE_MODULES.includes(specifier)
  );
  return [...ways.map(([way]) => way), ...(usesNode ? ["node"] : [])];
}

/** `path name` of everything that some other file of src imports. */
function usedNames(): Set<string> {
  return new Set(
    source.flatMap((file) =>
      file.imports.flatMap(({ specifier, names }) =>
        specifier.startsWith(".")
          ? names.map((name) => `${join(dirname(file.path), specifier)} ${name}`)
          : []
      )
    ),
  );
}

/** Repository paths of the files that a file imports. */
function importedPaths(file: SourceFile): string[] {
  return file.imports.map(({ specifier }) => specifier).filter((text) => text.startsWith("."))
    .map((specifier) => join(dirname(file.path), specifier));
}

function sorted(table: Readonly<Record<string, readonly string[]>>): Record<string, string[]> {
  return Object.fromEntries(
    Object.keys(table).toSorted().map((key) => [key, table[key]!.toSorted()]),
  );
}

async function readImportMap(): Promise<string[]> {
  const config = JSON.parse(await Deno.readTextFile(new URL("deno.json", repository)));
  return Object.keys(config.imports);
}

async function readTree(): Promise<SourceFile[]> {
  const found = [await readSource(new URL("main.ts", repository))];
  const folders = ["src/", "tests/", "bench/", "tools/"].map((name) => new URL(name, repository));
  for (const folder of folders) {
    for await (const entry of Deno.readDir(folder)) {
      if (entry.isDirectory) folders.push(new URL(`${entry.name}/`, folder));
      else if (entry.name.endsWith(".ts")) {
        found.push(await readSource(new URL(entry.name, folder)));
      }
    }
  }
  return found.toSorted((a, b) => a.path < b.path ? -1 : 1);
}

async function readSource(url: URL): Promise<SourceFile> {
  return new SourceFile(
    relative(repository.pathname, url.pathname),
    await Deno.readTextFile(url),
  );
}
