import { deepStrictEqual } from "node:assert/strict";
import { type Failure, failureBy } from "../../../src/cli/output/failure.ts";
import type { Notice } from "../../../src/cli/output/notice.ts";
import type { Standing } from "../../../src/cli/output/standing.ts";
import { runTasks, type Task } from "../../../src/cli/tasks/task.ts";
import { FakeEnvironment } from "../fake_environment.ts";
import { makePeer, makeView } from "../snapshots.ts";

/** A task that ends when the test says so. */
class FakeTask implements Task {
  readonly ending = Promise.withResolvers<Failure | undefined>();
  supervisedAt: number[] = [];
  state: Standing["state"] = "downloading";

  run(): Promise<Failure | undefined> {
    return this.ending.promise;
  }

  supervise(now: number): void {
    this.supervisedAt.push(now);
  }

  view() {
    return makeView();
  }

  peers() {
    return [makePeer()];
  }

  standing(): Standing {
    return { state: this.state, verdict: undefined, detail: "" };
  }
}

function start({ wantsStandings = false } = {}) {
  const environment = new FakeEnvironment({});
  const tasks = [new FakeTask(), new FakeTask()] as const;
  const notices: Notice[] = [];
  const shown: string[] = [];
  const audience = {
    wantsStandings,
    hear: (_subject: unknown, notice: Notice) => notices.push(notice),
    show: (sources: readonly unknown[], peers: readonly unknown[]) =>
      shown.push(`${sources.length} sources, ${peers.length} peers`),
    close: () => Promise.resolve(),
  };
  const running = runTasks(tasks, audience, environment);
  const pass = (durationMs: number) => environment.clock.run(() => false, durationMs);
  return { environment, tasks, notices, shown, running, pass };
}

Deno.test("runTasks() supervises and shows all several times a second, until all have ended", async () => {
  const { tasks, shown, running, pass, environment } = start();
  await pass(500);
  deepStrictEqual(tasks.map(({ supervisedAt }) => supervisedAt), [[250, 500], [250, 500]]);
  deepStrictEqual(shown, ["2 sources, 2 peers", "2 sources, 2 peers"]);
  const [second, first] = [failureBy("disk", "b"), failureBy("locked", "a")];
  tasks[1].ending.resolve(second);
  await pass(250);
  deepStrictEqual(shown.length, 3);
  tasks[0].ending.resolve(first);
  deepStrictEqual(await running, [first, second]);
  deepStrictEqual(environment.isListeningToSignals, false);
});

Deno.test("runTasks() tells how all stand when somebody asks, ended or not", async () => {
  const { environment, tasks, notices, running, pass } = start();
  tasks[0].state = "ended";
  await pass(60_000);
  deepStrictEqual(notices, []);
  environment.inquire();
  deepStrictEqual(notices.length, 2);
  for (const { ending } of tasks) ending.resolve(undefined);
  deepStrictEqual(await running, []);
});

Deno.test("runTasks() tells those who want it every 30 s how what runs stands", async () => {
  const { tasks, notices, running, pass } = start({ wantsStandings: true });
  tasks[0].state = "ended";
  await pass(60_000);
  const standing = tasks[1].standing();
  const told = { kind: "standing", standing, isAsked: false };
  deepStrictEqual(notices, [told, told]);
  for (const { ending } of tasks) ending.resolve(undefined);
  await running;
});
