/** `starling perms`: the line of `deno run` that gives a command what it needs, and no more. */
import { isAbsolute, join, relative, resolve } from "node:path";
import { shellWord } from "../base/shell_word.ts";
import type { CommandContext, Environment } from "./environment/environment.ts";
import { type Needs, needsOf } from "./needs.ts";
import { parseArguments } from "./options/explained_arguments.ts";
import { type Command, COMMANDS, type PermsOptions, withCommand } from "./options/commands.ts";
import { CommandError, ExitCode, usageError } from "./output/failure.ts";

/** A source that stands for all that are in the current folder, when the user names none. */
const ANY_SOURCE = ".";
/** A first word that was meant for a command: a source is longer, or has more than letters. */
const COMMAND_LIKE = /^[a-z]{1,20}$/;

/** Where the line is to be typed, and who is to understand it. */
export type Place = Pick<Environment, "currentFolder" | "programFolder" | "shell">;

/** Prints one line for the command that `words` are, or one for each command. */
export function perms({ words }: PermsOptions, { environment }: CommandContext): Promise<number> {
  const lines = words.length === 0
    ? [...Object.keys(COMMANDS), "perms"].map((command) => denoLine([command], environment))
    : [denoLine(words, environment)];
  for (const line of lines) environment.stdout.writeLine(line);
  return Promise.resolve(ExitCode.ok);
}

/**
 * The line of `deno run` for `starling WORDS`, which works as it is; when the words name no
 * source, it works for those that are in the current folder. Throws a usage error.
 */
export function denoLine(words: readonly string[], place: Place): string {
  const command = readCommand(words);
  const flags = command === undefined ? [] : flagsOf(needsOf(command), place);
  const { currentFolder, programFolder = currentFolder } = place;
  const program = shownPath(join(programFolder, "main.ts"), currentFolder);
  return ["deno", "run", "--no-prompt", ...flags, program, ...words].map(shellWord).join(" ");
}

/** Undefined for what is answered without a command: help, the version, completions. */
function readCommand(words: readonly string[]): Command | undefined {
  const [first = ""] = words;
  if (COMMAND_LIKE.test(first) && withCommand(words)[0] !== first) {
    throw usageError(`Unexpected command: ${first} (starling --help lists them)`);
  }
  const parse = (args: readonly string[]) => parseArguments(args, { print: () => {}, columns: 80 });
  try {
    return parse(words);
  } catch (error) {
    try {
      return parse([...words, ANY_SOURCE]);
    } catch (second) {
      throw second instanceof CommandError ? error : second;
    }
  }
}

function flagsOf(needs: Needs, place: Place): string[] {
  const { currentFolder, programFolder = currentFolder, shell } = place;
  // A worker's source is read as any file; modules and packages of the main thread are not.
  const source = shownPath(join(programFolder, "src"), currentFolder);
  const read = needs.workers ? [...needs.read, source] : needs.read;
  return [
    ...netFlag(needs.net),
    ...pathFlag("--allow-read", read, currentFolder),
    ...pathFlag("--allow-write", needs.write, currentFolder),
    ...(needs.run ? [`--allow-run=${shell}`] : []),
  ];
}

function netFlag(net: Needs["net"]): string[] {
  if (typeof net === "string") return [`--allow-net=${net}`];
  return net ? ["--allow-net"] : [];
}

/** A comma in a flag is between paths, never in one: such a path takes the flag for all. */
function pathFlag(flag: string, paths: readonly string[], currentFolder: string): string[] {
  const least = withoutCovered(paths, currentFolder);
  if (least.length === 0) return [];
  return [least.some((path) => path.includes(",")) ? flag : `${flag}=${least.join(",")}`];
}

/** The paths, but for those that lie in another one of them. */
function withoutCovered(paths: readonly string[], currentFolder: string): string[] {
  const places = paths.map((path) => resolve(currentFolder, path));
  return paths.filter((_, index) =>
    !places.some((folder, other) =>
      other !== index && isWithin(places[index]!, folder) &&
      (places[index] !== folder || other < index)
    )
  );
}

function shownPath(path: string, currentFolder: string): string {
  return isWithin(path, currentFolder) ? relative(currentFolder, path) || "." : path;
}

/** Is it the folder itself, or in it? */
function isWithin(path: string, folder: string): boolean {
  const way = relative(folder, path);
  return way !== ".." && !/^\.\.[/\\]/.test(way) && !isAbsolute(way);
}
