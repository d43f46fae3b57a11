/** Magnet links (BEP 9 "magnet URI format", BEP 53 for the choice of files). Pure. */
import type { Bytes } from "../base/bytes.ts";
import { type Endpoint, formatEndpoint, parseEndpoint } from "../base/endpoint.ts";
import { MetainfoError, type MetainfoReason } from "../base/errors.ts";
import { type FullInfoHash, HASH_LENGTH, type InfoHash, type Sha256InfoHash } from "../base/ids.ts";
import { trackerUrl, webSeedUrl } from "./metainfo_addresses.ts";

/** UTF-16 units of a link: room for ten thousand trackers, and no more to look at. */
const MAX_LENGTH = 1_048_576;
/** Kept of each: trackers, peers, web seeds (M29). The rest are ignored. */
const MAX_ADDRESSES = 100;
/** Ranges of files that are kept before they are merged. */
const MAX_RANGES = 10_000;

const BASE32_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";
const BITS_PER_BASE32 = 5;

/** Files by their index in the torrent, both ends included. */
export interface IndexRange {
  readonly first: number;
  readonly last: number;
}

/** What a magnet link says. Only its info-hash can be relied on. */
export interface Magnet {
  /** In full: 20 bytes, of version 2 alone 32. */
  readonly infoHash: FullInfoHash;
  /** The info-hash in lower-case hex: 40 digits, of version 2 alone 64. */
  readonly infoHashHex: string;
  /** The whole info-hash of version 2 in lower-case hex, 64 digits: of a hybrid its second. */
  readonly infoHashV2Hex?: string;
  /** The name to show until the torrent is known: not safe for a disk or a terminal ("dn"). */
  readonly name?: string;
  /** http, https or udp URLs, each a tier of its own, at most 100 ("tr"). */
  readonly trackers: readonly (readonly string[])[];
  /** Bytes of the content, a claim ("xl"). */
  readonly length?: number;
  /** Peers, whose hosts may be names, at most 100 ("x.pe"). */
  readonly peers: readonly Endpoint[];
  /** Files to select, in order and apart from each other; perhaps beyond the last ("so"). */
  readonly selectedFiles?: readonly IndexRange[];
  /** http or https URLs, at most 100 ("ws", BEP 19). */
  readonly webSeeds: readonly string[];
}

/** Before an info-hash of version 2: SHA-256, of 32 bytes (BEP 52, multihash). */
const MULTIHASH_PREFIX = "1220";

/** The exact topic of a torrent: of version 2 alone by its whole info-hash (BEP 9, BEP 52). */
export function exactTopic(infoHashHex: string): string {
  return infoHashHex.length === 2 * HASH_LENGTH
    ? `urn:btih:${infoHashHex}`
    : `urn:btmh:${MULTIHASH_PREFIX}${infoHashHex}`;
}

/**
 * The link that stands for a torrent: its info-hash, of a hybrid both (BEP 52), its name if that is
 * known, and trackers.
 */
export function magnetLink(
  { infoHashHex, infoHashV2Hex = infoHashHex, name, trackers }: Pick<
    Magnet,
    "infoHashHex" | "infoHashV2Hex" | "name" | "trackers"
  >,
): string {
  const parameters = [
    ...[...new Set([infoHashHex, infoHashV2Hex])].map((hex) => `xt=${exactTopic(hex)}`),
    ...name === undefined ? [] : [`dn=${encodeURIComponent(name.toWellFormed())}`],
    ...trackers.flat().map((url) => `tr=${encodeURIComponent(url.toWellFormed())}`),
  ];
  return `magnet:?${parameters.join("&")}`;
}

/**
 * The info-hash that `text` is: 40 hexadecimal digits or 32 of base32 (RFC 4648), or of version 2
 * 64 hexadecimal digits; in either case. Undefined when it is none of them.
 */
export function parseInfoHash(text: string): FullInfoHash | undefined {
  return parseSha256(text) ?? parseSha1(text);
}

