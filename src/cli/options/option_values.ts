/**
 * How the values of options are written, and what each becomes: what is typed is checked here
 * once, so that commands see sizes, endpoints and ranges and no text. Pure.
 */
import { addressBytes, canonicalHost, type Endpoint, parseEndpoint } from "../../base/endpoint.ts";
import { parseFeedDate } from "../../feed/feed_date.ts";
import { MAX_PATTERN_LENGTH } from "../../feed/title_pattern.ts";
import { parseProxy, type Proxy } from "../../net/proxy.ts";
import { parseDuration, parseSize } from "../output/units.ts";
import type { ValueType } from "./option.ts";
import { parseRange, type RangeOption } from "./range_option.ts";

/** A header that is sent when a .torrent is fetched. */
export interface Header {
  readonly name: string;
  readonly value: string;
}

/** 16 KiB to 256 MiB: what mktorrent makes, and everybody reads. */
const PIECE_LENGTHS = Array.from({ length: 15 }, (_, index) => 2 ** (14 + index));

/** What our own client waits at least, whatever a tracker says. */
const SHORTEST_ANNOUNCE_INTERVAL_MS = 10_000;

/** A folder, which shells complete. */
export const folderValue = pathValue("DIR", "directory");

/** A .torrent, its URL, or what links to it: shells complete files. */
export const sourceValue = torrentValue("SOURCE", "file");

/** What is no name of a file: a magnet link, a URL or an info-hash. */
const LINK = /^(magnet:|https?:\/\/|([\da-f]{40}|[\da-f]{64}|[a-z2-7]{32})$)/i;

/** Bytes: `64M`. */
export const sizeValue = valueOf("SIZE", parseSize, "a size such as 500K, 64M or 1.5G");

/** Bytes a second: `2M`. */
export const rateValue = valueOf("RATE", parseSize, "a rate such as 500K, 2M or 1.5G");

/** Milliseconds, at least one: `90s`. */
export const durationValue = valueOf(
  "T",
  (text) => parseDuration(text) || undefined,
  "a time such as 90s, 10m, 2h or 1d",
);

/** Milliseconds between two announces: whoever came more often would be a load, and no fresher. */
export const announceIntervalValue = valueOf(
  "T",
  (text) => {
    const intervalMs = parseDuration(text) ?? 0;
    return intervalMs < SHORTEST_ANNOUNCE_INTERVAL_MS ? undefined : intervalMs;
  },
  "a time of 10s or more, such as 90s, 5m or 1h",
);

/** Milliseconds, or 0 for not at all. */
export const waitValue = valueOf("T", parseDuration, "a time such as 0, 90s, 10m or 2h");

/** How many copies to send: `1.5`. */
export const ratioValue = valueOf(
  "R",
  (text) => /^\d{1,6}(\.\d{1,6})?$/.test(text) && Number(text) > 0 ? Number(text) : undefined,
  "a ratio above 0, such as 1 or 2.5",
);

/** Where a peer is, named by the user. */
export const endpointValue = valueOf<Endpoint>(
  "HOST:PORT",
  parseEndpoint,
  "HOST:PORT, such as 192.0.2.1:6881 or [2001:db8::1]:6881",
);

/** An address of this machine; one of IPv6 may have its brackets, as in a URL. */
export const addressValue = valueOf("ADDR", parseAddress, "an IPv4 or IPv6 address");

function parseAddress(text: string): string | undefined {
  const address = /^\[([^[\]]*:[^[\]]*)\]$/.exec(text)?.[1] ?? text;
  return addressBytes(address) === undefined ? undefined : canonicalHost(address);
}

/** A torrent's info-hash as trackers know it, in lower-case hex: of version 2 the first 20 bytes. */
export const infoHashValue = valueOf(
  "INFOHASH",
  (text) => /^([0-9a-f]{40})([0-9a-f]{24})?$/i.exec(text)?.[1]?.toLowerCase(),
  "an info-hash of 40 hexadecimal digits, or 64",
);

/** The URL of a proxy, which may hold a password: it is never quoted back. */
export const proxyValue = valueOf<Proxy>(
  "URL",
  parseProxy,
  "socks5://HOST:PORT or http://HOST:PORT, with USER:PASSWORD@ before the host where needed",
  { isSecret: true },
);

/** From when on: so long before now, or an instant; both in milliseconds. */
export type Since = { readonly agoMs: number } | { readonly at: number };

export const sinceValue = valueOf<Since>(
  "DATE|T",
  parseSince,
  "a time such as 12h or 7d, or a date such as 2026-11-20 or 2026-11-20T08:00:00Z",
);

function parseSince(text: string): Since | undefined {
  const agoMs = parseDuration(text) || undefined;
  if (agoMs !== undefined) return { agoMs };
  const at = parseFeedDate(text);
  return at === undefined ? undefined : { at };
}

