/** One source of `plan`, from what was typed to a torrent; nothing is kept. */
import type { Engine } from "../environment/engine.ts";
import type { Environment } from "../environment/environment.ts";
import type { PlanOptions } from "../options/plan_options.ts";
import { usageError } from "../output/failure.ts";
import type { FoundTorrent } from "../source/get_source.ts";
import { readGiven } from "../source/given_source.ts";
import { LinkReader, stateFoldersOf } from "../source/link_reader.ts";
import { isUrl, parseTorrent, shownSource } from "../source/source.ts";

/** Somebody waits at a terminal, as for `info`. */
const DEFAULT_METADATA_TIMEOUT_MS = 20_000;

export interface PlanSourceContext {
  readonly options: PlanOptions;
  readonly environment: Environment;
  readonly openEngine: () => Promise<Engine>;
  readonly signal: AbortSignal;
}

/** Throws `CommandError`, exit 10 when the metadata of a link is not found in time. */
export async function findTorrent(
  source: string,
  { options, environment, openEngine, signal }: PlanSourceContext,
): Promise<Omit<FoundTorrent, "bytes">> {
  const { offline, headers, proxy, outputDir, stateDir, surveyMs: timeoutMs } = options;
  if (offline && isUrl(source)) {
    throw usageError(`Cannot fetch ${shownSource(source)}: --offline asks nobody`);
  }
  const given = await readGiven(source, { environment, headers, proxy, signal, timeoutMs });
  if (given.kind === "torrent") {
    return { source: await parseTorrent(given.bytes, source, environment), peers: [] };
  }
  const { link } = given;
  const { metadataTimeoutMs = DEFAULT_METADATA_TIMEOUT_MS } = options;
  const nobody = { peers: [], noTracker: true, noDht: true, noLsd: true };
  const reader = new LinkReader(offline ? { ...link, peers: [] } : link, {
    environment,
    openEngine,
    // The local network is asked by none of a plan's searches, as that would tell it of us.
    switches: { ...options, metadataTimeoutMs, noLsd: true, ...(offline && nobody) },
    stateFolders: stateFoldersOf(outputDir, stateDir),
    waitsForPeers: false,
    signal,
    onEvent: () => {},
  });
  const { source: found, peers } = await reader.read();
  return { source: found, peers, selectedFiles: link.selectedFiles };
}