function parseSha256(text: string): Sha256InfoHash | undefined {
  return /^[\da-fA-F]{64}$/.test(text) ? Uint8Array.fromHex(text) as Sha256InfoHash : undefined;
}

function parseSha1(text: string): InfoHash | undefined {
  if (/^[\da-fA-F]{40}$/.test(text)) return Uint8Array.fromHex(text) as InfoHash;
  // No flag "i" and no upper-casing first: "ſ" and "ı" would become letters of the alphabet.
  return /^[a-zA-Z2-7]{32}$/.test(text) ? decodeBase32(text.toLowerCase()) : undefined;
}

/**
 * The magnet link that `text` is. Throws `MetainfoError` when its info-hash is missing or
 * malformed; any other part that makes no sense is left out.
 */
export function parseMagnet(text: string): Magnet {
  if (text.length > MAX_LENGTH) throw magnetError("too-large", "it is too long");
  const query = /^magnet:\?(.*)$/is.exec(text.trim())?.[1];
  if (query === undefined) throw magnetError("invalid-field", "it does not start with magnet:?");
  const parameters = parseParameters(query);
  const { infoHash, ofVersion2 } = parseTopics(parameters.get("xt") ?? []);
  const name = parameters.get("dn")?.map(decodeName).find((name) => name !== "");
  const length = parameters.get("xl")?.map(parseLength).find((length) => length !== undefined);
  const selectedFiles = parseRanges(parameters.get("so") ?? []);
  return {
    infoHash,
    infoHashHex: infoHash.toHex(),
    ...(ofVersion2 !== undefined && { infoHashV2Hex: ofVersion2.toHex() }),
    ...(name !== undefined && { name }),
    trackers: distinct(parameters.get("tr"), trackerUrl).map((url) => [url]),
    ...(length !== undefined && { length }),
    peers: distinct(parameters.get("x.pe"), parseEndpoint, formatEndpoint),
    ...(selectedFiles !== undefined && { selectedFiles }),
    webSeeds: distinct(parameters.get("ws"), webSeedUrl),
  };
}

function magnetError(reason: MetainfoReason, problem: string): MetainfoError {
  return new MetainfoError(reason, `Cannot read the magnet link: ${problem}`);
}

/** Values by name, escapes and all; `tr.1` and `tr.2` are `tr` (BEP 9). */
function parseParameters(query: string): Map<string, string[]> {
  const parameters = new Map<string, string[]>();
  // Links are copied out of the source of web pages, where "&" is written "&amp;".
  for (const parameter of query.split(/&(?:amp;)?/i)) {
    const equals = parameter.indexOf("=");
    if (equals < 1) continue;
    const key = parameter.slice(0, equals).toLowerCase().replace(/\.\d+$/, "");
    const values = parameters.get(key);
    const value = parameter.slice(equals + 1);
    if (values === undefined) parameters.set(key, [value]);
    else values.push(value);
  }
  return parameters;
}

/**
 * The info-hash among the exact topics; those of other networks are not ours to read. Of a hybrid,
 * which has two, that of version 1.
 */
function parseTopics(
  topics: readonly string[],
): { readonly infoHash: FullInfoHash; readonly ofVersion2: Sha256InfoHash | undefined } {
  const urns = topics.map(decodeEscapes);
  const ofVersion1 = onlyTopic(urns, /^urn:btih:(.*)$/is, parseSha1, NO_SHA1);
  // A multihash may be of a kind that is not known here: that matters when it is all there is.
  const problem = ofVersion1 === undefined ? NO_SHA256 : undefined;
  const ofVersion2 = onlyTopic(urns, /^urn:btmh:(.*)$/is, parseMultihash, problem);
  const infoHash = ofVersion1 ?? ofVersion2;
  if (infoHash !== undefined) return { infoHash, ofVersion2 };
  throw magnetError("invalid-field", "it has no info-hash (xt=urn:btih:…)");
}

const NO_SHA1 = "its info-hash is neither 40 hex digits nor 32 of base32";
const NO_SHA256 = "its info-hash of version 2 is not 1220 and 64 hex digits";

