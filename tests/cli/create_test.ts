import { deepStrictEqual, ok } from "node:assert/strict";
import { run } from "../../src/cli/run.ts";
import { createMetainfo } from "../../src/metainfo/create.ts";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { makeTorrent, randomBytes } from "../loopback/content.ts";
import { version2Torrent } from "../metainfo/version_2_torrent.ts";
import { TemporaryFolder } from "../workers/temporary_folder.ts";
import { FakeEnvironment, type FakeOptions } from "./fake_environment.ts";
import { Terminal } from "./terminal.ts";

const CONTENT = {
  "one.bin": randomBytes(100_000, 1),
  "sub/empty": new Uint8Array(0),
  "sub/two.bin": randomBytes(50_000, 2),
};

/** A folder `tree` with data, and a place for the .torrent beside it. */
function withData(): TemporaryFolder {
  const folder = new TemporaryFolder();
  for (const [path, bytes] of Object.entries(CONTENT)) folder.write(`tree/${path}`, bytes);
  return folder;
}

async function create(args: readonly string[], options: FakeOptions = {}) {
  const environment = new FakeEnvironment({
    args: ["create", ...args],
    usesDisk: true,
    ...options,
  });
  const exitCode = await run(environment);
  return { exitCode, out: environment.out, err: environment.err, environment };
}

function read(folder: TemporaryFolder, name = "x.torrent") {
  return parseMetainfo(Deno.readFileSync(folder.at(name)));
}

Deno.test("create makes the torrent of a folder, and prints info-hash and magnet link", async () => {
  using folder = withData();
  const tree = folder.at("tree"), output = folder.at("x.torrent");
  const { exitCode, out, err } = await create(["-o", output, "--piece-length", "32K", tree]);
  deepStrictEqual([exitCode, err], [0, ""]);
  const { infoHash } = makeTorrent("tree", CONTENT, { pieceLength: 32_768 });
  deepStrictEqual(out.split("\n"), [
    `  Torrent  ${output}`,
    "  Content  3 files, 146 KiB in 5 pieces of 32 KiB",
    `Info Hash  ${infoHash.toHex()}`,
    `   Magnet  magnet:?xt=urn:btih:${infoHash.toHex()}&dn=tree`,
    "",
  ]);
  deepStrictEqual(read(folder).infoHash, infoHash);
  deepStrictEqual([...Deno.readDirSync(folder.path)].length, 2);
});

Deno.test("create --format v2 makes the torrent of version 2, and links to it", async () => {
  using folder = withData();
  folder.write("tree/sub.txt", "between a folder and what is in it");
  const output = folder.at("x.torrent"), length = ["--piece-length", "32K", "--no-date"];
  const { exitCode, out, err } = await create([
    "-o",
    output,
    "--format",
    "v2",
    ...length,
    folder.at("tree"),
  ]);
  deepStrictEqual([exitCode, err], [0, ""]);
  const files = { ...CONTENT, "sub.txt": Deno.readFileSync(folder.at("tree/sub.txt")) };
  const expected = parseMetainfo(version2Torrent(files, { name: "tree" }));
  const metainfo = read(folder);
  deepStrictEqual([metainfo.version, metainfo.infoHashHex], [2, expected.infoHashHex]);
  deepStrictEqual(metainfo.pieceHashes, expected.pieceHashes);
  ok(out.includes("Content  4 files, 146 KiB in 7 pieces of 32 KiB"), out);
  ok(out.includes(`magnet:?xt=urn:btmh:1220${expected.infoHashHex}&dn=tree`), out);
});

Deno.test("create --format hybrid makes a torrent of both versions, of one file or many", async () => {
  using folder = withData();
  for (const path of ["tree", "tree/one.bin"]) {
    const args = ["-o", folder.at("x.torrent"), "--overwrite", "--piece-length", "32K"];
    const { exitCode, out, err } = await create([...args, "--format", "hybrid", folder.at(path)]);
    deepStrictEqual([exitCode, err], [0, ""]);
    const metainfo = read(folder);
    deepStrictEqual([metainfo.version, metainfo.infoHashHex.length], [1, 40]);
    const { infoHashHex, infoHashV2Hex, name } = metainfo;
    deepStrictEqual(out.split("\n").slice(2), [
      `   Info Hash  ${infoHashHex}`,
      `Info Hash v2  ${infoHashV2Hex}`,
      `      Magnet  magnet:?xt=urn:btih:${infoHashHex}&xt=urn:btmh:1220${infoHashV2Hex}&dn=${name}`,
      "",
    ]);
    ok(
      out.includes(
        path === "tree" ? "3 files, 146 KiB in 6 pieces" : "1 file, 97.6 KiB in 4 pieces",
      ),
      out,
    );
    const { environment: { out: said } } = await create([], {
      args: ["verify", folder.at("x.torrent"), path === "tree" ? folder.path : folder.at("tree")],
    });
    ok(said.includes("all good"), said);
  }
});

