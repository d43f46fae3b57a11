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

/** An access that was refused, and the paths that it is wanted to. */
export interface RefusedPaths {
  readonly access: "read" | "write";
  readonly paths: readonly string[];
}

const REFUSAL = /^Requires (\w+) access to (?:"([^"]*)"|([^,]*)), run again with the (--[\w-]+)/;

/** What Deno refused, from the error that it threw; undefined when it is another error. */
export function missingPermission(error: unknown): MissingPermission | undefined {
  if (!(error instanceof Error) || error.name !== "NotCapable") return undefined;
  const [, access = "", quoted, bare = "", flag = ""] = REFUSAL.exec(error.message) ?? [];
  if (flag === "") return { access: "some", target: "", flag: "--allow-all" };
  return { access, target: quoted ?? bare, flag: flagFor(flag, quoted ?? "") };
}

/** Several refusals as one, which is lifted by one more run; undefined when there are none. */
export function missingPaths(refused: readonly RefusedPaths[]): MissingPermission | undefined {
  const lacking = refused.filter(({ paths }) => paths.length > 0);
  if (lacking.length === 0) return undefined;
  return {
    access: lacking.map(({ access }) => access).join(" and "),
    target: [...new Set(lacking.flatMap(({ paths }) => paths))].join(" and "),
    flag: lacking.map(({ access, paths }) => pathsFlag(`--allow-${access}`, paths)).join(" "),
  };
}

/** The sentence for it, without what was to be done with the permission. */
export function describeMissing({ access, target, flag }: MissingPermission): string {
  const of = target === "" ? "" : ` to ${target}`;
  return `Deno's permission for ${access} access${of} is missing; run again with ${flag}`;
}

/** Flags that are given without a list: peers are anywhere, and everything is everything. */
const BARE_FLAGS = ["--allow-net", "--allow-all"];

function flagFor(flag: string, target: string): string {
  return target === "" || BARE_FLAGS.includes(flag) ? flag : pathsFlag(flag, [target]);
}

/** `--allow-read=PATH`, quoted for a shell. A comma in a flag is between paths, never in one. */
function pathsFlag(flag: string, paths: readonly string[]): string {
  return paths.some((path) => path.includes(",")) ? flag : shellWord(`${flag}=${paths.join(",")}`);
}
