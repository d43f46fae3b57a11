import { throws } from "node:assert/strict";
import { CommandError } from "../../../src/cli/output/failure.ts";
import { TargetNames } from "../../../src/cli/tasks/target_names.ts";

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
