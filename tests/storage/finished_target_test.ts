import { deepStrictEqual, ok, rejects } from "node:assert/strict";
import { SystemClock } from "../../src/base/ambient.ts";
import { holdTarget, recallTarget, receiptName } from "../../src/storage/finished_target.ts";
import { encodeReceipt, type Receipt } from "../../src/storage/receipt_codec.ts";
import { TemporaryFolder } from "../workers/temporary_folder.ts";

const INFO_HASH = "ab".repeat(20);
const FILES = [{ path: "t/a", size: 3 }, { path: "t/sub/b", size: 0 }];
/** Longer than any name of a file: a torrent may have such. */
const NAME = "t".repeat(20_000);
const PATHS = FILES.map(({ path }) => path);

/** A target that is finished, and its receipt. */
class Finished extends TemporaryFolder {
  readonly outputDir = `${Deno.realPathSync(this.path)}/out`;
  readonly stateDir = `${this.outputDir}/.starling`;
  readonly receipt: Receipt;

  constructor() {
    super();
    Deno.mkdirSync(`${this.outputDir}/t/sub`, { recursive: true });
    Deno.mkdirSync(this.stateDir);
    Deno.writeTextFileSync(`${this.outputDir}/t/a`, "abc");
    Deno.writeTextFileSync(`${this.outputDir}/t/sub/b`, "");
    const files = FILES.map(({ path, size }) => {
      const modifiedMs = Deno.statSync(`${this.outputDir}/${path}`).mtime!.getTime();
      return { path, size, modifiedMs, sha256: null, onDone: true };
    });
    const completed = "2026-11-20T21:00:00.000Z";
    const names = { infoHash: INFO_HASH, name: NAME, completed, starling: "0.1.0" };
    this.receipt = { ...names, peers: 1, downloaded: 3, files };
    this.keep(encodeReceipt(this.receipt));
  }

  keep(bytes: Uint8Array): void {
    Deno.writeFileSync(`${this.stateDir}/${receiptName(INFO_HASH)}`, bytes);
  }

  async intact(): Promise<string[] | undefined> {
    const { outputDir, stateDir } = this;
    const torrent = { infoHashHex: INFO_HASH, name: NAME, paths: PATHS, files: FILES };
    const target = { outputDir, stateDir, ...torrent };
    const recalled = await recallTarget(target);
    if (recalled !== undefined) deepStrictEqual(recalled.folders, { outputDir, stateDir });
    return recalled && [...recalled.intact.keys()];
  }
}

Deno.test("recallTarget() finds files that are as the receipt says", async () => {
  using target = new Finished();
  deepStrictEqual(await target.intact(), PATHS);
  deepStrictEqual(receiptName(INFO_HASH), `${INFO_HASH}.receipt`);
});

Deno.test("recallTarget() finds no file that was changed, cut, replaced or taken away", async () => {
  using target = new Finished();
  const file = `${target.outputDir}/t/a`;
  const { mtime } = Deno.statSync(file);
  Deno.utimeSync(file, new Date(0), new Date(5));
  deepStrictEqual(await target.intact(), ["t/sub/b"]);
  Deno.utimeSync(file, new Date(0), mtime!);
  deepStrictEqual(await target.intact(), PATHS);
  Deno.writeTextFileSync(file, "ab");
  Deno.utimeSync(file, new Date(0), mtime!);
  deepStrictEqual(await target.intact(), ["t/sub/b"]);
  Deno.removeSync(file);
  Deno.mkdirSync(file);
  deepStrictEqual(await target.intact(), ["t/sub/b"]);
  Deno.removeSync(`${target.outputDir}/t/sub`, { recursive: true });
  deepStrictEqual(await target.intact(), []);
});

Deno.test("recallTarget() finds no file that the receipt does not tell of, or otherwise", async () => {
  using target = new Finished();
  const [a, b] = target.receipt.files;
  target.keep(encodeReceipt({ ...target.receipt, files: [b!] }));
  deepStrictEqual(await target.intact(), ["t/sub/b"]);
  target.keep(encodeReceipt({ ...target.receipt, files: [{ ...a!, size: 4 }, b!] }));
  deepStrictEqual(await target.intact(), ["t/sub/b"]);
});

Deno.test("D8 recallTarget() follows no symbolic link in the output folder", async () => {
  using target = new Finished();
  Deno.renameSync(`${target.outputDir}/t`, `${target.path}/elsewhere`);
  Deno.symlinkSync(`${target.path}/elsewhere`, `${target.outputDir}/t`);
  deepStrictEqual(await target.intact(), undefined);
  Deno.removeSync(`${target.outputDir}/t`);
  Deno.renameSync(`${target.path}/elsewhere`, `${target.outputDir}/t`);
  deepStrictEqual(await target.intact(), PATHS);
  Deno.renameSync(target.stateDir, `${target.path}/state`);
  Deno.symlinkSync(`${target.path}/state`, target.stateDir);
  deepStrictEqual(await target.intact(), undefined);
});

Deno.test("recallTarget() takes a receipt that is no use for none", async () => {
  using target = new Finished();
  target.keep(encodeReceipt(target.receipt).subarray(0, 100));
  deepStrictEqual(await target.intact(), undefined);
  target.keep(new Uint8Array(20_000));
  deepStrictEqual(await target.intact(), undefined);
  Deno.removeSync(`${target.stateDir}/${receiptName(INFO_HASH)}`);
  Deno.mkdirSync(`${target.stateDir}/${receiptName(INFO_HASH)}`);
  deepStrictEqual(await target.intact(), undefined);
  Deno.removeSync(target.outputDir, { recursive: true });
  deepStrictEqual(await target.intact(), undefined);
});

Deno.test("D14 holdTarget() holds what a download holds", async () => {
  using target = new Finished();
  const { outputDir, stateDir } = target;
  const { signal } = new AbortController();
  const clock = new SystemClock();
  const request = { outputDir, stateDir, name: "t", waitMs: 0, clock, signal };
  const lock = await holdTarget(request);
  await rejects(holdTarget(request), { name: "StorageError", reason: "locked" });
  lock.release();
  (await holdTarget(request)).release();
  ok(Deno.statSync(`${stateDir}/t.lock`).isFile);
});
