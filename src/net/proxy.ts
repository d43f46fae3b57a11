/** Proxies as users name them, and as messages may: without the password. Pure. */
import { type Endpoint, formatEndpoint, parseEndpoint } from "../base/endpoint.ts";

/** A proxy that the user set. */
export interface Proxy {
  /** `socks5` carries peers and all that is HTTP (RFC 1928), `http` that alone. */
  readonly kind: "socks5" | "http";
  /** Where it is; its own name, if it has one, is looked up here. */
  readonly endpoint: Endpoint;
  readonly username?: string;
  /** Never without a user name; for nobody's eyes. */
  readonly password?: string;
}

const DEFAULT_PORTS = { socks5: 1080, http: 80 } as const;
/** Of a user name and of a password, in bytes of UTF-8 (RFC 1929, section 2). */
const MAX_CREDENTIAL_LENGTH = 255;
const MAX_URL_LENGTH = 2_048;
/** The last `@` ends the password: people seldom escape one that stands in it. */
const PROXY_URL = /^(socks5h?|http):\/\/(?:([^:/?#]+)(?::([^/?#]*))?@)?([^@/?#]+)\/?$/i;

/**
 * A proxy from `socks5://USER:PASSWORD@HOST:PORT` or `http://…`; undefined when it is not one.
 * `socks5h` means the same: names are never looked up here. User name and password may be
 * percent-encoded.
 */
export function parseProxy(text: string): Proxy | undefined {
  if (text.length > MAX_URL_LENGTH) return undefined;
  const match = PROXY_URL.exec(text);
  if (match === null) return undefined;
  const kind = match[1]!.toLowerCase() === "http" ? "http" : "socks5";
  const endpoint = parseAuthority(match[4]!, DEFAULT_PORTS[kind]);
  if (endpoint === undefined) return undefined;
  if (match[2] === undefined) return { kind, endpoint };
  const username = parseCredential(match[2]), password = parseCredential(match[3] ?? "");
  if (username === undefined || password === undefined) return undefined;
  // RFC 7617: the first colon would end the name.
  if (kind === "http" && username.includes(":")) return undefined;
  return { kind, endpoint, username, password };
}

/** The proxy for people and logs: `socks5://HOST:PORT`. */
export function formatProxy({ kind, endpoint }: Proxy): string {
  return `${kind}://${formatEndpoint(endpoint)}`;
}

function parseAuthority(text: string, defaultPort: number): Endpoint | undefined {
  const hasPort = /:\d+$/.test(text.replace(/^\[[^\]]*\]/, ""));
  return parseEndpoint(hasPort ? text : `${text}:${defaultPort}`);
}

function parseCredential(text: string): string | undefined {
  try {
    const decoded = decodeURIComponent(text);
    if (/\p{Cc}/u.test(decoded)) return undefined;
    const { length } = new TextEncoder().encode(decoded);
    return length <= MAX_CREDENTIAL_LENGTH ? decoded : undefined;
  } catch {
    return undefined;
  }
}
