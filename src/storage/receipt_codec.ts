/**
 * What is kept of a finished target: `INFOHASH.receipt` in the state folder, JSON that scripts may
 * read too, with one file a line. Pure.
 */
import type { Bytes } from "../base/bytes.ts";
import { isCount, isJsonObject, parseJsonObject } from "../base/json.ts";
import type { FileLooks } from "../workers/file_looks.ts";

const FORMAT = "starling-receipt";
const VERSION = 1;
const SHA256_HEX = /^[0-9a-f]{64}$/;

/** A file as it was when it was complete, verified and named. */
export interface ReceiptFile extends FileLooks {
  /** As on disk, from the output folder, `/`-separated. */
  readonly path: string;
  /** Lower-case hex; null when nobody has asked for it. */
  readonly sha256: string | null;
  /** The command of `--on-done` has run for it, to a good end. */
  readonly onDone: boolean;
}

export interface Receipt {
  /** Lower-case hex. */
  readonly infoHash: string;
  readonly name: string;
  /** When the last of it was complete: RFC 3339. */
  readonly completed: string;
  /** The version of starling that completed it. */
  readonly starling: string;
  /** Peers that gave something in the run that completed it, and bytes of blocks received. */
  readonly peers: number;
  readonly downloaded: number;
  /** Of all runs that completed something of it. */
  readonly files: readonly ReceiptFile[];
}

/** Bytes besides the files and the name. */
const FRAME_LENGTH = 8_192;
/** Bytes of a file's line besides its path. */
const MAX_LINE_LENGTH = 256;
/** Of a UTF-16 unit of a path or of the name, escaped. */
const MAX_UNIT_LENGTH = 6;

/** Bytes that no receipt of a torrent of this name, and of files with these paths, exceeds. */
export function maxReceiptLength(name: string, paths: Iterable<string>): number {
  let length = FRAME_LENGTH + name.length * MAX_UNIT_LENGTH;
  for (const path of paths) length += MAX_LINE_LENGTH + path.length * MAX_UNIT_LENGTH;
  return length;
}

export function encodeReceipt({ files, ...fields }: Receipt): Bytes {
  const head = JSON.stringify({ format: FORMAT, version: VERSION, ...fields }).slice(0, -1);
  const lines = files.map(({ path, size, modifiedMs, sha256, onDone }) =>
    JSON.stringify({ path, size, modifiedMs, sha256, onDone })
  );
  return new TextEncoder().encode(`${head},"files":[\n${lines.join(",\n")}\n]}\n`);
}

/** Undefined for what is damaged, of another torrent or of another version: as good as none. */
export function parseReceipt(bytes: Uint8Array, infoHashHex: string): Receipt | undefined {
  const fields = parseJsonObject(new TextDecoder().decode(bytes));
  if (fields?.["format"] !== FORMAT || fields["version"] !== VERSION) return undefined;
  const { infoHash, name, completed, starling, peers, downloaded, files } = fields;
  if (infoHash !== infoHashHex || typeof name !== "string") return undefined;
  if (typeof completed !== "string" || typeof starling !== "string") return undefined;
  if (!isCount(peers) || !isCount(downloaded) || !Array.isArray(files)) return undefined;
  if (!files.every(isFile)) return undefined;
  return { infoHash, name, completed, starling, peers, downloaded, files };
}

function isFile(value: unknown): value is ReceiptFile {
  if (!isJsonObject(value)) return false;
  const { path, size, modifiedMs, sha256, onDone } = value;
  return typeof path === "string" && isCount(size) && Number.isSafeInteger(modifiedMs) &&
    (sha256 === null || (typeof sha256 === "string" && SHA256_HEX.test(sha256))) &&
    typeof onDone === "boolean";
}
