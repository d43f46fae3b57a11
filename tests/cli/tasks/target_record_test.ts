import { deepStrictEqual } from "node:assert/strict";
import { StorageError } from "../../../src/base/errors.ts";
import type { FileIndex } from "../../../src/base/ids.ts";
import { parseTorrent } from "../../../src/cli/source/source.ts";
import { chooseTarget } from "../../../src/cli/tasks/target.ts";
import { type Demands, TargetRecord } from "../../../src/cli/tasks/target_record.ts";
import type { FinishedFile } from "../../../src/storage/disk_storage.ts";
import type { RecalledTarget } from "../../../src/storage/finished_target.ts";
import { parseReceipt, type Receipt } from "../../../src/storage/receipt_codec.ts";
import { VERSION } from "../../../src/cli/output/version.ts";
import { FakeEnvironment } from "../fake_environment.ts";
import { makeTorrent } from "../torrents.ts";

const NAMES = ["a", "b", "c"];
const SOURCE = await parseTorrent(
  makeTorrent({ name: "t", files: NAMES.map((path) => ({ path, length: 1000 })) }),
  "x",
  { platform: "linux" },
);
const INFO_HASH = SOURCE.metainfo.infoHashHex;
const DIGEST = "d".repeat(64);
const ANY: Demands = { expected: undefined, wantsDigests: false };

/** Records of one target, whose files are as they were last written down. */
class Records {
  readonly warnings: string[] = [];
  receipt: Receipt | undefined;
  /** Files that somebody has changed since. */
  readonly changed = new Set<string>();
  keepError: Error | undefined;

  async open(...selected: string[]): Promise<TargetRecord> {
    const select = selected.map((name) => `${NAMES.indexOf(name) + 1}`);
    const choice = { select, ranges: [], maxBytes: undefined };
    const target = await chooseTarget({ source: SOURCE, selectedFiles: undefined }, choice);
    const environment = new FakeEnvironment({
      recall: () => this.#recalled(),
      ...(this.keepError === undefined ? {} : { keepError: this.keepError }),
    });
    const keepState = environment.keepState.bind(environment);
    environment.keepState = async (folders, name, bytes) => {
      const path = await keepState(folders, name, bytes);
      this.receipt = parseReceipt(bytes, INFO_HASH);
      return path;
    };
    const record = new TargetRecord(target, {
      options: { outputDir: "out", stateDir: undefined },
      environment,
      warn: (message) => this.warnings.push(message),
    });
    await record.recall();
    return record;
  }

  /** A run that completes these files. */
  async complete(names: string[], changes: Partial<FinishedFile> = {}): Promise<TargetRecord> {
    const record = await this.open(...names);
    const files = names.map((name) => ({
      path: `t/${name}`,
      size: 1000,
      modifiedMs: 5,
      sha256: undefined,
      ...changes,
    }));
    await record.complete(files, { peers: 2, downloaded: 1000 });
    return record;
  }

  #recalled(): RecalledTarget | undefined {
    if (this.receipt === undefined) return undefined;
    const intact = this.receipt.files.filter(({ path }) => !this.changed.has(path));
    return {
      receipt: this.receipt,
      folders: { outputDir: "/out", stateDir: "/out/.starling" },
      intact: new Map(intact.map((file) => [file.path, file])),
    };
  }
}

Deno.test("satisfies() says whether all that is selected is complete and as it was", async () => {
  const records = new Records();
  deepStrictEqual((await records.open("a")).satisfies(ANY), false);
  await records.complete(["a", "b"]);
  deepStrictEqual((await records.open("a", "b")).satisfies(ANY), true);
  deepStrictEqual((await records.open("b")).satisfies(ANY), true);
  deepStrictEqual((await records.open("b", "c")).satisfies(ANY), false);
  records.changed.add("t/a");
  deepStrictEqual((await records.open("a", "b")).satisfies(ANY), false);
  deepStrictEqual((await records.open("b")).satisfies(ANY), true);
});

Deno.test("satisfies() says no where a digest is not known, or is another one", async () => {
  const records = new Records();
  await records.complete(["a"]);
  const wanted = { expected: undefined, wantsDigests: true };
  const expected = (digest: string) => ({
    expected: new Map([[0 as FileIndex, digest]]),
    wantsDigests: false,
  });
  const satisfies = async (demands: Demands) => (await records.open("a")).satisfies(demands);
  deepStrictEqual([await satisfies(wanted), await satisfies(expected(DIGEST))], [false, false]);
  deepStrictEqual((await records.open("a")).digests(), new Map());
  await records.complete(["a"], { sha256: DIGEST });
  deepStrictEqual([await satisfies(wanted), await satisfies(expected(DIGEST))], [true, true]);
  deepStrictEqual(await satisfies(expected("e".repeat(64))), false);
  const [[file, known] = []] = [...(await records.open("a")).digests()];
  deepStrictEqual([file, known?.size, known?.modifiedMs, known?.sha256], [0, 1000, 5, DIGEST]);
});

Deno.test("complete() keeps what other selections have completed, and what is known of files", async () => {
  const records = new Records();
  await (await records.complete(["a"], { sha256: DIGEST })).hookDone();
  const before = records.receipt!;
  await records.complete(["a"]);
  deepStrictEqual(records.receipt, before);
  const both = await records.complete(["a", "b"]);
  deepStrictEqual(both.isHookDone, false);
  deepStrictEqual(
    records.receipt!.files.map(({ path, sha256, onDone }) => [path, sha256, onDone]),
    [
      ["t/a", DIGEST, true],
      ["t/b", null, false],
    ],
  );
  deepStrictEqual((await records.open("a")).isHookDone, true);
});

Deno.test("complete() forgets what is known of a file that has changed, its command too", async () => {
  const records = new Records();
  await (await records.complete(["a"], { sha256: DIGEST })).hookDone();
  const record = await records.complete(["a"], { modifiedMs: 6 });
  deepStrictEqual(record.isHookDone, false);
  const [file] = records.receipt!.files;
  deepStrictEqual([file!.sha256, file!.onDone], [null, false]);
});

Deno.test("complete() tells of the run that made the files, also when a later one has hashed them", async () => {
  const records = new Records();
  await records.complete(["a"]);
  records.receipt = { ...records.receipt!, starling: "0.0.9", peers: 77 };
  await records.complete(["a"], { sha256: DIGEST });
  deepStrictEqual([records.receipt.starling, records.receipt.peers], ["0.0.9", 77]);
  await records.complete(["a"], { modifiedMs: 6 });
  deepStrictEqual([records.receipt.starling, records.receipt.peers], [VERSION, 2]);
});

Deno.test("a receipt that cannot be written is a warning, and nothing is lost but time", async () => {
  const records = new Records();
  records.keepError = new StorageError("no-space", "x", "Cannot save x: the disk is full");
  const record = await records.complete(["a"]);
  await record.hookDone();
  deepStrictEqual(records.receipt, undefined);
  deepStrictEqual(records.warnings, [
    "the receipt is not written: Cannot save x: the disk is full",
    "the receipt is not written: Cannot save x: the disk is full",
  ]);
});