Deno.test("create --format hybrid pads nothing in a folder that holds one file", async () => {
  using folder = new TemporaryFolder();
  folder.write("folder/data.bin", CONTENT["one.bin"]);
  const output = ["-o", folder.at("x.torrent"), "--piece-length", "32K"];
  const { exitCode } = await create([...output, "--format", "hybrid", folder.at("folder")]);
  deepStrictEqual(exitCode, 0);
  const { isMultiFile, files, pieceHashes } = read(folder);
  deepStrictEqual([isMultiFile, Array.from(files, ({ path }) => path)], [true, [["data.bin"]]]);
  const single = makeTorrent("data.bin", CONTENT["one.bin"], { pieceLength: 32_768 });
  deepStrictEqual(pieceHashes, parseMetainfo(single.bytes).pieceHashes);
});

Deno.test("create makes the torrent of a single file, in a folder under its own name", async () => {
  using folder = withData();
  Deno.mkdirSync(folder.at("out"));
  const { exitCode } = await create(["-o", folder.at("out/"), folder.at("tree/one.bin")]);
  deepStrictEqual(exitCode, 0);
  const metainfo = read(folder, "out/one.bin.torrent");
  deepStrictEqual([metainfo.isMultiFile, metainfo.name], [false, "one.bin"]);
  deepStrictEqual(metainfo.pieceLength, 16_384);
  const made = makeTorrent("one.bin", CONTENT["one.bin"], { pieceLength: 16_384 });
  deepStrictEqual(metainfo.infoHash, made.infoHash);
});

Deno.test("create writes every option into the torrent", async () => {
  using folder = withData();
  const { exitCode, err } = await create([
    ...["-o", folder.at("x.torrent"), "-t", "http://a/announce,udp://b:1", "-t", "https://c/"],
    ...["--comment", "for you", "--source", "HERE", "--web-seed", "http://seed/tree"],
    ...["--node", "router.example:6881", "--name", "other", "--private", folder.at("tree")],
  ]);
  deepStrictEqual([exitCode, err], [0, ""]);
  const metainfo = read(folder);
  deepStrictEqual(metainfo.trackers, [["http://a/announce", "udp://b:1"], ["https://c/"]]);
  deepStrictEqual([metainfo.comment, metainfo.source, metainfo.name], ["for you", "HERE", "other"]);
  deepStrictEqual(metainfo.webSeeds, ["http://seed/tree"]);
  deepStrictEqual(metainfo.nodes, [{ host: "router.example", port: 6881 }]);
  deepStrictEqual(metainfo.isPrivate, true);
  deepStrictEqual(metainfo.createdBy, "starling/0.1.0");
  ok(metainfo.creationDate !== undefined);
});

Deno.test("create --no-date makes the same bytes each time, --json tells what info tells", async () => {
  using folder = withData();
  const args = ["--no-date", "--json", "--overwrite", "-o", folder.at("x.torrent")];
  const first = await create([...args, folder.at("tree")]);
  const bytes = Deno.readFileSync(folder.at("x.torrent"));
  const second = await create([...args, folder.at("tree")]);
  deepStrictEqual([second.exitCode, second.out, second.err], [0, first.out, ""]);
  deepStrictEqual(Deno.readFileSync(folder.at("x.torrent")), bytes);
  const info = new FakeEnvironment({
    args: ["info", "--json", folder.at("x.torrent")],
    usesDisk: true,
  });
  await run(info);
  const { torrent, ...facts } = JSON.parse(first.out);
  deepStrictEqual(torrent, folder.at("x.torrent"));
  deepStrictEqual(facts, JSON.parse(info.out));
  deepStrictEqual(facts.creationDate, null);
});

Deno.test("create --exclude leaves out files and folders, and says which pattern met nothing", async () => {
  using folder = withData();
  folder.write("tree/notes.tmp", "x");
  folder.write("tree/deep/er/more.tmp", "x");
  const { exitCode, err } = await create([
    ...["-o", folder.at("x.torrent"), "--exclude", "*.tmp", "--exclude", "sub"],
    ...["--exclude", "*.iso", folder.at("tree")],
  ]);
  deepStrictEqual(exitCode, 0);
  deepStrictEqual(err, "starling: warning: --exclude *.iso leaves out nothing\n");
  deepStrictEqual(Array.from(read(folder).files, ({ path }) => path), [["one.bin"]]);
});

