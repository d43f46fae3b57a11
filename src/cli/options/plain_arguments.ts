/**
 * Reads a command line that holds nothing unusual, quickly: a download waits for it, and most are
 * like that. All others are left to `explained_arguments.ts`, which reads these as well, and the
 * same. Pure.
 */
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
  if (options.length === 0 && args.length > 0) return undefined;
  const given = new Map<Option<unknown>, unknown[]>();
  const words = options.filter(({ names }) => names.length === 0);
  for (const { name, text } of partsOf(args, options)) {
    const option = name === undefined ? words[0] : optionNamed(name, options);
    if (option === undefined || (text === undefined) !== (option.type === undefined)) {
      return undefined;
    }
    const value = option.type === undefined ? true : option.type.parse(text!);
    if (value === undefined) return undefined;
    const values = given.get(option);
    if (values === undefined) given.set(option, [value]);
    else values.push(value);
    if (name === undefined && !isRepeatable(option)) words.shift();
  }
  return given;
}

interface Part {
  /** Of an option, with its hyphens; undefined for what stands alone. */
  readonly name?: string;
  /** What the option was given, or what stands alone. */
  readonly text?: string | undefined;
}

/** The options and what they were given: `--name VALUE`, `--name=VALUE`, `-n VALUE`. */
export function* partsOf(
  args: readonly string[],
  options: readonly Option<unknown>[],
): Iterable<Part> {
  const rest = args.values();
  for (const arg of rest) {
    if (arg === "--") break;
    if (!looksLikeOption(arg)) {
      yield { text: arg };
      continue;
    }
    const [, long, attached] = /^(--[^=]+)=(.*)$/s.exec(arg) ?? [];
    const name = long ?? arg;
    const takesText = optionNamed(name, options)?.type !== undefined;
    const text = attached === undefined && takesText ? rest.next().value : attached;
    yield { name, text };
  }
  for (const text of rest) yield { text };
}

function optionNamed(
  name: string,
  options: readonly Option<unknown>[],
): Option<unknown> | undefined {
  return options.find(({ names }) => names.some((one) => one === name));
}

/** A hyphen alone is a word: standard input. */
function looksLikeOption(arg: string): boolean {
  return arg.length > 1 && arg.startsWith("-");
}

function isRepeatable({ count }: Option<unknown>): boolean {
  return count === "any" || count === "some";
}

function isAllowed({ names, count }: Option<unknown>, given: number): boolean {
  switch (count) {
    case "optional":
      return given <= 1 || names.length > 0;
    case "one":
      return given === 1;
    case "any":
      return true;
    case "some":
      return given >= 1;
  }
}
