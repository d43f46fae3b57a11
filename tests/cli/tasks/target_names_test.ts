import { ok, throws } from "node:assert/strict";
import { StorageError } from "../../../src/base/errors.ts";
import { CommandError, failureOf } from "../../../src/cli/output/failure.ts";
import { isNameTaken, TargetNames } from "../../../src/cli/tasks/target_names.ts";

function isOccupied(error: unknown): boolean {
  return error instanceof CommandError && error.failure.exitCode === 6 && !error.failure.retryable;
}

Deno.test("take() gives a name to one source at a time", () => {
  const names = new TargetNames();
  {
    using _ = names.take("a");
    throws(() => names.take("a"), isOccupied);
    names.take("b");
  }
  names.take("a");
  throws(() => names.take("a"), isOccupied);
});

Deno.test("isNameTaken() tells another source of the run from what is in the folder", () => {
  const names = new TargetNames();
  names.take("a");
  throws(() => names.take("a"), (error) => isNameTaken(failureOf(error)));
  ok(!isNameTaken(failureOf(new StorageError("occupied", "a", "Cannot download to a"))));
});