/** A part of a title: `*` is any text, `?` any character. */
export const titlePatternValue = valueOf(
  "PATTERN",
  (text) => text.trim() !== "" && text.length <= MAX_PATTERN_LENGTH ? text : undefined,
  "a part of a title, in which * is any text and ? any character",
);

/** Where a feed is. Its URL may hold a passkey: it is never quoted back. */
export const feedValue = valueOf(
  "URL|FILE",
  (text) => /^(?!https?:)[a-z][a-z\d+.-]+:\/\//i.test(text) || text === "" ? undefined : text,
  "an http(s) URL or a file",
  { isSecret: true },
);

export const rangeValue = valueOf<RangeOption>(
  "FILE:START-END",
  parseRange,
  "FILE:START-END, FILE:START- or FILE:-LAST, with START below END",
);

export const headerValue = valueOf<Header>(
  "'NAME: VALUE'",
  parseHeader,
  "a header such as 'Cookie: id=1'",
  { isSecret: true },
);

/** RFC 9110: a token, a colon, and no control characters in the value. */
function parseHeader(text: string): Header | undefined {
  const match = /^([!#$%&'*+.^_`|~\w-]+):[ \t]*([^\p{Cc}]*)$/u.exec(text);
  return match === null ? undefined : { name: match[1]!, value: match[2]!.trimEnd() };
}

/** A piece: a power of two that every client takes. */
export const pieceLengthValue = valueOf(
  "SIZE",
  (text) => PIECE_LENGTHS.find((length) => length === parseSize(text)),
  "a power of two from 16K to 256M",
);

/** Trackers that are equal to each other. */
export const tierValue = valueOf<readonly string[]>(
  "URL[,URL]",
  (text) => {
    const urls = text.split(",").map((url) => url.trim());
    return urls.every((url) => isUrl(url, ["http:", "https:", "udp:"])) ? urls : undefined;
  },
  "an http, https or udp URL of a tracker, or several with a comma between",
  { isSecret: true },
);

export const webSeedValue = valueOf(
  "URL",
  (text) => isUrl(text, ["http:", "https:"]) ? text : undefined,
  "an http or https URL",
  { isSecret: true },
);

/** One name of a file or folder. */
export const nameValue = valueOf(
  "NAME",
  (text) => /^\.{0,2}$|[/\p{Cc}\p{Cs}]/u.test(text) ? undefined : text,
  "a name without slashes and control characters",
);

/** URL parsers drop spaces and controls in silence; nobody means them. */
function isUrl(text: string, protocols: readonly string[]): boolean {
  if (/[\s\p{Cc}]/u.test(text)) return false;
  const url = URL.parse(text);
  return url !== null && url.hostname !== "" && protocols.includes(url.protocol);
}

/** A path on this disk, as the user wrote it; or what else may stand in its place. */
export function pathValue(
  metavar: string,
  type: "file" | "directory" | "any",
  extensions: readonly string[] = [],
): ValueType<string> {
  const path = valueOf(metavar, (text) => text === "" ? undefined : text, "a path");
  return { ...path, completion: { kind: "paths", type, extensions } };
}

/** A .torrent, or what leads to one: links are pasted with blank space around, names keep theirs. */
export function torrentValue(metavar: string, type: "file" | "any"): ValueType<string> {
  const value = pathValue(metavar, type, type === "file" ? [".torrent"] : []);
  return { ...value, parse: (text) => value.parse(LINK.test(text.trim()) ? text.trim() : text) };
}

/** Whatever was typed. */
export function textValue(metavar: string): ValueType<string> {
  return valueOf(metavar, (text) => text, "a text");
}

/** A whole number in a range that includes both ends. */
export function integerValue(
  { min, max = Number.MAX_SAFE_INTEGER }: { min: number; max?: number },
): ValueType<number> {
  const parse = (text: string) => {
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    return value >= min && value <= max ? value : undefined;
  };
  const range = max === Number.MAX_SAFE_INTEGER ? `${min} up` : `${min} to ${max}`;
  return valueOf("N", parse, `a whole number from ${range}`);
}

/** One of a few words. */
export function choiceValue<const Word extends string>(
  metavar: string,
  words: readonly Word[],
): ValueType<Word> {
  const parse = (text: string) => words.find((word) => word === text);
  const expected = `one of these: ${words.join(", ")}`;
  return { ...valueOf(metavar, parse, expected), completion: { kind: "words", words } };
}

function valueOf<Value>(
  metavar: string,
  parse: (text: string) => Value | undefined,
  expected: string,
  { isSecret = false } = {},
): ValueType<Value> {
  return { metavar, parse, expected, isSecret, completion: undefined };
}
