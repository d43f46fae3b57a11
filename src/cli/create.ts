/** `starling create`: makes a .torrent of a file or a folder. */
import { MetainfoError, StorageError, TrackerError } from "../base/errors.ts";
import { HASH_LENGTH } from "../base/ids.ts";
import { printable } from "../base/printable.ts";
import {
  choosePieceLength,
  createMetainfo,
  type MetainfoDraft,
  type TorrentFormat,
} from "../metainfo/create.ts";
import { compareInTree } from "../metainfo/create_tree.ts";
import { Layout, type LayoutFile } from "../metainfo/layout.ts";
import { magnetLink } from "../metainfo/magnet.ts";
import { MERKLE_HASH_LENGTH } from "../metainfo/merkle.ts";
import { MAX_METAINFO_LENGTH, type Metainfo, parseMetainfo } from "../metainfo/metainfo.ts";
import { metainfoError } from "../metainfo/metainfo_error.ts";
import { isPaddingByName } from "../metainfo/metainfo_files.ts";
import { ownPaths } from "../metainfo/own_paths.ts";
import { diskPaths } from "../metainfo/paths.ts";
import { hashFiles, lookAtFiles } from "../storage/hash_files.ts";
import { findSource, type SourceTree } from "../storage/source_tree.ts";
import { writeTorrentFile } from "../storage/torrent_file.ts";
import { parseTrackerUrl, redactTrackerUrl } from "../tracker/tracker_url.ts";
import { WorkerPool } from "../workers/pool.ts";
import type { FileFacts } from "../workers/protocol.ts";
import { checkWorkerPermission, workerCount } from "./environment/disk_workers.ts";
import type { CommandContext, Environment } from "./environment/environment.ts";
import { fileCountOf, shownPath } from "./files/file_list.ts";
import { pathMatcher } from "./files/select.ts";
import { describeForPrograms, factsOfInfoHash, inColumns } from "./info.ts";
import type { CreateOptions } from "./options/create_options.ts";
import { ExitCode, usageError } from "./output/failure.ts";
import { HashProgress } from "./output/hash_progress.ts";
import { jsonParts } from "./output/json.ts";
import { refuseTerminal, STANDARD_OUTPUT, writeData } from "./output/standard_data.ts";
import { formatCount, formatSize } from "./output/units.ts";
import { VERSION } from "./output/version.ts";
import { findTarget, type TorrentTarget } from "./source/create_target.ts";

const MAX_WARNING_LENGTH = 1000;

/** Makes it, and prints its info-hash. Throws `CommandError` or `StorageError`. */
export async function create(options: CreateOptions, context: CommandContext): Promise<number> {
  const { environment, interruption: { signal } } = context;
  checkPrinting(options, environment);
  checkWorkerPermission(environment);
  const exclusion = new Exclusion(options.excluded);
  const isExcluded = (path: string) => exclusion.covers(path);
  const found = await findSource(options.path, { isExcluded, signal });
  const name = options.name ?? found.name;
  if (name === "") throw usageError(`${shownPath(options.path)} has no name; give one with --name`);
  const isPrinted = options.output === STANDARD_OUTPUT;
  const target = isPrinted ? undefined : await findTarget(options, name, environment);
  const tree = inOrder(withoutTarget(found, target), options.format);
  const pool = new WorkerPool({ size: workerCount(environment) });
  const progress = new HashProgress(printable(name, MAX_WARNING_LENGTH), environment, {
    verb: "hashed",
    isShown: !options.json && !isPrinted,
  });
  try {
    pool.warm();
    const places = tree.files.map(({ place }) => place);
    const facts = await lookAtFiles(pool, places);
    const draft = draftOf(name, tree, facts, options, environment);
    const layout = preview(draft, options);
    const { format } = options, isPadded = format === "hybrid" && draft.files.length > 1;
    const paddedLength = isPadded ? draft.pieceLength : undefined;
    const onProgress = (hashed: number, total: number) => progress.show(hashed, total);
    const given = { layout, format, paddedLength, places, facts, pool, onProgress, signal };
    const hashes = await hashFiles(given);
    progress.end();
    signal.throwIfAborted();
    const bytes = createMetainfo({ ...draft, ...hashes });
    const metainfo = parseMetainfo(bytes);
    const { random } = environment;
    const mayReplace = options.overwrite;
    if (target === undefined) {
      const whenGone = "run the same command again";
      await writeData(bytes, environment.stdout, { signal, whenGone });
    } else await writeTorrentFile(bytes, { ...target, mayReplace, pool, random });
    warn([...exclusion.warnings(), ...warningsOf(metainfo, found, tree)], environment);
    await print(metainfo, target, options.json, environment);
    return ExitCode.ok;
  } finally {
    progress.end();
    pool.close();
  }
}

/** `--output -`: the .torrent has standard output for itself. Throws usage errors. */
function checkPrinting({ output, json }: CreateOptions, { stdout }: Environment): void {
  if (output !== STANDARD_OUTPUT) return;
  refuseTerminal(stdout, "starling create -o - … | starling info -");
  if (json) throw usageError("--json and --output - exclude each other: both are written there");
}

