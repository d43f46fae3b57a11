/** What a source turns out to be, wherever its server sends us: a .torrent, or a link to one. */
import type { Bytes } from "../../base/bytes.ts";
import { addressScope, hostOf, isDialable } from "../../base/endpoint.ts";
import { MetainfoError } from "../../base/errors.ts";
import { type Magnet, parseMagnet } from "../../metainfo/magnet.ts";
import { MAX_METAINFO_LENGTH } from "../../metainfo/metainfo.ts";
import { invalidSource } from "../output/failure.ts";
import { readLink } from "./link.ts";
import { fetchSource, isUrl, readSource, shownSource, type SourceOptions } from "./source.ts";

export type GivenSource =
  | { readonly kind: "link"; readonly link: Magnet }
  /** Whatever they hold. */
  | { readonly kind: "torrent"; readonly bytes: Bytes };

/**
 * Reads a source, and follows a URL that leads to a magnet link as that link. Throws
 * `CommandError`: exit 3 for a malformed link, all else as `readSource`.
 */
export async function readGiven(source: string, options: SourceOptions): Promise<GivenSource> {
  const link = readLink(source);
  if (link !== undefined) return { kind: "link", link };
  if (!isUrl(source)) return { kind: "torrent", bytes: await readSource(source, options) };
  const limits = { maxBytes: MAX_METAINFO_LENGTH, handsOver: ["magnet:"] };
  const { bytes, url, location } = await fetchSource(new URL(source), options, limits);
  if (location === undefined) return { kind: "torrent", bytes };
  return { kind: "link", link: linkFrom(url, location, source) };
}

/** The user has not seen this link: peers that it names are dialled as if a tracker named them. */
function linkFrom(url: string, location: string, source: string): Magnet {
  try {
    const link = parseMagnet(location);
    const server = addressScope(hostOf(new URL(url)));
    return { ...link, peers: link.peers.filter((peer) => isDialable(peer, server)) };
  } catch (error) {
    if (!(error instanceof MetainfoError)) throw error;
    const subject = `Cannot follow ${shownSource(source)} to its magnet link:`;
    throw invalidSource(error.message.replace("Cannot read the magnet link:", subject));
  }
}
