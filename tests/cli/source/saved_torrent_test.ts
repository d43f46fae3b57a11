import { deepStrictEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { run } from "../../../src/cli/run.ts";
import { magnetLink } from "../../../src/metainfo/magnet.ts";
import { parseMetainfo } from "../../../src/metainfo/metainfo.ts";
import { FakeEngine } from "../fake_engine.ts";
import { FakeEnvironment } from "../fake_environment.ts";
import { makeMetainfo, makeTorrent } from "../torrents.ts";

const PACK = makeMetainfo({
  name: "pack",
  files: [{ path: "one.bin", length: 1000 }, { path: "two.txt", length: 500 }],
});

/** `get --metadata-only` on a real disk; its search finds PACK. */
async function saveOnly(folder: string, ...args: string[]) {
  const engine = new FakeEngine(undefined, (search) => search.succeed(PACK.infoBytes));
  const environment = new FakeEnvironment({
    args: ["get", "--metadata-only", ...args],
    usesDisk: true,
    openEngine: () => Promise.resolve(engine),
  });
  const exitCode = await run(environment);
  deepStrictEqual(engine.torrents.size, 0);
  const names = await Array.fromAsync(Deno.readDir(folder), ({ name }) => name);
  const { out, err } = environment;
  return { exitCode, out, err, names: names.toSorted(), searches: engine.searches.length };
}

async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "starling_test_" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("get --metadata-only writes the .torrent and nothing else, once", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "x.torrent"), link = `${magnetLink(PACK)}&tr=http://t.example/x`;
    const first = await saveOnly(folder, "-o", file, link);
    deepStrictEqual([first.exitCode, first.err, first.names], [0, "", ["x.torrent"]]);
    ok(first.out.includes(`pack: saved ${file} (`), first.out);
    const { infoHashHex, trackers } = parseMetainfo(await Deno.readFile(file));
    deepStrictEqual([infoHashHex, trackers], [PACK.infoHashHex, [["http://t.example/x"]]]);
    const second = await saveOnly(folder, "-o", file, link);
    deepStrictEqual([second.exitCode, second.searches, second.err], [0, 0, ""]);
    ok(second.out.includes(`${file} is here already`), second.out);

    const inFolder = await saveOnly(folder, "--json", "-o", folder, link);
    deepStrictEqual([inFolder.exitCode, inFolder.names], [0, ["pack.torrent", "x.torrent"]]);
    const events = inFolder.out.trimEnd().split("\n").map((line) => JSON.parse(line));
    deepStrictEqual(events.map(({ event }) => event), ["metadata", "added", "done"]);
    deepStrictEqual(events[2].path, join(folder, "pack.torrent"));
    deepStrictEqual((await saveOnly(folder, "-o", folder, link)).exitCode, 0);
  });
});

Deno.test("get --metadata-only replaces something else only with --overwrite", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "x.torrent");
    for (const precious of [new Uint8Array(5), makeTorrent({ name: "alpha" })]) {
      await Deno.writeFile(file, precious);
      const refused = await saveOnly(folder, "-o", file, PACK.infoHashHex);
      deepStrictEqual([refused.exitCode, refused.searches], [6, 0], refused.err);
      ok(refused.err.includes("use --overwrite to replace it"), refused.err);
      deepStrictEqual(await Deno.readFile(file), precious);
    }
    deepStrictEqual(
      (await saveOnly(folder, "--overwrite", "-o", file, PACK.infoHashHex)).exitCode,
      0,
    );
    deepStrictEqual(parseMetainfo(await Deno.readFile(file)).infoHashHex, PACK.infoHashHex);
  });
});

Deno.test("get --metadata-only saves a .torrent as it is, and several only into a folder", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "a"), saved = join(folder, "saved.torrent");
    const bytes = makeTorrent({ name: "alpha", comment: "kept" });
    await Deno.writeFile(file, bytes);
    deepStrictEqual((await saveOnly(folder, "-o", saved, file)).exitCode, 0);
    deepStrictEqual(await Deno.readFile(saved), bytes);
    for (const args of [[join(folder, "y"), file, PACK.infoHashHex], [join(folder, "y/"), file]]) {
      const refused = await saveOnly(folder, "-o", ...args);
      deepStrictEqual([refused.exitCode, refused.names], [2, ["a", "saved.torrent"]]);
      ok(refused.err.includes("is no folder that is there"), refused.err);
    }
    const both = await saveOnly(folder, "-o", folder, file, PACK.infoHashHex);
    deepStrictEqual(both.exitCode, 0, both.err);
    deepStrictEqual(both.names, ["a", "alpha.torrent", "pack.torrent", "saved.torrent"]);
  });
});

Deno.test("get --metadata-only makes the folder, and looks whether it may write before it searches", async () => {
  await withFolder(async (folder) => {
    const file = join(folder, "new/folder/x.torrent");
    const made = await saveOnly(folder, "-o", file, PACK.infoHashHex);
    deepStrictEqual([made.exitCode, made.err, made.names], [0, "", ["new"]]);
    deepStrictEqual(parseMetainfo(await Deno.readFile(file)).infoHashHex, PACK.infoHashHex);
    deepStrictEqual([...Deno.readDirSync(join(folder, "new/folder"))].length, 1);
    const copied = await saveOnly(folder, "-o", join(folder, "other/x.torrent"), file);
    deepStrictEqual([copied.exitCode, copied.err], [0, ""]);
    const below = await saveOnly(folder, "-o", join(file, "y.torrent"), PACK.infoHashHex);
    deepStrictEqual([below.exitCode, below.searches], [5, 0], below.err);
  });
});

Deno.test("get --metadata-only refuses what is about data, and several torrents or JSON on standard output", async () => {
  await withFolder(async (folder) => {
    const aboutData = [
      ["--select", "1"],
      ["--range", "1:0-1"],
      ["--sequential"],
      ["--sums", "SUMS"],
      ["--sha256"],
      ["--save-torrent"],
      ["--on-done", "true"],
      ["--seed"],
      ["--seed-ratio", "1"],
      ["--seed-time", "1s"],
    ];
    for (const [option = "", ...value] of aboutData) {
      const refused = await saveOnly(folder, option, ...value, "-o", folder, PACK.infoHashHex);
      deepStrictEqual([refused.exitCode, refused.searches, refused.names], [2, 0, []]);
      ok(refused.err.startsWith(`starling: ${option} has no meaning`), refused.err);
    }
    for (const args of [["--json", PACK.infoHashHex], [PACK.infoHashHex, "x"]]) {
      deepStrictEqual((await saveOnly(folder, "-o", "-", ...args)).exitCode, 2);
    }
  });
});
