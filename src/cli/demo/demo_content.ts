/** Something to share: a folder of random files, and its torrent. */
import { createHash } from "node:crypto";
import type { Random } from "../../base/ambient.ts";
import { concatBytes } from "../../base/bytes.ts";
import { choosePieceLength, createMetainfo } from "../../metainfo/create.ts";
import { type Metainfo, parseMetainfo } from "../../metainfo/metainfo.ts";

/** Bytes of all files together are some tens of MB; one file is empty, as real folders have. */
const FILE_COUNT = 12;
const MAX_FILE_LENGTH = 8 * 1024 * 1024;
const NAME = "demo";

/** Writes the files to `folder`/demo; returns their torrent, and its bytes. */
export async function makeContent(
  folder: string,
  { trackers, random }: { trackers: readonly (readonly string[])[]; random: Random },
): Promise<{ metainfo: Metainfo; torrentBytes: Uint8Array }> {
  const files = Array.from({ length: FILE_COUNT }, (_, index) => ({
    path: [`file-${String(index).padStart(2, "0")}.bin`],
    length: index === 0 ? 0 : MAX_FILE_LENGTH / 2 + random.below(MAX_FILE_LENGTH / 2),
  }));
  const pieceLength = choosePieceLength(files.reduce((sum, { length }) => sum + length, 0));
  const hasher = new PieceHasher(pieceLength);
  await Deno.mkdir(`${folder}/${NAME}`, { recursive: true });
  for (const { path, length } of files) {
    const bytes = random.bytes(length);
    await Deno.writeFile(`${folder}/${NAME}/${path[0]}`, bytes);
    hasher.add(bytes);
  }
  const torrentBytes = createMetainfo({
    name: NAME,
    files,
    isSingleFile: false,
    pieceLength,
    pieceHashes: hasher.end(),
    trackers,
  });
  return { metainfo: parseMetainfo(torrentBytes), torrentBytes };
}

/** Hashes pieces over the seams of files. */
class PieceHasher {
  readonly #hashes: Uint8Array[] = [];
  #hash = createHash("sha1");
  readonly #pieceLength: number;
  #length = 0;

  constructor(pieceLength: number) {
    this.#pieceLength = pieceLength;
  }

  add(bytes: Uint8Array): void {
    for (let offset = 0; offset < bytes.length;) {
      const part = bytes.subarray(offset, offset + this.#pieceLength - this.#length);
      this.#hash.update(part);
      this.#length += part.length;
      offset += part.length;
      if (this.#length === this.#pieceLength) this.#endPiece();
    }
  }

  end(): Uint8Array {
    if (this.#length > 0) this.#endPiece();
    return concatBytes(...this.#hashes);
  }

  #endPiece(): void {
    this.#hashes.push(this.#hash.digest());
    this.#hash = createHash("sha1");
    this.#length = 0;
  }
}
