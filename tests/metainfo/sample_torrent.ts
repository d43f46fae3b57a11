/** Torrents for tests: well-formed until a field is overridden. */
import type { Bytes } from "../../src/base/bytes.ts";
import {
  type Encodable,
  type EncodableRecord,
  encode,
} from "../../src/metainfo/bencode_encoder.ts";
import { type Metainfo, parseMetainfo } from "../../src/metainfo/metainfo.ts";

type Fields = EncodableRecord;

/** A single file of 40,000 bytes in pieces of 16 KiB. */
export function sampleTorrent(info: Fields = {}, root: Fields = {}): Bytes {
  return encode({
    announce: "http://tracker.example/announce",
    info: {
      length: 40_000,
      name: "sample.bin",
      "piece length": 16_384,
      pieces: new Uint8Array(60),
      ...info,
    },
    ...root,
  });
}

export interface SampleFile {
  readonly path: readonly Encodable[];
  readonly length?: number | bigint | undefined;
  readonly attr?: string;
  readonly "path.utf-8"?: Encodable;
}

/** A torrent of several files in one piece, or of as many pieces as `fields` asks for. */
export function sampleFiles(files: readonly SampleFile[], fields: Fields = {}): Bytes {
  const records = files.map((file): EncodableRecord => ({ length: 1, ...file }));
  return sampleTorrent({
    length: undefined,
    files: records,
    name: "folder",
    "piece length": 2 ** 28,
    pieces: new Uint8Array(20),
    ...fields,
  });
}

/** The torrent of one-byte files at these paths. */
export function metainfoOfPaths(name: string, ...paths: readonly (readonly string[])[]): Metainfo {
  return parseMetainfo(sampleFiles(paths.map((path) => ({ path })), { name }));
}