Deno.test("create replaces a .torrent only with --overwrite", async () => {
  using folder = withData();
  folder.write("x.torrent", "mine");
  const args = ["-o", folder.at("x.torrent"), folder.at("tree")];
  const refused = await create(args);
  deepStrictEqual([refused.exitCode, refused.out], [6, ""]);
  deepStrictEqual(
    refused.err,
    `starling: Cannot write ${folder.at("x.torrent")}: it exists already; ` +
      "use --overwrite to replace it\n",
  );
  deepStrictEqual(folder.text("x.torrent"), "mine");
  deepStrictEqual((await create(["--overwrite", ...args])).exitCode, 0);
  deepStrictEqual(read(folder).name, "tree");
});

Deno.test("create does not replace what appears while it hashes", async () => {
  using folder = withData();
  const environment = new FakeEnvironment({
    args: ["create", "-o", folder.at("x.torrent"), folder.at("tree")],
    usesDisk: true,
  });
  environment.missingAccess = () => {
    folder.write("x.torrent", "theirs");
    return undefined;
  };
  deepStrictEqual(await run(environment), 6, environment.err);
  deepStrictEqual(folder.text("x.torrent"), "theirs");
  deepStrictEqual([...Deno.readDirSync(folder.path)].length, 2);
});

Deno.test("create leaves the .torrent that it replaces out of itself", async () => {
  using folder = withData();
  const args = ["--no-date", "--overwrite", "-o", folder.at("tree/x.torrent"), folder.at("tree")];
  await create(args);
  const bytes = Deno.readFileSync(folder.at("tree/x.torrent"));
  const { exitCode, err } = await create(args);
  deepStrictEqual(exitCode, 0);
  deepStrictEqual(Deno.readFileSync(folder.at("tree/x.torrent")), bytes);
  ok(err.includes("warning: the .torrent that is replaced lies in the folder"), err);
  const file = folder.at("tree/one.bin");
  deepStrictEqual((await create(["--overwrite", "-o", file, file])).exitCode, 2);
  deepStrictEqual(Deno.readFileSync(file), CONTENT["one.bin"]);
});

Deno.test("create refuses, in a sentence and without a trace, what cannot be a torrent", async () => {
  const cases: readonly (readonly [
    exitCode: number,
    words: string,
    prepare: (folder: TemporaryFolder) => void,
    args?: readonly string[],
  ])[] = [
    [
      5,
      "tree: it is not there",
      (folder) => Deno.removeSync(folder.at("tree"), { recursive: true }),
    ],
    [5, "tree: there is no file in it; name another\n", (folder) => {
      Deno.removeSync(folder.at("tree"), { recursive: true });
      Deno.mkdirSync(folder.at("tree/sub"), { recursive: true });
    }],
    [5, "tree: all of its files are empty; name another\n", (folder) => {
      Deno.removeSync(folder.at("tree"), { recursive: true });
      folder.write("tree/empty", "");
    }],
    [5, "tree/out: it is a symbolic link that leads out of the folder", (folder) => {
      Deno.symlinkSync("/etc/passwd", folder.at("tree/out"));
    }],
    [5, "tree/pipe: it is neither a file nor a folder; leave it out with --exclude", (folder) => {
      new Deno.Command("mkfifo", { args: [folder.at("tree/pipe")] }).outputSync();
    }],
    [2, `tree: the path of file 1 has 101 names, more than 100`, (folder) => {
      folder.write(`tree/${"a/".repeat(100)}b`, "x");
    }],
    [5, "none: it is not there", () => {}, ["-o", "none/x.torrent"]],
    [6, "it is no ordinary file", () => {}, ["--overwrite", "-o", "/dev/null"]],
  ];
  for (const [exitCode, words, prepare, args] of cases) {
    using folder = withData();
    prepare(folder);
    const target = args ?? ["-o", folder.at("x.torrent")];
    const refused = await create([...target, folder.at("tree")]);
    deepStrictEqual([refused.exitCode, refused.out], [exitCode, ""], refused.err);
    ok(/^starling: Cannot [^\n]*\n$/.test(refused.err), refused.err);
    ok(refused.err.includes(words), refused.err);
    ok(!folder.exists("x.torrent"));
  }
});

