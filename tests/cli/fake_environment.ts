/** A process that is not there: what a command writes is kept, what it asks for is given. */
import { ok as assert } from "node:assert/strict";
import { SeededRandom } from "../../src/base/ambient.ts";
import type { MissingPermission } from "../../src/base/permission.ts";
import type { Engine } from "../../src/cli/environment/engine.ts";
import {
  type Environment,
  realEnvironment,
  type ShellOptions,
  type StateFolders,
  type StopSignal,
} from "../../src/cli/environment/environment.ts";
import type { LogFolder } from "../../src/cli/output/log_folder.ts";
import { Output } from "../../src/cli/output/output.ts";
import type { FetchBounded } from "../../src/net/http.ts";
import type {
  LockRequest,
  RecalledTarget,
  TargetToRecall,
} from "../../src/storage/finished_target.ts";
import { ManualClock } from "../sim/manual_clock.ts";

export interface FakeOptions {
  readonly args?: readonly string[];
  readonly files?: Readonly<Record<string, Uint8Array | Error | "pipe">>;
  /** Files and folders are those of the real disk. */
  readonly usesDisk?: boolean;
  /** Bytes, nothing ever, or what reading fails with. */
  readonly stdin?: Uint8Array | "silent" | Error;
  /** Columns and rows; without them standard output is no terminal. */
  readonly terminal?: { columns: number; rows: number };
  readonly useColor?: boolean;
  readonly fetch?: FetchBounded;
  readonly openEngine?: Environment["openEngine"];
  readonly missing?: MissingPermission;
  readonly runtimeVersion?: string;
  /** Exit code of every line of shell. */
  readonly shellExitCode?: number;
  /** What every line of shell does. */
  readonly shell?: (signal: AbortSignal) => Promise<void>;
  /** Bytes that are free on every disk; without them nobody knows. */
  readonly freeBytes?: number;
  /** What an earlier run has left of a target. */
  readonly recall?: (target: TargetToRecall) => RecalledTarget | undefined;
  /** What holding a finished target fails with. */
  readonly holdError?: Error;
  /** What keeping state fails with. */
  readonly keepError?: Error;
  /** What writing to standard output fails with. */
  readonly stdoutError?: Error;
  /** The file that standard output goes to; its path begins with the output folder. */
  readonly stdoutPath?: string;
  /** What writing to a log fails with. */
  readonly logError?: Error;
}

export class FakeEnvironment implements Environment {
  readonly args: readonly string[];
  readonly platform = "linux";
  readonly runtimeVersion: string;
  readonly currentFolder = "/home/me/starling";
  readonly programFolder = "/home/me/starling/";
  readonly processorCount = 2;
  readonly clock = new ManualClock();
  readonly random = new SeededRandom(1);
  readonly stdout: Output;
  readonly stderr: Output;
  readonly useColor: boolean;
  readonly shell = "sh";
  /** What was written so far. */
  out = "";
  err = "";
  /** Logs by path. */
  readonly logs: Record<string, string> = {};
  /** State that was kept, by path. */
  readonly kept: Record<string, Uint8Array> = {};
  /** State that was removed again, by path. */
  readonly dropped: string[] = [];
  /** Finished targets that were asked for, and those that were held and let go, by name. */
  readonly recalls: TargetToRecall[] = [];
  readonly holds: string[] = [];
  readonly shellLines: { line: string; variables: Readonly<Record<string, string>> }[] = [];
  /** Codes that the process was ended with at once. */
  readonly exits: number[] = [];
  readonly #options: FakeOptions;
  #signalListeners = new Set<(signal: StopSignal) => void>();
  #inquiryListeners = new Set<() => void>();
  #uncaughtListener: ((error: unknown) => void) | undefined;

  constructor(options: FakeOptions) {
    const { clock } = this;
    this.#options = options;
    this.args = options.args ?? [];
    this.runtimeVersion = options.runtimeVersion ?? "2.9.6";
    this.useColor = options.useColor ?? false;
    const isTerminal = options.terminal !== undefined;
    this.stdout = new Output((bytes) => {
      if (options.stdoutError) return Promise.reject(options.stdoutError);
      this.out += new TextDecoder().decode(bytes);
      return Promise.resolve(bytes.length);
    }, { clock, isTerminal });
    this.stderr = new Output((bytes) => {
      this.err += new TextDecoder().decode(bytes);
      return Promise.resolve(bytes.length);
    }, { clock, isTerminal });
  }

  /** The JSON lines on standard output. */
  get events(): Record<string, unknown>[] {
    return this.out.split("\n").filter((line) => line !== "").map((line) => JSON.parse(line));
  }

  get isListeningToSignals(): boolean {
    return this.#signalListeners.size + this.#inquiryListeners.size > 0;
  }

  get stdin() {
    const { stdin = new Uint8Array(0) } = this.#options;
    if (stdin === "silent") return { read: () => new Promise<null>(() => {}), close: () => {} };
    if (stdin instanceof Error) return { read: () => Promise.reject(stdin), close: () => {} };
    return bytesInput(stdin);
  }

