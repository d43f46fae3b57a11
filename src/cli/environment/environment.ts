/**
 * The one edge of the command line: what a command knows of its process, and all that it can do
 * to it. Tests run whole commands against an object of their own.
 */
import { type Clock, type Random, SystemClock, SystemRandom } from "../../base/ambient.ts";
import type { Bytes } from "../../base/bytes.ts";
import { type MissingPermission, missingPermission } from "../../base/permission.ts";
import type { Platform } from "../../metainfo/path_element.ts";
import type { DiskPaths } from "../../metainfo/paths.ts";
import type { FetchBounded } from "../../net/http.ts";
import { missingAccess } from "../../storage/folder_permissions.ts";
import type { LockRequest, RecalledTarget, TargetToRecall } from "../../storage/finished_target.ts";
import type { LogFolder } from "../output/log_folder.ts";
import { Output, type StandardStreams } from "../output/output.ts";
import { VERSION } from "../output/version.ts";
import type { Engine, EngineOptions } from "./engine.ts";
import type { Interruption } from "./interruption.ts";

/** A signal that asks us to stop. */
export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** What is asked for before it is used: a host, a program, a worker's source. */
export type Access = "net" | "run" | "read";

/** Bytes that come in: a file, or standard input. */
export interface Input {
  /** Bytes read into `buffer`; null at the end. */
  read(buffer: Uint8Array): Promise<number | null>;
  close(): void;
}

/** A program that ran to its end. */
export interface FinishedProgram {
  /** 0 for success. */
  readonly exitCode: number;
}

/** How a line of shell is run. */
export interface ShellOptions {
  readonly variables: Readonly<Record<string, string>>;
  /** Its output goes where ours goes, or all of it to standard error. */
  readonly sparesStdout: boolean;
  /** Asks it to end, as SIGTERM does. */
  readonly signal: AbortSignal;
}

/** Where data goes, and what we keep of it. */
export interface StateFolders {
  readonly outputDir: string;
  readonly stateDir: string;
}

/** Where the data of a torrent is that somebody has already. */
export interface DataPlace {
  /** What `paths` are relative to. */
  readonly outputDir: string;
  readonly paths: DiskPaths;
  /** The folder that the data is in: what `--output` of `get` would have been. */
  readonly folder: string;
}

export interface Environment extends StandardStreams {
  readonly args: readonly string[];
  /** Whose rules the names of files follow. */
  readonly platform: Platform;
  /** Of the runtime: `2.9.6`. */
  readonly runtimeVersion: string;
  /** Where relative paths begin. Throws what Deno throws: the folder may be gone. */
  readonly currentFolder: string;
  /** Where our own source is; undefined in an executable, which has it within. */
  readonly programFolder: string | undefined;
  readonly processorCount: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly stdin: Input;
  /** A bounded GET. */
  readonly fetch: FetchBounded;
  /** Network, disk and the torrents between them. */
  openEngine(options: EngineOptions): Promise<Engine>;
  /** Opens an existing regular file. Throws what Deno throws. */
  openFile(path: string): Promise<Input & { readonly isRegular: boolean; readonly size: number }>;
  /** What stands at the path; undefined for nothing. Throws what Deno throws. */
  inspect(path: string): Promise<"file" | "folder" | "other" | undefined>;
  /** Which of these paths below a folder is the file that standard output goes to. Never rejects. */
  standardOutputAmong(folder: string, paths: Iterable<string>): Promise<string | undefined>;
  /**
   * Puts a small file into the state folder of an output folder, both made when they are not
   * there: as a whole or not at all. Resolves to its absolute path. Throws `StorageError`.
   */
  keepState(folders: StateFolders, name: string, bytes: Bytes): Promise<string>;
  /** Removes a file that `keepState` has put there. Never rejects. */
  dropState(path: string): Promise<void>;
  /** What may yet be written to the disk of a folder, where that is known. Asks nobody. */
  freeBytes(folder: string): Promise<number | undefined>;
  /** What an earlier run has left of a finished target; see storage/finished_target.ts. */
  recallTarget(target: TargetToRecall): Promise<RecalledTarget | undefined>;
  /** Holds a finished target until it is released. Throws `StorageError`; the signal's reason. */
  holdTarget(request: Omit<LockRequest, "clock">): Promise<{ release(): void }>;
  /** Where logs are kept; made where it is missing. Throws what Deno throws. */
  openLogFolder(folder: string): Promise<LogFolder>;
  /** What Deno would refuse; undefined when it is granted. Asks nobody. */
  missingPermission(access: Access, target: string | URL): MissingPermission | undefined;
  /** The same for reading and writing in folders, wherever links lead them. */
  missingAccess(folders: readonly string[]): MissingPermission | undefined;
  /** The program that runs lines of shell. */
  readonly shell: string;
  /** Runs a line of shell. Throws what Deno throws. */
  runShell(line: string, options: ShellOptions): Promise<FinishedProgram>;
  /** Calls back for every signal that asks us to stop; returns how to end that. */
  onStopSignal(listener: (signal: StopSignal) => void): () => void;
  /** Calls back whenever somebody asks why we are not done (SIGUSR1, SIGUSR2); returns how to end that. */
  onInquiry(listener: () => void): () => void;
  /** Calls back for errors that nobody caught, instead of ending the process. */
  onUncaught(listener: (error: unknown) => void): void;
  /** Ends the process at once, after writing `lastWords` to the terminal, if there is one. */
  exit(code: number, lastWords: string): void;
}