Deno.test("create refuses what cannot be a torrent of its version before it hashes", async () => {
  const refusalOf = async (folder: TemporaryFolder, ...args: readonly string[]) => {
    const path = folder.at("tree");
    const { exitCode, out, err } = await create(["-o", folder.at("x.torrent"), ...args, path]);
    return { exitCode, out, err: err.replace(`starling: Cannot make a torrent of ${path}: `, "") };
  };
  const PIECE_LENGTH = 16_384;
  const isTakenForPadding = (path: string) =>
    `${path} is taken for padding by its name; leave it out with --exclude, or use --format v2\n`;
  const tooLarge = "its .torrent would be larger than 10000000 bytes; take longer pieces with " +
    "--piece-length\n";
  const sparse = (...lengths: number[]) => (folder: TemporaryFolder) => {
    for (const [index, length] of lengths.entries()) {
      folder.write(`tree/${index}`, "");
      Deno.truncateSync(folder.at(`tree/${index}`), length);
    }
  };
  const write = (path: string) => (folder: TemporaryFolder) => folder.write(`tree/${path}`, "x");
  const cases: readonly (readonly [
    format: string,
    words: string,
    prepare: (folder: TemporaryFolder) => void,
  ])[] = [
    ["hybrid", isTakenForPadding(".pad/12"), write(".pad/12")],
    ["v1", isTakenForPadding("sub/_____padding_file_0"), write("sub/_____padding_file_0")],
    ["hybrid", isTakenForPadding("_____padding_file_0"), write("_____padding_file_0")],
    ["v1", tooLarge, sparse(499_999 * PIECE_LENGTH)],
    ["v1", tooLarge, sparse(2 ** 43)],
    ["v2", tooLarge, sparse(312_500 * PIECE_LENGTH)],
    // Alike, they would share a layer: that they are is not known before.
    ["v2", tooLarge, sparse(156_250 * PIECE_LENGTH, 156_250 * PIECE_LENGTH)],
    ["hybrid", tooLarge, sparse(192_308 * PIECE_LENGTH)],
    ["v2", "its folders lie too deep in each other for version 2\n", write(`${"a/".repeat(100)}b`)],
    [
      "v2",
      "in version 2 a folder of one file that is called tree as well would be that file alone; " +
      "give the torrent another name with --name\n",
      (folder) => {
        Deno.removeSync(folder.at("tree"), { recursive: true });
        folder.write("tree/tree", "x");
      },
    ],
  ];
  for (const [format, words, prepare] of cases) {
    using folder = withData();
    prepare(folder);
    const refusal = await refusalOf(folder, "--format", format, "--piece-length", "16K");
    deepStrictEqual(refusal, { exitCode: 2, out: "", err: words });
    ok(!folder.exists("x.torrent"));
  }
});

Deno.test("create --format v2 takes names that are padding in version 1, and a folder by another name", async () => {
  using folder = new TemporaryFolder();
  const output = ["-o", folder.at("x.torrent"), "--overwrite", "--format"];
  folder.write("tree/.pad/12", "twelve bytes");
  folder.write("tree/_____padding_file_0", "data");
  folder.write("one/one", "data");
  for (
    const [paths, ...args] of [
      [".pad/12 _____padding_file_0", "v2", folder.at("tree")],
      ["one", "v2", "--name", "other", folder.at("one")],
      ["one", "hybrid", folder.at("one")],
    ] as const
  ) {
    const { exitCode, err } = await create([...output, ...args]);
    deepStrictEqual([exitCode, err], [0, ""]);
    const { isMultiFile, files } = read(folder);
    deepStrictEqual([isMultiFile, Array.from(files, ({ path }) => path.join("/")).join(" ")], [
      true,
      paths,
    ]);
  }
});

Deno.test("create takes options that mean something, and says what is wrong with others", async () => {
  const cases: readonly (readonly [words: string, ...args: string[]])[] = [
    ["100K is not a power of two from 16K to 256M", "--piece-length", "100K"],
    ["8K is not a power of two", "--piece-length", "8K"],
    ["the value is not an http, https or udp URL", "-t", "ftp://x/"],
    ["the value is not an http, https or udp URL", "-t", "http://a/,"],
    ["is not an http or https URL", "--web-seed", "udp://x"],
    ["a/b is not a name without slashes", "--name", "a/b"],
    [".. is not a name", "--name", ".."],
    ["router is not HOST:PORT", "--node", "router"],
  ];
  for (const [words, ...args] of cases) {
    const { exitCode, err } = await create([...args, "x"]);
    deepStrictEqual(exitCode, 2);
    ok(err.includes(words), err);
  }
});

