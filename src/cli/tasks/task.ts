/** Several torrents of one command at the same time. */
import type { PeerSnapshot } from "../../torrent/snapshot.ts";
import type { Environment } from "../environment/environment.ts";
import type { Failure } from "../output/failure.ts";
import type { Audience } from "../output/notice.ts";
import type { SourceView } from "../output/progress.ts";
import type { Standing } from "../output/standing.ts";

/** How often the view is drawn, and limits of time and ratio are looked at. */
const TICK_MS = 250;
/** How often those who want it hear why it is not done yet. */
const STANDING_INTERVAL_MS = 30_000;

/** One torrent of a command. */
export interface Task {
  /** Tells of its result; returns the failure, if it is one. Never rejects. */
  run(): Promise<Failure | undefined>;
  /** Looks at what is limited; called several times a second. */
  supervise(now: number): void;
  view(): SourceView;
  peers(): readonly PeerSnapshot[];
  /** Why it is not done yet. */
  standing(): Standing;
}

/** Runs all of them to their end; the failures, in the order of the tasks. */
export async function runTasks(
  tasks: readonly Task[],
  audience: Audience,
  environment: Environment,
): Promise<Failure[]> {
  const ending = new AbortController();
  const answer = () => tellStandings(tasks, audience, { isAsked: true });
  const stopListening = environment.onInquiry(answer);
  const ticking = tick(tasks, audience, environment, ending.signal);
  const results = await Promise.all(tasks.map((task) => task.run()));
  ending.abort();
  await ticking;
  stopListening();
  return results.filter((failure) => failure !== undefined);
}

async function tick(
  tasks: readonly Task[],
  audience: Audience,
  { clock }: Environment,
  signal: AbortSignal,
): Promise<void> {
  let toldAt = clock.now();
  while (!signal.aborted) {
    await clock.sleep(TICK_MS, signal);
    if (signal.aborted) return;
    const now = clock.now();
    for (const task of tasks) task.supervise(now);
    const views = tasks.map((task) => task.view());
    const peers = tasks.flatMap((task) => task.peers());
    audience.show(views, peers);
    if (!audience.wantsStandings || now - toldAt < STANDING_INTERVAL_MS) continue;
    toldAt = now;
    tellStandings(tasks, audience, { isAsked: false });
  }
}

/** Why is it not done yet? One notice a torrent. */
function tellStandings(
  tasks: readonly Task[],
  audience: Audience,
  { isAsked }: { isAsked: boolean },
): void {
  for (const task of tasks) {
    const standing = task.standing();
    if (standing.state === "ended" && !isAsked) continue;
    const { subject } = task.view();
    audience.hear(subject, { kind: "standing", standing, isAsked });
  }
}
