/**
 * What a .torrent says (BEP 3 "metainfo files"), checked: every number in range, the hashes as
 * many as the pieces. Names are raw; `paths.ts` makes them safe.
 */
import { sha1 } from "@noble/hashes/legacy.js";
import { sha256 } from "@noble/hashes/sha2.js";
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
import { MERKLE_HASH_LENGTH } from "./merkle.ts";
import { parseNodes, parseTrackers, parseWebSeeds } from "./metainfo_addresses.ts";
import type { MetainfoContent } from "./metainfo_content.ts";
import { metainfoError } from "./metainfo_error.ts";
import { type NeededLayer, neededLayersOf } from "./piece_layers.ts";
import { parseVersion1 } from "./version_1.ts";
import { parseTreeAndLayout, parseVersion2 } from "./version_2.ts";

/** Bytes of a .torrent, as libtorrent. Whoever reads one checks its size before. */
export const MAX_METAINFO_LENGTH = 10_000_000;
/** Beyond so many bytes it is quicker to ask another thread for a hash. */
const MAX_HASHED_AT_ONCE = 64 * 1024;

/** The last second of the year 9999: later dates break those who print them. */
const MAX_CREATION_DATE = 253_402_300_799;
const SUPPORTED_VERSION = 2;
const BLANKS: readonly number[] = [0x09, 0x0a, 0x0d, 0x20];

