/** Torrents for the tests of the command line, bencoded by hand. */
import { type ListedFile, listFiles } from "../../src/cli/files/file_list.ts";
import { type Metainfo, parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { diskPaths } from "../../src/metainfo/paths.ts";

export interface TorrentFile {
  readonly path: string;
  readonly length: number;
  readonly isPadding?: boolean;
}

export interface TorrentShape {
  readonly name?: string;
  /** Without files, it is a single-file torrent of `length` bytes. */
  readonly files?: readonly TorrentFile[];
  readonly length?: number;
  readonly trackers?: readonly (readonly string[])[];
  readonly comment?: string;
  readonly createdBy?: string;
  readonly creationDate?: number;
  readonly isPrivate?: boolean;
}

export const PIECE_LENGTH = 32_768;

const encoder = new TextEncoder();

/** A .torrent; its hashes are of nothing. */
export function makeTorrent(shape: TorrentShape = {}): Uint8Array<ArrayBuffer> {
  const { name = "starling", files, length = 100_000, trackers = [] } = shape;
  const total = files === undefined ? length : files.reduce((sum, file) => sum + file.length, 0);
  const content = files === undefined
    ? `6:lengthi${length}e`
    : `5:filesl${files.map(encodeFile).join("")}e`;
  const pieceCount = Math.ceil(total / PIECE_LENGTH);
  const end = shape.isPrivate ? "7:privatei1e" : "";
  const info = `d${content}4:name${text(name)}` +
    `12:piece lengthi${PIECE_LENGTH}e6:pieces${text("h".repeat(20 * pieceCount))}${end}e`;
  const fields = [
    trackers.length > 0
      ? `13:announce-listl${trackers.map((tier) => `l${tier.map(text).join("")}e`).join("")}e`
      : "",
    shape.comment === undefined ? "" : `7:comment${text(shape.comment)}`,
    shape.createdBy === undefined ? "" : `10:created by${text(shape.createdBy)}`,
    shape.creationDate === undefined ? "" : `13:creation datei${shape.creationDate}e`,
  ];
  return encoder.encode(`d${fields.join("")}4:info${info}e`);
}

export function makeMetainfo(shape: TorrentShape = {}): Metainfo {
  return parseMetainfo(makeTorrent(shape));
}

/** The files of a torrent with these paths, 1000 bytes each unless the path says `:SIZE`. */
export function makeFiles(...paths: string[]): ListedFile[] {
  const files = paths.map((path) => {
    const [name = "", size = "1000"] = path.split(":");
    return { path: name, length: Number(size) };
  });
  const metainfo = makeMetainfo({ name: "root", files });
  return [...listFiles({ metainfo, paths: diskPaths(metainfo, "linux") })];
}

function encodeFile({ path, length, isPadding }: TorrentFile): string {
  const attributes = isPadding ? "4:attr1:p" : "";
  return `d${attributes}6:lengthi${length}e4:pathl${path.split("/").map(text).join("")}ee`;
}

/** Lengths count bytes. */
function text(value: string): string {
  return `${encoder.encode(value).length}:${value}`;
}
