/** The address of a tracker: which ones we use, and how one is shown without its secrets. */
import {
  type AddressScope,
  canonicalHost,
  hostOf,
  hostScope,
  NOT_LISTENING_PORT,
} from "../base/endpoint.ts";
import { TrackerError } from "../base/errors.ts";
import { printable } from "../base/printable.ts";

/** A tracker's address that we may use. */
export interface TrackerUrl {
  /** Complete, with its passkey if it has one: only for the tracker's own eyes. */
  readonly text: string;
  readonly protocol: "http" | "udp";
  /** A canonical address, or a name. */
  readonly host: string;
  readonly port: number;
  /** Path and query, `/announce?…`: what BEP 41 sends to a UDP tracker. */
  readonly requestPath: string;
  /** How near the tracker is, and so which peers it may name (`isDialable`). */
  readonly scope: AddressScope;
}

const MAX_URL_LENGTH = 2_048;
const MAX_SHOWN_LENGTH = 100;
/** A part shorter than this is too common to be sought and hidden in other text. */
const MIN_SECRET_LENGTH = 4;
const HIDDEN = "…";
/** Path segments that every tracker has. Any other one may be a passkey. */
const PUBLIC_SEGMENT = /^(announce|announce\.php|scrape)?$/;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { "http:": 80, "https:": 443, "udp:": 80 };
// deno-lint-ignore no-control-regex
const SPACE_OR_CONTROL = /[\x00-\x20\x7f]/;

/**
 * Throws TrackerError("unsupported-url") for what is no URL, is neither HTTP nor UDP, carries a
 * user name, or leads where no tracker is.
 */
export function parseTrackerUrl(text: string): TrackerUrl {
  if (text.length > MAX_URL_LENGTH) refuse(`is longer than ${MAX_URL_LENGTH} characters`);
  if (SPACE_OR_CONTROL.test(text)) refuse("contains spaces or control characters");
  const scheme = /^[a-z][a-z0-9+.-]*:/i.exec(text)?.[0].toLowerCase() ?? "";
  const defaultPort = DEFAULT_PORTS[scheme];
  if (defaultPort === undefined) refuse("is neither HTTP nor UDP");
  // Read as HTTP, a UDP address gets the same checks of its host and port.
  const isUdp = scheme === "udp:";
  const url = parseUrl(isUdp ? "http:" + text.slice(scheme.length) : text);
  if (url === undefined) refuse("is malformed");
  if (url.username !== "" || url.password !== "") refuse("contains a user name");
  if (url.port === "0") refuse("has port 0");
  url.hash = "";
  const scope = isUdp ? trackerScope(hostOf(url)) : httpTrackerScope(url);
  if (scope === undefined) refuse(whyNoTracker(hostOf(url)));
  return {
    text: isUdp ? text : url.href,
    protocol: isUdp ? "udp" : "http",
    host: hostOf(url),
    port: url.port === "" ? defaultPort : Number(url.port),
    requestPath: url.pathname + url.search,
    scope,
  };
}

/**
 * How near a tracker is that is asked over HTTP; undefined where a stranger's torrent must not
 * send us: where `trackerScope` knows no tracker, and on this machine to any path but `/announce`.
 */
export function httpTrackerScope(url: URL): AddressScope | undefined {
  const scope = trackerScope(hostOf(url));
  return scope === "loopback" && !url.pathname.startsWith("/announce") ? undefined : scope;
}

/** Whoever has a tunnel to a tracker, or one here, is to see what is asked. */
function whyNoTracker(host: string): string {
  return trackerScope(host) === "loopback"
    ? "is on this machine, where only paths that begin with /announce are asked"
    : "leads where no tracker is";
}

/** Why no address of a tracker may be asked. */
export function unaskable({ port }: TrackerUrl): TrackerError {
  const fact = port <= NOT_LISTENING_PORT
    ? `nobody listens at port ${port}`
    : "its name leads to this machine";
  return new TrackerError("unreachable", fact);
}

/** Undefined for link-local hosts (metadata services of clouds) and for addresses of nobody. */
function trackerScope(host: string): AddressScope | undefined {
  if (canonicalHost(host) === undefined) return undefined;
  const scope = hostScope(host);
  return scope === "link-local" || scope === "invalid" ? undefined : scope;
}

/** The address as people and logs may see it: without passkey, query and user name. */
export function redactTrackerUrl(text: string): string {
  const url = text.length > MAX_URL_LENGTH ? undefined : parseUrl(text);
  if (url === undefined) return "(malformed address)";
  const path = url.pathname.split("/")
    .map((segment) => PUBLIC_SEGMENT.test(segment) ? segment : HIDDEN).join("/");
  const query = url.search === "" ? "" : `?${HIDDEN}`;
  return printable(`${url.protocol}//${url.host}${path}${query}`, MAX_SHOWN_LENGTH);
}

/** `text` without the secret parts of the address, should the tracker quote them to us. */
export function hideSecrets(text: string, { requestPath }: TrackerUrl): string {
  const parts = requestPath.split(/[/?&=]/).filter((part) => !PUBLIC_SEGMENT.test(part));
  const secrets = parts.flatMap((part) => [part, decoded(part)])
    .filter((part) => part.length >= MIN_SECRET_LENGTH);
  return secrets.reduce((shown, secret) => shown.replaceAll(secret, HIDDEN), text);
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

function parseUrl(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

function refuse(fault: string): never {
  throw new TrackerError("unsupported-url", `the address ${fault}`);
}
