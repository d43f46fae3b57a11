import { deepStrictEqual, throws } from "node:assert/strict";
import { checkWorkerPermission, workerCount } from "../../../src/cli/environment/disk_workers.ts";
import { failureOf } from "../../../src/cli/output/failure.ts";
import { FakeEnvironment } from "../fake_environment.ts";

Deno.test("workerCount() is at least two, and not more than help", () => {
  for (const [processorCount, workers] of [[1, 2], [2, 2], [8, 8], [64, 16]] as const) {
    deepStrictEqual(workerCount({ processorCount }), workers);
  }
});

Deno.test("S4 checkWorkerPermission() names the flag without which no worker starts", () => {
  checkWorkerPermission(new FakeEnvironment({}));
  const missing = { access: "read", target: "/src", flag: "--allow-read=/src" };
  throws(
    () => checkWorkerPermission(new FakeEnvironment({ missing })),
    (error) => failureOf(error).exitCode === 4 && failureOf(error).detail.includes(missing.flag),
  );
});
