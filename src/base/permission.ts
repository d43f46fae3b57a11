/** Deno's own refusals (`Deno.errors.NotCapable`), and the flag that would lift each. Pure. */
import { shellWord } from "./shell_word.ts";

export interface MissingPermission {
  /** `read`, `write`, `net`, `run`, `env`, `sys` … */
  readonly access: string;
  /** The path, host or program that was refused; "" when Deno names none. */
  readonly target: string;
  /** The exact flag of `deno run`, such as `--allow-read=/home/me`. */
  readonly flag: string;
}

const REFUSAL = /^Requires (\w+) access to (?:"([^"]*)"|([^,]*)), run again with the (--[\w-]+)/;

/** What Deno refused, from the error that it threw; undefined when it is another error. */
export function missingPermission(error: unknown): MissingPermission | undefined {
  if (!(error instanceof Error) || error.name !== "NotCapable") return undefined;
  const [, access = "", quoted, bare = "", flag = ""] = REFUSAL.exec(error.message) ?? [];
  if (flag === "") return { access: "some", target: "", flag: "--allow-all" };
  return { access, target: quoted ?? bare, flag: flagFor(flag, quoted ?? "") };
}

/** Flags that are given without a list: peers are anywhere, and everything is everything. */
const BARE_FLAGS = ["--allow-net", "--allow-all"];

/** `--allow-read=PATH`, quoted for a shell. A comma in a flag is between paths, never in one. */
function flagFor(flag: string, target: string): string {
  if (target === "" || target.includes(",") || BARE_FLAGS.includes(flag)) return flag;
  return shellWord(`${flag}=${target}`);
}
