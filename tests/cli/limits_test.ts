/** `--metadata-timeout`, `--stall`, `--deadline` and `--max-bytes` hold together. */
import { deepStrictEqual } from "node:assert/strict";
import { magnetLink } from "../../src/metainfo/magnet.ts";
import { CommandRun } from "./command_run.ts";
import { makeMetainfo } from "./torrents.ts";

/** 97.6 KiB. */
const ALPHA = makeMetainfo({ name: "alpha" });
const LIMITS = { "--metadata-timeout": "20s", "--stall": "30s", "--deadline": "1m" };
type Limits = Partial<typeof LIMITS & { readonly "--max-bytes": string }>;

class LimitedRun extends CommandRun {
  constructor(limits: Limits = {}) {
    const link = `${magnetLink(ALPHA)}&x.pe=192.0.2.1:1`;
    super(["get", "--json", ...Object.entries({ ...LIMITS, ...limits }).flat(), link]);
  }

  /** The metadata comes after so long. */
  async find(durationMs: number): Promise<void> {
    await this.pass(durationMs);
    this.engine.searches[0]!.succeed(ALPHA.infoBytes, []);
  }

  /** Ends it; the exit code, the time, and which limit it names. */
  async outcome(): Promise<[exitCode: number, seconds: number, limit: unknown]> {
    const exitCode = await this.end();
    const [{ evidence } = { evidence: {} }] = this.events("failed");
    const seconds = Math.round(this.environment.clock.now() / 1000);
    return [exitCode, seconds, (evidence as Record<string, unknown>)["limit"]];
  }
}

Deno.test("get ends a search at the first of its limits", async () => {
  deepStrictEqual(await new LimitedRun().outcome(), [10, 20, "metadata-timeout"]);
  deepStrictEqual(await new LimitedRun({ "--deadline": "15s" }).outcome(), [10, 15, "deadline"]);
  deepStrictEqual(await new LimitedRun({ "--stall": "10s" }).outcome(), [10, 10, "stall"]);
});

Deno.test("get refuses what is larger than --max-bytes as soon as it is known, within all limits", async () => {
  const get = new LimitedRun({ "--max-bytes": "97K" });
  await get.find(10_000);
  deepStrictEqual((await get.outcome()).slice(0, 2), [3, 10]);
  deepStrictEqual([get.engine.torrents.size, get.events("failed")[0]!["verdict"]], [
    0,
    "too-large",
  ]);
});

Deno.test("get counts --stall anew once the metadata is here, and --deadline from the start", async () => {
  const stalled = new LimitedRun({ "--max-bytes": "98K" });
  await stalled.find(10_000);
  deepStrictEqual(await stalled.outcome(), [14, 40, "stall"]);

  const late = new LimitedRun();
  await late.find(10_000);
  for (let have = 1; have <= 2; have++) {
    await late.pass(20_000);
    late.engine.only.snapshotChanges = { have };
  }
  deepStrictEqual(await late.outcome(), [14, 60, "deadline"]);
});

Deno.test("get does not hold a search's limit against what it has found", async () => {
  const get = new LimitedRun({ "--metadata-timeout": "5s" });
  await get.find(4_000);
  await get.pass(20_000);
  deepStrictEqual(get.exitCode, undefined);
  get.engine.only.complete();
  deepStrictEqual((await get.outcome()).slice(0, 2), [0, 24]);
});
