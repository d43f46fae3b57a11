import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { runJobs } from "../../src/workers/jobs.ts";
import { OpenFiles } from "../../src/workers/open_files.ts";
import type { JobOf, PieceToHash, Place, Span } from "../../src/workers/protocol.ts";
import { dataOf, leavesOf, rootOf } from "../metainfo/version_2_torrent.ts";
import { bytesOf, Desk, sha1, writeJob } from "./desk.ts";

Deno.test("D5 frame gives no bytes of a changed file, and looks once at each for all of a message", async () => {
  using desk = new Desk();
  const inspected: string[] = [];
  let reads = 0;
  let onFirstLook = () => {};
  class WatchedFiles extends OpenFiles {
    override forReading(place: Place) {
      reads++;
      return super.forReading(place);
    }

    override inspect(place: Place) {
      inspected.push(`${place.path} after ${reads}`);
      const look = onFirstLook;
      onFirstLook = () => {};
      look();
      return super.inspect(place);
    }
  }
  const files = new WatchedFiles(8);
  const facts = (path: string) => desk.files.inspect(desk.place(path))!;
  const frame = (...paths: string[]): JobOf<"frame"> => ({
    kind: "frame",
    run: { piece: 0, begin: 0, length: 3 * paths.length },
    spans: paths.map((path, index) => ({
      ...desk.span(path, 0, 3 * index, 3),
      verified: verified.get(path),
    })),
    buffer: undefined,
  });
  for (const path of ["a", "b", "c", "d"]) desk.write(path, "abc");
  const verified = new Map(["a", "b", "c"].map((path) => [path, facts(path)]));
  desk.write("b", "longer than it was");
  const [good, changed, mixed, again, ours] = await runJobs(
    [frame("a"), frame("b"), frame("c", "b"), frame("a", "c"), frame("d")],
    files,
  );
  deepStrictEqual([good, again, ours].map((reply) => reply!.kind), ["framed", "framed", "framed"]);
  for (const reply of [changed!, mixed!]) {
    ok(reply.kind === "failed");
    deepStrictEqual([reply.reason, reply.path], ["changed", desk.at("b")]);
  }
  deepStrictEqual(inspected, ["a after 7", "b after 7", "c after 7"]);
  onFirstLook = () => {
    throw new Error("a disk that fails");
  };
  const replies = await runJobs([frame("c"), frame("a", "c")], files);
  deepStrictEqual(replies.map(({ kind }) => kind), ["failed", "framed"]);
  files.closeAll();
});

Deno.test("runJobs() reports even our own bugs, and never throws", async () => {
  using desk = new Desk();
  const data = bytesOf("abc");
  const broken = { ...writeJob(data, []), spans: undefined } as unknown as JobOf<"write">;
  const reply = await desk.run<"write">(broken);
  ok(reply.kind === "failed");
  deepStrictEqual([reply.reason, reply.buffer], ["io", data.buffer]);
});

Deno.test("read collects bytes from several files, zeros where there is padding", async () => {
  using desk = new Desk();
  desk.write("a", "0123456789");
  desk.write("b", "abc");
  const spans = [desk.span("a", 8, 0, 2), desk.span("b", 0, 4, 3)];
  const { data } = await desk.must<"read">({ kind: "read", length: 8, spans });
  deepStrictEqual(data, bytesOf("89\0\0abc\0"));
});

Deno.test("D5 read fails when a file has become shorter, or is gone", async () => {
  using desk = new Desk();
  desk.write("a", "0123456789");
  const job: JobOf<"read"> = { kind: "read", length: 5, spans: [desk.span("a", 5, 0, 5)] };
  await desk.must<"read">(job);
  Deno.truncateSync(desk.at("a"), 9);
  const short = await desk.run<"read">(job);
  ok(short.kind === "failed");
  deepStrictEqual([short.reason, short.path], ["missing", desk.at("a")]);
  await desk.must<"forget">({ kind: "forget" });
  Deno.removeSync(desk.at("a"));
  const gone = await desk.run<"read">(job);
  ok(gone.kind === "failed" && gone.reason === "missing");
});

