import { deepStrictEqual, rejects } from "node:assert/strict";
import { downloadInto, type Outlet, type Taking } from "../../../src/cli/tasks/outlet.ts";
import type { Target } from "../../../src/cli/tasks/target.ts";
import { makeSnapshot } from "../snapshots.ts";

const TARGET = {} as Target;
const STOPPED = new Error("stopped");

/** A download and an outlet that end when the test says so. */
class Both {
  readonly calls: string[] = [];
  readonly fetching = Promise.withResolvers<string>();
  readonly taking = Promise.withResolvers<void>();
  readonly ending = new AbortController();
  readonly outlet: Outlet = {
    check: () => Promise.resolve(),
    hear: () => {},
    take: (_target, _torrent, signal) => {
      signal.addEventListener("abort", () => this.taking.reject(signal.reason));
      return this.taking.promise.finally(() => this.calls.push("taken"));
    },
  };

  run(outlet: Outlet | undefined = this.outlet): Promise<string> {
    const torrent: Taking["torrent"] = {
      snapshot: () => makeSnapshot(),
      read: () => Promise.reject(new Error("nothing is read here")),
      stop: () => {
        this.calls.push("stop");
        this.fetching.reject(STOPPED);
        return Promise.resolve();
      },
    };
    const fetch = () => this.fetching.promise.finally(() => this.calls.push("fetched"));
    return downloadInto(outlet, { target: TARGET, torrent, signal: this.ending.signal }, fetch);
  }
}

Deno.test("downloadInto() resolves when the torrent is fetched and all of it is taken", async () => {
  for (const order of [["fetching", "taking"], ["taking", "fetching"]] as const) {
    const both = new Both();
    const result = both.run();
    for (const which of order) {
      deepStrictEqual(both.calls.length < 2, true);
      if (which === "fetching") both.fetching.resolve("out");
      else both.taking.resolve();
      for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    }
    deepStrictEqual(await result, "out");
    deepStrictEqual(both.calls.toSorted(), ["fetched", "taken"]);
  }
});

Deno.test("downloadInto() only fetches when there is no outlet", async () => {
  const both = new Both();
  const fetched = downloadInto(undefined, {} as Taking, () => both.fetching.promise);
  both.fetching.resolve("out");
  deepStrictEqual(await fetched, "out");
});

Deno.test("downloadInto() stops the torrent when the outlet fails, and waits for its end", async () => {
  const both = new Both();
  const result = both.run();
  both.taking.reject(new Error("the reader has left"));
  await rejects(result, /the reader has left/);
  deepStrictEqual(both.calls, ["taken", "stop", "fetched", "stop"]);
});

Deno.test("downloadInto() ends the outlet when the download fails, and waits for its end", async () => {
  const both = new Both();
  const result = both.run();
  both.fetching.reject(new Error("the disk is full"));
  await rejects(result, /the disk is full/);
  deepStrictEqual(both.calls.includes("taken"), true);
});

Deno.test("downloadInto() hands the signal on to the outlet", async () => {
  const both = new Both();
  const result = both.run();
  both.ending.abort(new Error("interrupted"));
  await rejects(result, /interrupted/);
  deepStrictEqual(both.calls, ["taken", "stop", "fetched", "stop"]);
});