/** What every command is given. */
export interface CommandContext {
  readonly environment: Environment;
  readonly interruption: Interruption;
}

/** The real one. */
export function realEnvironment(): Environment {
  const clock = new SystemClock();
  const environment: Environment = {
    args: Deno.args,
    platform: platform(),
    runtimeVersion: Deno.version.deno,
    get currentFolder() {
      return Deno.cwd();
    },
    get programFolder() {
      return Deno.build.standalone ? undefined : pathOf(new URL("../../..", import.meta.url));
    },
    processorCount: navigator.hardwareConcurrency,
    clock,
    random: new SystemRandom(),
    stdout: outputTo(Deno.stdout, clock),
    stderr: outputTo(Deno.stderr, clock),
    stdin: Deno.stdin,
    useColor: Deno.stdout.isTerminal() && !Deno.noColor,
    terminalSize,
    fetch: async (url, options) => {
      const { createFetch } = await import("../../net/http.ts");
      const resolve = async (name: string) => {
        const { DenoNetwork } = await import("../../net/deno_network.ts");
        return await new DenoNetwork({ clock }).resolve(name);
      };
      const userAgent = `starling/${VERSION}`;
      return await createFetch({ clock, userAgent, resolve })(url, options);
    },
    openEngine: async (options) => {
      const { openEngine } = await import("./engine.ts");
      return openEngine(options, environment);
    },
    openFile,
    inspect,
    standardOutputAmong: async (folder, paths) => {
      const { standardOutputAmong } = await import("./standard_output.ts");
      return standardOutputAmong(folder, paths);
    },
    keepState,
    dropState: (path) => Deno.remove(path).catch(() => {}),
    freeBytes: async (folder) => {
      const { state } = Deno.permissions.querySync({ name: "sys", kind: "statfs" });
      if (state !== "granted") return undefined;
      const { freeSpace } = await import("../../storage/room.ts");
      return (await freeSpace(folder)).bytes;
    },
    recallTarget: async (target) => {
      const { recallTarget } = await import("../../storage/finished_target.ts");
      return await recallTarget(target);
    },
    holdTarget: async (request) => {
      const { holdTarget } = await import("../../storage/finished_target.ts");
      return await holdTarget({ ...request, clock });
    },
    openLogFolder: async (folder) => {
      const { openLogFolder } = await import("../output/log_folder.ts");
      return await openLogFolder(folder);
    },
    missingPermission: queryPermission,
    missingAccess: (folders) => missingAccess(folders),
    shell: Deno.build.os === "windows" ? "cmd" : "sh",
    runShell,
    onStopSignal,
    onInquiry,
    onUncaught,
    exit,
  };
  return environment;
}

function platform(): Platform {
  const { os } = Deno.build;
  return os === "windows" || os === "darwin" ? os : "linux";
}

function outputTo(stream: typeof Deno.stdout, clock: Clock): Output {
  return new Output((bytes) => stream.write(bytes), { clock, isTerminal: stream.isTerminal() });
}

function terminalSize(): { columns: number; rows: number } {
  try {
    return Deno.consoleSize();
  } catch {
    return { columns: 0, rows: 0 };
  }
}

