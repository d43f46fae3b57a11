import { deepStrictEqual, strictEqual } from "node:assert/strict";
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

Deno.test("open() finds the pieces that were appended, run after run", () => {
  using folder = new TemporaryFolder();
  use(folder, (journal) => {
    deepStrictEqual(journal.found, []);
    for (const piece of [5, 0, 2 ** 21]) journal.append(piece);
  });
  use(folder, (journal) => {
    deepStrictEqual(journal.found, [5, 0, 2 ** 21]);
    journal.append(7);
  });
  deepStrictEqual(found(folder), [5, 0, 2 ** 21, 7]);
});

Deno.test("rewrite() leaves only what it is given, and later pieces come after", () => {
  using folder = new TemporaryFolder();
  use(folder, (journal) => {
    for (const piece of [1, 2, 3, 4]) journal.append(piece);
    journal.rewrite([3]);
    journal.append(5);
  });
  deepStrictEqual(found(folder), [3, 5]);
  use(folder, (journal) => journal.rewrite([]));
  deepStrictEqual(found(folder), []);
  strictEqual(Deno.statSync(folder.at("journal")).size, 0);
});

Deno.test("D10 open() reads a journal that was cut within an entry, and goes on behind it", () => {
  using folder = new TemporaryFolder();
  use(folder, (journal) => {
    for (const piece of [1, 2, 3]) journal.append(piece);
  });
  Deno.truncateSync(folder.at("journal"), 10);
  deepStrictEqual(found(folder), [1, 2]);
  use(folder, (journal) => journal.append(9));
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
