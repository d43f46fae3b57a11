/** What the user typed, as a command with typed options. Pure but for what it prints. */
import { object, or } from "@optique/core/constructs";
import { runParserSync } from "@optique/core/facade";
import { formatMessage, message } from "@optique/core/message";
import { optional, withDefault } from "@optique/core/modifiers";
import type { InferValue } from "@optique/core/parser";
import { argument, command, constant, flag, passThrough } from "@optique/core/primitives";
import { usageError } from "../output/failure.ts";
import { VERSION } from "../output/version.ts";
import { createParser } from "./create_options.ts";
import { feedParser } from "./feed_options.ts";
import { getParser } from "./get_options.ts";
import { pathValue, sourceValue } from "./option_values.ts";
import { planParser } from "./plan_options.ts";
import { seedParser } from "./seed_options.ts";
import { searchOptions } from "./swarm_options.ts";
import { trackerParser } from "./tracker_options.ts";

const json = withDefault(flag("--json", { description: message`machine-readable` }), false);

const infoParser = object({
  command: constant("info"),
  json,
  ...searchOptions,
  source: argument(sourceValue, {
    description:
      message`a .torrent file, its URL, a magnet link, an info-hash, or - for standard input`,
  }),
});

const verifyParser = object({
  command: constant("verify"),
  json,
  ...searchOptions,
  torrent: argument(pathValue("TORRENT", "file", [".torrent"]), {
    description: message`a .torrent file, its URL, a magnet link or an info-hash`,
  }),
  path: optional(argument(pathValue("PATH", "any"), {
    description: message`the data, or the folder that it is in (the current one)`,
  })),
});

const demoParser = object({ command: constant("demo") });

const manParser = object({ command: constant("man") });

const permsParser = object({
  command: constant("perms"),
  words: passThrough({
    format: "greedy",
    description: message`a command with its options, as it would be typed after starling`,
  }),
});

/** All commands with their options. */
export const programParser = or(
  command("get", getParser, {
    brief: message`download, verify, exit`,
    usageLine: [{ type: "ellipsis" }],
  }),
  command("create", createParser, {
    brief: message`make a .torrent`,
    usageLine: [{ type: "ellipsis" }],
  }),
  command("info", infoParser, {
    brief: message`what a torrent or magnet holds`,
    usageLine: [{ type: "ellipsis" }],
  }),
  command("verify", verifyParser, {
    brief: message`check files on disk against a torrent`,
    usageLine: [{ type: "ellipsis" }],
  }),
  command("plan", planParser, {
    brief: message`what get would do: names, bytes, peers; does nothing`,
    usageLine: [{ type: "ellipsis" }],
  }),
  command("feed", feedParser, {
    brief: message`fetch what is new in an RSS or Atom feed`,
    usageLine: [{ type: "ellipsis" }],
  }),
  command("seed", seedParser, {
    brief: message`share data that is already here`,
    usageLine: [{ type: "ellipsis" }],
  }),
  command("tracker", trackerParser, {
    brief: message`a small HTTP and UDP tracker, for rooms and tests`,
    usageLine: [{ type: "ellipsis" }],
  }),
  command("demo", demoParser, {
    brief: message`a whole swarm on this machine: tracker, seeders, one download, verified`,
  }),
  command("man", manParser, { brief: message`the manual page: starling man | man -l -` }),
  command("perms", permsParser, {
    brief: message`the least permissions of Deno that a command needs`,
    usageLine: [{ type: "ellipsis" }],
  }),
);

/** One command and its options. */
export type Command = InferValue<typeof programParser>;
export type InfoOptions = Extract<Command, { command: "info" }>;
export type VerifyOptions = Extract<Command, { command: "verify" }>;
export type PermsOptions = Extract<Command, { command: "perms" }>;

/** First words that are not a source: everything else means `get`. */
const FIRST_WORDS = [
  "get",
  "create",
  "info",
  "verify",
  "plan",
  "feed",
  "seed",
  "tracker",
  "demo",
  "perms",
  "man",
  "completion",
  "--help",
  "-h",
  "--version",
];
const HELP_FOOTER =
  message`"starling SOURCE..." means "starling get SOURCE..."; "starling get --help" lists the options.`;

/**
 * The command, or undefined when the answer was already given to `print`: help, the version, a
 * completion script. Throws a usage error of one line. `version` is what `--version` prints.
 */
export function parseArguments(
  args: readonly string[],
  { print, columns, version = VERSION }: {
    print: (text: string) => void;
    columns: number;
    version?: string;
  },
): Command | undefined {
  return runParserSync(programParser, "starling", withCommand(args), {
    help: { option: { names: ["-h", "--help"] }, onShow: () => undefined },
    version: { option: true, value: version, onShow: () => undefined },
    completion: { command: true, onShow: () => undefined },
    brief: message`A BitTorrent client that downloads, verifies and exits.`,
    footer: HELP_FOOTER,
    usageLine: [{ type: "ellipsis" }],
    termWidth: "auto",
    maxWidth: columns,
    aboveError: "none",
    stdout: print,
    stderr: () => {},
    onError: (_code, error) => {
      const sentence = formatMessage(error, { colors: false, quotes: false });
      throw usageError(`${oneLine(sentence)} (starling --help tells more)`);
    },
  }) as Command | undefined;
}

/** `starling <source>...` means `get`. */
function withCommand(args: readonly string[]): readonly string[] {
  if (args.length === 0) return ["--help"];
  return FIRST_WORDS.includes(args[0]!) ? args : ["get", ...args];
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim().replace(/\.$/, "");
}
