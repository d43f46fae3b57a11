/** Magnet links and info-hashes as sources of `info` and `verify`. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import type { EngineOptions } from "../../../src/cli/environment/engine.ts";
import { run } from "../../../src/cli/run.ts";
import { magnetLink } from "../../../src/metainfo/magnet.ts";
import { parseMetainfo } from "../../../src/metainfo/metainfo.ts";
import { makeTorrent as makeRealTorrent, randomBytes } from "../../loopback/content.ts";
import { FakeEngine, type FakeSearch } from "../fake_engine.ts";
import { FakeEnvironment, type FakeOptions } from "../fake_environment.ts";
import { makeTorrent } from "../torrents.ts";

const TORRENT = makeTorrent({ name: "alpha", trackers: [["http://t.example/x"]] });
const ALPHA = parseMetainfo(TORRENT);
const NOBODY = ["--no-dht", "--no-lsd", "--no-tracker"];

/** Runs a command to its end, on an engine that may not be opened without a search. */
async function runCommand(
  args: readonly string[],
  { onSearch = () => {}, ...options }: FakeOptions & { onSearch?: (search: FakeSearch) => void } =
    {},
) {
  const engine = new FakeEngine(undefined, onSearch);
  const opened: EngineOptions[] = [];
  const environment = new FakeEnvironment({
    args,
    openEngine: (engineOptions) => {
      opened.push(engineOptions);
      return Promise.resolve(engine);
    },
    ...options,
  });
  let exitCode: number | undefined;
  const running = run(environment).then((code) => exitCode = code);
  while (exitCode === undefined && engine.searches.length === 0) {
    await new Promise((next) => setTimeout(next, 1)); // The command's code is loaded in real time.
  }
  const startedAt = environment.clock.now();
  await environment.clock.run(() => exitCode !== undefined, 3_600_000);
  await running;
  deepStrictEqual(engine.isClosed, opened.length > 0);
  const { out, err, clock } = environment;
  return {
    exitCode,
    out,
    err,
    opened,
    searches: engine.searches.length,
    tookMs: clock.now() - startedAt,
  };
}

Deno.test("info of a link prints what info of the .torrent prints", async () => {
  const onSearch = (search: FakeSearch) => search.succeed(ALPHA.infoBytes);
  for (const json of [[], ["--json"]]) {
    const ofFile = await runCommand(["info", ...json, "x"], { files: { x: TORRENT } });
    const ofLink = await runCommand(["info", ...json, magnetLink(ALPHA)], { onSearch });
    deepStrictEqual(ofLink.exitCode, 0, ofLink.err);
    // The file has the tracker in another field, of another length.
    const comparable = (text: string) => text.replace(/^ *Torrent Size.*\n/m, "");
    deepStrictEqual(comparable(ofLink.out), comparable(ofFile.out));
  }
});

Deno.test("info of a link prints before the trackers have been told that it left", async () => {
  const engine = new FakeEngine(undefined, (search) => search.succeed(ALPHA.infoBytes));
  const leaving = Promise.withResolvers<void>();
  engine.close = () => leaving.promise;
  const openEngine = () => Promise.resolve(engine);
  const environment = new FakeEnvironment({ args: ["info", magnetLink(ALPHA)], openEngine });
  let exitCode: number | undefined;
  const running = run(environment).then((code) => exitCode = code);
  while (!environment.out.includes("Name  alpha")) {
    await new Promise((next) => setTimeout(next, 1));
  }
  strictEqual(exitCode, undefined);
  leaving.resolve();
  strictEqual(await running, 0);
});

Deno.test("S1 info of a link ends once the search has stopped when it is interrupted", async () => {
  const engine = new FakeEngine();
  const openEngine = () => Promise.resolve(engine);
  const environment = new FakeEnvironment({ args: ["info", magnetLink(ALPHA)], openEngine });
  const running = run(environment);
  while (engine.searches.length === 0) await new Promise((next) => setTimeout(next, 1));
  environment.signal("SIGINT");
  strictEqual(await running, 130);
  deepStrictEqual([environment.out, environment.err], ["", ""]);
  ok(engine.searches[0]!.calls.includes("stop") && engine.isClosed);
});

Deno.test("info of a link uses what get left, and opens no engine", async () => {
  const path = `./.starling/${ALPHA.infoHashHex}.torrent`;
  const { exitCode, out, opened } = await runCommand(["info", "--json", ALPHA.infoHashHex], {
    files: { [path]: TORRENT },
  });
  deepStrictEqual([exitCode, opened.length], [0, 0]);
  deepStrictEqual(JSON.parse(out).trackers, [["http://t.example/x"]]);
});

