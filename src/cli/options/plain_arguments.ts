/**
 * Reads a command line that holds nothing unusual, quickly: a download waits for it, and most are
 * like that. All others are left to `explained_arguments.ts`, which reads these as well, and the
 * same. Pure.
 */
import { parseArgs, type ParseArgsConfig } from "node:util";
import { type Command, COMMANDS, withCommand } from "./commands.ts";
import type { Option, OptionTable } from "./option.ts";

/** The command; undefined when the line asks for an answer, or may be wrong. */
export function readPlainly(args: readonly string[]): Command | undefined {
  const [name, ...rest] = withCommand(args);
  if (!Object.hasOwn(COMMANDS, name)) return undefined;
  const { table }: { table: OptionTable } = COMMANDS[name as keyof typeof COMMANDS];
  const given = valuesGiven(rest, Object.values(table));
  if (given === undefined) return undefined;
  const entries: [string, unknown][] = [["command", name]];
  for (const [key, option] of Object.entries(table)) {
    const values = given.get(option) ?? [];
    if (!isAllowed(option, values.length)) return undefined;
    entries.push([key, option.collect(values)]);
  }
  return Object.fromEntries(entries) as unknown as Command;
}

/** What each option was given, in order; undefined when something is not plain. */
function valuesGiven(
  args: readonly string[],
  options: readonly Option<unknown>[],
): Map<Option<unknown>, unknown[]> | undefined {
  const tokens = tokensOf(args, options);
  if (tokens === undefined) return undefined;
  const given = new Map<Option<unknown>, unknown[]>();
  const words = options.filter(({ names }) => names.length === 0);
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    const option = token.kind === "option"
      ? options.find(({ names }) => names.some((name) => name === token.rawName))
      : words[0];
    if (option === undefined) return undefined;
    const value = option.type === undefined ? true : option.type.parse(token.value ?? "");
    if (value === undefined) return undefined;
    const values = given.get(option);
    if (values === undefined) given.set(option, [value]);
    else values.push(value);
    if (token.kind === "positional" && !isRepeatable(option)) words.shift();
  }
  return given;
}

function tokensOf(args: readonly string[], options: readonly Option<unknown>[]) {
  if (args.some(isBundle) || (options.length === 0 && args.length > 0)) return undefined;
  const entries = options.filter(({ names }) => names.length > 0).map(
    ({ names, type }): [string, ParseArgsOption] => {
      const short = names.find((name) => !name.startsWith("--"))?.slice(1);
      const long = names.find((name) => name.startsWith("--"))!.slice(2);
      return [long, {
        type: type === undefined ? "boolean" : "string",
        multiple: true,
        ...(short !== undefined && { short }),
      }];
    },
  );
  try {
    const config = { options: Object.fromEntries(entries), allowPositionals: true };
    return parseArgs({ args: [...args], ...config, tokens: true }).tokens;
  } catch {
    return undefined; // `explained_arguments.ts` says what is wrong.
  }
}

type ParseArgsOption = NonNullable<ParseArgsConfig["options"]>[string];

/** `-qv` and `-p6881` mean something to some. */
function isBundle(arg: string): boolean {
  return /^-[^-]./s.test(arg);
}

function isRepeatable({ count }: Option<unknown>): boolean {
  return count === "any" || count === "some";
}

function isAllowed({ count }: Option<unknown>, given: number): boolean {
  switch (count) {
    case "optional":
      return given <= 1;
    case "one":
      return given === 1;
    case "any":
      return true;
    case "some":
      return given >= 1;
  }
}
