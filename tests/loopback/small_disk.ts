/** Runs commands where a small disk of its own is mounted, if this machine can do that. */

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command where a disk of `bytes` is mounted at `folder`. */
export async function runOnSmallDisk(
  folder: string,
  bytes: number,
  command: readonly string[],
  options: { readonly cwd?: string } = {},
): Promise<Ended> {
  const script = 'mount -t tmpfs -o "$1" none "$2" && shift 2 && exec "$@"';
  const args = ["-Urm", "sh", "-c", script, "sh", `size=${bytes}`, folder, ...command];
  const { code, stdout, stderr } = await new Deno.Command("unshare", { args, ...options }).output();
  const text = new TextDecoder();
  return { code, stdout: text.decode(stdout), stderr: text.decode(stderr) };
}

/** True when no disk can be mounted here: then the test is skipped, and says so. */
export async function isWithoutSmallDisk(folder: string, test: string): Promise<boolean> {
  const why = await obstacle(folder);
  if (why === undefined) return false;
  await Deno.stderr.write(new TextEncoder().encode(`skipped ${test}: ${why}\n`));
  return true;
}

async function obstacle(folder: string): Promise<string | undefined> {
  try {
    const { code, stderr } = await runOnSmallDisk(folder, 4096, ["true"]);
    return code === 0 ? undefined : stderr.trim();
  } catch (error) {
    return String(error);
  }
}
