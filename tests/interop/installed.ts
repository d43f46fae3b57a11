/** Which foreign programs this machine has. */

/**
 * True when one of `programs` is missing: then the reason is printed, and the test that needs it
 * is ignored; under `INTEROP_REQUIRED` (as .ci/run sets it) it runs, and fails.
 */
export function isMissing(...programs: string[]): boolean {
  const missing = programs.filter((program) => !isInstalled(program));
  if (missing.length === 0) return false;
  const reason = `INTEROP: cannot test with ${missing.join(", ")}: not installed\n`;
  Deno.stderr.writeSync(new TextEncoder().encode(reason));
  return Deno.env.get("INTEROP_REQUIRED") === undefined;
}

function isInstalled(program: string): boolean {
  if (program === "python3-libtorrent") {
    return isInstalled(PYTHON) && succeeds(PYTHON, "-c", "import libtorrent");
  }
  return succeeds("sh", "-c", 'command -v "$1"', "sh", program);
}

/** Debian's own Python, which sees Debian's packages; another may come first in PATH. */
export const PYTHON = "/usr/bin/python3";

function succeeds(program: string, ...args: string[]): boolean {
  const command = new Deno.Command(program, { args, stdout: "null", stderr: "null" });
  return command.outputSync().success;
}
