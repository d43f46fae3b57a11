/** Where a web seed has each file of a torrent (BEP 19 "metadata extension"). Pure. */
import { hostOf, hostScope } from "../base/endpoint.ts";
import type { FileIndex } from "../base/ids.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";

/** What of a torrent decides how its files are called at a web seed. */
export type NamedFiles = Pick<Metainfo, "name" | "isMultiFile" | "files">;

/**
 * The URL of one file at the web seed `base`. Of a torrent of one file that is `base` itself,
 * unless it ends with a slash; else `base` is the folder of what the torrent's name stands for.
 * A query stays where it is.
 */
export function fileUrl(
  base: string,
  { name, isMultiFile, files }: NamedFiles,
  file: FileIndex,
): string {
  const url = new URL(base);
  url.hash = "";
  const isFolder = url.pathname.endsWith("/");
  if (!isMultiFile && !isFolder) return url.href;
  const { path } = files.at(file);
  const elements = (isMultiFile ? [name, ...path] : path).map((element) =>
    encodeURIComponent(element.toWellFormed())
  );
  url.pathname += (isFolder ? "" : "/") + elements.join("/");
  return url.href;
}

/**
 * May a stranger's torrent send us there? To nobody's addresses and the metadata services of
 * clouds it may not; into the local network only to what looks like a file: a query might be an
 * order (T19, T21).
 */
export function mayAsk(url: URL): boolean {
  switch (hostScope(hostOf(url))) {
    case "global":
    case "name":
      return true;
    case "loopback":
    case "private":
      return url.search === "";
    case "link-local":
    case "invalid":
      return false;
  }
}
