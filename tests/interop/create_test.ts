/** Torrents that we make, beside those of other programs, and what other programs read in them. */
import { deepStrictEqual, ok } from "node:assert/strict";
import { assertExit, Checkout } from "../loopback/checkout.ts";
import { randomBytes, writeRandomFile } from "../loopback/content.ts";
import { Lab } from "../loopback/lab.ts";
import { isMissing, PYTHON } from "./installed.ts";
import { makeTorrent, withMktorrent, writeManyFiles } from "./torrents.ts";

const TRACKER = "http://127.0.0.1:6969/announce";
/** Prints info-hash, name, piece length, files and first tracker, as libtorrent reads them. */
const LIBTORRENT_SHOW = [
  "import libtorrent as lt, json, sys",
  "info = lt.torrent_info(sys.argv[1])",
  "files = [[info.files().file_path(i), info.files().file_size(i)] for i in range(info.num_files())]",
  "trackers = [[t.url, t.tier] for t in info.trackers()]",
  "print(json.dumps([str(info.info_hash()), info.piece_length(), files, trackers]))",
].join("\n");

/** Prints the info-hashes of both versions, of each torrent. */
const LIBTORRENT_HASHES = [
  "import libtorrent as lt, json, sys",
  "hashes = [lt.torrent_info(path).info_hashes() for path in sys.argv[1:]]",
  "print(json.dumps([[str(each.v1), str(each.v2)] for each in hashes]))",
].join("\n");

async function infoHashOf(torrent: string, checkout: Checkout): Promise<unknown> {
  const info = await checkout.run("info", "--json", torrent);
  assertExit(info, 0);
  return JSON.parse(info.stdout).infoHash;
}

interface Content {
  readonly description: string;
  readonly name: string;
  readonly pieceLength: number;
  write(path: string): Promise<void>;
}

const ONE_FILE: Content = {
  description: "one file",
  name: "größe 数据.bin",
  pieceLength: 1024 * 1024,
  write: (path) => writeRandomFile(path, 20_000_003),
};
const FOLDER_OF_ONE: Content = {
  description: "a folder that holds one file",
  name: "folder",
  pieceLength: 65_536,
  write: (path) => writeRandomFile(`${path}/data.bin`, 80_000),
};
const ONE_AND_EMPTY: Content = {
  description: "one file and empty ones",
  name: "folder",
  pieceLength: 65_536,
  async write(path) {
    await writeRandomFile(`${path}/data.bin`, 80_000);
    for (const name of ["a", "z"]) await Deno.writeFile(`${path}/${name}`, new Uint8Array());
  },
};
const MANY_FILES: Content = {
  description: "300 files of many scripts, some of them empty",
  name: "Inhalt größer",
  pieceLength: 65_536,
  write: (path) => writeManyFiles(path, 300),
};
const ODD_ORDER: Content = {
  description: "names that sort differently as words",
  name: "order",
  pieceLength: 32_768,
  async write(path) {
    const names = [".hid/f", "B", "a b/q", "a-b", "a.txt", "a/x", "z", "é", "！", "🐦", "_", "~"];
    for (const [index, name] of names.entries()) {
      await writeRandomFile(`${path}/${name}`, 10_000 + index, index);
    }
  },
};
/** Hidden files are nothing to libtorrent. */
const TREE_ORDER: Content = {
  description: "names that sort differently as whole paths",
  name: "order",
  pieceLength: 32_768,
  async write(path) {
    const names = ["B", "a b/q", "a-b", "a.b", "a.txt", "a/x", "a/x-y", "a/x z/d", "a!", "z/z"];
    for (const [index, name] of [...names, "é/e", "é.e", "！", "🐦", "_", "~"].entries()) {
      await writeRandomFile(`${path}/${name}`, 10_000 + index, index);
    }
  },
};
/** transmission-create leaves out hidden and empty files, and sorts without regard to case. */
const PLAIN_FILES: Content = {
  description: "plain files in folders",
  name: "plain",
  pieceLength: 32_768,
  async write(path) {
    for (const [index, name] of ["a.bin", "sub-1/x", "sub/b", "sub/deep/c", "z"].entries()) {
      await writeRandomFile(`${path}/${name}`, 50_000 + index, index);
    }
  },
};

async function ours(lab: Lab, content: Content, ...options: string[]) {
  const checkout = await Checkout.make(lab);
  await content.write(checkout.path(content.name));
  const target = ["--json", "-o", "ours.torrent", "-t", TRACKER];
  const pieceLength = ["--piece-length", `${content.pieceLength}`];
  const run = await checkout.run("create", ...target, ...pieceLength, ...options, content.name);
  assertExit(run, 0);
  const facts = JSON.parse(run.stdout);
  return { facts, checkout, folder: checkout.folder, torrent: checkout.path("ours.torrent") };
}

