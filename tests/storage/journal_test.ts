import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { Journal } from "../../src/storage/journal.ts";
import { TemporaryFolder } from "../workers/temporary_folder.ts";

/** Opens the journal of `folder`, does something with it, and lets go of it as a kill would. */
function use<Result>(folder: TemporaryFolder, act: (journal: Journal) => Result): Result {
  const journal = Journal.open(folder.at("journal"));
  try {
    return act(journal);
  } finally {
    journal.close();
  }
}

function found(folder: TemporaryFolder): readonly number[] {
  return use(folder, (journal) => journal.found);
}

/** Notes pieces, and has them on file. */
function append(journal: Journal, ...pieces: number[]): void {
  for (const piece of pieces) journal.append(piece);
  journal.write();
}

Deno.test("open() finds the pieces that were appended, run after run", () => {
  using folder = new TemporaryFolder();
  use(folder, (journal) => {
    deepStrictEqual(journal.found, []);
    for (const piece of [5, 0, 2 ** 21]) append(journal, piece);
  });
  use(folder, (journal) => {
    deepStrictEqual(journal.found, [5, 0, 2 ** 21]);
    append(journal, 7);
  });
  deepStrictEqual(found(folder), [5, 0, 2 ** 21, 7]);
});

Deno.test("write() has all on file that was appended, at the latest when they are many", () => {
  using folder = new TemporaryFolder();
  use(folder, (journal) => {
    for (let piece = 0; piece < 10; piece++) journal.append(piece);
    deepStrictEqual(found(folder), []);
    journal.write();
    journal.write();
    deepStrictEqual(found(folder).length, 10);
    for (let piece = 10; piece < 3_000; piece++) journal.append(piece);
    ok(found(folder).length >= 2_000);
    journal.write();
  });
  deepStrictEqual(found(folder), Array.from({ length: 3_000 }, (_, piece) => piece));
});

Deno.test("write() does nothing once the journal is closed, whatever waits for it", () => {
  using folder = new TemporaryFolder();
  const journal = use(folder, (journal) => {
    append(journal, 1);
    journal.append(2);
    return journal;
  });
  journal.write();
  deepStrictEqual(found(folder), [1]);
});

Deno.test("rewrite() has any number of pieces on file", () => {
  using folder = new TemporaryFolder();
  const many = Array.from({ length: 2_500 }, (_, piece) => piece);
  use(folder, (journal) => {
    append(journal, ...many, ...many);
    journal.rewrite(many);
    deepStrictEqual(found(folder), many);
  });
});

Deno.test("rewrite() leaves only what it is given, and later pieces come after", () => {
  using folder = new TemporaryFolder();
  use(folder, (journal) => {
    append(journal, 1, 2, 3);
    journal.append(4);
    journal.rewrite([3]);
    append(journal, 5);
  });
  deepStrictEqual(found(folder), [3, 5]);
  use(folder, (journal) => journal.rewrite([]));
  deepStrictEqual(found(folder), []);
  strictEqual(Deno.statSync(folder.at("journal")).size, 0);
});

Deno.test("D10 open() reads a journal that was cut within an entry, and goes on behind it", () => {
  using folder = new TemporaryFolder();
  use(folder, (journal) => {
    append(journal, 1, 2, 3);
  });
  Deno.truncateSync(folder.at("journal"), 10);
  deepStrictEqual(found(folder), [1, 2]);
  use(folder, (journal) => append(journal, 9));
  deepStrictEqual(found(folder), [1, 2, 9]);
});

Deno.test("D12 open() reads only so much of a huge journal", () => {
  using folder = new TemporaryFolder();
  folder.write("journal", "");
  Deno.truncateSync(folder.at("journal"), 2 ** 40);
  strictEqual(found(folder).length, 4 * 1024 * 1024);
});

Deno.test("open() tells when the journal was written last", () => {
  using folder = new TemporaryFolder();
  folder.write("journal", "");
  Deno.utimeSync(folder.at("journal"), 1_700_000_000, 1_700_000_000);
  strictEqual(use(folder, (journal) => journal.foundModifiedMs), 1_700_000_000_000);
});