/** Everything but the hashes. Throws when there is nothing to hash. */
function draftOf(
  name: string,
  { files, isSingleFile }: SourceTree,
  facts: readonly FileFacts[],
  options: CreateOptions,
  { clock }: Environment,
): MetainfoDraft {
  const totalLength = facts.reduce((total, { size }) => total + size, 0);
  if (totalLength === 0) {
    const fact = files.length === 0 ? "there is no file in it" : "all of its files are empty";
    const shown = shownPath(options.path);
    const detail = `Cannot make a torrent of ${shown}: ${fact}; name another`;
    throw new StorageError("missing", shown, detail);
  }
  const pieceLength = options.pieceLength ?? choosePieceLength(totalLength);
  return {
    name,
    format: options.format,
    files: files.map(({ path }, index) => ({
      path: isSingleFile ? [name] : path,
      length: facts[index]!.size,
    })),
    isSingleFile,
    pieceLength,
    pieceHashes: new Uint8Array(),
    trackers: options.trackers,
    webSeeds: options.webSeeds,
    nodes: options.nodes,
    comment: options.comment,
    createdBy: `starling/${VERSION}`,
    creationDate: options.noDate ? undefined : Math.floor(clock.wallTime() / 1000),
    isPrivate: options.isPrivate,
    source: options.source,
  };
}

/**
 * What is to be hashed. The torrent is made of hashes of nothing and read: what nobody could
 * download is known before hours of hashing. Throws a usage error.
 */
function preview(draft: MetainfoDraft, { path, format }: CreateOptions): Layout {
  const { files, pieceLength } = draft, isAligned = format !== "v1";
  const totalLength = files.reduce((total, { length }) => total + length, 0);
  try {
    if (format !== "v2") checkNames(draft);
    // What cannot fit by far is not made first.
    checkLength(totalLength / pieceLength * HASH_LENGTH);
    const layout = new Layout({ pieceLength, files: files.map(asLayoutFile), isAligned });
    const bytes = createMetainfo({ ...draft, ...hashesOfNothing(layout, format) });
    checkLength(bytes.length);
    const metainfo = parseMetainfo(bytes);
    diskPaths(metainfo, "linux");
    checkFolder(draft, metainfo);
    return layout;
  } catch (error) {
    if (!(error instanceof MetainfoError)) throw error;
    // Of what we wrote ourselves only the depth can be wrong.
    const fact = error.reason === "not-bencode"
      ? "its folders lie too deep in each other for version 2"
      : error.message.replace(/^Cannot [^:]*: /, "");
    throw usageError(`Cannot make a torrent of ${shownPath(path)}: ${fact}`);
  }
}

function checkNames({ files }: MetainfoDraft): void {
  const file = files.find((file) => isPaddingByName(file.path));
  if (file === undefined) return;
  const fact = `${shownPath(file.path.join("/"))} is taken for padding by its name`;
  throw metainfoError("invalid-field", `${fact}; leave it out with --exclude, or use --format v2`);
}

function checkLength(bytes: number): void {
  if (bytes <= MAX_METAINFO_LENGTH) return;
  const fact = `its .torrent would be larger than ${MAX_METAINFO_LENGTH} bytes`;
  throw metainfoError("too-large", `${fact}; take longer pieces with --piece-length`);
}

/** Version 2 says of a single file no more than that it has the torrent's name (BEP 52). */
function checkFolder({ isSingleFile }: MetainfoDraft, { isMultiFile, name }: Metainfo): void {
  if (isMultiFile !== isSingleFile) return;
  const fact =
    `in version 2 a folder of one file that is called ${shownPath(name)} as well would ` +
    "be that file alone";
  throw metainfoError("invalid-field", `${fact}; give the torrent another name with --name`);
}

/** As long as those that are to come, and no two roots alike: of equal files there is one layer. */
function hashesOfNothing(
  { pieceCount }: Layout,
  format: TorrentFormat | undefined,
): Pick<MetainfoDraft, "pieceHashes" | "pieceRoots"> {
  const pieceHashes = new Uint8Array(format === "v2" ? 0 : pieceCount * HASH_LENGTH);
  if (format === "v1") return { pieceHashes };
  const pieceRoots = new Uint8Array(pieceCount * MERKLE_HASH_LENGTH);
  const view = new DataView(pieceRoots.buffer);
  for (let piece = 0; piece < pieceCount; piece++) {
    view.setUint32(piece * MERKLE_HASH_LENGTH, piece + 1);
  }
  return { pieceHashes, pieceRoots };
}

function asLayoutFile({ length }: { readonly length: number }): LayoutFile {
  return { length, isPadding: false };
}

/** A torrent that is made again must not hold the last one, nor take the place of its data. */
function withoutTarget(tree: SourceTree, target: TorrentTarget | undefined): SourceTree {
  if (target === undefined) return tree;
  const { folder, name, shown } = target;
  const isTarget = (root: string, path: string) => `${root}/${path}` === `${folder}/${name}`;
  const files = tree.files.filter(({ place: { root, path } }) => !isTarget(root, path));
  if (tree.isSingleFile && files.length === 0) {
    throw usageError(`${shownPath(shown)} cannot be both the data and the .torrent`);
  }
  return { ...tree, files };
}