Deno.test("create warns of what may not be meant", async () => {
  using folder = withData();
  Deno.symlinkSync("one.bin", folder.at("tree/link"));
  folder.write("tree/ONE.bin", "x");
  const { exitCode, err } = await create([
    ...["--private", "-o", folder.at("x.torrent"), folder.at("tree")],
  ]);
  deepStrictEqual(exitCode, 0);
  deepStrictEqual(err.split("\n").map((line) => line.replace("starling: warning: ", "")), [
    'what 1 symbolic link lead to is in the torrent, such as link; "verify" and "seed" do not ' +
    "follow them",
    "a private torrent without a tracker finds no peers",
    'tree/one.bin is called tree/one.1.bin when it is downloaded, and where "verify" and "seed" ' +
    "look for it: it differs from another only in case, or in how it is encoded",
    "",
  ]);
});

Deno.test("T20 create warns of a tracker that would not be asked, and keeps its passkey to itself", async () => {
  using folder = withData();
  const { exitCode, err } = await create([
    ...["-t", "http://127.0.0.1:7980/SECRET/announce,http://t.example/SECRET/announce"],
    ...["-o", folder.at("x.torrent"), folder.at("tree")],
  ]);
  deepStrictEqual(exitCode, 0);
  deepStrictEqual(
    err,
    "starling: warning: starling will not ask the tracker http://127.0.0.1:7980/…/announce: the " +
      "address is on this machine, where only paths that begin with /announce are asked\n",
  );
});

Deno.test("create warns of a name of the torrent that is not kept, and counts other such names", async () => {
  using folder = withData();
  folder.write("odd/a\\b", "x");
  folder.write("odd/c\\d", "y");
  const warningsOf = async (path: string) =>
    (await create(["--overwrite", "-o", folder.at("x.torrent"), folder.at(path)])).err;
  ok((await warningsOf("odd/a\\b")).includes(
    "a\\b is called ab when it is downloaded: its name is not safe everywhere\n",
  ));
  const unlike = await warningsOf("odd");
  ok(unlike.includes("odd/a\\b is called odd/ab when it is downloaded: "), unlike);
  ok(unlike.endsWith("not safe everywhere; 1 other file likewise\n"), unlike);
  folder.write("odd/AB", "z");
  folder.write("odd/ab", "z");
  const alike = await warningsOf("odd");
  ok(alike.includes('odd/ab is called odd/ab.2 when it is downloaded, and where "verify"'), alike);
  ok(alike.includes("odd/a\\b is called odd/ab.1 when it is downloaded: "), alike);
});

Deno.test("create names the permission that is missing, before it hashes", async () => {
  using folder = withData();
  const missing = { access: "write", target: "/x", flag: "--allow-write=/x" };
  const { exitCode, err } = await create(["-o", folder.at("x.torrent"), folder.at("tree")], {
    missing,
  });
  deepStrictEqual(exitCode, 4);
  ok(err.includes("--allow-write=/x"), err);
});

Deno.test("create stops when it is interrupted, and leaves nothing", async () => {
  using folder = withData();
  const environment = new FakeEnvironment({
    args: ["create", "-o", folder.at("x.torrent"), folder.at("tree")],
    usesDisk: true,
  });
  const running = run(environment);
  environment.signal("SIGINT");
  deepStrictEqual(await running, 130);
  ok(!folder.exists("x.torrent"));
});

Deno.test("create shows a bar on a terminal, and takes it away", async () => {
  using folder = withData();
  const { exitCode, out } = await create(["-o", folder.at("x.torrent"), folder.at("tree")], {
    terminal: { columns: 80, rows: 24 },
  });
  deepStrictEqual(exitCode, 0);
  ok(out.includes("hashed 146 KiB of 146 KiB"), out);
  const terminal = new Terminal();
  terminal.write(out);
  deepStrictEqual(terminal.lines[0], `  Torrent  ${folder.at("x.torrent")}`);
  ok(terminal.isCursorShown);
});

Deno.test("create makes torrents that verify finds complete", async () => {
  using folder = withData();
  await create(["-o", folder.at("x.torrent"), folder.at("tree")]);
  const environment = new FakeEnvironment({
    args: ["verify", folder.at("x.torrent"), folder.at("tree")],
    usesDisk: true,
  });
  deepStrictEqual(await run(environment), 0, environment.err);
});

Deno.test("createMetainfo() and create agree on what they write", async () => {
  using folder = withData();
  await create(["--no-date", "-o", folder.at("x.torrent"), folder.at("tree")]);
  const metainfo = read(folder);
  const bytes = createMetainfo({
    name: "tree",
    files: [...metainfo.files],
    isSingleFile: false,
    pieceLength: metainfo.pieceLength,
    pieceHashes: metainfo.pieceHashes,
    createdBy: "starling/0.1.0",
  });
  deepStrictEqual(Deno.readFileSync(folder.at("x.torrent")), new Uint8Array(bytes));
});