async function openFile(path: string) {
  // Opening a named pipe would wait for a writer: what is not regular is not opened.
  const info = await Deno.stat(path);
  if (!info.isFile) {
    return { isRegular: false, size: 0, read: () => Promise.resolve(null), close: () => {} };
  }
  const file = await Deno.open(path, { read: true });
  return {
    isRegular: true,
    size: info.size,
    read: (buffer: Uint8Array) => file.read(buffer as Bytes),
    close: () => file.close(),
  };
}

async function inspect(path: string): Promise<"file" | "folder" | "other" | undefined> {
  try {
    const info = await Deno.stat(path);
    return info.isFile ? "file" : info.isDirectory ? "folder" : "other";
  } catch (error) {
    const isAbsent = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (isAbsent) return undefined;
    throw error;
  }
}

async function keepState(folders: StateFolders, name: string, bytes: Bytes): Promise<string> {
  const { prepareFolders } = await import("../../storage/target_folders.ts");
  const { replaceStateFile } = await import("../../storage/state_file.ts");
  const { stateDir } = await prepareFolders(folders.outputDir, folders.stateDir);
  const path = `${stateDir}/${name}`;
  await replaceStateFile(path, bytes);
  return path;
}

/** As `node:url` has it, whose code would cost every start 5 ms. */
function pathOf({ pathname }: URL): string {
  const path = decodeURIComponent(pathname);
  return Deno.build.os === "windows" ? path.slice(1).replaceAll("/", "\\") : path;
}

function queryPermission(access: Access, of: string | URL): MissingPermission | undefined {
  const target = of instanceof URL ? pathOf(of) : of;
  const asked: Readonly<Record<Access, Deno.PermissionDescriptor>> = {
    net: { name: "net", host: target },
    run: { name: "run", command: target },
    read: { name: "read", path: target },
  };
  const { state, partial } = Deno.permissions.querySync(asked[access]);
  // Of a folder of source nothing may be denied (--deny-read), of all others whatever we do not use.
  const isWhole = !partial || !(of instanceof URL);
  if (state === "granted" && isWhole) return undefined;
  const flag = `--allow-${access}`;
  const refusal = new Deno.errors.NotCapable(
    `Requires ${access} access to "${target}", run again with the ${flag} flag`,
  );
  return missingPermission(refusal);
}

async function runShell(
  line: string,
  { variables, sparesStdout, signal }: ShellOptions,
): Promise<FinishedProgram> {
  const [shell, flag, toStderr] = Deno.build.os === "windows"
    ? ["cmd", "/c", `(${line}) 1>&2`] as const
    : ["sh", "-c", `exec 1>&2\n${line}`] as const;
  const program = new Deno.Command(shell, {
    args: [flag, sparesStdout ? toStderr : line],
    env: variables,
    stdin: "null",
    stdout: "inherit",
    stderr: "inherit",
    signal,
  });
  const { code } = await program.spawn().status;
  return { exitCode: code };
}

function onStopSignal(listener: (signal: StopSignal) => void): () => void {
  // Windows has no SIGTERM to listen to.
  const signals: readonly StopSignal[] = Deno.build.os === "windows"
    ? ["SIGINT", "SIGHUP"]
    : ["SIGINT", "SIGTERM", "SIGHUP"];
  const listening = signals.map((signal) => {
    const listen = () => listener(signal);
    Deno.addSignalListener(signal, listen);
    return () => Deno.removeSignalListener(signal, listen);
  });
  return () => listening.forEach((end) => end());
}

/** Two, since at SIGUSR1 Deno opens its debugger too, whoever listens: SIGUSR2 has no such effect. */
const INQUIRY_SIGNALS = ["SIGUSR1", "SIGUSR2"] as const;

function onInquiry(listener: () => void): () => void {
  if (Deno.build.os === "windows") return () => {}; // It has no such signals.
  for (const signal of INQUIRY_SIGNALS) Deno.addSignalListener(signal, listener);
  return () => INQUIRY_SIGNALS.forEach((signal) => Deno.removeSignalListener(signal, listener));
}

function onUncaught(listener: (error: unknown) => void): void {
  globalThis.addEventListener("unhandledrejection", (event) => {
    event.preventDefault();
    listener(event.reason);
  });
  globalThis.addEventListener("error", (event) => {
    event.preventDefault();
    listener(event.error);
  });
}

function exit(code: number, lastWords: string): void {
  try {
    if (Deno.stdout.isTerminal()) Deno.stdout.writeSync(new TextEncoder().encode(lastWords));
  } catch {
    // The terminal is gone: nobody is left to read them.
  }
  Deno.exit(code);
}
