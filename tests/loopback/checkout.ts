/** Our own client, run as a user runs it: a process of its own, in a checkout, least flags. */
import { strictEqual } from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { type Lab, Subprocess } from "./lab.ts";

const REPOSITORY = join(import.meta.dirname!, "../..");
const CHECKED_OUT = ["main.ts", "src", "deno.json", "deno.lock"];
/** What the README tells users to type. */
const RUN = ["run", "--no-prompt", "--allow-net", "--allow-read=.", "--allow-write=.", "main.ts"];
/** Commands that would look for peers all over the internet, the local network and the router. */
const SOCIABLE = ["get", "cat", "plan", "feed", "seed", "info", "verify"];
/** Only so that a hang ends, however loaded this machine is. */
const RUN_TIMEOUT_MS = 300_000;
/** Of each stream, when a run ends otherwise than expected. */
const SHOWN_CHARACTERS = 4_000;

/** One line of `--json`. */
export type JsonEvent = { readonly event: string; readonly [field: string]: unknown };

/** A run that has ended. */
export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Since it was waited for. */
  readonly durationMs: number;
  /** Standard output as `--json` lines. */
  events(name: string): JsonEvent[];
}

/** A checkout of this repository in a lab: the current folder of every run. */
export class Checkout {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async make(lab: Lab): Promise<Checkout> {
    const folder = await lab.makeFolder("checkout");
    for (const name of CHECKED_OUT) {
      await cp(join(REPOSITORY, name), join(folder, name), { recursive: true });
    }
    return new Checkout(folder);
  }

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** `starling ARGS`, which asks nobody beyond this machine, as program and arguments. */
  command(...args: string[]): [program: string, ...args: string[]] {
    return [Deno.execPath(), ...RUN, ...onThisMachine(args)];
  }

  /** Starts `starling ARGS`; whoever starts it ends it. */
  start(...args: string[]): Subprocess {
    const [program, ...words] = this.command(...args);
    return new Subprocess(program, words, { cwd: this.folder, env: { NO_COLOR: "1" } });
  }

  /** Runs `starling ARGS` to its end, which is a failure after RUN_TIMEOUT_MS. */
  run(...args: string[]): Promise<Finished> {
    return finished(this.start(...args));
  }
}

/** Waits for the end of a run, which is a failure after RUN_TIMEOUT_MS. */
export async function finished(process: Subprocess): Promise<Finished> {
  const startedAt = performance.now();
  const code = await process.exitWithin(RUN_TIMEOUT_MS);
  const { stdout, stderr } = process;
  const durationMs = performance.now() - startedAt;
  return { code, stdout, stderr, durationMs, events: (name) => eventsIn(stdout, name) };
}

/**
 * The words of a command, and options that keep it on this machine: no DHT but one whose first
 * node the test names, no local network, no router.
 */
export function onThisMachine([command = "", ...args]: readonly string[]): string[] {
  if (!SOCIABLE.includes(command)) return [command, ...args];
  const hasNode = args.some((arg) => arg.startsWith("--dht-bootstrap"));
  const added = ["--no-lsd", "--no-port-map", ...hasNode ? [] : ["--no-dht"]];
  return [command, ...added.filter((option) => !args.includes(option)), ...args];
}

/** Fails with all that the run said unless it ended with `code`. */
export function assertExit(run: Finished, code: number, context = ""): void {
  const said = `${run.stdout.slice(-SHOWN_CHARACTERS)}\n${run.stderr.slice(-SHOWN_CHARACTERS)}`;
  strictEqual(run.code, code, `exit code ${run.code} instead of ${code}:\n${said}\n${context}`);
}

/** The `--json` lines of a kind, a last half line left out. */
export function eventsIn(stdout: string, name: string): JsonEvent[] {
  const events: JsonEvent[] = stdout.split("\n").slice(0, -1).map((line) => JSON.parse(line));
  return events.filter(({ event }) => event === name);
}