export interface Metainfo extends MetainfoContent {
  /** Which version's rules its pieces follow: of a hybrid 1 (BEP 52 "upgrade path"). */
  readonly version: 1 | 2;
  /** What peers, trackers and the DHT know it by: of version 2 the first 20 bytes of SHA-256. */
  readonly infoHash: InfoHash;
  /** The whole info-hash in lower-case hex: 40 digits, of version 2 alone 64. */
  readonly infoHashHex: string;
  /** Of version 2 the whole info-hash in lower-case hex, 64 digits: of a hybrid its second. */
  readonly infoHashV2Hex?: string;
  /** The suggested name as it is in the torrent: not safe for a disk or a terminal. */
  readonly name: string;
  /** Peers may come from the trackers only (BEP 27). */
  readonly isPrivate: boolean;
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

/** The hash of a piece, of its version's length: a view. */
export function pieceHash({ version, pieceHashes }: Metainfo, piece: PieceIndex): Uint8Array {
  const length = version === 2 ? MERKLE_HASH_LENGTH : HASH_LENGTH;
  return pieceHashes.subarray(piece * length, (piece + 1) * length);
}

/** All but what the torrent is known by. */
type Contents = Omit<Metainfo, "infoHash" | "infoHashHex" | "infoHashV2Hex">;

/** Of a torrent of both versions the first is used (BEP 52 "upgrade path"). */
type Kind = "version 1" | "version 2" | "hybrid";

interface Parsed {
  readonly kind: Kind;
  readonly contents: Contents;
}

/** Of the info dictionary, by each version that the torrent is of. */
type Digests = readonly [sha1: Uint8Array | undefined, sha256: Uint8Array | undefined];

/** The torrent that `bytes` are. Throws `MetainfoError`, whose message is one clear sentence. */
export function parseMetainfo(bytes: Uint8Array): Metainfo {
  const { kind, contents } = parseContents(bytes);
  const { infoBytes } = contents;
  return identified(contents, [
    kind === "version 2" ? undefined : sha1(infoBytes),
    kind === "version 1" ? undefined : sha256(infoBytes),
  ]);
}

/**
 * As `parseMetainfo`. Of many files or pieces it is megabytes: Web Crypto hashes them in a tenth of
 * the time, the more so as code that runs once is not optimised.
 */
export async function readMetainfo(bytes: Uint8Array): Promise<Metainfo> {
  if (bytes.length <= MAX_HASHED_AT_ONCE) return parseMetainfo(bytes);
  const { kind, contents } = parseContents(bytes);
  const digest = async (algorithm: string) =>
    new Uint8Array(await crypto.subtle.digest(algorithm, contents.infoBytes));
  return identified(
    contents,
    await Promise.all([
      kind === "version 2" ? undefined : digest("SHA-1"),
      kind === "version 1" ? undefined : digest("SHA-256"),
    ]),
  );
}

/**
 * The piece layers that a .torrent around this info dictionary must have: none in version 1. Throws
 * `MetainfoError` when it is no good info dictionary, or they would be more than fits a .torrent.
 */
export function neededLayers(infoBytes: Bytes): readonly NeededLayer[] {
  using document = decodeDocument(infoBytes);
  const { value: info, warnings } = document;
  if (info.kind !== "dictionary" || checkVersion(info) !== "version 2") return [];
  checkStrictness(warnings, info, true);
  const needed = neededLayersOf(parseTreeAndLayout(info, infoBytes, []));
  const pieceCount = needed.reduce((total, layer) => total + layer.pieceCount, 0);
  if (infoBytes.length + pieceCount * MERKLE_HASH_LENGTH <= MAX_METAINFO_LENGTH) return needed;
  throw metainfoError("too-large", `it is larger than ${MAX_METAINFO_LENGTH} bytes`);
}

function identified(contents: Contents, [sha1, sha256]: Digests): Metainfo {
  const digest = sha1 ?? sha256!;
  return {
    ...contents,
    infoHash: digest.slice(0, HASH_LENGTH) as InfoHash,
    infoHashHex: digest.toHex(),
    ...(sha256 !== undefined && { infoHashV2Hex: sha256.toHex() }),
  };
}

function parseContents(bytes: Uint8Array): Parsed {
  using document = decodeDocument(bytes);
  const root = document.value as BencodeDictionary;
  const info = dictionaryIn(root, "info");
  if (info === undefined) {
    throw metainfoError("invalid-field", "it has no info dictionary");
  }
  const kind = checkVersion(info);
  checkStrictness(document.warnings, info, kind !== "version 1");
  const warnings = describeWarnings(document.warnings);
  const name = textIn(info, "name.utf-8") ?? textIn(info, "name");
  if (name === undefined) throw metainfoError("invalid-field", "it has no name");
  const infoBytes = new Uint8Array(info.raw);
  const version = kind === "version 2" ? 2 : 1;
  const contents: Contents = {
    version,
    name,
    ...version === 2
      ? parseVersion2(root, info, { name, infoBytes, warnings })
      : parseVersion1(info, { name, infoBytes, warnings, isHybrid: kind === "hybrid" }),
    isPrivate: parsePrivate(info, warnings),
    trackers: parseTrackers(root, warnings),
    webSeeds: parseWebSeeds(root, warnings),
    nodes: parseNodes(root),
    ...parseRemarks(root),
    ...parseSource(info),
    infoBytes,
    warnings,
  };
  return { kind, contents };
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

function checkVersion(info: BencodeDictionary): Kind {
  const version = integerIn(info, "meta version") ?? 1;
  if (version > SUPPORTED_VERSION) {
    throw metainfoError("unsupported", `it is of version ${version}, newer than is known here`);
  }
  if (version === 2) return info.get("pieces") === undefined ? "version 2" : "hybrid";
  if (info.get("pieces") !== undefined || info.get("file tree") === undefined) return "version 1";
  throw metainfoError("invalid-field", "it has a file tree, but its meta version is not 2");
}

/** Version 1 is full of sloppy encoders and is read with warnings; BEP 52 allows none. */
function checkStrictness(
  warnings: readonly BencodeWarning[],
  info: BencodeDictionary,
  isStrict: boolean,
): void {
  for (const { kind, offset } of warnings) {
    const isInInfo = offset >= info.start && offset < info.end;
    if (isStrict || (kind === "duplicate-key" && isInInfo)) {
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