Deno.test("hash tells good, bad and missing pieces apart", async () => {
  using desk = new Desk();
  desk.write("a", "abcdef");
  const piece = (text: string, ...spans: Span[]): PieceToHash => (
    { length: text.length, hash: sha1(bytesOf(text)), spans }
  );
  const pieces = [
    piece("abc", desk.span("a", 0, 0, 3)),
    piece("xyz", desk.span("a", 3, 0, 3)),
    piece("def", desk.span("a", 4, 0, 3)),
    piece("abc", desk.span("b", 0, 0, 3)),
    piece("\0\0bc\0ef\0", desk.span("a", 1, 2, 2), desk.span("a", 4, 5, 2)),
    piece("\0\0\0"),
  ];
  const { verdicts } = await desk.must<"hash">({ kind: "hash", pieces });
  deepStrictEqual(verdicts, ["good", "bad", "missing", "missing", "good", "good"]);
});

Deno.test("hash reads pieces that are larger than what it reads at a time", async () => {
  using desk = new Desk();
  const data = new Uint8Array(1_000_001).map((_, index) => index * 7);
  desk.write("a", data);
  const padded = new Uint8Array(1_500_000);
  padded.set(data, 300_000);
  const pieces = [
    { length: data.length, hash: sha1(data), spans: [desk.span("a", 0, 0, data.length)] },
    { length: padded.length, hash: sha1(padded), spans: [desk.span("a", 0, 300_000, data.length)] },
  ];
  deepStrictEqual((await desk.must<"hash">({ kind: "hash", pieces })).verdicts, ["good", "good"]);
});

Deno.test("hash stops at what concerns the whole target", async () => {
  using desk = new Desk();
  desk.write("a", "abc");
  Deno.symlinkSync(desk.at("a"), desk.at("link"));
  const pieces = [{ length: 3, hash: sha1(bytesOf("abc")), spans: [desk.span("link", 0, 0, 3)] }];
  const reply = await desk.run<"hash">({ kind: "hash", pieces });
  ok(reply.kind === "failed" && reply.reason === "symlink");
});

Deno.test("digest gives the SHA-1 of each piece, and takes nothing that is cut short", async () => {
  using desk = new Desk();
  desk.write("a", "abcdef");
  desk.write("b", "gh");
  const pieces = [
    { length: 4, spans: [desk.span("a", 0, 0, 4)] },
    { length: 4, spans: [desk.span("a", 4, 0, 2), desk.span("b", 0, 2, 2)] },
  ];
  const { digests } = await desk.must<"digest">({ kind: "digest", pieces });
  strictEqual(digests.toHex(), sha1(bytesOf("abcd")) + sha1(bytesOf("efgh")));
  desk.write("b", "g");
  const reply = await desk.run<"digest">({ kind: "digest", pieces });
  ok(reply.kind === "failed" && reply.reason === "missing", JSON.stringify(reply));
  deepStrictEqual(reply.message, `Cannot read ${desk.at("b")}: the file is shorter than it was`);
});

Deno.test("digest gives the roots of version 2 as well, or alone, and pads version 1 alone", async () => {
  using desk = new Desk();
  const data = dataOf(50_000);
  desk.write("a", data);
  const pieces = [
    { length: 32_768, spans: [desk.span("a", 0, 0, 32_768)] },
    { length: 32_768, spans: [desk.span("a", 32_768, 0, 17_232)] },
  ];
  const job = { kind: "digest", pieces, leafCounts: [2, 2] } as const;
  const first = data.subarray(0, 32_768), last = data.subarray(32_768);
  const padded = new Uint8Array(32_768);
  padded.set(last);
  const roots = rootOf(leavesOf(first, 2)).toHex() + rootOf(leavesOf(last, 2)).toHex();
  const both = await desk.must<"digest">(job);
  deepStrictEqual([both.digests.toHex(), both.roots.toHex()], [sha1(first) + sha1(padded), roots]);
  const alone = await desk.must<"digest">({ ...job, withoutSha1: true });
  deepStrictEqual([alone.digests.toHex(), alone.roots.toHex()], ["", roots]);
});

