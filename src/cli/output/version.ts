/** What this program is: its version, and the commit that it was made from. Pure. */

/** The version of this program, as deno.json has it. */
export const VERSION = "0.1.0";

/**
 * Written here by `git archive` (see .gitattributes), and so into the sources of a release and
 * into its executables; in a checkout it stays a pattern: nothing is read at start-up.
 */
const COMMIT = "$Format:%H$";

/** What `--version` prints: `starling 0.1.0 (commit 274648b1…, Deno 2.9.6)`. */
export function versionLine(runtimeVersion: string, commit = COMMIT): string {
  const origin = /^[0-9a-f]{40}$/.test(commit) ? `commit ${commit}` : "from a checkout";
  return `starling ${VERSION} (${origin}, Deno ${runtimeVersion})`;
}
