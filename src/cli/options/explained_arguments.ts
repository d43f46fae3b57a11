/**
 * What the user typed, as a command with typed options: for lines that are unusual, wrong, or ask
 * for help. Slow to load, and able to explain itself. Pure but for what it prints.
 */
import { runParserSync } from "@optique/core/facade";
import { formatMessage, message } from "@optique/core/message";
import { printable } from "../../base/printable.ts";
import { type CommandError, usageError } from "../output/failure.ts";
import { VERSION } from "../output/version.ts";
import { type Command, COMMANDS, withCommand } from "./commands.ts";
import type { OptionTable } from "./option.ts";
import { partsOf } from "./plain_arguments.ts";
import { programParser } from "./program_parser.ts";

/** The parser takes all others for words, though no option is called so. */
const OPTION_NAME = /^--?[a-z0-9-]+$/i;
/** More of what was typed is not quoted back. */
const MAX_QUOTED_LENGTH = 100;

const HELP_FOOTER =
  message`"starling SOURCE..." means "starling get SOURCE..."; "starling COMMAND --help" lists the options. Exit code 0: done and verified; "starling man | man -l -" has the others, and examples.`;

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
  const words = withCommand(args);
  refuseOddOptions(words);
  return runParserSync(programParser, "starling", words, {
    help: {
      option: { names: ["-h", "--help"] },
      command: { hidden: true },
      onShow: () => undefined,
    },
    version: {
      option: { names: ["-V", "--version"] },
      command: { hidden: true },
      value: version,
      onShow: () => undefined,
    },
    completion: { command: true, onShow: () => undefined },
    brief: message`A BitTorrent client that downloads, verifies and exits.`,
    footer: HELP_FOOTER,
    usageLine: [{ type: "literal", value: "COMMAND [OPTIONS] [WORDS...]" }],
    termWidth: "auto",
    maxWidth: columns,
    aboveError: "none",
    stdout: print,
    stderr: () => {},
    onError: (_code, error) => {
      const sentence = formatMessage(error, { colors: false, quotes: false })
        .replace(
          /^Unexpected option or subcommand: (?=(-?))/,
          (_, hyphen) => `Unexpected ${hyphen === "" ? "argument" : "option"}: `,
        );
      throw explainedError(oneLine(sentence), words[0]);
    },
  }) as Command | undefined;
}

/** Whatever begins with a hyphen is an option, and a file of such a name is `./--name`. */
function refuseOddOptions([command, ...rest]: readonly [string, ...string[]]): void {
  if (!Object.hasOwn(COMMANDS, command)) return;
  const { table }: { table: OptionTable } = COMMANDS[command as keyof typeof COMMANDS];
  for (const { name } of partsOf(rest, Object.values(table))) {
    if (name === undefined || OPTION_NAME.test(name)) continue;
    const quoted = printable(name, MAX_QUOTED_LENGTH);
    throw explainedError(`Unexpected option: ${quoted}`, command);
  }
}

function explainedError(sentence: string, command: string): CommandError {
  return usageError(`${sentence} (${helpFor(command)} tells more)`);
}

/** Only its own help lists the options of a command. */
function helpFor(command: string): string {
  return Object.hasOwn(COMMANDS, command) ? `starling ${command} --help` : "starling --help";
}

function oneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ").trim().replace(/\.$/, "");
}
