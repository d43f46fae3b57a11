/**
 * A place for one test with other processes: a temporary folder, free ports, and processes
 * that are stopped by their own id when the test ends, however it ends.
 */
import { basename, join } from "node:path";

const POLL_INTERVAL_MS = 50;
/** Only so that a hang ends: on a machine with a load of 20 a start alone takes seconds. */
const START_TIMEOUT_MS = 120_000, STOP_TIMEOUT_MS = 60_000;
/** Lines of a process's output that a failure shows. */
const SHOWN_LOG_LINES = 40;

/** A process and everything that it has said. */
export class Subprocess {
  readonly name: string;
  readonly #child: Deno.ChildProcess;
  /** Its exit code, once it has ended; 128 and more for a signal. */
  readonly exit: Promise<number>;
  stdout = "";
  stderr = "";
  #hasEnded = false;

  constructor(
    program: string,
    args: readonly string[],
    options: { cwd: string; env?: Record<string, string> },
  ) {
    this.name = basename(program);
    this.#child = new Deno.Command(program, {
      args: [...args],
      ...options,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.exit = this.#follow();
  }

  get pid(): number {
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return !this.#hasEnded;
  }

  /** The end of what it printed. */
  get log(): string {
    return `--- ${this.name}, the end of its output\n` +
      `${this.stdout}${this.stderr}`.split("\n").slice(-SHOWN_LOG_LINES).join("\n");
  }

  kill(signal: Deno.Signal): void {
    if (this.isRunning) this.#child.kill(signal);
  }

  /** Asks it to end, then makes it; resolves once it is gone. */
  async stop(): Promise<void> {
    this.kill("SIGTERM");
    await this.exitWithin(STOP_TIMEOUT_MS);
  }

  /** Its exit code; kills it when it takes longer than `timeoutMs`. */
  async exitWithin(timeoutMs: number): Promise<number> {
    const timer = setTimeout(() => this.kill("SIGKILL"), timeoutMs);
    const code = await this.exit;
    clearTimeout(timer);
    return code;
  }

  async #follow(): Promise<number> {
    const [{ code }] = await Promise.all([
      this.#child.status.finally(() => this.#hasEnded = true),
      this.#read(this.#child.stdout, (text) => this.stdout += text),
      this.#read(this.#child.stderr, (text) => this.stderr += text),
    ]);
    return code;
  }

  async #read(stream: ReadableStream<BufferSource>, take: (text: string) => void): Promise<void> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) take(text);
  }
}

export class Lab implements AsyncDisposable {
  readonly folder: string;
  readonly #processes: Subprocess[] = [];

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async open(): Promise<Lab> {
    return new Lab(await Deno.makeTempDir({ prefix: "starling_test_" }));
  }

  path(...names: string[]): string {
    return join(this.folder, ...names);
  }

  /** Makes a folder and gives its path. */
  async makeFolder(...names: string[]): Promise<string> {
    await Deno.mkdir(this.path(...names), { recursive: true });
    return this.path(...names);
  }

  start(program: string, args: readonly string[], env?: Record<string, string>): Subprocess {
    const process = new Subprocess(program, args, { cwd: this.folder, ...(env && { env }) });
    this.#processes.push(process);
    return process;
  }

  /** Runs a program to its end; throws with its output when that is not 0. */
  async run(program: string, args: readonly string[]): Promise<string> {
    const command = new Deno.Command(program, { args: [...args], cwd: this.folder });
    const { code, stdout, stderr } = await command.output();
    const text = new TextDecoder().decode(stdout);
    if (code === 0) return text;
    throw new Error(`${program} ended with ${code}: ${text}${new TextDecoder().decode(stderr)}`);
  }

  /** Waits until `check` is true; throws with the output of all processes when it never is. */
  async until(
    what: string,
    check: () => boolean | Promise<boolean>,
    timeoutMs = START_TIMEOUT_MS,
  ): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (!await check()) {
      const dead = this.#processes.find((process) => !process.isRunning);
      if (performance.now() < deadline && dead === undefined) {
        await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
        continue;
      }
      const why = dead ? `${dead.name} ended` : `not so after ${timeoutMs} ms`;
      throw new Error(`Cannot see ${what}: ${why}\n${this.logs()}`);
    }
  }

  /** What all processes said last. */
  logs(): string {
    return this.#processes.map((process) => process.log).join("\n");
  }

  /** Stops every process that was started here. */
  async stopAll(): Promise<void> {
    await Promise.all(this.#processes.splice(0).map((process) => process.stop()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopAll();
    await Deno.remove(this.folder, { recursive: true });
  }
}

/** Below the range from which systems choose the ports of outgoing connections. */
const FIRST_PORT = 11_000, LAST_PORT = 31_999;
/** Of one test file. */
const PORTS = 100;

/**
 * The first of the ports that are this test file's alone: whoever listens on it has the ones
 * after it, too. It stays open until the file ends, since files run at the same time.
 */
const claimed = claimPorts();
let next = claimed.addr.port + 1;

/**
 * A port free for TCP and UDP, IPv4 and IPv6, on loopback; another one for every call. It stays
 * closed until whoever asked opens it: no port 0, no other test file and no connection of other
 * tests is given it.
 */
export function freePort(): number {
  while (next < claimed.addr.port + PORTS) {
    const port = next++;
    if (isFree(port)) return port;
  }
  throw new Error(`Cannot give a free port: ${PORTS} are all that a test file has`);
}

function claimPorts(): Deno.TcpListener {
  const blocks = Math.floor((LAST_PORT + 1 - FIRST_PORT) / PORTS);
  const start = Math.floor(Math.random() * blocks); // Not what the last run left closing.
  for (let count = 0; count < blocks; count++) {
    const port = FIRST_PORT + PORTS * ((start + count) % blocks);
    try {
      return Deno.listen({ hostname: "127.0.0.1", port });
    } catch (error) {
      if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    }
  }
  throw new Error("Cannot claim ports for a test file: other files have all of them");
}

function isFree(port: number): boolean {
  return ["127.0.0.1", "::1"].every((hostname) => {
    try {
      Deno.listen({ hostname, port }).close();
      Deno.listenDatagram({ transport: "udp", hostname, port }).close();
      return true;
    } catch (error) {
      return !(error instanceof Deno.errors.AddrInUse); // The machine may have no IPv6.
    }
  });
}