/** Of version 2 in the order of its tree; of version 1 as they come, in that of whole paths. */
function inOrder(tree: SourceTree, format: TorrentFormat): SourceTree {
  if (format === "v1") return tree;
  const files = tree.files.toSorted((one, other) => compareInTree(one.path, other.path));
  return { ...tree, files };
}

/** What is not wrong and yet may not be meant. */
function* warningsOf(metainfo: Metainfo, found: SourceTree, used: SourceTree): Iterable<string> {
  if (used.files.length < found.files.length) {
    yield "the .torrent that is replaced lies in the folder, and is left out of the torrent";
  }
  const [link] = found.links;
  if (link !== undefined) {
    const links = formatCount(found.links.length, "symbolic link");
    yield `what ${links} lead to is in the torrent, such as ${link}; "verify" and "seed" ` +
      "do not follow them";
  }
  if (metainfo.isPrivate && metainfo.trackers.length === 0) {
    yield "a private torrent without a tracker finds no peers";
  }
  yield* unaskedTrackers(metainfo);
  yield* renamings(metainfo);
  yield* metainfo.warnings;
}

/** Clients do not believe every address that stands in a torrent. */
function* unaskedTrackers({ trackers }: Metainfo): Iterable<string> {
  for (const url of trackers.flat()) {
    try {
      parseTrackerUrl(url);
    } catch (error) {
      if (!(error instanceof TrackerError)) throw error;
      yield `starling will not ask the tracker ${redactTrackerUrl(url)}: ${error.message}`;
    }
  }
}

/** Of files that downloads give another name; some of them `verify` and `seed` know by that alone. */
function* renamings(metainfo: Metainfo): Iterable<string> {
  const paths = diskPaths(metainfo, "linux");
  const unsafe = "when it is downloaded: its name is not safe everywhere";
  if (paths.rootChanges.length > 0) yield `${metainfo.name} is called ${paths.root} ${unsafe}`;
  const alike = 'when it is downloaded, and where "verify" and "seed" look for it: it differs ' +
    "from another only in case, or in how it is encoded";
  const own = ownPaths(metainfo, paths, "linux");
  const unlike = [...paths.changed.keys()].filter((file) => !own.changed.has(file));
  for (const [files, fact] of [[[...own.changed.keys()], alike], [unlike, unsafe]] as const) {
    const [first] = files;
    if (first === undefined) continue;
    const others = files.length - 1;
    const more = others === 0 ? "" : `; ${formatCount(others, "other file")} likewise`;
    const name = `${metainfo.name}/${metainfo.files.joinedPathOf(first)}`;
    yield `${name} is called ${paths.pathOf(first)} ${fact}${more}`;
  }
}

function warn(warnings: Iterable<string>, { stderr }: Environment): void {
  for (const warning of warnings) {
    stderr.writeLine(`starling: warning: ${printable(warning, MAX_WARNING_LENGTH)}`);
  }
}

async function print(
  metainfo: Metainfo,
  target: TorrentTarget | undefined,
  json: boolean,
  { stdout, stderr, platform }: Environment,
): Promise<void> {
  const shown = target?.shown ?? "standard output";
  if (json) {
    const described = describeForPrograms({ metainfo, paths: diskPaths(metainfo, platform) });
    return await stdout.writeParts(jsonParts({ torrent: shown, ...described }));
  }
  const { layout: { dataLength, pieceCount }, pieceLength } = metainfo;
  const content = `${formatCount(fileCountOf(metainfo), "file")}, ${formatSize(dataLength)} in ` +
    `${formatCount(pieceCount, "piece")} of ${formatSize(pieceLength)}`;
  const lines = inColumns([
    ["Torrent", shownPath(shown)],
    ["Content", content],
    ...factsOfInfoHash(metainfo),
    ["Magnet", magnetLink(metainfo)],
  ]);
  const output = target === undefined ? stderr : stdout;
  for (const line of lines) output.writeLine(line);
}

/** The patterns of --exclude, and which of them met nothing: a slip that nobody would notice. */
class Exclusion {
  readonly #unmet: Map<string, (path: string) => boolean>;
  readonly #matchers: readonly (readonly [pattern: string, matches: (path: string) => boolean])[];

  constructor(patterns: readonly string[]) {
    this.#matchers = patterns.map((pattern) => [pattern, pathMatcher(pattern)]);
    this.#unmet = new Map(this.#matchers);
  }

  covers(path: string): boolean {
    const met = this.#matchers.filter(([, matches]) => matches(path));
    for (const [pattern] of met) this.#unmet.delete(pattern);
    return met.length > 0;
  }

  *warnings(): Iterable<string> {
    for (const pattern of this.#unmet.keys()) yield `--exclude ${pattern} leaves out nothing`;
  }
}
