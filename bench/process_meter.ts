/** What a process costs, read from Linux's /proc while it runs. */

/** Often enough to miss no more than this much of its last moments. */
const SAMPLE_INTERVAL_MS = 10;
/** Linux counts processor time in hundredths of a second. */
const MS_PER_TICK = 10;
const KIB = 1024;

export interface Cost {
  /** From its start to its exit. */
  readonly wallMs: number;
  /** User and system time, of its threads and of the children that it waited for. */
  readonly cpuMs: number;
  /** Peak bytes of resident memory, and of that which is not of files. */
  readonly residentBytes: number;
  readonly anonymousBytes: number;
}

/** Runs a program to its exit. Throws when it fails, or needs longer than `timeoutMs`. */
export async function measure(
  program: string,
  { args, timeoutMs }: { readonly args: string[]; readonly timeoutMs: number },
): Promise<Cost> {
  const startedAt = performance.now();
  const process = new Deno.Command(program, { args, stdout: "null", stderr: "null" }).spawn();
  const peak = { cpuMs: 0, residentBytes: 0, anonymousBytes: 0 };
  let wallMs: number | undefined;
  const exited = process.status.then((status) => {
    wallMs = performance.now() - startedAt;
    return status;
  });
  while (wallMs === undefined) {
    await sample(process.pid, peak);
    if (performance.now() - startedAt > timeoutMs) process.kill("SIGKILL");
    await new Promise((resolve) => setTimeout(resolve, SAMPLE_INTERVAL_MS));
  }
  const { code } = await exited;
  if (code !== 0) throw new Error(`${program} ended with ${code} after ${Math.round(wallMs)} ms`);
  return { wallMs, ...peak };
}

async function sample(
  pid: number,
  peak: { cpuMs: number; residentBytes: number; anonymousBytes: number },
): Promise<void> {
  try {
    const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
    // utime, stime, cutime and cstime: after the name, which may hold anything but a last ")".
    const ticks = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 15).map(Number);
    peak.cpuMs = ticks.reduce((sum, ticks) => sum + ticks) * MS_PER_TICK;
    const status = await Deno.readTextFile(`/proc/${pid}/status`);
    peak.residentBytes = Math.max(peak.residentBytes, bytesOf(status, "VmHWM"));
    peak.anonymousBytes = Math.max(peak.anonymousBytes, bytesOf(status, "RssAnon"));
  } catch {
    // It has just ended.
  }
}

function bytesOf(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) * KIB;
}
