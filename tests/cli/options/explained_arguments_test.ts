import { deepStrictEqual, ok } from "node:assert/strict";
import { parseArguments } from "../../../src/cli/options/explained_arguments.ts";
import type { Command } from "../../../src/cli/options/commands.ts";
import type { GetOptions } from "../../../src/cli/options/get_options.ts";
import { CommandError } from "../../../src/cli/output/failure.ts";

function parse(...args: string[]): { command: Command | undefined; printed: string } {
  let printed = "";
  const command = parseArguments(args, { print: (text) => printed += text, columns: 80 });
  return { command, printed };
}

function parseGet(...args: string[]): GetOptions {
  const { command } = parse(...args);
  ok(command?.command === "get");
  return command;
}

function refusal(...args: string[]): string {
  try {
    parse(...args);
  } catch (error) {
    ok(error instanceof CommandError);
    deepStrictEqual(error.failure.exitCode, 2);
    ok(!error.message.includes("\n"), error.message);
    return error.message;
  }
  throw new Error(`${args} was not refused`);
}

Deno.test("parseArguments() names the help that lists the options of the command", () => {
  for (const command of ["get", "cat", "seed", "create", "verify", "plan", "feed", "tracker"]) {
    const words = refusal(command, "--nope", "x");
    ok(words.endsWith(` (starling ${command} --help tells more)`), words);
  }
  ok(refusal("-d", "/tmp", "x.torrent").endsWith(" (starling get --help tells more)"));
  ok(refusal("completion", "nope").endsWith(" (starling --help tells more)"));
});

Deno.test("parseArguments() reads create, whose tiers and patterns may be many", () => {
  const { command } = parse("create", "-t", "http://a/,udp://b:1", "-t", "http://c/", "x");
  ok(command?.command === "create");
  deepStrictEqual(command, {
    command: "create",
    output: undefined,
    trackers: [["http://a/", "udp://b:1"], ["http://c/"]],
    format: "v1",
    pieceLength: undefined,
    isPrivate: false,
    comment: undefined,
    source: undefined,
    webSeeds: [],
    nodes: [],
    name: undefined,
    excluded: [],
    noDate: false,
    overwrite: false,
    json: false,
    path: "x",
  });
});

const SEARCH_DEFAULTS = {
  noDht: false,
  noPex: false,
  noLsd: false,
  noPortMap: false,
  noUtp: false,
  dhtBootstrap: [
    { host: "router.bittorrent.com", port: 6881 },
    { host: "dht.transmissionbt.com", port: 6881 },
    { host: "router.utorrent.com", port: 6881 },
    { host: "dht.libtorrent.org", port: 25401 },
  ],
  encryption: "prefer",
  proxy: undefined,
  metadataTimeoutMs: undefined,
} as const;

Deno.test("parseArguments() has the defaults of cli.md", () => {
  deepStrictEqual(parseGet("get", "x.torrent"), {
    command: "get",
    outputDir: ".",
    peers: [],
    port: undefined,
    bindAddress: undefined,
    maxPeers: 80,
    maxDownloads: 0,
    uploadSlots: 8,
    maxDownloadRate: undefined,
    maxUploadRate: undefined,
    select: [],
    ranges: [],
    sequential: false,
    seed: false,
    seedRatio: undefined,
    seedMs: undefined,
    noTracker: false,
    webSeeds: [],
    noWebSeed: false,
    ...SEARCH_DEFAULTS,
    sums: undefined,
    sha256: false,
    saveTorrent: false,
    metadataOnly: false,
    deadlineMs: undefined,
    stallMs: undefined,
    memoryBytes: 64 * 1024 ** 2,
    headers: [],
    maxBytes: undefined,
    overwrite: false,
    noResume: false,
    waitLockMs: 0,
    onDone: undefined,
    json: false,
    quiet: false,
    verbose: false,
    logDir: undefined,
    stateDir: undefined,
    sources: ["x.torrent"],
  });
});

