/** `--sums`: the list, and what it demands of the files of a torrent. */
import type { Bytes } from "../../base/bytes.ts";
import type { FileIndex } from "../../base/ids.ts";
import type { Environment } from "../environment/environment.ts";
import type { ListedFile, SourceTorrent } from "../files/file_list.ts";
import {
  hasSumsElsewhere,
  matchSums,
  MAX_SUMS_LENGTH,
  parseSums,
  type Sums,
} from "../files/sums.ts";
import type { GetOptions } from "../options/get_options.ts";
import { CommandError, sumsFailure } from "../output/failure.ts";
import {
  isUrl,
  PIPE_ADVICE,
  readInput,
  readSource,
  shownSource,
  type SourceOptions,
} from "../source/source.ts";

const SHA256_OF_NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/**
 * Reads the list, a file, standard input or a URL; `--header` is not sent for it. Throws `CommandError`: exit 8
 * when there is no such list, 10 when its server may give it later, 4 for a permission.
 */
export async function readSums(
  list: string,
  { proxy }: Pick<GetOptions, "proxy">,
  environment: Environment,
  signal: AbortSignal,
): Promise<Sums> {
  const bytes = await readList(list, { environment, headers: [], proxy, signal });
  const sums = parseSums(bytes);
  if (sums !== undefined) return sums;
  const action = `Cannot read ${shownSource(list)}`;
  if (!hasSumsElsewhere(bytes)) throw noList(`${action}: no line of it is a SHA-256 sum`);
  throw new CommandError(
    "sums-mismatch",
    `${action}: its paths are absolute, or lead out of the folder; they are to start at the ` +
      "output folder (NAME/a.bin) or within the torrent's own (a.bin)",
  );
}

async function readList(list: string, options: SourceOptions): Promise<Bytes> {
  try {
    if (isUrl(list)) return await readSource(list, options);
    return await readInput(list, options, { maxLength: MAX_SUMS_LENGTH, advice: PIPE_ADVICE });
  } catch (error) {
    const isNoList = error instanceof CommandError && error.failure.verdict === "invalid-torrent";
    throw isNoList ? noList(error.message) : error;
  }
}

function noList(detail: string): CommandError {
  return new CommandError("sums-mismatch", `${detail}; --sums needs a list of SHA-256 sums`);
}

/**
 * What each file must be. Throws `CommandError`, exit 8, when the list has no line for one, or is
 * about another one.
 */
export function expectedSums(
  sums: Sums,
  selected: ReadonlySet<ListedFile>,
  { metainfo: { name } }: SourceTorrent,
): Map<FileIndex, string> {
  const files = [...selected];
  const expected = new Map<FileIndex, string>();
  const unlisted: string[] = [], empty: string[] = [];
  for (const [at, digest] of matchSums(sums, files, name).entries()) {
    const { index, path, size } = files[at]!;
    if (digest === null) unlisted.push(path);
    else if (size === 0 && digest !== SHA256_OF_NOTHING) empty.push(path);
    else expected.set(index, digest);
  }
  if (unlisted.length > 0) throw sumsError({ unlisted });
  if (empty.length > 0) throw sumsError({ mismatched: empty });
  return expected;
}

function sumsError(wrong: Parameters<typeof sumsFailure>[0]): CommandError {
  const { detail, evidence } = sumsFailure(wrong);
  return new CommandError("sums-mismatch", detail, evidence);
}
