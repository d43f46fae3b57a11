import { deepStrictEqual, rejects, throws } from "node:assert/strict";
import { failureOf } from "../../../src/cli/output/failure.ts";
import { Output } from "../../../src/cli/output/output.ts";
import {
  refuseStandardOutput,
  refuseTerminal,
  writeData,
} from "../../../src/cli/output/standard_data.ts";
import { FakeEnvironment } from "../fake_environment.ts";

const { clock } = new FakeEnvironment({});
const BYTES = Uint8Array.of(1, 2, 3);
const { signal } = new AbortController();

Deno.test("writeData() writes all, and tells whether the reader has left or the system refuses", async () => {
  const written: number[] = [];
  const byOne = new Output((bytes) => Promise.resolve(written.push(bytes[0]!) && 1), { clock });
  await writeData(BYTES, byOne, { signal, whenGone: "x" });
  deepStrictEqual(written, [1, 2, 3]);
  const broken = (name: string) =>
    new Output(() => Promise.reject(Object.assign(new Error("no"), { name })), { clock });
  await rejects(
    writeData(BYTES, broken("BrokenPipe"), { signal, whenGone: "do it again" }),
    (error) => {
      const { verdict, detail } = failureOf(error);
      deepStrictEqual([verdict, detail], [
        "reader-gone",
        "who read standard output has left; do it again",
      ]);
      return true;
    },
  );
  await rejects(writeData(BYTES, broken("Error"), { signal, whenGone: "x" }), {
    message: "Cannot write to standard output: no",
  });
});

Deno.test("writeData() waits for nobody once it is stopped", async () => {
  const silent = new Output(() => new Promise(() => {}), { clock });
  const stopped = AbortSignal.abort(new Error("stopped"));
  await rejects(writeData(BYTES, silent, { signal: stopped, whenGone: "x" }), {
    message: "stopped",
  });
});

Deno.test("refuseTerminal() and refuseStandardOutput() say what to do instead", () => {
  const output = (isTerminal: boolean) =>
    new Output(() => Promise.resolve(1), { clock, isTerminal });
  refuseTerminal(output(false), "x");
  throws(
    () => refuseTerminal(output(true), "starling cat … | mpv -"),
    /\(starling cat … \| mpv -\)/,
  );
  refuseStandardOutput({ outputDir: "./-" });
  throws(() => refuseStandardOutput({ outputDir: "-" }), /"starling cat"/);
});
