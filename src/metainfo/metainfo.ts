/**
 * What a .torrent says (BEP 3 "metainfo files"), checked: every number in range, the hashes as
 * many as the pieces. Names are raw; `paths.ts` makes them safe.
 */
import { sha1 } from "@noble/hashes/legacy.js";
import type { Bytes } from "../base/bytes.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { HASH_LENGTH, type InfoHash, type PieceIndex } from "../base/ids.ts";
import {
  type BencodeDictionary,
  BencodeError,
  type BencodePrefix,
  decodePrefix,
  dictionaryIn,
  integerIn,
  textIn,
} from "./bencode.ts";
import type { BencodeWarning } from "./bencode_scan.ts";
import { foreignFile } from "./foreign_file.ts";
import { checkHybrid } from "./hybrid.ts";
import { Layout } from "./layout.ts";
import { parseNodes, parseTrackers, parseWebSeeds } from "./metainfo_addresses.ts";
import { metainfoError } from "./metainfo_error.ts";
import { type MetainfoFile, parseFiles } from "./metainfo_files.ts";

/** Bytes of a .torrent, as libtorrent. Whoever reads one checks its size before. */
export const MAX_METAINFO_LENGTH = 10_000_000;
/** As libtorrent: what fits 2^15 - 1 blocks. */
const MAX_PIECE_LENGTH = (2 ** 15 - 1) * 16_384;
/** As libtorrent. */
export const MAX_PIECE_COUNT = 2 ** 21;

/** Beyond so many bytes it is quicker to ask another thread for a hash. */
const MAX_HASHED_AT_ONCE = 64 * 1024;

/** The last second of the year 9999: later dates break those who print them. */
const MAX_CREATION_DATE = 253_402_300_799;
const SUPPORTED_VERSION = 2;
const BLANKS: readonly number[] = [0x09, 0x0a, 0x0d, 0x20];

export interface Metainfo {
  readonly infoHash: InfoHash;
  /** The info-hash in lower-case hex. */
  readonly infoHashHex: string;
  /** The suggested name as it is in the torrent: not safe for a disk or a terminal. */
  readonly name: string;
  /** Bytes of a piece. */
  readonly pieceLength: number;
  /** SHA-1 of each piece, end to end: 20 bytes a piece. */
  readonly pieceHashes: Uint8Array;
  readonly layout: Layout;
  /** In the order of the torrent, padding and links included: the index is the `FileIndex`. */
  readonly files: readonly MetainfoFile[];
  /** Peers may come from the trackers only (BEP 27). */
  readonly isPrivate: boolean;
  /** Files go into a folder of the torrent's name, even if there is only one. */
  readonly isMultiFile: boolean;
  /** Tracker URLs by tier (BEP 12): http, https or udp. */
  readonly trackers: readonly (readonly string[])[];
  /** http or https URLs (BEP 19). */
  readonly webSeeds: readonly string[];
  /** DHT nodes; hosts may be names (BEP 5). */
  readonly nodes: readonly Endpoint[];
  readonly comment?: string;
  readonly createdBy?: string;
  /** Seconds since 1970. */
  readonly creationDate?: number;
  readonly encoding?: string;
  /** Where it was published; part of the info dictionary. */
  readonly source?: string;
  /** The info dictionary as it was encoded. */
  readonly infoBytes: Bytes;
  /** What was tolerated or left out, each in one sentence of printable text. */
  readonly warnings: readonly string[];
}

/** SHA-1 of a piece, 20 bytes: a view. */
export function pieceHash(metainfo: Metainfo, piece: PieceIndex): Uint8Array {
  return metainfo.pieceHashes.subarray(piece * HASH_LENGTH, (piece + 1) * HASH_LENGTH);
}

/** All but what the torrent is known by. */
type Contents = Omit<Metainfo, "infoHash" | "infoHashHex">;

/** The torrent that `bytes` are. Throws `MetainfoError`, whose message is one clear sentence. */
export function parseMetainfo(bytes: Uint8Array): Metainfo {
  const contents = parseContents(bytes);
  return identified(contents, sha1(contents.infoBytes));
}

