/** What a source of `get` comes to: a torrent, what was chosen of it, and where it goes. Pure. */
import type { FileIndex } from "../../base/ids.ts";
import type { TorrentSnapshot } from "../../torrent/snapshot.ts";
import type { FileRange } from "../files/byte_range.ts";
import { type ListedFile, listFiles, type SourceTorrent } from "../files/file_list.ts";
import type { GetOptions } from "../options/get_options.ts";
import { CommandError } from "../output/failure.ts";
import type { Summary } from "../output/notice.ts";
import { formatSize } from "../output/units.ts";
import type { FoundTorrent } from "../source/get_source.ts";

export interface Target {
  readonly source: SourceTorrent;
  readonly selected: ReadonlySet<ListedFile>;
  readonly indices: ReadonlySet<FileIndex>;
  /** Bytes of the selected files. */
  readonly size: number;
  /** What comes first. */
  readonly ranges: readonly FileRange[];
}

type Found = Pick<FoundTorrent, "source" | "selectedFiles">;
type Choice = Pick<GetOptions, "select" | "ranges" | "maxBytes">;

/** Throws `CommandError`: exit 2 when nothing is chosen, 3 when it is more than --max-bytes. */
export async function chooseTarget(found: Found, options: Choice): Promise<Target> {
  const { source } = found;
  const selected = await chosenFiles(found, options);
  let size = 0;
  for (const file of selected) size += file.size;
  refuseLarger(size, options);
  const ranges = await chosenRanges(selected, options);
  const indices = new Set([...selected].map(({ index }) => index));
  return { source, selected, indices, size, ranges };
}

/** What a run did for a target. */
export type RunTotals = Pick<TorrentSnapshot, "downloaded" | "uploaded"> & {
  readonly peers: Pick<TorrentSnapshot["peers"], "contributed">;
};

/** What is said of a target that is complete, by a run that did so much for it. */
export function summarize(
  { source: { paths }, selected, size }: Target,
  { downloaded, uploaded, peers }: RunTotals,
  { outputDir, durationMs }: { readonly outputDir: string; readonly durationMs: number },
): Summary {
  return {
    fileCount: selected.size,
    size,
    downloaded,
    uploaded,
    contributors: peers.contributed,
    durationMs,
    path: outputDir === "." ? paths.root : `${outputDir.replace(/\/+$/, "")}/${paths.root}`,
  };
}

/**
 * What a link selects counts as long as the user does not choose. The code of globs is loaded only
 * for those who choose.
 */
async function chosenFiles(
  { source, selectedFiles }: Found,
  { select }: Choice,
): Promise<Set<ListedFile>> {
  if (select.length === 0 && selectedFiles === undefined) return new Set(listFiles(source));
  const { selectFiles, selectIndices } = await import("../files/select.ts");
  const files = [...listFiles(source)];
  return selectedFiles !== undefined && select.length === 0
    ? selectIndices(files, selectedFiles)
    : selectFiles(files, select);
}

async function chosenRanges(
  selected: ReadonlySet<ListedFile>,
  { ranges }: Choice,
): Promise<readonly FileRange[]> {
  if (ranges.length === 0) return [];
  const { resolveRanges } = await import("../files/byte_range.ts");
  return resolveRanges(selected, ranges);
}

function refuseLarger(size: number, { maxBytes = Infinity }: Choice): void {
  if (size <= maxBytes) return;
  const isClose = formatSize(size) === formatSize(maxBytes);
  const shown = (bytes: number) => isClose ? `${bytes} bytes` : formatSize(bytes);
  throw new CommandError(
    "too-large",
    `${shown(size)} are selected, more than --max-bytes allows (${shown(maxBytes)})`,
    { size, maxBytes },
  );
}