Deno.test("parseArguments() takes every option, typed", () => {
  const options = parseGet(
    ...["get", "-o", "out", "--peer", "example.org:6881", "--peer=[::1]:1", "-p", "7000"],
    ...["--bind", "127.0.0.1", "--max-peers", "9", "--max-downloads", "3", "--max-uploads", "0"],
    ...["--max-download-rate", "2M", "--max-upload-rate", "1.5K", "--select", "*.iso"],
    ...["--select", "1,3-5", "--range", "a:0-1K", "--sequential", "--no-tracker"],
    ...["--web-seed", "http://a.example/f", "--web-seed=https://b.example/", "--no-web-seed"],
    ...[
      "--no-dht",
      "--no-pex",
      "--no-lsd",
      "--no-utp",
      "--no-port-map",
      "--dht-bootstrap",
      "127.0.0.1:6881",
    ],
    ...["--dht-bootstrap", "[::1]:7", "--encryption", "require"],
    ...["--proxy", "socks5://me:secret@127.0.0.1:1080"],
    ...["--metadata-timeout", "20s", "--metadata-only"],
    ...["--sums", "SHA256SUMS", "--sha256", "--save-torrent"],
    ...["--seed", "--seed-ratio", "1.5", "--seed-time", "2h"],
    ...["--deadline", "2h", "--stall", "90s", "--memory", "16M", "--header", "Cookie: id=1"],
    ...["--max-bytes", "1G", "--overwrite", "--no-resume", "--wait-lock", "10m"],
    ...["--on-done", "echo done", "--json", "-v", "--log-dir", "logs", "--state-dir", "s"],
    ...["a.torrent", "-"],
  );
  deepStrictEqual(options, {
    command: "get",
    outputDir: "out",
    peers: [{ host: "example.org", port: 6881 }, { host: "::1", port: 1 }],
    port: 7000,
    bindAddress: "127.0.0.1",
    maxPeers: 9,
    maxDownloads: 3,
    uploadSlots: 0,
    maxDownloadRate: 2 * 1024 ** 2,
    maxUploadRate: 1536,
    select: ["*.iso", "1,3-5"],
    ranges: [{ pattern: "a", start: 0, end: 1024 }],
    sequential: true,
    seed: true,
    seedRatio: 1.5,
    seedMs: 7_200_000,
    noTracker: true,
    webSeeds: ["http://a.example/f", "https://b.example/"],
    noWebSeed: true,
    noDht: true,
    noPex: true,
    noLsd: true,
    noPortMap: true,
    noUtp: true,
    dhtBootstrap: [{ host: "127.0.0.1", port: 6881 }, { host: "::1", port: 7 }],
    encryption: "require",
    proxy: {
      kind: "socks5",
      endpoint: { host: "127.0.0.1", port: 1080 },
      username: "me",
      password: "secret",
    },
    metadataTimeoutMs: 20_000,
    sums: "SHA256SUMS",
    sha256: true,
    saveTorrent: true,
    metadataOnly: true,
    deadlineMs: 7_200_000,
    stallMs: 90_000,
    memoryBytes: 16 * 1024 ** 2,
    headers: [{ name: "Cookie", value: "id=1" }],
    maxBytes: 1024 ** 3,
    overwrite: true,
    noResume: true,
    waitLockMs: 600_000,
    onDone: "echo done",
    json: true,
    quiet: false,
    verbose: true,
    logDir: "logs",
    stateDir: "s",
    sources: ["a.torrent", "-"],
  });
});

Deno.test("parseArguments() reads a source alone as get", () => {
  deepStrictEqual(parseGet("x.torrent").sources, ["x.torrent"]);
  deepStrictEqual(parseGet("-q", "x.torrent").quiet, true);
  deepStrictEqual(parseGet("-").sources, ["-"]);
  deepStrictEqual(parseGet("--", "-x").sources, ["-x"]);
  deepStrictEqual(parseGet("./info").sources, ["./info"]);
});

Deno.test("parseArguments() takes for words what is given to an option, after -- or with a folder", () => {
  deepStrictEqual(parseGet("./--a.torrent").sources, ["./--a.torrent"]);
  deepStrictEqual(parseGet("--", "--a b").sources, ["--a b"]);
  deepStrictEqual(parseGet("-o", "--é", "x").outputDir, "--é");
  deepStrictEqual(parseGet("--output=--a.b", "x").outputDir, "--a.b");
});

