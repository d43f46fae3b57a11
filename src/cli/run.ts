/** From the arguments to the exit code: every command, and what every error means. */
import { printable } from "../base/printable.ts";
import type { CommandContext, Environment } from "./environment/environment.ts";
import { Interruption } from "./environment/interruption.ts";
import type { Command } from "./options/commands.ts";
import { CommandError, ExitCode, failureOf, fileError, isMistake } from "./output/failure.ts";
import { versionLine } from "./output/version.ts";

/** The oldest runtime that was tested; older ones lack what we use without asking. */
const MIN_RUNTIME_VERSION: readonly [major: number, minor: number] = [2, 9];

const DEFAULT_COLUMNS = 100;
const MAX_MESSAGE_LENGTH = 4000;

/** Runs the command that the arguments name. Never rejects; resolves to the exit code. */
export async function run(environment: Environment): Promise<number> {
  const interruption = new Interruption(environment);
  environment.onUncaught((error) => {
    complain(error, environment);
    interruption.stop(ExitCode.bug);
  });
  // Where nobody listens it ends the process; commands that have an answer listen too.
  const stopListening = environment.onInquiry(() => {});
  const exitCode = await runCommand(environment, interruption);
  await environment.stdout.flush();
  await environment.stderr.flush();
  interruption.close();
  stopListening();
  return exitCode;
}

async function runCommand(environment: Environment, interruption: Interruption): Promise<number> {
  try {
    checkRuntime(environment.runtimeVersion);
    if (isVersionAsked(environment.args)) {
      environment.stdout.writeLine(versionLine(environment.runtimeVersion));
      return await answered(ExitCode.ok, environment);
    }
    const command = await readArguments(environment);
    if (command === undefined) return await answered(ExitCode.ok, environment);
    return await dispatch(command, { environment, interruption });
  } catch (error) {
    return complain(error, environment);
  }
}

/** The command; undefined when what was asked for is printed already. */
async function readArguments(environment: Environment): Promise<Command | undefined> {
  const { args, stdout, runtimeVersion } = environment;
  const { readPlainly } = await import("./options/plain_arguments.ts");
  const command = readPlainly(args);
  if (command !== undefined) return command;
  const { parseArguments } = await import("./options/explained_arguments.ts");
  return parseArguments(args, {
    print: (text) => stdout.writeLine(text),
    columns: environment.terminalSize().columns || DEFAULT_COLUMNS,
    version: versionLine(runtimeVersion),
  });
}

/** Commands are loaded when they are called: the version must not wait for the network's code. */
async function dispatch(command: Command, context: CommandContext): Promise<number> {
  switch (command.command) {
    case "get": {
      const { get } = await import("./get.ts");
      return await get(command, context);
    }
    case "cat": {
      const { cat } = await import("./cat.ts");
      return await cat(command, context);
    }
    case "create": {
      const { create } = await import("./create.ts");
      return await conclude(create(command, context), context);
    }
    case "info": {
      const { info } = await import("./info.ts");
      return await conclude(info(command, context), context);
    }
    case "demo": {
      const { demo } = await import("./demo.ts");
      return await demo(context);
    }
    case "man": {
      const { man } = await import("./man.ts");
      return await answer(man(context), context);
    }
    case "perms": {
      const { perms } = await import("./perms.ts");
      return await answer(perms(command, context), context);
    }
    case "plan": {
      const { plan } = await import("./plan.ts");
      return await conclude(plan(command, context), context);
    }
    case "feed": {
      const { feed } = await import("./feed.ts");
      return await feed(command, context);
    }
    case "seed": {
      const { seed } = await import("./seed.ts");
      return await seed(command, context);
    }
    case "tracker": {
      const { tracker } = await import("./tracker.ts");
      return await tracker(command, context);
    }
    case "verify": {
      const { verify } = await import("./verify.ts");
      return await conclude(verify(command, context), context);
    }
  }
}

/** For commands whose result is what they print, and that have nothing to save. */
async function answer(command: Promise<number>, context: CommandContext): Promise<number> {
  const { environment, interruption } = context;
  const interrupted = new Promise<number>((resolve) => {
    const { signal } = interruption;
    const end = () => resolve(interruption.exitCode ?? ExitCode.bug);
    if (signal.aborted) end(); // It came while the command was loaded.
    signal.addEventListener("abort", end);
  });
  const answering = command.then((exitCode) => answered(exitCode, environment));
  return await Promise.race([answering, interrupted]);
}

/** For commands that stop soon when they are told to, and leave nothing half done. */
async function conclude(command: Promise<number>, context: CommandContext): Promise<number> {
  const { environment, interruption } = context;
  try {
    return await answered(await command, environment);
  } catch (error) {
    if (!interruption.signal.aborted || isMistake(error)) throw error;
    return interruption.exitCode ?? ExitCode.bug;
  }
}

/** An answer that did not arrive is none: throws `CommandError`, exit 5. */
async function answered(exitCode: number, { stdout }: Environment): Promise<number> {
  await stdout.flush();
  const { failure } = stdout;
  if (failure === undefined) return exitCode;
  throw fileError("Cannot write to standard output", failure);
}

/** Says on standard error what went wrong, in one line; returns the exit code. */
function complain(error: unknown, { stderr, args }: Environment): number {
  const { exitCode, detail } = failureOf(error);
  stderr.writeLine(`starling: ${printable(detail, MAX_MESSAGE_LENGTH)}`);
  const isVerbose = args.includes("-v") || args.includes("--verbose");
  if (exitCode === ExitCode.bug && isVerbose && error instanceof Error) {
    const lines = (error.stack ?? "no stack").split("\n");
    for (const line of lines) stderr.writeLine(printable(line, MAX_MESSAGE_LENGTH));
  }
  return exitCode;
}

/** Scripts ask for nothing else to see whether we are there: half the time is saved. */
function isVersionAsked(args: readonly string[]): boolean {
  return args.length === 1 && args[0] === "--version";
}

function checkRuntime(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [minMajor, minMinor] = MIN_RUNTIME_VERSION;
  if (major > minMajor || (major === minMajor && minor >= minMinor)) return;
  throw new CommandError(
    "usage",
    `Deno ${minMajor}.${minMinor} or newer is needed, this is ${version}`,
  );
}