/**
 * What follows `prefix` in one topic, or in several that agree; undefined when in none. One that is
 * malformed is left out when that is no `problem`.
 */
function onlyTopic<Hash extends FullInfoHash>(
  topics: readonly string[],
  prefix: RegExp,
  parse: (text: string) => Hash | undefined,
  problem: string | undefined,
): Hash | undefined {
  let found: Hash | undefined;
  for (const topic of topics) {
    const text = prefix.exec(topic)?.[1];
    if (text === undefined) continue;
    const infoHash = parse(text);
    if (infoHash === undefined) {
      if (problem === undefined) continue;
      throw magnetError("invalid-field", problem);
    }
    if (found !== undefined && found.toHex() !== infoHash.toHex()) {
      throw magnetError("invalid-field", "it names two torrents");
    }
    found = infoHash;
  }
  return found;
}

/** A SHA-256 as a multihash, in hex. */
function parseMultihash(text: string): Sha256InfoHash | undefined {
  return text.startsWith(MULTIHASH_PREFIX)
    ? parseSha256(text.slice(MULTIHASH_PREFIX.length))
    : undefined;
}

/** The digits must be of the alphabet, 32 of them: 160 bits without a rest. */
function decodeBase32(digits: string): InfoHash {
  const bytes: Bytes = new Uint8Array(HASH_LENGTH);
  let bits = 0, bitCount = 0, at = 0;
  for (const digit of digits) {
    bits = (bits << BITS_PER_BASE32 | BASE32_ALPHABET.indexOf(digit)) & 0xfff;
    bitCount += BITS_PER_BASE32;
    if (bitCount < 8) continue;
    bitCount -= 8;
    bytes[at++] = bits >>> bitCount;
  }
  return bytes as InfoHash;
}

/** Undoes escapes (RFC 3986); what is none stays, and what is no UTF-8 becomes U+FFFD. */
function decodeEscapes(value: string): string {
  return value.replace(/(?:%[\da-fA-F]{2})+/g, (escapes) => {
    const bytes = Uint8Array.fromHex(escapes.replaceAll("%", ""));
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  });
}

/** Most programs write a space in a name as "+", as forms do. */
function decodeName(value: string): string {
  return decodeEscapes(value.replaceAll("+", " ")).trim();
}

function parseLength(value: string): number | undefined {
  const length = /^\d{1,16}$/.test(value) ? Number(value) : NaN;
  return Number.isSafeInteger(length) ? length : undefined;
}

/** What `parse` makes of the values, each once. */
function distinct<Address>(
  values: readonly string[] | undefined,
  parse: (value: string) => Address | undefined,
  keyOf: (address: Address) => string = String,
): Address[] {
  const found = new Map<string, Address>();
  for (const value of values ?? []) {
    if (found.size === MAX_ADDRESSES) break;
    const address = parse(decodeEscapes(value));
    if (address !== undefined) found.set(keyOf(address), address);
  }
  return [...found.values()];
}

/** `0,2,4-6`: in order, and merged. What is no range is left out; undefined when nothing is. */
function parseRanges(values: readonly string[]): IndexRange[] | undefined {
  const ranges: IndexRange[] = [];
  for (const text of values.map(decodeEscapes).join(",").split(",", MAX_RANGES)) {
    const match = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(text);
    if (match === null) continue;
    const first = Number(match[1]), last = Number(match[2] ?? match[1]);
    if (first <= last) ranges.push({ first, last });
  }
  return ranges.length === 0 ? undefined : merge(ranges);
}

function merge(ranges: readonly IndexRange[]): IndexRange[] {
  const merged: IndexRange[] = [];
  for (const range of ranges.toSorted((a, b) => a.first - b.first)) {
    const previous = merged.at(-1);
    if (previous === undefined || range.first > previous.last + 1) merged.push(range);
    else merged.push({ ...merged.pop()!, last: Math.max(previous.last, range.last) });
  }
  return merged;
}