for (const content of [ONE_FILE, MANY_FILES, ODD_ORDER]) {
  Deno.test({
    name: `create gives ${content.description} the info-hash that mktorrent gives`,
    ignore: isMissing("mktorrent"),
    async fn() {
      await using lab = await Lab.open();
      const { facts, folder } = await ours(lab, content);
      const { name, pieceLength } = content;
      const options = { folder, name, pieceLength, tracker: TRACKER };
      const { infoHash } = await makeTorrent(lab, withMktorrent, options);
      deepStrictEqual(facts.infoHash, infoHash.toHex());
    },
  });
}

Deno.test({
  name: "create --private and --source give the info-hash that mktorrent gives",
  ignore: isMissing("mktorrent"),
  async fn() {
    await using lab = await Lab.open();
    const { facts, checkout } = await ours(lab, PLAIN_FILES, "--private", "--source", "HERE");
    const { name } = PLAIN_FILES, theirs = checkout.path("theirs.torrent");
    const flags = ["-l", "15", "-p", "-s", "HERE", "-a", TRACKER, "-o", theirs];
    await lab.run("mktorrent", [...flags, checkout.path(name)]);
    deepStrictEqual(facts.infoHash, await infoHashOf("theirs.torrent", checkout));
  },
});

// Of public torrents transmission 3 says `private: 0`, which no other program writes.
for (const content of [ONE_FILE, PLAIN_FILES]) {
  Deno.test({
    name: `create --private gives ${content.description} the info-hash that transmission gives`,
    ignore: isMissing("transmission-create"),
    async fn() {
      await using lab = await Lab.open();
      const { facts, checkout } = await ours(lab, content, "--private");
      const theirs = checkout.path("theirs.torrent");
      const flags = ["-p", "-s", `${content.pieceLength / 1024}`, "-t", TRACKER, "-o", theirs];
      await lab.run("transmission-create", [...flags, checkout.path(content.name)]);
      deepStrictEqual(facts.infoHash, await infoHashOf("theirs.torrent", checkout));
    },
  });
}

for (const content of [ONE_FILE, MANY_FILES]) {
  const backup = "udp://127.0.0.1:6970";

  Deno.test({
    name: `libtorrent reads what create makes of ${content.description}`,
    ignore: isMissing("python3-libtorrent"),
    async fn() {
      await using lab = await Lab.open();
      const { facts, torrent } = await ours(lab, content, "-t", backup);
      const shown = await lab.run(PYTHON, ["-c", LIBTORRENT_SHOW, torrent]);
      deepStrictEqual(JSON.parse(shown), [
        facts.infoHash,
        content.pieceLength,
        facts.files.map(({ path, size }: { path: string; size: number }) => [path, size]),
        [[TRACKER, 0], [backup, 1]],
      ]);
    },
  });

  Deno.test({
    name: `transmission and aria2 read what create makes of ${content.description}`,
    ignore: isMissing("transmission-show", "aria2c"),
    async fn() {
      await using lab = await Lab.open();
      const { facts, torrent } = await ours(lab, content, "-t", backup);
      for (const [program, ...args] of [["transmission-show"], ["aria2c", "-S"]] as const) {
        const shown = await lab.run(program, [...args, torrent]);
        ok(shown.includes(facts.infoHash), shown);
        ok(shown.includes(content.name), shown);
        ok(shown.includes(TRACKER) && shown.includes(backup), shown);
        ok(shown.includes(facts.files.at(-1).path), shown);
      }
    },
  });
}

for (const content of [ONE_FILE, MANY_FILES, FOLDER_OF_ONE, ONE_AND_EMPTY, TREE_ORDER]) {
  for (const format of ["v2", "hybrid"]) {
    Deno.test({
      name: `create --format ${format} gives ${content.description} libtorrent's info-hashes`,
      ignore: isMissing("python3-libtorrent"),
      async fn() {
        await using lab = await Lab.open();
        const { folder, torrent } = await ours(lab, content, "--format", format);
        const program = new URL("./libtorrent_make.py", import.meta.url).pathname;
        const source = `${folder}/${content.name}`, theirs = lab.path("theirs.torrent");
        const args = [source, theirs, `${content.pieceLength}`, TRACKER, format];
        await lab.run(PYTHON, [program, ...args]);
        const hashes = await lab.run(PYTHON, ["-c", LIBTORRENT_HASHES, torrent, theirs]);
        const [own, foreign] = JSON.parse(hashes);
        deepStrictEqual(own, foreign);
      },
    });
  }
}

Deno.test("create ends with 5 when a file grows while it is read", async () => {
  await using lab = await Lab.open();
  const checkout = await Checkout.make(lab);
  const path = checkout.path("growing.bin");
  await writeRandomFile(path, 50_000_000);
  using file = await Deno.open(path, { append: true });
  const tail = randomBytes(1000, 1);
  const growing = setInterval(() => file.writeSync(tail), 5);
  try {
    const run = await checkout.run("create", "growing.bin");
    assertExit(run, 5);
    ok(/changed from \d+ to \d+ bytes while it was read/.test(run.stderr), run.stderr);
  } finally {
    clearInterval(growing);
  }
});