Deno.test("info of a link hands on how peers are found", async () => {
  const { opened } = await runCommand(
    ["info", "--no-lsd", "--dht-bootstrap", "127.0.0.1:9", "-p", "7000", magnetLink(ALPHA)],
    { onSearch: (search) => search.succeed(ALPHA.infoBytes) },
  );
  const [{ noLsd, noDht, dhtBootstrap, port } = {}] = opened as Partial<EngineOptions>[];
  deepStrictEqual([noLsd, noDht, port], [true, false, 7000]);
  deepStrictEqual(dhtBootstrap, [{ host: "127.0.0.1", port: 9 }]);
});

Deno.test("info of a link that is not found prints what the link says, and exits 10", async () => {
  const link = `${magnetLink(ALPHA)}&xl=2048&ws=http://w.example/&x.pe=192.0.2.1:1`;
  const json = await runCommand(["info", "--json", link]);
  deepStrictEqual([json.exitCode, json.tookMs], [10, 20_000]);
  deepStrictEqual(JSON.parse(json.out), {
    name: "alpha",
    infoHash: ALPHA.infoHashHex,
    infoHashV2: null,
    size: 2048,
    pieceLength: null,
    pieces: null,
    private: null,
    files: null,
    trackers: [["http://t.example/x"]],
    comment: null,
    createdBy: null,
    creationDate: null,
    source: null,
    webSeeds: ["http://w.example/"],
    nodes: [],
    magnet: magnetLink(ALPHA),
  });
  ok(json.err.startsWith("starling: no metadata came in 20s: no peers are known; "), json.err);

  const hybrid = `magnet:?xt=urn:btih:${"ab".repeat(20)}&xt=urn:btmh:1220${"cd".repeat(32)}`;
  const both = JSON.parse((await runCommand(["info", "--json", hybrid])).out);
  deepStrictEqual(
    [both.infoHash, both.infoHashV2, both.magnet],
    ["ab".repeat(20), "cd".repeat(32), hybrid],
  );

  const plain = await runCommand(["info", "--metadata-timeout", "5s", ALPHA.infoHashHex]);
  deepStrictEqual([plain.exitCode, plain.tookMs], [10, 5_000]);
  deepStrictEqual(plain.out.split("\n").map((line) => line.trim()), [
    "Name  unknown",
    `Info Hash  ${ALPHA.infoHashHex}`,
    "Content Size  unknown",
    `Magnet  magnet:?xt=urn:btih:${ALPHA.infoHashHex}`,
    "",
  ]);
});

Deno.test("info and verify of a link end at once when there is nobody to ask", async () => {
  const info = await runCommand(["info", ...NOBODY, magnetLink(ALPHA)]);
  deepStrictEqual([info.exitCode, info.tookMs, info.opened.length], [10, 0, 0]);
  ok(info.out.includes("Name  alpha") && info.out.includes("http://t.example/x"), info.out);
  const verify = await runCommand(["verify", ...NOBODY, magnetLink(ALPHA)]);
  deepStrictEqual([verify.exitCode, verify.out, verify.opened.length], [10, "", 0]);
  ok(verify.err.includes("no metadata can be had"), verify.err);
});

Deno.test("verify of a link takes the metadata that get left, or looks for it", async () => {
  const data = randomBytes(100_000, 1);
  const real = makeRealTorrent("file.bin", data, { pieceLength: 32_768 });
  const { infoBytes, infoHashHex } = parseMetainfo(real.bytes);
  const folder = await Deno.makeTempDir({ prefix: "starling_test_" });
  try {
    await Deno.writeFile(join(folder, "file.bin"), data);
    const found = await runCommand(["verify", infoHashHex, folder], {
      usesDisk: true,
      onSearch: (search) => search.succeed(infoBytes),
    });
    deepStrictEqual([found.exitCode, found.searches], [0, 1], found.err);
    ok(found.out.endsWith("all good\n"), found.out);
    deepStrictEqual((await Array.fromAsync(Deno.readDir(folder))).length, 1);
    await Deno.mkdir(join(folder, ".starling"));
    await Deno.writeFile(join(folder, ".starling", `${infoHashHex}.torrent`), real.bytes);
    for (const path of [folder, join(folder, "file.bin")]) {
      const kept = await runCommand(["verify", infoHashHex, path], { usesDisk: true });
      deepStrictEqual([kept.exitCode, kept.opened.length], [0, 0], kept.err);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