Deno.test("parseArguments() reads the other commands", () => {
  const search = {
    ...SEARCH_DEFAULTS,
    peers: [],
    port: undefined,
    bindAddress: undefined,
    maxPeers: 80,
    noTracker: false,
    stateDir: undefined,
  };
  deepStrictEqual(parse("info", "--json", "x").command, {
    command: "info",
    json: true,
    ...search,
    source: "x",
  });
  deepStrictEqual(parse("verify", "--no-dht", "x", "folder").command, {
    command: "verify",
    json: false,
    quiet: false,
    ...search,
    noDht: true,
    torrent: "x",
    path: "folder",
  });
  deepStrictEqual(parse("tracker", "--interval", "90s", "-p", "80").command, {
    command: "tracker",
    port: 80,
    bindAddress: undefined,
    intervalMs: 90_000,
    allowed: [],
    quiet: false,
  });
});

Deno.test("parseArguments() refuses in one line what cannot be meant", () => {
  const cases: [string[], string][] = [
    [["get"], "a source is missing"],
    [["get", "--nope", "x"], "--nope"],
    [["--nope"], "--nope"],
    [["get", "--memory", "lots", "x"], "--memory: lots is not a size such as"],
    [["get", "--memory"], "--memory requires SIZE"],
    [["tracker", "--interval", "9.9s"], "--interval: 9.9s is not a time of 10s or more"],
    [["get", "--max-download-rate", "0", "x"], "0 is not a rate such as"],
    [["get", "--max-upload-rate", "fast", "x"], "fast is not a rate"],
    [["get", "--seed-ratio", "0", "x"], "0 is not a ratio above 0"],
    [["seed"], "a torrent is missing"],
    [["get", "--deadline", "90", "x"], "90 is not a time such as 90s"],
    [["get", "--deadline", "0s", "x"], "0s is not a time"],
    [["get", "--stall", "-1s", "x"], "-1s is not a time"],
    [["get", "-p", "65536", "x"], "-p/--port"],
    [["get", "--peer", "nowhere", "x"], "nowhere is not HOST:PORT"],
    [["get", "--bind", "localhost", "x"], "localhost is not an IPv4 or IPv6 address"],
    [["get", "--max-peers", "0", "x"], "--max-peers"],
    [["get", "--range", "a:5-2", "x"], "a:5-2 is not FILE:START-END"],
    [["get", "--header", "nope", "x"], "--header: the value is not a header"],
    [["get", "--header", "A: b\r\nC: d", "x"], "is not a header"],
    [["get", "--dht-bootstrap", "nowhere", "x"], "nowhere is not HOST:PORT"],
    [["get", "--encryption", "maybe", "x"], "--encryption"],
    [["get", "--metadata-timeout", "0s", "x"], "0s is not a time"],
    [["get", "-o=a", "x"], "Unexpected option: -o=a"],
    [["plan", "--metadata-only", "x"], "Unexpected option: --metadata-only"],
    [["get", "--a b"], "Unexpected option: --a b (starling get --help tells more)"],
    [["get", "--é", "x"], "Unexpected option: --é"],
    [["--a.torrent"], "Unexpected option: --a.torrent"],
    [["get", "-é"], "Unexpected option: -é"],
    [["seed", "--ü=secret", "x"], "Unexpected option: --ü ("],
    [["get", "--\x1b[2J"], "Unexpected option: --\\x1b[2J"],
    [["info"], "SOURCE is missing: a .torrent file,"],
    [["create"], "PATH is missing: a file or a folder ("],
    [["info", "a", "b"], "Unexpected argument: b"],
    [["verify", "a", "b", "c"], "Unexpected argument: c"],
    [["verify"], "TORRENT"],
    [["get", ""], "SOURCE: an empty value is not a path"],
    [["get", "-o", "", "x"], "-o/--output: an empty value is not a path"],
    [["get", "--max-bytes=", "x"], "--max-bytes: an empty value is not a size such as"],
    [["get", "--proxy", "", "x"], "--proxy: an empty value is not socks5://"],
  ];
  for (const [args, words] of cases) ok(refusal(...args).includes(words), refusal(...args));
});

Deno.test("S13 parseArguments() quotes no control codes back", () => {
  ok(!refusal("get", "--memory", "\x1b[2J", "x").includes("\x1b"));
});

