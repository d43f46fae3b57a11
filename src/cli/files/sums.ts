/**
 * Lists of SHA-256 sums, as `sha256sum` and its BSD kin write them, and which of their lines is
 * about which file of a torrent. Pure.
 */

/** Digests in lower-case hex, by the path that the list has; null where it contradicts itself. */
export type Sums = ReadonlyMap<string, string | null>;

/** Bytes of a list: some 100,000 files with long names. */
export const MAX_SUMS_LENGTH = 16 * 1024 * 1024;

/** `HEX  NAME`, `HEX *NAME`; a backslash before says that the name is escaped. */
const GNU_LINE = /^(\\?)([0-9a-f]{64}) [ *](.+)$/i;
/** `SHA256 (NAME) = HEX` */
const BSD_LINE = /^(\\?)SHA256 \((.+)\) = ([0-9a-f]{64})$/i;

/**
 * The sums in a list. Whatever else is in it (comments, signatures, sums of other kinds) is passed
 * over: a file whose line is damaged has none, and so does not hold. Undefined when there is no
 * sum at all, or the list is too long.
 */
export function parseSums(bytes: Uint8Array): Sums | undefined {
  if (bytes.length > MAX_SUMS_LENGTH) return undefined;
  const sums = new Map<string, string | null>();
  for (const { path, digest } of linesOf(bytes)) {
    if (path === undefined) continue;
    const isContradicted = sums.has(path) && sums.get(path) !== digest;
    sums.set(path, isContradicted ? null : digest);
  }
  return sums.size > 0 ? sums : undefined;
}

/** Is there a sum of a file that no torrent can have: by an absolute path, or one with `..`? */
export function hasSumsElsewhere(bytes: Uint8Array): boolean {
  return bytes.length <= MAX_SUMS_LENGTH &&
    linesOf(bytes).some(({ path }) => path === undefined);
}

interface SumLine {
  /** Undefined when it leads elsewhere. */
  readonly path: string | undefined;
  readonly digest: string;
}

function* linesOf(bytes: Uint8Array): Generator<SumLine> {
  for (const line of new TextDecoder().decode(bytes).split("\n")) {
    const parsed = parseLine(line.endsWith("\r") ? line.slice(0, -1) : line);
    if (parsed !== undefined) yield parsed;
  }
}

function parseLine(line: string): SumLine | undefined {
  const gnu = GNU_LINE.exec(line);
  const bsd = gnu === null ? BSD_LINE.exec(line) : null;
  const [escape, name, digest] = gnu !== null
    ? [gnu[1], gnu[3]!, gnu[2]!]
    : bsd !== null
    ? [bsd[1], bsd[2]!, bsd[3]!]
    : [];
  if (name === undefined || digest === undefined) return undefined;
  const path = relativePath(escape === "" ? name : unescaped(name));
  return { path, digest: digest.toLowerCase() };
}

function unescaped(name: string): string {
  const meanings: Readonly<Record<string, string>> = { n: "\n", r: "\r", "\\": "\\" };
  return name.replaceAll(/\\([nr\\])/g, (_, letter: string) => meanings[letter]!);
}

/** Without `./`; undefined for what leads elsewhere. */
function relativePath(name: string): string | undefined {
  const steps = name.split("/").filter((step) => step !== ".");
  const leadsElsewhere = steps.length === 0 || steps.includes("") || steps.includes("..");
  return leadsElsewhere ? undefined : steps.join("/");
}

/** A file, and what a list may call it. */
export interface SummedFile {
  /** As on disk, from the output folder. */
  readonly path: string;
  /** As the torrent has it, below the torrent's own name. */
  readonly pathInTorrent: string;
}

/**
 * What the list says of each file, or null; by place in `files`. Its paths start at the output
 * folder (`NAME/a.bin`), or else within the torrent's (`a.bin`), whichever finds more files; names
 * are as on disk or as in the torrent, `torrentName` first.
 */
export function matchSums(
  sums: Sums,
  files: readonly SummedFile[],
  torrentName: string,
): (string | null)[] {
  const found = [fromOutput(torrentName), withinTorrent].map((names) =>
    files.map((file) => {
      const name = names(file).find((name) => sums.has(name));
      return name === undefined ? null : sums.get(name)!;
    })
  );
  const count = (digests: (string | null)[]) => digests.filter((digest) => digest !== null).length;
  return count(found[1]!) > count(found[0]!) ? found[1]! : found[0]!;
}

function fromOutput(torrentName: string): (file: SummedFile) => string[] {
  return ({ path, pathInTorrent }) => {
    const isSingleFile = !path.includes("/");
    return [path, isSingleFile ? pathInTorrent : `${torrentName}/${pathInTorrent}`];
  };
}

function withinTorrent({ path, pathInTorrent }: SummedFile): string[] {
  return [path.slice(path.indexOf("/") + 1), pathInTorrent];
}
