import { deepStrictEqual, ok } from "node:assert/strict";
import { join } from "node:path";
import { run } from "../../src/cli/run.ts";
import { makeTorrent, randomBytes } from "../loopback/content.ts";
import { TemporaryFolder } from "../workers/temporary_folder.ts";
import { FakeEnvironment } from "./fake_environment.ts";
import { Terminal } from "./terminal.ts";

const PIECE_LENGTH = 32_768;
const CONTENT = {
  "one.bin": randomBytes(100_000, 1),
  "sub/two.bin": randomBytes(50_000, 2),
  "sub/empty": new Uint8Array(0),
};
const TREE = makeTorrent("tree", CONTENT, { pieceLength: PIECE_LENGTH });
const FILE = makeTorrent("file.bin", CONTENT["one.bin"], { pieceLength: PIECE_LENGTH });

/** A folder with both torrents and all of their data. */
async function withData(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "starling_test_" });
  try {
    await Deno.writeFile(join(folder, "tree.torrent"), TREE.bytes);
    await Deno.writeFile(join(folder, "file.torrent"), FILE.bytes);
    await Deno.writeFile(join(folder, "file.bin"), FILE.data);
    await Deno.mkdir(join(folder, "tree", "sub"), { recursive: true });
    for (const [path, bytes] of Object.entries(CONTENT)) {
      await Deno.writeFile(join(folder, "tree", path), bytes);
    }
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function verify(...args: string[]) {
  const environment = new FakeEnvironment({ args: ["verify", ...args], usesDisk: true });
  const exitCode = await run(environment);
  return { exitCode, out: environment.out, err: environment.err };
}

Deno.test("verify finds the data in its folder, by its own name, and under another", async () => {
  await withData(async (folder) => {
    await Deno.copyFile(join(folder, "file.bin"), join(folder, "renamed.bin"));
    await Deno.mkdir(join(folder, "moved"));
    await Deno.rename(join(folder, "tree"), join(folder, "moved", "wood"));
    const tree = join(folder, "tree.torrent"), file = join(folder, "file.torrent");
    for (
      const [torrent, path] of [
        [file, folder],
        [file, join(folder, "file.bin")],
        [file, join(folder, "renamed.bin")],
        [tree, join(folder, "moved", "wood")],
      ] as const
    ) {
      const { exitCode, out, err } = await verify(torrent, path);
      deepStrictEqual([exitCode, err], [0, ""]);
      ok(out.endsWith("all good\n"), out);
    }
  });
});

Deno.test("verify starts no worker for data that is not there", async () => {
  await withData(async (folder) => {
    const started: string[] = [];
    const { Worker } = globalThis;
    globalThis.Worker = class extends Worker {
      constructor(url: string | URL, options?: WorkerOptions) {
        super(url, options);
        started.push(`${url}`);
      }
    };
    try {
      await Deno.mkdir(join(folder, "empty"));
      for (const name of ["tree", "file"]) {
        const torrent = join(folder, `${name}.torrent`);
        const { exitCode, out } = await verify(torrent, join(folder, "empty"));
        deepStrictEqual([exitCode, out.includes("missing"), started], [5, true, []]);
      }
      await verify(join(folder, "tree.torrent"), folder);
      ok(started.length > 0);
    } finally {
      globalThis.Worker = Worker;
    }
  });
});

Deno.test("verify --json says which pieces are bad and which files are missing", async () => {
  await withData(async (folder) => {
    const torrent = join(folder, "tree.torrent");
    const whole = await verify("--json", torrent, folder);
    deepStrictEqual(whole.exitCode, 0);
    deepStrictEqual(JSON.parse(whole.out), {
      complete: true,
      pieces: 5,
      good: 5,
      bad: [],
      missing: [],
      files: [
        { path: "tree/one.bin", ok: true },
        { path: "tree/sub/two.bin", ok: true },
        { path: "tree/sub/empty", ok: true },
      ],
    });

    const damaged = CONTENT["one.bin"].slice();
    damaged[40_000]! ^= 1;
    await Deno.writeFile(join(folder, "tree", "one.bin"), damaged);
    await Deno.remove(join(folder, "tree", "sub", "empty"));
    const { exitCode, out, err } = await verify("--json", torrent, folder);
    deepStrictEqual(exitCode, 5);
    deepStrictEqual(JSON.parse(out), {
      complete: false,
      pieces: 5,
      good: 4,
      bad: [1],
      missing: ["tree/sub/empty"],
      files: [
        { path: "tree/one.bin", ok: false },
        { path: "tree/sub/two.bin", ok: true },
        { path: "tree/sub/empty", ok: false },
      ],
    });
    ok(err.includes("tree is not complete: 4 of 5 pieces are good, 1 bad; of 3 files 1 missing"));
  });
});

Deno.test("verify counts the pieces of a file that was cut short as bad", async () => {
  await withData(async (folder) => {
    await Deno.truncate(join(folder, "file.bin"), 40_000);
    const { exitCode, out, err } = await verify("--json", join(folder, "file.torrent"), folder);
    deepStrictEqual(exitCode, 5);
    const { good, bad, missing } = JSON.parse(out);
    deepStrictEqual({ good, bad, missing }, { good: 1, bad: [1, 2, 3], missing: [] });
    ok(err.includes("1 of 4 pieces are good, 3 bad; of 1 file 0 missing"), err);
    ok(err.includes("needs --overwrite for a file of which no piece is good"), err);

    await Deno.remove(join(folder, "tree", "sub", "two.bin"));
    const tree = await verify("--json", join(folder, "tree.torrent"), folder);
    deepStrictEqual(JSON.parse(tree.out).bad, [], "what is not there is missing");
    ok(!tree.err.includes("--overwrite"), tree.err);
  });
});

Deno.test("verify names what is amiss for people", async () => {
  await withData(async (folder) => {
    await Deno.remove(join(folder, "tree", "sub"), { recursive: true });
    const { exitCode, out } = await verify(join(folder, "tree.torrent"), folder);
    deepStrictEqual(exitCode, 5);
    deepStrictEqual(out.trimEnd().split("\n"), [
      "tree/one.bin: unknown (shares a piece with what is missing)",
      "tree/sub/two.bin: missing",
      "tree/sub/empty: missing",
    ]);
  });
});

Deno.test("verify writes nothing", async () => {
  await withData(async (folder) => {
    const namesIn = async (path: string) =>
      (await Array.fromAsync(Deno.readDir(path), ({ name }) => name)).sort();
    const before = await namesIn(folder);
    await verify(join(folder, "tree.torrent"), join(folder));
    await verify(join(folder, "tree.torrent"), join(folder, "nowhere"));
    deepStrictEqual(await namesIn(folder), before);
  });
});

Deno.test("verify exits 5 where nothing is, and 3 for what is no torrent", async () => {
  await withData(async (folder) => {
    const nowhere = await verify(join(folder, "tree.torrent"), join(folder, "nowhere"));
    deepStrictEqual(nowhere.exitCode, 5);
    ok(nowhere.err.includes("nowhere"), nowhere.err);
    deepStrictEqual((await verify(join(folder, "file.bin"))).exitCode, 3);
  });
});

Deno.test("verify draws a bar on a terminal and takes it away", async () => {
  await withData(async (folder) => {
    const environment = new FakeEnvironment({
      args: ["verify", join(folder, "file.torrent"), folder],
      usesDisk: true,
      terminal: { columns: 40, rows: 20 },
    });
    deepStrictEqual(await run(environment), 0);
    ok(environment.out.includes("checked "), environment.out);
    const terminal = new Terminal();
    terminal.write(environment.out);
    deepStrictEqual(terminal.lines, ["file.bin: complete: 1 file, 4 pieces, all good", ""]);
    ok(terminal.isCursorShown);
  });
});

Deno.test("S4 verify without permission for its worker exits 4", async () => {
  await withData(async (folder) => {
    const missing = { access: "read", target: "w.ts", flag: "--allow-read=w.ts" };
    const environment = new FakeEnvironment({
      args: ["verify", join(folder, "file.torrent"), folder],
      usesDisk: true,
      missing,
    });
    deepStrictEqual(await run(environment), 4);
    ok(environment.err.includes("run again with --allow-read=w.ts"), environment.err);
  });
});

Deno.test("verify -q says nothing of what is good, and in one line what is amiss", async () => {
  await withData(async (folder) => {
    const torrent = join(folder, "tree.torrent");
    deepStrictEqual(await verify("-q", torrent, folder), { exitCode: 0, out: "", err: "" });
    await Deno.remove(join(folder, "tree", "one.bin"));
    const { exitCode, out, err } = await verify("--quiet", torrent, folder);
    deepStrictEqual([exitCode, out, err.trimEnd().split("\n").length], [5, "", 1]);
    ok(err.includes("tree is not complete"), err);
    const { out: json } = await verify("-q", "--json", torrent, folder);
    deepStrictEqual(JSON.parse(json).complete, false);
  });
});

Deno.test("verify refuses symbolic links by the torrent's own name as by the safe one", async () => {
  for (const name of ["o\u200dne.bin", "one.bin"]) {
    using folder = new TemporaryFolder();
    const bytes = CONTENT["one.bin"];
    const { bytes: torrent } = makeTorrent("tree", { "o\u200dne.bin": bytes }, {
      pieceLength: PIECE_LENGTH,
    });
    folder.write("x.torrent", torrent);
    folder.write("outside", bytes);
    Deno.mkdirSync(folder.at("tree"));
    Deno.symlinkSync(folder.at("outside"), folder.at(`tree/${name}`));
    const { exitCode, err } = await verify(folder.at("x.torrent"), folder.path);
    deepStrictEqual(exitCode, 5);
    ok(err.includes(": it is a symbolic link"), err);
  }
});
