/** `starling plan`: all that `get` would do, and nothing done. */
import { printable } from "../base/printable.ts";
import { ANY_IPV4 } from "../net/dual_stack.ts";
import type { SurveyReport } from "../torrent/survey.ts";
import type { Engine } from "./environment/engine.ts";
import type { CommandContext } from "./environment/environment.ts";
import { foldersOf } from "./environment/state_folders.ts";
import type { PlanOptions } from "./options/plan_options.ts";
import {
  combinedExitCode,
  CommandError,
  type Failure,
  failureOf,
  isMistake,
  permissionError,
  usageError,
} from "./output/failure.ts";
import {
  type Plan,
  planForPeople,
  planForPrograms,
  unplannedForPrograms,
} from "./plan/plan_report.ts";
import { refuseStandardOutput } from "./output/standard_data.ts";
import { findTorrent } from "./plan/plan_source.ts";
import { lookAtTarget, type TargetOutlook } from "./plan/plan_target.ts";
import { planFailure } from "./plan/plan_verdict.ts";
import type { FoundTorrent } from "./source/get_source.ts";
import { shownSource, STANDARD_INPUT } from "./source/source.ts";
import { webSeedsOf } from "./source/web_seeds.ts";
import { chooseTarget, type Target } from "./tasks/target.ts";

/** As for `get`. */
const MAX_SOURCES = 1000;
const MAX_NAME_LENGTH = 200;
const MAX_MESSAGE_LENGTH = 4000;
/** Any that is free: nobody is expected there, and trackers know a seed of ours by another one. */
const ANY_PORT = 0;

/**
 * Prints a plan of each source, one after the other, and on standard error why `get` would not go.
 * The exit code is that of `combinedExitCode`. Throws usage errors, and the reason of the signal.
 */
export async function plan(options: PlanOptions, context: CommandContext): Promise<number> {
  const { sources } = options;
  if (sources.length > MAX_SOURCES) throw usageError(`more than ${MAX_SOURCES} sources`);
  if (sources.filter((source) => source === STANDARD_INPUT).length > 1) {
    throw usageError("standard input can be only one of the sources");
  }
  refuseStandardOutput(options);
  const planner = new Planner(options, context);
  const failures: Failure[] = [];
  try {
    for (const source of sources) {
      const failure = await planner.plan(source);
      if (failure !== undefined) failures.push(failure);
    }
  } finally {
    await planner.close();
  }
  return combinedExitCode(failures);
}

class Planner {
  readonly #options: PlanOptions;
  readonly #context: CommandContext;
  #engine: Promise<Engine> | undefined;
  #isFirst = true;

  constructor(options: PlanOptions, context: CommandContext) {
    this.#options = options;
    this.#context = context;
  }

  /** Why `get` would not go, once that is printed. */
  async plan(source: string): Promise<Failure | undefined> {
    const { environment: { stdout, stderr }, interruption: { signal } } = this.#context;
    const name = shownSource(source);
    const isFirst = this.#isFirst;
    this.#isFirst = false;
    let failure: Failure | undefined;
    try {
      const plan = await this.#prepare(source, name);
      failure = plan.failure;
      if (!this.#options.json && !isFirst) stdout.writeLine("");
      if (this.#options.json) await stdout.writeParts(planForPrograms(plan));
      else await stdout.writeLines(planForPeople(plan));
    } catch (error) {
      if (!isMistake(error)) signal.throwIfAborted();
      failure = failureOf(error);
      if (this.#options.json) stdout.writeLine(unplannedForPrograms(name, failure));
    }
    if (failure === undefined) return undefined;
    await stdout.flush();
    const subject = failure.detail.includes(name) ? "" : `${name}: `;
    stderr.writeLine(`starling: ${subject}${printable(failure.detail, MAX_MESSAGE_LENGTH)}`);
    return failure;
  }

  async close(): Promise<void> {
    await (await this.#engine)?.close();
  }

  async #prepare(source: string, name: string): Promise<Plan> {
    const { environment, interruption: { signal } } = this.#context;
    const options = this.#options;
    const openEngine = () => this.#openEngine();
    const found = await findTorrent(source, { options, environment, openEngine, signal });
    const { target, tooLarge } = await choose(found, options);
    const { metainfo } = found.source;
    const shownName = printable(metainfo.name, MAX_NAME_LENGTH);
    const outlook = await lookAtTarget(target, { options, environment, name: shownName, signal });
    const survey = await this.#survey(found, outlook);
    const namedPeers = [...options.peers, ...found.peers];
    const { isPrivate } = metainfo;
    const findings = { tooLarge, outlook, survey, namedPeers, isPrivate };
    const { outputDir } = options;
    return { source: name, target, outputDir, ...findings, failure: planFailure(findings) };
  }

  /** Undefined when `get` would ask nobody, or nobody is to be asked. */
  async #survey(
    { source: { metainfo }, peers }: Pick<FoundTorrent, "source" | "peers">,
    { missing, isComplete }: TargetOutlook,
  ): Promise<SurveyReport | undefined> {
    const { offline, surveyMs: limitMs, bindAddress = ANY_IPV4 } = this.#options;
    if (offline || isComplete || missing.isEmpty) return undefined;
    const { environment, interruption: { signal } } = this.#context;
    const missingNet = environment.missingPermission("net", bindAddress);
    if (missingNet !== undefined) {
      throw permissionError("Cannot ask the swarm (--offline asks nobody)", missingNet);
    }
    const engine = await this.#openEngine();
    const webSeeds = webSeedsOf(metainfo, this.#options);
    const survey = engine.survey({ metainfo, wanted: missing, peers, webSeeds, limitMs });
    const stop = () => void survey.stop();
    signal.addEventListener("abort", stop);
    try {
      signal.throwIfAborted();
      const report = await survey.run();
      signal.throwIfAborted();
      return report;
    } finally {
      signal.removeEventListener("abort", stop);
    }
  }

  #openEngine(): Promise<Engine> {
    this.#engine ??= this.#context.environment.openEngine({
      ...this.#options,
      port: this.#options.port ?? ANY_PORT,
      // The router would be changed, and the local network told of us.
      noPortMap: true,
      noLsd: true,
      uploadSlots: 0,
      maxUploadRate: undefined,
      folders: foldersOf(this.#options),
      keepsNothing: true,
    });
    return this.#engine;
  }
}

/** More than --max-bytes allows is no reason not to say what it is. */
async function choose(
  found: Omit<FoundTorrent, "bytes">,
  options: PlanOptions,
): Promise<{ readonly target: Target; readonly tooLarge: Failure | undefined }> {
  try {
    return { target: await chooseTarget(found, options), tooLarge: undefined };
  } catch (error) {
    if (!(error instanceof CommandError) || error.failure.verdict !== "too-large") throw error;
    const target = await chooseTarget(found, { ...options, maxBytes: undefined });
    return { target, tooLarge: error.failure };
  }
}
