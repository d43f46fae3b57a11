/** From the arguments to the exit code: every command, and what every error means. */
import { printable } from "../base/printable.ts";
import { type Command, parseArguments } from "./args.ts";
import type { CommandContext, Environment } from "./environment.ts";
import { CommandError, ExitCode, failureOf } from "./failure.ts";
import { Interruption } from "./interruption.ts";

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
  let exitCode = await runCommand(environment, interruption);
  await environment.stdout.flush();
  const { failure } = environment.stdout;
  if (failure !== undefined && exitCode === ExitCode.ok) {
    exitCode = complain(lostOutput(failure), environment);
  }
  await environment.stderr.flush();
  interruption.close();
  return exitCode;
}

async function runCommand(environment: Environment, interruption: Interruption): Promise<number> {
  try {
    checkRuntime(environment.runtimeVersion);
    const { columns } = environment.terminalSize();
    const command = parseArguments(environment.args, {
      print: (text) => environment.stdout.writeLine(text),
      columns: columns || DEFAULT_COLUMNS,
    });
    if (command === undefined) return ExitCode.ok;
    return await dispatch(command, { environment, interruption });
  } catch (error) {
    return complain(error, environment);
  }
}

/** Commands are loaded when they are called: the version must not wait for the network's code. */
async function dispatch(command: Command, context: CommandContext): Promise<number> {
  switch (command.command) {
    case "get": {
      const { get } = await import("./get.ts");
      return await get(command, context);
    }
    case "info": {
      const { info } = await import("./info.ts");
      return await untilInterrupted(info(command, context), context);
    }
    case "demo": {
      const { demo } = await import("./demo.ts");
      return await demo(context);
    }
    case "verify": {
      const { verify } = await import("./verify.ts");
      return await untilInterrupted(verify(command, context), context);
    }
  }
}

/** For commands that have nothing to save: they are left as they are. */
function untilInterrupted(
  command: Promise<number>,
  { interruption }: CommandContext,
): Promise<number> {
  const interrupted = new Promise<number>((resolve) => {
    const { signal } = interruption;
    signal.addEventListener("abort", () => resolve(interruption.exitCode ?? ExitCode.bug));
  });
  return Promise.race([command, interrupted]);
}

/** Says on standard error what went wrong, in one line; returns the exit code. */
function complain(error: unknown, { stderr, args }: Environment): number {
  const { exitCode, detail } = failureOf(error);
  stderr.writeLine(`starling: ${printable(detail, MAX_MESSAGE_LENGTH)}`);
  const isVerbose = args.includes("-v") || args.includes("--verbose");
  if (exitCode === ExitCode.bug && isVerbose && error instanceof Error) {
    stderr.writeLine(error.stack ?? "no stack");
  }
  return exitCode;
}

function checkRuntime(version: string): void {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const [minMajor, minMinor] = MIN_RUNTIME_VERSION;
  if (major > minMajor || (major === minMajor && minor >= minMinor)) return;
  throw new CommandError(
    { verdict: "runtime", exitCode: ExitCode.usage, retryable: false },
    `Deno ${minMajor}.${minMinor} or newer is needed, this is ${version}`,
  );
}

/** A command whose answer did not arrive has not succeeded. */
function lostOutput(failure: unknown): CommandError {
  const why = failure instanceof Error ? failure.message : String(failure);
  return new CommandError(
    { verdict: "disk", exitCode: ExitCode.disk, retryable: true },
    `Cannot write to standard output: ${why}`,
  );
}
