/** Magnet links and bare info-hashes: sources that say which torrent, and not what is in it. Pure. */
import { MetainfoError } from "../../base/errors.ts";
import { exactTopic, type Magnet, parseInfoHash, parseMagnet } from "../../metainfo/magnet.ts";
import { invalidSource } from "../output/failure.ts";

/** A file whose name looks like a link is read as `./magnet:…`. */
export function isLink(source: string): boolean {
  return /^magnet:/i.test(source) || parseInfoHash(source) !== undefined;
}

/** What a link says; undefined when the source is none. Throws `CommandError`, exit 3. */
export function readLink(source: string): Magnet | undefined {
  const infoHash = parseInfoHash(source);
  if (infoHash !== undefined) return parseMagnet(`magnet:?xt=${exactTopic(infoHash.toHex())}`);
  if (!isLink(source)) return undefined;
  try {
    return parseMagnet(source);
  } catch (error) {
    if (!(error instanceof MetainfoError)) throw error;
    throw invalidSource(
      error.message.replace("the magnet link:", `${linkWithoutSecrets(source)}:`),
    );
  }
}

/** The link without its trackers, which may hold passkeys: not made printable. */
export function linkWithoutSecrets(source: string): string {
  if (parseInfoHash(source) !== undefined) return source;
  try {
    const { infoHashHex, name } = parseMagnet(source);
    const end = name === undefined ? "" : `&dn=${encodeURIComponent(name.toWellFormed())}`;
    return `magnet:?xt=${exactTopic(infoHashHex)}${end}`;
  } catch {
    return "magnet:?…";
  }
}
