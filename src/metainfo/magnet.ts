/** Magnet links (BEP 9 "magnet URI format"). Pure. */
import type { Metainfo } from "./metainfo.ts";

/** The link that stands for a torrent: its info-hash, name and trackers. */
export function magnetLink({ infoHashHex, name, trackers }: Metainfo): string {
  const parameters = [
    `xt=urn:btih:${infoHashHex}`,
    `dn=${encodeURIComponent(name.toWellFormed())}`,
    ...trackers.flat().map((url) => `tr=${encodeURIComponent(url.toWellFormed())}`),
  ];
  return `magnet:?${parameters.join("&")}`;
}
