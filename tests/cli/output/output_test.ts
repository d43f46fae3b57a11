import { deepStrictEqual } from "node:assert/strict";
import { Output, type Sink } from "../../../src/cli/output/output.ts";
import { ManualClock } from "../../sim/manual_clock.ts";

/** A sink that takes at most `partLength` bytes at once, and what it took. */
function collector(partLength = Infinity): { sink: Sink; text: () => string; calls: () => number } {
  let text = "", calls = 0;
  return {
    sink: (bytes) => {
      calls++;
      const part = bytes.subarray(0, partLength);
      text += new TextDecoder().decode(part);
      return Promise.resolve(part.length);
    },
    text: () => text,
    calls: () => calls,
  };
}

Deno.test("Output writes everything, in order, however little the sink takes", async () => {
  const { sink, text } = collector(3);
  const output = new Output(sink, { clock: new ManualClock() });
  output.write("one ");
  output.writeLine("two");
  await output.flush();
  output.write("three");
  await output.flush();
  deepStrictEqual(text(), "one two\nthree");
  deepStrictEqual([output.isBusy, output.isClosed, output.failure], [false, false, undefined]);
});

Deno.test("Output joins what is written in one turn", async () => {
  const { sink, calls } = collector();
  const output = new Output(sink, { clock: new ManualClock() });
  for (let line = 0; line < 100; line++) output.writeLine(`${line}`);
  await output.flush();
  deepStrictEqual(calls(), 1);
});

Deno.test("Output leaves no line behind that comes as the last one has just left", async () => {
  for (let turns = 0; turns < 20; turns++) {
    const { sink, text } = collector();
    const output = new Output(sink, { clock: new ManualClock() });
    output.write("one ");
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    output.write("two");
    await output.flush();
    deepStrictEqual(text(), "one two", `after ${turns} turns`);
  }
});

Deno.test("S2 Output goes quiet when its reader has left", async () => {
  const output = new Output(() => Promise.reject(new Deno.errors.BrokenPipe()), {
    clock: new ManualClock(),
  });
  output.write("anybody there?");
  await output.flush();
  output.write("hello?");
  await output.flush();
  deepStrictEqual([output.isClosed, output.failure], [true, undefined]);
});

Deno.test("D2 Output survives a full disk and says so", async () => {
  const full = new Error("No space left on device");
  const output = new Output(() => Promise.reject(full), { clock: new ManualClock() });
  output.write("lost");
  await output.flush();
  deepStrictEqual([output.isClosed, output.failure], [true, full]);
});

Deno.test("Output tries again when a non-blocking stream is full", async () => {
  const clock = new ManualClock();
  let attempts = 0;
  const output = new Output(
    (bytes) =>
      ++attempts < 3 ? Promise.reject(new Deno.errors.WouldBlock()) : Promise.resolve(bytes.length),
    { clock },
  );
  output.write("patience");
  deepStrictEqual(await clock.run(() => !output.isBusy, 1000), true);
  deepStrictEqual([attempts, output.isClosed], [3, false]);
});

Deno.test("Output drops what comes while its reader is hopelessly behind", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  let written = 0;
  const output = new Output(async (bytes) => {
    await promise;
    written += bytes.length;
    return bytes.length;
  }, { clock: new ManualClock() });
  const mebibyte = "x".repeat(1024 * 1024);
  for (let i = 0; i < 100; i++) output.write(mebibyte);
  resolve();
  await output.flush();
  deepStrictEqual(written, 33 * 1024 * 1024);
});

Deno.test("writeLines() drops nothing, however much there is", async () => {
  let written = 0;
  const output = new Output((bytes) => {
    written += bytes.length;
    return Promise.resolve(bytes.length);
  }, { clock: new ManualClock() });
  const line = "x".repeat(64 * 1024 - 1);
  await output.writeLines(Array.from({ length: 1000 }, () => line));
  await output.flush();
  deepStrictEqual(written, 64 * 1024 * 1000);
});

Deno.test("writeData() writes to the last byte, after the text that came before", async () => {
  const { sink, text, calls } = collector(3);
  const output = new Output(sink, { clock: new ManualClock() });
  output.write("text ");
  await output.writeData(new TextEncoder().encode("and data"));
  deepStrictEqual([text(), calls()], ["text and data", 5]);
});

Deno.test("writeData() waits for its reader, and for a non-blocking stream that is full", async () => {
  const clock = new ManualClock();
  let attempts = 0;
  const output = new Output(
    () => ++attempts < 3 ? Promise.reject(new Deno.errors.WouldBlock()) : Promise.resolve(1),
    { clock },
  );
  let isDone = false;
  void output.writeData(new Uint8Array(2)).then(() => isDone = true);
  deepStrictEqual(await clock.run(() => isDone, 1000), true);
  deepStrictEqual([attempts, output.isClosed], [4, false]);
});

Deno.test("S2 writeData() ends when its reader has left, and writes nothing after that", async () => {
  let calls = 0;
  const output = new Output(() => {
    calls++;
    return Promise.reject(new Deno.errors.BrokenPipe());
  }, { clock: new ManualClock() });
  for (let time = 0; time < 2; time++) await output.writeData(new Uint8Array(2));
  deepStrictEqual([calls, output.isClosed, output.failure], [1, true, undefined]);
});