/**
 * As `parseMetainfo`. Of many files or pieces it is megabytes: Web Crypto hashes them in a tenth of
 * the time, the more so as code that runs once is not optimised.
 */
export async function readMetainfo(bytes: Uint8Array): Promise<Metainfo> {
  if (bytes.length <= MAX_HASHED_AT_ONCE) return parseMetainfo(bytes);
  const contents = parseContents(bytes);
  const digest = await crypto.subtle.digest("SHA-1", contents.infoBytes);
  return identified(contents, new Uint8Array(digest));
}

function identified(contents: Contents, digest: Uint8Array): Metainfo {
  return { ...contents, infoHash: digest as InfoHash, infoHashHex: digest.toHex() };
}

function parseContents(bytes: Uint8Array): Contents {
  const document = decodeDocument(bytes);
  const root = document.value as BencodeDictionary;
  const info = dictionaryIn(root, "info");
  if (info === undefined) {
    throw metainfoError("invalid-field", "it has no info dictionary");
  }
  const isHybrid = checkVersion(info);
  checkStrictness(document.warnings, info, isHybrid);
  const warnings = describeWarnings(document.warnings);
  const name = textIn(info, "name.utf-8") ?? textIn(info, "name");
  if (name === undefined) throw metainfoError("invalid-field", "it has no name");
  const isMultiFile = checkFileFields(info);
  const files = parseFiles(info, name, warnings);
  const layout = parseLayout(info, files);
  if (isHybrid) checkHybrid(info, layout.pieceLength, files);
  const infoBytes = new Uint8Array(info.raw);
  return {
    name,
    pieceLength: layout.pieceLength,
    pieceHashes: parsePieceHashes(info, infoBytes, layout),
    layout,
    files,
    isPrivate: parsePrivate(info, warnings),
    isMultiFile,
    trackers: parseTrackers(root, warnings),
    webSeeds: parseWebSeeds(root, warnings),
    nodes: parseNodes(root),
    ...parseRemarks(root),
    ...parseSource(info),
    infoBytes,
    warnings,
  };
}

function decodeDocument(bytes: Uint8Array): BencodePrefix {
  if (bytes.length > MAX_METAINFO_LENGTH) {
    throw metainfoError("too-large", `it is larger than ${MAX_METAINFO_LENGTH} bytes`);
  }
  const foreign = foreignFile(bytes);
  if (foreign !== undefined) throw metainfoError("not-bencode", foreign);
  try {
    const document = decodePrefix(bytes);
    // Editors put a line feed after the last byte; it changes nothing.
    const isBlank = bytes.subarray(document.end).every((byte) => BLANKS.includes(byte));
    if (isBlank) return document;
    throw new BencodeError(document.end, "more after its end");
  } catch (error) {
    if (!(error instanceof BencodeError)) throw error;
    throw metainfoError("not-bencode", `there is ${error.problem} at byte ${error.offset}`);
  }
}

/** True for a torrent of both versions, of which the first is used (BEP 52 "upgrade path"). */
function checkVersion(info: BencodeDictionary): boolean {
  const version = integerIn(info, "meta version") ?? 1;
  if (version > SUPPORTED_VERSION) {
    throw metainfoError("unsupported", `it is of version ${version}, newer than is known here`);
  }
  const hasVersion1 = info.get("pieces") !== undefined;
  if (!hasVersion1 && (version === 2 || info.get("file tree") !== undefined)) {
    throw metainfoError("unsupported", "it is of version 2 only, which is not supported");
  }
  return version === 2;
}

/** Version 1 is full of sloppy encoders and is read with warnings; BEP 52 allows none. */
function checkStrictness(
  warnings: readonly BencodeWarning[],
  info: BencodeDictionary,
  isHybrid: boolean,
): void {
  for (const { kind, offset } of warnings) {
    const isInInfo = offset >= info.start && offset < info.end;
    if (isHybrid || (kind === "duplicate-key" && isInInfo)) {
      throw metainfoError("invalid-field", `there is ${WARNING_TEXT[kind]} at byte ${offset}`);
    }
  }
}