Deno.test("S14 parseArguments() quotes nothing back that may hold a password", () => {
  const cases: [string[], string][] = [
    [["get", "--proxy", "ftp://me:secret@127.0.0.1", "x"], "is not socks5://HOST:PORT"],
    [["get", "--proxy", "socks4://me:secret@192.0.2.1", "x"], "is not socks5://HOST:PORT"],
    [["get", "--header", "secret", "x"], "is not a header"],
    [["create", "-t", "ftp://127.0.0.1/secret", "x"], "is not an http, https or udp URL"],
    [["feed", "ftp://127.0.0.1/secret"], "is not an http(s) URL"],
  ];
  for (const [args, reason] of cases) {
    const words = refusal(...args);
    ok(!words.includes("secret") && words.includes(reason), words);
  }
});

Deno.test("parseArguments() answers help, version and completion by itself", () => {
  deepStrictEqual(parse("--version"), { command: undefined, printed: "0.1.0" });
  for (const args of [[], ["--help"], ["-h"], ["get", "--help"]]) {
    const { command, printed } = parse(...args);
    deepStrictEqual(command, undefined);
    ok(printed.includes("Usage: starling"), printed);
  }
  ok(parse("get", "--help").printed.includes("--max-download-rate RATE"));
  for (const command of ["get", "seed", "info", "verify"]) {
    const { printed } = parse(command, "--help");
    for (const option of SEARCH_OPTIONS) ok(printed.includes(option), `${command} ${option}`);
  }
  ok(parse("completion", "bash").printed.includes("complete -F"));
  ok(parse("completion", "zsh").printed.includes("#compdef starling"));
});

Deno.test("parseArguments() takes help and version for words and letters too", () => {
  for (const args of [["version"], ["-V"]]) deepStrictEqual(parse(...args), parse("--version"));
  deepStrictEqual(parse("help"), parse("--help"));
  deepStrictEqual(parse("help", "get"), parse("get", "--help"));
  ok(parse("perms", "--help").printed.includes("Usage: starling perms [COMMAND [WORDS...]]"));
  ok(refusal("help", "nope").includes("Unexpected argument: nope"));
});

Deno.test("parseArguments() answers help with what a line looks like, and where more stands", () => {
  const usages = {
    get: "[OPTIONS] SOURCE...",
    create: "[OPTIONS] PATH",
    verify: "[OPTIONS] TORRENT [PATH]",
    seed: "[OPTIONS] TORRENT... [PATH]",
    tracker: "[OPTIONS]",
  };
  for (const [command, usage] of Object.entries(usages)) {
    const { printed } = parse(command, "--help");
    ok(printed.includes(`\nUsage: starling ${command} ${usage}\n`), printed);
  }
  ok(/Exit code.+starling man/s.test(parse("--help").printed));
});

Deno.test("parseArguments() answers help under headings, what has none first", () => {
  const headingsOf = (command: string) =>
    [...parse(command, "--help").printed.matchAll(/^(\w+):$|^ {2}([A-Z]+) {2}/gm)]
      .map(([, heading, word]) => heading ?? word);
  const all = ["Files", "Peers", "Limits", "Sharing", "Messages"];
  deepStrictEqual(headingsOf("get"), ["SOURCE", ...all]);
  deepStrictEqual(headingsOf("create"), ["PATH"]);
});

Deno.test("parseArguments() answers help with the defaults of cli.md", () => {
  const help = parse("get", "--help").printed.replaceAll(/\s+/g, " ");
  const cases = [
    "-o, --output DIR where the data goes (.)",
    "--max-peers N connections a torrent (80)",
    "--max-uploads N peers uploaded to at once; 0 is none (8)",
    "--max-downloads N peers downloaded from at once (0: no limit)",
    "--memory SIZE most bytes of pieces held in memory; one piece always has room (64M)",
  ];
  for (const words of cases) ok(help.includes(words), words);
});

Deno.test("parseArguments() says of -v what each command does with it", () => {
  ok(parse("get", "--help").printed.includes("the busiest peers, and a debug log"));
  ok(!parse("cat", "--help").printed.includes("busiest"));
});

const SEARCH_OPTIONS = [
  ...["--no-tracker", "--no-dht", "--no-pex", "--no-lsd", "--no-utp", "--no-port-map"],
  ...["--dht-bootstrap HOST:PORT", "--encryption MODE", "--proxy URL", "--metadata-timeout T"],
];

