/**
 * What Deno must grant to a command: the table "Permissions, and why" in docs/reference.md says it in
 * words. Nothing is looked at: what a path is shows in its name alone. Pure.
 */
import { dirname } from "node:path";
import { downloadedAs } from "./options/cat_options.ts";
import type { Command } from "./options/commands.ts";
import type { GetOptions } from "./options/get_options.ts";
import { STANDARD_OUTPUT } from "./output/standard_data.ts";
import { splitWords } from "./source/data_place.ts";
import { isLink } from "./source/link.ts";
import { STANDARD_INPUT } from "./source/source.ts";

/** Permissions, as paths the way the user wrote them. */
export interface Needs {
  /** Anybody, since peers, servers and .torrent URLs may be anywhere; or one address alone. */
  readonly net: boolean | typeof OWN_ADDRESS;
  readonly read: readonly string[];
  readonly write: readonly string[];
  /** The shell, for `--on-done`. */
  readonly run: boolean;
  /** Disk workers are started: Deno must be able to read the source that they run. */
  readonly workers: boolean;
}

/** All that a demonstration talks to. */
const OWN_ADDRESS = "127.0.0.1";

const NOTHING: Needs = { net: false, read: [], write: [], run: false, workers: false };

/** The least that the command works with; for what it asks nobody and opens nothing, nothing. */
export function needsOf(command: Command): Needs {
  switch (command.command) {
    case "get":
      return ofGet(command);
    case "cat":
      return ofGet(downloadedAs(command));
    case "seed": {
      const { torrents, path } = splitWords(command.words);
      const read = [...filesOf(torrents), dataFolder(path), ...stated(command.stateDir)];
      return { ...NOTHING, net: true, read, write: stated(command.logDir), workers: true };
    }
    case "create": {
      const write = torrentFolder(command.output);
      return { ...NOTHING, read: [...write, command.path], write, workers: true };
    }
    case "info":
      return { ...NOTHING, net: isAskedFor(command.source), read: filesOf([command.source]) };
    case "verify": {
      const { torrent, path = ".", stateDir } = command;
      const read = [...filesOf([torrent]), dataFolder(path), ...stated(stateDir)];
      return { ...NOTHING, net: isAskedFor(torrent), read, workers: true };
    }
    case "plan": {
      const { outputDir, stateDir, offline, sources } = command;
      const read = [outputDir, ...stated(stateDir), ...filesOf(sources)];
      return { ...NOTHING, net: !offline, read, workers: true };
    }
    case "feed": {
      const { outputDir, stateDir, logDir, onDone, feed } = command;
      const kept = [outputDir, ...stated(stateDir)];
      const read = [...kept, ...filesOf([feed])];
      const write = [...kept, ...stated(logDir)];
      return { net: true, read, write, run: onDone !== undefined, workers: true };
    }
    case "tracker":
      return { ...NOTHING, net: true };
    case "demo":
      return { ...NOTHING, net: OWN_ADDRESS, read: ["."], write: ["."], workers: true };
    case "perms":
    case "man":
      return NOTHING;
  }
}

function ofGet(options: GetOptions): Needs {
  const { outputDir, stateDir, logDir, onDone, metadataOnly, sources, sums } = options;
  const folders = metadataOnly ? torrentFolder(outputDir) : [outputDir];
  const kept = [...folders, ...stated(stateDir)];
  return {
    net: true,
    read: [...kept, ...filesOf(sources), ...filesOf(stated(sums))],
    write: [...kept, ...stated(logDir)],
    run: onDone !== undefined,
    workers: true,
  };
}

function stated(path: string | undefined): readonly string[] {
  return path === undefined ? [] : [path];
}

/** Those sources that are files. */
function filesOf(sources: readonly string[]): readonly string[] {
  return sources.filter((source) => source !== STANDARD_INPUT && !isAskedFor(source));
}

/** Is the source a URL or a link, so that somebody has to be asked for the torrent? */
function isAskedFor(source: string): boolean {
  return /^https?:\/\//i.test(source) || isLink(source);
}

/** Where data is looked for: beside the file that it is, or in the folder. */
function dataFolder(path: string): string {
  return /[^./\\]\.[^./\\]+$/.test(path) ? dirname(path) : path;
}

/** The folder of a .torrent that is to be written; none for standard output. */
function torrentFolder(output = "."): readonly string[] {
  if (output === STANDARD_OUTPUT) return [];
  return [/\.torrent$/i.test(output) ? dirname(output) : output];
}
