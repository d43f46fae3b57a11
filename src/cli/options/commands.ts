/** All commands: what each is for, and what it may be given. Pure. */
import { catTable } from "./cat_options.ts";
import { createTable } from "./create_options.ts";
import { feedTable } from "./feed_options.ts";
import { getTable } from "./get_options.ts";
import { flag, type Given, type Option, optionalWord, type OptionTable, word } from "./option.ts";
import { pathValue, sourceValue, torrentValue } from "./option_values.ts";
import { planTable } from "./plan_options.ts";
import { seedTable } from "./seed_options.ts";
import { searchOptions } from "./swarm_options.ts";
import { trackerTable } from "./tracker_options.ts";

const json = flag("--json", "machine-readable");

const infoTable = {
  json,
  ...searchOptions,
  source: word(
    sourceValue,
    "a .torrent file, its URL, a magnet link, an info-hash, or - for standard input",
  ),
};

const verifyTable = {
  json,
  quiet: flag("-q, --quiet", "nothing but errors"),
  ...searchOptions,
  torrent: word(
    torrentValue("TORRENT", "file"),
    "a .torrent file, its URL, a magnet link or an info-hash",
  ),
  path: optionalWord(
    pathValue("PATH", "any"),
    "the data, or the folder that it is in (the current one)",
  ),
};

/** Commands that are given options and words of their own, in the order of the help. */
export const COMMANDS = {
  get: { brief: "download, verify, exit", table: getTable },
  cat: { brief: "write a file to standard output while it is downloaded", table: catTable },
  create: { brief: "make a .torrent", table: createTable },
  info: { brief: "what a torrent or magnet holds", table: infoTable },
  verify: { brief: "check files on disk against a torrent", table: verifyTable },
  plan: { brief: "what get would do: names, bytes, peers; does nothing", table: planTable },
  feed: { brief: "fetch what is new in an RSS or Atom feed", table: feedTable },
  seed: { brief: "share data that is already here", table: seedTable },
  tracker: { brief: "a small HTTP and UDP tracker, for rooms and tests", table: trackerTable },
  demo: {
    brief: "a whole swarm on this machine: tracker, seeders, one download, verified",
    table: {},
  },
  man: { brief: "the manual page: starling man | man -l -", table: {} },
} as const satisfies Record<string, { readonly brief: string; readonly table: OptionTable }>;

/** `perms` is given another command, whatever its options are. */
export const PERMS = {
  brief: "the least permissions of Deno that a command needs",
  usage: "[COMMAND [WORDS...]]",
  wordsDescription: "a command with its options, as it would be typed after starling",
};

export type InfoOptions = Given<"info", typeof infoTable>;
export type VerifyOptions = Given<"verify", typeof verifyTable>;
export interface PermsOptions {
  readonly command: "perms";
  readonly words: readonly string[];
}

/** One command and its options. */
export type Command =
  | { [Name in keyof typeof COMMANDS]: Given<Name, (typeof COMMANDS)[Name]["table"]> }[
    keyof typeof COMMANDS
  ]
  | PermsOptions;

/** First words that are not a source, besides the commands: everything else means `get`. */
const OTHER_FIRST_WORDS = [
  ...["perms", "completion", "help", "version"],
  ...["--help", "-h", "--version", "-V"],
];

/**
 * `starling <source>...` means `get`; nothing at all asks for help. A value that is joined to a
 * short option (`-oDIR`) is a word of its own in the answer.
 */
export function withCommand(args: readonly string[]): readonly [string, ...string[]] {
  const [first, ...rest] = args;
  if (first === undefined) return ["--help"];
  // All else that follows it is the command that it is about.
  if (first === "perms" && isHelp(rest)) return ["help", first];
  if (first === "completion") return [first, ...completed(rest)];
  if (OTHER_FIRST_WORDS.includes(first)) return [first, ...rest];
  const [name, words] = isCommand(first) ? [first, rest] : ["get" as const, args];
  return [name, ...separated(words, Object.values<Option<unknown>>(COMMANDS[name].table))];
}

/** What a shell asks of a line without a command is asked of `get`, after `perms` of what follows. */
function completed([shell, ...words]: readonly string[]): readonly string[] {
  const [first, ...rest] = words;
  if (shell === undefined || first === undefined) return shell === undefined ? [] : [shell];
  if (first === "perms" && rest.length > 0) return completed([shell, ...rest]);
  const firstWords = [...Object.keys(COMMANDS), ...OTHER_FIRST_WORDS];
  const isBegun = firstWords.some((word) =>
    rest.length > 0 ? word === first : word.startsWith(first)
  );
  return isBegun ? [shell, ...words] : [shell, "get", ...words];
}

function isHelp([word, ...others]: readonly string[]): boolean {
  return (word === "--help" || word === "-h") && others.length === 0;
}

function isCommand(word: string): word is keyof typeof COMMANDS {
  return Object.hasOwn(COMMANDS, word);
}

/** `-o=x` is left alone: nobody knows whether the sign is meant to be part of the value. */
const JOINED = /^(-[a-z])([^=\s\p{Cc}].*)$/su;

function* separated(
  args: readonly string[],
  options: readonly Option<unknown>[],
): Iterable<string> {
  const takesValue = (name: string | undefined) =>
    options.some(({ names, type }) => type !== undefined && names.some((one) => one === name));
  const rest = args.values();
  for (const arg of rest) {
    const [, name, value] = JOINED.exec(arg) ?? [];
    if (takesValue(name)) yield* [name!, value!];
    else yield arg;
    if (arg === "--") yield* rest;
    // Whatever it looks like, it is a value.
    if (takesValue(arg)) yield* rest.take(1);
  }
}