Deno.test("parseArguments() completes the names of options", () => {
  for (const command of ["get", "seed", "info", "verify"]) {
    ok(parse("completion", "bash", command, "--no-port").printed.includes("--no-port-map"));
  }
  ok(parse("completion", "bash", "get", "--metadata").printed.includes("--metadata-only"));
  ok(parse("completion", "bash", "get", "--encryption", "").printed.includes("require"));
  ok(parse("completion", "bash", "get", "--max-d").printed.includes("--max-download-rate"));
});

Deno.test("parseArguments() completes the value of an option with nothing else", () => {
  for (const command of ["get", "seed", "info", "verify", "cat", "feed"]) {
    const { printed } = parse("completion", "bash", command, "--encryption", "");
    deepStrictEqual(printed.trim().split("\n").toSorted(), ["off", "prefer", "require"], command);
  }
});

Deno.test("parseArguments() completes a line that begins with no command as one of get", () => {
  const files = (...words: string[]) => parse("completion", "bash", ...words).printed;
  ok(files("x").includes("__FILE__:file:torrent"));
  ok(files("x.torrent", "--max-d").includes("--max-download-rate"));
  ok(files("-o", "out", "--no-l").includes("--no-lsd"));
  ok(files("--no-l").includes("--no-lsd"));
  ok(files("ve").includes("verify"));
  ok(files("p").includes("plan"));
});

Deno.test("parseArguments() completes after perms the command that it is about", () => {
  ok(parse("completion", "bash", "perms", "ver").printed.includes("verify"));
  ok(parse("completion", "bash", "perms", "get", "--no-l").printed.includes("--no-lsd"));
  ok(parse("completion", "bash", "perm").printed.includes("perms"));
});

Deno.test("parseArguments() takes an option as often as it comes, and then the last one", () => {
  const { outputDir, quiet, port } = parseGet("-o", "a", "-q", "x", "-p", "1", "-ob", "-p0", "-q");
  deepStrictEqual({ outputDir, quiet, port }, { outputDir: "b", quiet: true, port: 0 });
});

Deno.test("parseArguments() takes a value that is joined to a short option", () => {
  for (const args of [["-osel", "x"], ["get", "x", "-osel"], ["plan", "-osel", "x"]]) {
    const { command } = parse(...args);
    ok(command?.command === "get" || command?.command === "plan");
    deepStrictEqual([command.outputDir, command.sources], ["sel", ["x"]]);
  }
  // What is a value itself, or stands behind "--", is left alone.
  const { outputDir, sources, onDone } = parseGet("-o", "-oa", "--on-done", "-p1", "--", "-ob");
  deepStrictEqual([outputDir, onDone, sources], ["-oa", "-p1", ["-ob"]]);
});

Deno.test("parseArguments() takes the brackets of an IPv6 address off", () => {
  for (const text of ["::1", "[::1]"]) {
    deepStrictEqual(parseGet("--bind", text, "x").bindAddress, "::1");
  }
  for (const text of ["[127.0.0.1]", "[::1", "[[::1]]", "[]"]) {
    ok(refusal("get", "--bind", text, "x").includes("is not an IPv4 or IPv6 address"), text);
  }
});

Deno.test("parseArguments() lets plan be given what is for get, and tells of it in no help", () => {
  const line = ["-q", "--deadline", "2h", "--stall", "90s", "--wait-lock", "10m", "--sums", "s"];
  ok(parse("plan", ...line, "--log-dir", "l", "--save-torrent", "x").command?.command === "plan");
  const help = parse("plan", "--help").printed;
  ok(help.includes("--offline") && !help.includes("--deadline"));
  ok(!parse("completion", "bash", "plan", "--dead").printed.includes("--deadline"));
});

Deno.test("parseArguments() leaves paths to the shell to complete", () => {
  const files = (...words: string[]) => parse("completion", "bash", ...words).printed;
  for (const option of ["-o", "--state-dir", "--log-dir"]) {
    ok(files("get", option, "x").includes("__FILE__:directory:"), option);
  }
  for (const command of ["get", "info", "verify"]) {
    ok(files(command, "x").includes("__FILE__:file:torrent"), files(command, "x"));
  }
  for (const words of [["seed", "x"], ["create", "x"], ["verify", "x.torrent", "x"]]) {
    ok(files(...words).includes("__FILE__:any:"), words.join(" "));
  }
});
