/** Data to download, torrents of it, and whether what arrived is it. */
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { concatBytes } from "../../src/base/bytes.ts";
import { createMetainfo } from "../../src/metainfo/create.ts";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";

/** A torrent whose data a test holds in memory. */
export interface MadeTorrent {
  /** The .torrent. */
  readonly bytes: Uint8Array;
  readonly infoHash: Uint8Array;
  readonly pieceLength: number;
  /** All files in a row. */
  readonly data: Uint8Array<ArrayBuffer>;
}

/** A torrent of one file, given as bytes, or of a folder, given as bytes by path. */
export function makeTorrent(
  name: string,
  content: Uint8Array | Readonly<Record<string, Uint8Array>>,
  { pieceLength, tracker, trackers = tracker === undefined ? [] : [tracker], webSeeds = [] }: {
    pieceLength: number;
    tracker?: string;
    trackers?: readonly string[];
    webSeeds?: readonly string[];
  },
): MadeTorrent {
  const isSingleFile = content instanceof Uint8Array;
  const files = Object.entries(isSingleFile ? { [name]: content } : content);
  const data = concatBytes(...files.map(([, bytes]) => bytes));
  const digests: Uint8Array[] = [];
  for (let start = 0; start < data.length; start += pieceLength) {
    digests.push(sha1(data.subarray(start, start + pieceLength)));
  }
  const bytes = createMetainfo({
    name,
    files: files.map(([path, { length }]) => ({ path: path.split("/"), length })),
    isSingleFile,
    pieceLength,
    pieceHashes: concatBytes(...digests),
    trackers: trackers.map((url) => [url]),
    webSeeds,
  });
  return { bytes, infoHash: parseMetainfo(bytes).infoHash, pieceLength, data };
}

export async function writeRandomFile(path: string, length: number, seed = 1): Promise<void> {
  await Deno.mkdir(dirname(path), { recursive: true });
  await Deno.writeFile(path, randomBytes(length, seed));
}

/** The same for the same seed (xorshift, 32 bits a step). */
export function randomBytes(length: number, seed: number): Uint8Array<ArrayBuffer> {
  const words = new Uint32Array(Math.ceil(length / 4));
  let state = Math.imul(seed, 2_654_435_761) | 1;
  for (let index = 0; index < words.length; index++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[index] = state;
  }
  return new Uint8Array(words.buffer, 0, length);
}

/** `path length sha1` of every file under a folder, or of the one file: sorted. */
export async function describeTree(path: string): Promise<string[]> {
  const { isDirectory } = await Deno.stat(path);
  if (!isDirectory) return [describeFile("", await Deno.readFile(path))];
  const lines: string[] = [];
  for await (const { name } of Deno.readDir(path)) {
    const inside = await describeTree(join(path, name));
    lines.push(...inside.map((line) => `/${name}${line}`));
  }
  return lines.sort();
}

function describeFile(path: string, data: Uint8Array): string {
  return `${path} ${data.length} ${sha1(data).toHex()}`;
}

export function sha1(bytes: Uint8Array): Uint8Array {
  return createHash("sha1").update(bytes).digest();
}