const WARNING_TEXT: Readonly<Record<BencodeWarning["kind"], string>> = {
  "leading-zero": "a number with a leading zero",
  "unsorted-keys": "a key out of order",
  "duplicate-key": "a key that is there twice",
};

/** One sentence for all of them: an encoder that is wrong once is wrong a thousand times. */
function describeWarnings(warnings: readonly BencodeWarning[]): string[] {
  const [first] = warnings;
  if (first === undefined) return [];
  return [`it is sloppily encoded: there is ${WARNING_TEXT[first.kind]} at byte ${first.offset}`];
}

/** True when there is a list of files, false when there is one length. */
function checkFileFields(info: BencodeDictionary): boolean {
  const length = info.get("length"), files = info.get("files");
  if (length !== undefined && files !== undefined) {
    throw metainfoError("invalid-field", "it has both a length and a list of files");
  }
  if (files !== undefined && files.kind !== "list") {
    throw metainfoError("invalid-field", "its list of files is no list");
  }
  if (length === undefined && files === undefined) {
    throw metainfoError("invalid-field", "it has neither a length nor a list of files");
  }
  return files !== undefined;
}

function parseLayout(info: BencodeDictionary, files: readonly MetainfoFile[]): Layout {
  const pieceLength = integerIn(info, "piece length");
  if (pieceLength === undefined || pieceLength < 1 || pieceLength > MAX_PIECE_LENGTH) {
    throw metainfoError(
      "invalid-field",
      `its piece length is not a number from 1 to ${MAX_PIECE_LENGTH}`,
    );
  }
  let totalLength = 0, dataLength = 0;
  for (const { length, isPadding } of files) {
    totalLength += length;
    if (!isPadding) dataLength += length;
    if (totalLength > pieceLength * MAX_PIECE_COUNT) {
      throw metainfoError("too-large", `it has more than ${MAX_PIECE_COUNT} pieces`);
    }
  }
  if (dataLength === 0) throw metainfoError("invalid-field", "it holds no data");
  return new Layout({ pieceLength, files });
}

/** A view into `infoBytes`, so that the file's bytes as read need not be kept. */
function parsePieceHashes(
  info: BencodeDictionary,
  infoBytes: Uint8Array,
  { pieceCount }: Layout,
): Uint8Array {
  const field = info.get("pieces");
  if (field?.kind !== "string") throw metainfoError("invalid-field", "it has no piece hashes");
  const { length } = field.bytes;
  if (length !== pieceCount * HASH_LENGTH) {
    throw metainfoError(
      "invalid-field",
      `its piece hashes are ${length} bytes, not ${HASH_LENGTH} for each of ${pieceCount} pieces`,
    );
  }
  const end = field.end - info.start;
  return infoBytes.subarray(end - length, end);
}

/** What is there but makes no sense counts as private: that way nothing leaks. */
function parsePrivate(info: BencodeDictionary, warnings: string[]): boolean {
  const field = info.get("private");
  if (field === undefined) return false;
  if (field.kind === "integer") return Number(field.value) !== 0;
  warnings.push("its private flag is no number: it is taken as private");
  return true;
}

/** Fields that change nothing. */
function parseRemarks(
  root: BencodeDictionary,
): Pick<Metainfo, "comment" | "createdBy" | "creationDate" | "encoding"> {
  const comment = textIn(root, "comment.utf-8") ?? textIn(root, "comment");
  const createdBy = textIn(root, "created by.utf-8") ?? textIn(root, "created by");
  const creationDate = integerIn(root, "creation date");
  const encoding = textIn(root, "encoding");
  const isDate = creationDate !== undefined && creationDate > 0 &&
    creationDate <= MAX_CREATION_DATE;
  return {
    ...(comment !== undefined && { comment }),
    ...(createdBy !== undefined && { createdBy }),
    ...(isDate && { creationDate }),
    ...(encoding !== undefined && { encoding }),
  };
}

function parseSource(info: BencodeDictionary): Pick<Metainfo, "source"> {
  const source = textIn(info, "source");
  return source === undefined ? {} : { source };
}