Deno.test("whatever is written in any spans is read and hashed as the same bytes", async () => {
  const cuts = fc.array(fc.nat(300), { maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), cuts, async (bytes, cuts) => {
      using desk = new Desk();
      const data = bytes.slice();
      const edges = [...new Set([0, data.length, ...cuts.map((cut) => cut % data.length)])]
        .toSorted((a, b) => a - b);
      const spans = edges.slice(1).map((end, index) =>
        desk.span(`file ${index % 3}`, edges[index]!, edges[index]!, end - edges[index]!)
      );
      await desk.must<"write">(writeJob(data, spans));
      deepStrictEqual(
        (await desk.must<"read">({ kind: "read", length: data.length, spans })).data,
        data,
      );
      const pieces = [{ length: data.length, hash: sha1(data), spans }];
      deepStrictEqual((await desk.must<"hash">({ kind: "hash", pieces })).verdicts, ["good"]);
    }),
    { numRuns: 50 },
  );
});

Deno.test("inspect, create, rename and flush do what they say", async () => {
  using desk = new Desk();
  const places = [desk.place("a/empty"), desk.place("b")];
  const inspect: JobOf<"inspect"> = { kind: "inspect", places };
  deepStrictEqual((await desk.must<"inspect">(inspect)).facts, [undefined, undefined]);
  await desk.must<"create">({ kind: "create", places });
  deepStrictEqual((await desk.must<"inspect">(inspect)).facts.map((facts) => facts?.size), [0, 0]);
  const files = [{ from: desk.place("b"), to: desk.place("c/d") }];
  await desk.must<"rename">({ kind: "rename", files, mayReplace: false });
  deepStrictEqual([desk.exists("b"), desk.text("c/d")], [false, ""]);
  const { facts } = await desk.must<"flush">({
    kind: "flush",
    places: [desk.place("c/d")],
    folders: [desk.place("c"), desk.place("")],
  });
  deepStrictEqual(facts.map(({ size }) => size), [0]);
});

Deno.test("finish names several files, and forget closes what is open", async () => {
  using desk = new Desk();
  desk.write("a.part", "abc");
  desk.write("b.part", "de");
  const files = [desk.finish("a.part", "a", 3), desk.finish("b.part", "b", 2)];
  const { facts } = await desk.must<"finish">({ kind: "finish", files });
  deepStrictEqual(facts.map(({ size }) => size), [3, 2]);
  await desk.must<"read">({ kind: "read", length: 3, spans: [desk.span("a", 0, 0, 3)] });
  strictEqual(desk.files.size, 1);
  await desk.must<"forget">({ kind: "forget" });
  strictEqual(desk.files.size, 0);
});

Deno.test("sha256 hashes whole files, in any number of steps, until it is stopped", async () => {
  using desk = new Desk();
  const bytes = new Uint8Array(600_001).map((_, index) => index * 7);
  Deno.writeFileSync(`${desk.path}/large`, bytes);
  Deno.writeFileSync(`${desk.path}/empty`, new Uint8Array(0));
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const files = [
    { place: desk.place("large"), length: bytes.length },
    { place: desk.place("large"), length: 3 },
    { place: desk.place("empty"), length: 0 },
  ];
  const sha256 = (part: Uint8Array) => createHash("sha256").update(part).digest("hex");
  deepStrictEqual((await desk.must({ kind: "sha256", files, stop })).digests, [
    sha256(bytes),
    sha256(bytes.subarray(0, 3)),
    sha256(new Uint8Array(0)),
  ]);
  const longer = [{ place: desk.place("large"), length: bytes.length + 1 }];
  const short = await desk.run({ kind: "sha256", files: longer, stop });
  deepStrictEqual([short.kind, short.kind === "failed" && short.reason], ["failed", "missing"]);
  Atomics.store(stop, 0, 1);
  deepStrictEqual((await desk.run({ kind: "sha256", files, stop })).kind, "failed");
});
