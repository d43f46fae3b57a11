/** Any source, for commands that only look: nothing is kept, and peers are asked last. */
import type { Magnet } from "../../metainfo/magnet.ts";
import type { Engine } from "../environment/engine.ts";
import type { Environment } from "../environment/environment.ts";
import type { SourceTorrent } from "../files/file_list.ts";
import type { InfoOptions } from "../options/commands.ts";
import { readGiven } from "./given_source.ts";
import { LinkReader, stateFoldersOf } from "./link_reader.ts";
import { parseTorrent } from "./source.ts";

export interface AnySourceOptions {
  readonly environment: Environment;
  /** How peers are found. */
  readonly search: Omit<InfoOptions, "command" | "source" | "json">;
  /** The data, or the folder that it is in: an earlier `get` may have left metadata there. */
  readonly path: string;
  readonly signal: AbortSignal;
  /** Told of the link that the source is, or leads to. */
  readonly onLink?: (link: Magnet) => void;
}

/**
 * Calls `use` with the torrent of a source, or of what it links to, while the trackers that were
 * asked are told that we have left; resolves when both are done. Throws `CommandError`; exit 10
 * when the metadata is not found within `--metadata-timeout`, and at once when there is nobody to
 * ask.
 */
export async function withAnySource<Result>(
  source: string,
  { environment, search, path, signal, onLink }: AnySourceOptions,
  use: (torrent: SourceTorrent) => Promise<Result>,
): Promise<Result> {
  const { proxy } = search;
  const given = await readGiven(source, { environment, headers: [], proxy, signal });
  if (given.kind === "torrent") {
    return await use(await parseTorrent(given.bytes, source, environment));
  }
  const { link } = given;
  onLink?.(link);
  let engine: Engine | undefined;
  let closing: Promise<void> | undefined;
  const close = () => closing ??= engine?.close();
  const reader = new LinkReader(link, {
    environment,
    openEngine: async () =>
      engine = await environment.openEngine({
        ...search,
        uploadSlots: 0,
        maxUploadRate: undefined,
      }),
    switches: search,
    stateFolders: stateFoldersOf(path, search.stateDir),
    waitsForPeers: false,
    signal,
    onEvent: () => {},
  });
  try {
    const { source: torrent } = await reader.read();
    close()?.catch(() => {}); // Whoever awaits it below throws it.
    return await use(torrent);
  } finally {
    await close();
  }
}
