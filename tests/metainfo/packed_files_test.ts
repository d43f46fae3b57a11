import { deepStrictEqual, equal } from "node:assert/strict";
import fc from "fast-check";
import type { FileIndex } from "../../src/base/ids.ts";
import { type FileKind, PackedFiles } from "../../src/metainfo/packed_files.ts";

const kinds: readonly FileKind[] = ["data", "padding", "symlink"];

Deno.test("PackedFiles gives back each file as it came, however many came", () => {
  const name = fc.oneof(
    fc.string({ unit: "binary", maxLength: 4 }),
    fc.constantFrom("", "/", "a/b", "\0", "\ufffd", "\ufeff", "é".repeat(100)),
  );
  const file = fc.record({
    path: fc.array(name, { minLength: 1, maxLength: 4 }),
    length: fc.maxSafeNat(),
    kind: fc.constantFrom(...kinds),
    rootEnd: fc.option(fc.integer({ min: 32, max: 99 }), { nil: undefined }),
  });
  const infoBytes = Uint8Array.from({ length: 99 }, (_, at) => at);
  fc.assert(fc.property(fc.array(file, { maxLength: 20 }), (given) => {
    const files = new PackedFiles(infoBytes);
    for (const each of given) files.push(each);
    equal(files.length, given.length);
    deepStrictEqual(
      Array.from(files, ({ path, length, isPadding, isOnDisk, piecesRoot }) => {
        return { path, length, isPadding, isOnDisk, piecesRoot };
      }),
      given.map(({ path, length, kind, rootEnd }) => ({
        path,
        length,
        isPadding: kind === "padding",
        isOnDisk: kind === "data",
        piecesRoot: rootEnd && infoBytes.subarray(rootEnd - 32, rootEnd),
      })),
    );
    for (const { index, length } of files) {
      equal(files.lengthOf(index), length);
      equal(files.kindOf(index), given[index]!.kind);
      deepStrictEqual(files.at(index).path, files.pathOf(index));
      equal(files.at(index).joinedPath, given[index]!.path.join("/"));
    }
  }));
});

Deno.test("M24 PackedFiles takes a name that is longer than all room there is", () => {
  const files = new PackedFiles(new Uint8Array());
  const path = ["x".repeat(100_000), "ü".repeat(100_000)];
  files.push({ path, length: 1, kind: "data" });
  deepStrictEqual(files.pathOf(0 as FileIndex), path);
});