  get fetch(): FetchBounded {
    return this.#options.fetch ?? (() => Promise.reject(new Error("no network here")));
  }

  openEngine(...options: Parameters<Environment["openEngine"]>): Promise<Engine> {
    assert(this.#options.openEngine !== undefined);
    return this.#options.openEngine(...options);
  }

  terminalSize(): { columns: number; rows: number } {
    return this.#options.terminal ?? { columns: 0, rows: 0 };
  }

  openFile(path: string): ReturnType<Environment["openFile"]> {
    if (this.#options.usesDisk) return realEnvironment().openFile(path);
    const file = this.#options.files?.[path];
    if (file === undefined) return Promise.reject(new Deno.errors.NotFound(`no ${path}`));
    if (file instanceof Error) return Promise.reject(file);
    if (file === "pipe") {
      return Promise.resolve({ isRegular: false, size: 0, ...bytesInput(new Uint8Array(0)) });
    }
    return Promise.resolve({ isRegular: true, size: file.length, ...bytesInput(file) });
  }

  inspect(path: string): ReturnType<Environment["inspect"]> {
    if (this.#options.usesDisk) return realEnvironment().inspect(path);
    return Promise.resolve(this.#options.files?.[path] === undefined ? undefined : "file");
  }

  standardOutputAmong(folder: string, paths: Iterable<string>): Promise<string | undefined> {
    const { stdoutPath } = this.#options;
    return Promise.resolve([...paths].find((path) => `${folder}/${path}` === stdoutPath));
  }

  keepState(folders: StateFolders, name: string, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
    if (this.#options.usesDisk) return realEnvironment().keepState(folders, name, bytes);
    if (this.#options.keepError) return Promise.reject(this.#options.keepError);
    const path = `${folders.stateDir}/${name}`;
    this.kept[path] = bytes;
    return Promise.resolve(path);
  }

  dropState(path: string): Promise<void> {
    if (this.#options.usesDisk) return realEnvironment().dropState(path);
    this.dropped.push(path);
    return Promise.resolve();
  }

  recallTarget(target: TargetToRecall): Promise<RecalledTarget | undefined> {
    if (this.#options.usesDisk) return realEnvironment().recallTarget(target);
    this.recalls.push(target);
    return Promise.resolve(this.#options.recall?.(target));
  }

  holdTarget(request: Omit<LockRequest, "clock">): Promise<{ release(): void }> {
    if (this.#options.usesDisk) return realEnvironment().holdTarget(request);
    if (this.#options.holdError) return Promise.reject(this.#options.holdError);
    this.holds.push(request.name);
    return Promise.resolve({ release: () => this.holds.push(`not ${request.name}`) });
  }

  openLogFolder(folder: string): Promise<LogFolder> {
    const { logs } = this;
    return Promise.resolve({
      create: (name) => {
        const path = `${folder}/${name}`;
        logs[path] = "";
        return Promise.resolve({
          write: (bytes) => {
            const { logError } = this.#options;
            if (logError) return Promise.reject(logError);
            logs[path] += new TextDecoder().decode(bytes);
            return Promise.resolve(bytes.length);
          },
          close: () => {},
        });
      },
      names: () => Promise.resolve(Object.keys(logs).map((path) => path.slice(folder.length + 1))),
      remove: (name) => {
        delete logs[`${folder}/${name}`];
        return Promise.resolve();
      },
    });
  }

  freeBytes(): Promise<number | undefined> {
    return Promise.resolve(this.#options.freeBytes);
  }

  missingPermission(): MissingPermission | undefined {
    return this.#options.missing;
  }

  missingAccess(): MissingPermission | undefined {
    return this.#options.missing;
  }

  async runShell(line: string, { variables, signal }: ShellOptions) {
    this.shellLines.push({ line, variables });
    await this.#options.shell?.(signal);
    return { exitCode: this.#options.shellExitCode ?? 0 };
  }

  onStopSignal(listener: (signal: StopSignal) => void): () => void {
    this.#signalListeners.add(listener);
    return () => this.#signalListeners.delete(listener);
  }

  onInquiry(listener: () => void): () => void {
    this.#inquiryListeners.add(listener);
    return () => this.#inquiryListeners.delete(listener);
  }

  /** Somebody asks why it is not done yet. */
  inquire(): void {
    for (const listener of this.#inquiryListeners) listener();
  }

  onUncaught(listener: (error: unknown) => void): void {
    this.#uncaughtListener = listener;
  }

  exit(code: number): void {
    this.exits.push(code);
  }

  signal(name: StopSignal): void {
    for (const listener of this.#signalListeners) listener(name);
  }

  throwUncaught(error: unknown): void {
    this.#uncaughtListener?.(error);
  }
}

/** Bytes that come in parts of 1000. */
function bytesInput(bytes: Uint8Array) {
  let offset = 0;
  return {
    read(buffer: Uint8Array): Promise<number | null> {
      if (offset >= bytes.length) return Promise.resolve(null);
      const part = bytes.subarray(offset, offset + Math.min(buffer.length, 1000));
      buffer.set(part);
      offset += part.length;
      return Promise.resolve(part.length);
    },
    close() {},
  };
}
