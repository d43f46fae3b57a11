/**
 * `starling man`: the manual page, in roff. Commands and options are those that `--help` tells,
 * and exit codes those of torrent/verdict.ts, so that nothing has to be kept alike by hand.
 */
import { formatMessage, type Message } from "@optique/core/message";
import { getDocPageSync } from "@optique/core/parser";
import type { UsageTerm } from "@optique/core/usage";
import { type Cause, CAUSES } from "../torrent/verdict.ts";
import type { CommandContext } from "./environment/environment.ts";
import { COMMANDS, PERMS } from "./options/commands.ts";
import { usageOf } from "./options/option.ts";
import { programParser } from "./options/program_parser.ts";
import { ExitCode } from "./output/failure.ts";
import { bold, entry, italic, roff } from "./output/roff.ts";
import { VERSION } from "./output/version.ts";

/** What a cause is called where there is no evidence to tell of. */
const MEANINGS: Readonly<Record<Cause, string>> = {
  "complete": "complete and verified",
  "bug": "a bug of starling",
  "usage": "the command line cannot be meant",
  "invalid-torrent": "not a valid torrent, magnet or feed",
  "too-large": "larger than --max-bytes",
  "permission": "a permission of Deno is missing; its flag is named",
  "disk": "the disk: full, read-only, or it fails",
  "incomplete": "something is bad or missing on disk",
  "occupied": "the target holds something else, and there is no --overwrite",
  "on-done-failed": "the data is complete, but the command of --on-done failed",
  "sums-mismatch": "the data is not what --sums says",
  "no-metadata": "no metadata for the magnet in time",
  "source-unreachable": "the server of a .torrent or a feed did not give it now",
  "trackers-failed": "every tracker failed, and there is no other source of peers",
  "no-peers": "no peers are known",
  "peers-unreachable": "peers are known, and none can be reached",
  "all-choked": "peers are connected, and none lets us download",
  "swarm-incomplete": "some pieces are at no peer",
  "only-bad-data": "only bad data came for some piece",
  "deadline": "--deadline was reached while there still was progress",
  "locked": "another run holds the target",
  "reader-gone": "whoever read standard output has left, as after SIGPIPE (cat)",
  "interrupted": "interrupted by a signal: 128 and its number",
};

const ENVIRONMENT = {
  "NO_COLOR": "when it is set, there are no colours",
  "HTTP_PROXY, HTTPS_PROXY, NO_PROXY": "count where --proxy is not given",
  "STARLING_NAME, STARLING_PATH, STARLING_INFO_HASH, STARLING_FILES":
    "tell the command of --on-done what was downloaded, and where it is",
};

const FILES = {
  "OUTPUT/.starling": "what get keeps for its next run: state, locks, metadata of magnets",
};

const EXAMPLES = {
  "Into the current folder:": "starling get debian.torrent",
  "For scripts:": "starling get --json --deadline 2h --stall 10m -o /data x.torrent",
  "While it is downloaded:": "starling cat pack.torrent --select movie.mkv | mpv -",
  "Sharing what is here already:": "starling seed x.torrent /data",
  "The least that Deno must allow:": "starling perms get -o /data x.torrent",
};

const DESCRIPTION = '"starling SOURCE..." means "starling get SOURCE...". A source is a .torrent ' +
  "file, its http(s) URL, a magnet link, an info-hash, or - for standard input. Durations are " +
  "90s, 10m, 2h or 1d; sizes and rates take K, M, G and T, and are 1024-based.";

/** The one command that is not in our parser: the package adds it. */
const COMPLETION = `${bold("starling completion")} bash|zsh|fish|nu|pwsh`;

/** Prints the page. */
export function man({ environment }: CommandContext): Promise<number> {
  environment.stdout.writeLine(manualPage());
  return Promise.resolve(ExitCode.ok);
}

/** The page, as `man -l` reads it. */
export function manualPage(): string {
  const commands: (readonly [name: string, usage: string])[] = [
    ...Object.entries(COMMANDS).map(([name, { table }]) => [name, usageOf(table)] as const),
    ["perms", PERMS.usage],
  ];
  return [
    `.TH STARLING 1 "" "starling ${VERSION}" "User Commands"`,
    ".SH NAME",
    "starling \\- a BitTorrent client that downloads, verifies and exits",
    ".SH SYNOPSIS",
    [...commands.map(([name, usage]) => synopsis(name, usage)), COMPLETION].join("\n.br\n"),
    ".SH DESCRIPTION",
    roff(DESCRIPTION),
    ".SH COMMANDS",
    ...commands.flatMap(chapter),
    `.SS "starling completion"`,
    COMPLETION,
    ".PP",
    "a script for this shell that completes commands, options and their values",
    ".SH EXIT STATUS",
    ...Object.entries(MEANINGS).flatMap(([cause, meaning]) => {
      const { exitCode, retryable } = CAUSES[cause as Cause];
      const advice = retryable ? "; trying again may help" : "";
      return entry(`${bold(`${exitCode}`)} ${roff(cause)}`, roff(`${meaning}${advice}`));
    }),
    ".SH ENVIRONMENT",
    ...list(ENVIRONMENT),
    ".SH FILES",
    ...list(FILES),
    ".SH EXAMPLES",
    ...Object.entries(EXAMPLES).flatMap(([what, line]) => entry(roff(what), bold(line))),
  ].join("\n");
}

function list(entries: Readonly<Record<string, string>>): string[] {
  return Object.entries(entries).flatMap(([name, meaning]) => entry(bold(name), roff(meaning)));
}

/** `starling verify [OPTIONS] TORRENT [PATH]` */
function synopsis(name: string, usage: string): string {
  return `${bold(`starling ${name}`)} ${shownUsage(usage)}`.trimEnd();
}

function shownUsage(usage: string): string {
  return roff(usage).replaceAll(/[A-Z|]+/g, italic);
}

function chapter([name, usage]: readonly [name: string, usage: string]): string[] {
  const page = getDocPageSync(programParser, [name]);
  const brief = page?.brief ?? page?.description;
  return [
    `.SS "starling ${name}"`,
    synopsis(name, usage),
    ...(brief === undefined ? [] : [".PP", plain(brief)]),
    ...(page?.sections ?? []).flatMap(({ title, entries }) => [
      ...(title === undefined ? [] : [".PP", bold(`${title}:`)]),
      ...entries.flatMap(({ term, description = [] }) =>
        entry(entryTerm(term), plain(description))
      ),
    ]),
  ];
}

/** `-o, --output DIR` */
function entryTerm(term: UsageTerm): string {
  if (term.type === "argument") return shownUsage(term.metavar);
  if (term.type !== "option") return shownUsage(PERMS.usage); // What is handed on as it is.
  const names = term.names.map(bold).join(", ");
  return term.metavar === undefined ? names : `${names} ${italic(term.metavar)}`;
}

function plain(text: Message): string {
  return roff(formatMessage(text, { colors: false, quotes: false }));
}
