/**
 * Where a peer listens: an address and a port. The compact forms are BEP 23 (IPv4) and BEP 7
 * (IPv6). Addresses are kept in one canonical text, so that equal endpoints have equal keys.
 */
import { assert } from "./assert.ts";
import { type Bytes, getUint16, putUint16 } from "./bytes.ts";

/** `host` is a canonical IPv4 or IPv6 address, or a DNS name where a user gave one. */
export interface Endpoint {
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
}

export type IpFamily = "ipv4" | "ipv6";

/** The port by which whoever is at `host` reaches us: a gateway may know us by another one. */
export type PortFor = (host: string) => number;

/** The same for a UDP port of ours. */
export type UdpPortFor = (host: string, port: number) => number;

/** Bytes of one compact endpoint: address and port. */
const COMPACT_IPV4_LENGTH = 6;
const COMPACT_IPV6_LENGTH = 18;

export const MAX_PORT = 65_535;
/** What clients announce that cannot be reached, to trackers that refuse port 0. */
export const NOT_LISTENING_PORT = 1;
/** Of URLs that name none. */
const HTTP_PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443 };
const MAX_HOST_NAME_LENGTH = 253;
/** Names that stand for this machine: RFC 6761 (6.3), and what `/etc/hosts` often adds. */
const LOOPBACK_NAME = /^((.+\.)?localhost|localhost\.localdomain|ip6-(localhost|loopback))$/;

/** `host:port`, with IPv6 in brackets: for people, and as the key of an endpoint. */
export function formatEndpoint({ host, port }: Endpoint): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** An endpoint from `host:port` or `[ipv6]:port`; undefined when it is not one. */
export function parseEndpoint(text: string): Endpoint | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text.trim());
  if (match === null) return undefined;
  const host = match[1] === undefined ? canonicalHost(match[2]!) : canonicalIpv6(match[1]);
  const port = Number(match[3]);
  if (host === undefined || port < 1 || port > MAX_PORT) return undefined;
  return { host, port };
}

/** The canonical text of an address or DNS name; undefined when it is neither. */
export function canonicalHost(text: string): string | undefined {
  if (text.includes(":")) return canonicalIpv6(text);
  // A last label that is a number makes the system read an address: 127.1 or 0x7f000001.
  if (/(^|\.)(\d+|0x[\da-f]*)\.?$/i.test(text)) return parseIpv4(text)?.join(".");
  const isName = text.length <= MAX_HOST_NAME_LENGTH && /^[\w-]+(\.[\w-]+)*\.?$/.test(text);
  return isName ? text.toLowerCase() : undefined;
}

/** The host of a URL: URLs have IPv6 addresses in brackets. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

/** Where the server of an http or https URL listens; undefined when its host is none. */
export function serverOf(url: URL): Endpoint | undefined {
  const host = canonicalHost(hostOf(url));
  if (host === undefined) return undefined;
  return { host, port: url.port === "" ? HTTP_PORTS[url.protocol]! : Number(url.port) };
}

/** Endpoints from 6-byte groups; undefined when the length is no multiple of 6 (BEP 23). */
export function parseCompactIpv4(bytes: Uint8Array): Endpoint[] | undefined {
  return parseCompact(bytes, COMPACT_IPV4_LENGTH, formatIpv4);
}

/** Endpoints from 18-byte groups; undefined when the length is no multiple of 18 (BEP 7). */
export function parseCompactIpv6(bytes: Uint8Array): Endpoint[] | undefined {
  return parseCompact(bytes, COMPACT_IPV6_LENGTH, formatIpv6);
}

function parseCompact(
  bytes: Uint8Array,
  groupLength: number,
  formatAddress: (address: Uint8Array) => string,
): Endpoint[] | undefined {
  if (bytes.length % groupLength !== 0) return undefined;
  const endpoints: Endpoint[] = [];
  for (let offset = 0; offset < bytes.length; offset += groupLength) {
    const port = getUint16(bytes, offset + groupLength - 2);
    if (port === 0) continue;
    endpoints.push({ host: formatAddress(bytes.subarray(offset, offset + groupLength - 2)), port });
  }
  return endpoints;
}

/** The compact form of an endpoint, 6 or 18 bytes. Its host is an address: nobody is sent a name. */
export function toCompact({ host, port }: Endpoint): Bytes {
  const address = addressBytes(host);
  assert(address !== undefined, "only addresses go into messages");
  const compact = new Uint8Array(address.length + 2);
  compact.set(address);
  putUint16(compact, address.length, port);
  return compact;
}

/** The family of an address in text. */
export function familyOf(host: string): IpFamily {
  return host.includes(":") ? "ipv6" : "ipv4";
}

/** 4 or 16 bytes of an address in text; undefined for anything else. */
export function addressBytes(host: string): Uint8Array | undefined {
  const bytes = host.includes(":") ? parseIpv6(host) : parseIpv4(host);
  return bytes && Uint8Array.from(bytes);
}

