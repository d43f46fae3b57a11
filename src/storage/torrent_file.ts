/** Writes a .torrent: as a whole or not at all, and over nothing that may not be replaced. */
import { sha1 } from "@noble/hashes/legacy.js";
import type { Random } from "../base/ambient.ts";
import type { Bytes } from "../base/bytes.ts";
import { StorageError, type StorageReason } from "../base/errors.ts";
import type { JobRunner, Place } from "../workers/protocol.ts";
import { runOrThrow } from "./disk_jobs.ts";

const SUFFIX_LENGTH = 8;
/** What to try where that is not what a download would be told: nothing is kept here. */
const ADVICE: Readonly<Partial<Record<StorageReason, string>>> = {
  "no-space": "make room and run it again",
  io: "look at the disk, and run it again",
};

export interface TorrentFileOptions {
  /** Absolute, without symbolic links. */
  readonly folder: string;
  readonly name: string;
  readonly mayReplace: boolean;
  readonly pool: JobRunner;
  readonly random: Random;
}

/** Writes and flushes `bytes`, which are taken over. Throws StorageError, such as "occupied". */
export async function writeTorrentFile(bytes: Bytes, options: TorrentFileOptions): Promise<void> {
  const { folder, name, mayReplace, pool, random } = options;
  const { length } = bytes;
  const to: Place = { root: folder, path: name };
  const from: Place = {
    root: folder,
    path: `.starling-${random.bytes(SUFFIX_LENGTH).toHex()}.tmp`,
  };
  const span = { place: from, fileOffset: 0, pieceOffset: 0, length };
  try {
    await runOrThrow<"write">(pool, {
      kind: "write",
      data: bytes,
      hash: sha1(bytes).toHex(),
      spans: [{
        ...span,
        fileLength: 0,
        mayCreate: true,
        finish: { from, to, length, mayReplace },
      }],
      wantDigests: false,
    });
  } catch (error) {
    await Deno.remove(`${folder}/${from.path}`).catch(() => {});
    if (!(error instanceof StorageError)) throw error;
    // Nobody has asked for a file of that name, nor to open one.
    const named = (text: string) => text.replaceAll(from.path, name);
    const { reason, path, message } = error;
    const fact = named(message.replace(`Cannot open ${path}`, `Cannot write ${path}`));
    const advice = ADVICE[reason];
    throw new StorageError(reason, named(path), advice === undefined ? fact : `${fact}; ${advice}`);
  }
  await runOrThrow<"flush">(pool, {
    kind: "flush",
    places: [],
    folders: [{ root: folder, path: "" }],
  });
}