/**
 * The canonical text of 4 or 16 address bytes, a v4-mapped IPv6 address as the IPv4 address
 * that it stands for (RFC 4291, 2.5.5.2); undefined when there are not so many.
 */
export function formatAddress(bytes: Uint8Array): string | undefined {
  if (bytes.length === 4) return formatIpv4(bytes);
  if (bytes.length !== 16) return undefined;
  return isV4Mapped(bytes) ? formatIpv4(bytes.subarray(12)) : formatIpv6(bytes);
}

/** How far an address reaches, as far as dialling it is concerned. */
export type AddressScope = "global" | "private" | "link-local" | "loopback" | "invalid" | "name";

/** The scope of a host; `invalid` covers unspecified, multicast, broadcast and v4-mapped. */
export function addressScope(host: string): AddressScope {
  const bytes = addressBytes(host);
  if (bytes === undefined) return host === "localhost" ? "loopback" : "name";
  return bytes.length === 4 ? scopeOfIpv4(bytes) : scopeOfIpv6(bytes);
}

/**
 * The scope of a host that may be a name: names without a dot and `.local` ones are known in the
 * local network alone. For those who look names up; nobody is to name a peer so.
 */
export function hostScope(host: string): AddressScope {
  const name = host.toLowerCase().replace(/\.$/, "");
  const scope = LOOPBACK_NAME.test(name) ? "loopback" : addressScope(name);
  if (scope !== "name") return scope;
  return !name.includes(".") || name.endsWith(".local") ? "private" : "name";
}

/** Only this machine can reach whoever listens there. */
export function isLoopback(host: string): boolean {
  return addressScope(host) === "loopback";
}

/**
 * May we dial what a stranger named? `namedBy` is the scope of whoever named it: a public
 * tracker has no business with our loopback, and only neighbours know link-local addresses.
 */
export function isDialable(endpoint: Endpoint, namedBy: AddressScope): boolean {
  if (endpoint.port <= NOT_LISTENING_PORT) return false;
  switch (addressScope(endpoint.host)) {
    case "global":
    case "private":
      return true;
    case "link-local":
      return namedBy === "link-local";
    case "loopback":
      return namedBy === "loopback" || namedBy === "private";
    case "invalid":
    case "name":
      return false;
  }
}

function scopeOfIpv4(bytes: Uint8Array): AddressScope {
  const first = bytes[0]!, second = bytes[1]!;
  if (first === 0 || first >= 224) return "invalid";
  if (first === 127) return "loopback";
  if (first === 169 && second === 254) return "link-local";
  if (first === 10 || (first === 172 && second >> 4 === 1) || (first === 192 && second === 168)) {
    return "private";
  }
  return "global";
}

function scopeOfIpv6(bytes: Uint8Array): AddressScope {
  const leadingZeros = bytes.findIndex((byte) => byte !== 0);
  if (leadingZeros === -1) return "invalid";
  if (leadingZeros === 15 && bytes[15] === 1) return "loopback";
  if (isV4Mapped(bytes)) return "invalid";
  if (bytes[0] === 255) return "invalid";
  if (bytes[0] === 0xfe && bytes[1]! >> 6 === 2) return "link-local";
  return bytes[0]! >> 1 === 0x7e ? "private" : "global";
}

function isV4Mapped(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 10).every((byte) => byte === 0) && bytes[10] === 255 &&
    bytes[11] === 255;
}

function formatIpv4(bytes: Uint8Array): string {
  return bytes.join(".");
}

/** RFC 5952: lower case, the first longest run of two or more zero groups as `::`. */
function formatIpv6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, index) => getUint16(bytes, index * 2));
  let runStart = 0, runLength = 0;
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > runLength) [runStart, runLength] = [start, end - start];
  }
  const text = groups.map((group) => group.toString(16));
  if (runLength < 2) return text.join(":");
  return `${text.slice(0, runStart).join(":")}::${text.slice(runStart + runLength).join(":")}`;
}

function parseIpv4(text: string): number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) {
    return undefined;
  }
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

function parseIpv6(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, index) => parseGroups(half, index === halves.length - 1));
  if (head === undefined || (halves.length === 2 && tail === undefined)) return undefined;
  const missing = 16 - head.length - (tail?.length ?? 0);
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...(tail ?? [])];
}

/** Only the end of an address may be written as IPv4 (RFC 4291 section 2.2). */
function parseGroups(text: string, isEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [index, group] of groups.entries()) {
    if (isEnd && index === groups.length - 1 && group.includes(".")) {
      const ipv4 = parseIpv4(group);
      if (ipv4 === undefined) return undefined;
      bytes.push(...ipv4);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(group)) {
      const value = parseInt(group, 16);
      bytes.push(value >>> 8, value & 255);
    } else {
      return undefined;
    }
  }
  return bytes;
}

function canonicalIpv6(text: string): string | undefined {
  const bytes = parseIpv6(text);
  return bytes && formatIpv6(Uint8Array.from(bytes));
}
