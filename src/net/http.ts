/** HTTP GET of what strangers serve: bounded in bytes, in time and in where it may lead. */
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/ambient.ts";
import type { Bytes } from "../base/bytes.ts";
import { isBlockedPort } from "./blocked_ports.ts";
import { withDeadline } from "./deadline.ts";
import type { Proxy } from "./proxy.ts";
import { mayRedirect, type Resolve } from "./redirect.ts";
import { ConnectError } from "./transport.ts";

const MAX_REDIRECTS = 5;
/** In UTF-16 units; an announce needs a few hundred. */
const MAX_URL_LENGTH = 8_192;
/** Of a redirect that is handed over: magnet links with a hundred trackers are long. */
const MAX_LOCATION_LENGTH = 16_384;
/** Bytes; most answers of trackers are shorter. */
const INITIAL_BODY_LENGTH = 4_096;
const REDIRECT_STATUSES: readonly number[] = [301, 302, 303, 307, 308];
/** How Node names what is wrong with a certificate. */
const UNTRUSTED_CODES = /CERT|SIGNATURE|ISSUER/;
/** Of http: and https: alike no blocked one, which is all that it is looked at for. */
const DEFAULT_PORT = 80;
/** Headers that are meant for one origin alone. */
const SECRET_HEADERS = ["authorization", "cookie", "proxy-authorization"];

export interface FetchOptions {
  /** Most bytes of the body, counted after gzip and the like are undone. */
  readonly maxBytes: number;
  /** For everything, from the first connection to the last byte of the body. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Authorization and Cookie are not sent on to another origin. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Asked before every request, redirected ones too; false refuses the URL. */
  readonly accept?: (url: URL) => boolean;
  /** Carries every request, redirected ones too; names are then not looked up here. */
  readonly proxy?: Proxy;
  /** Schemes like `magnet:`: a redirect there is no failure, but the `location` of the result. */
  readonly handsOver?: readonly string[];
  /**
   * Judges an answer that is not followed, and takes its body as it comes: `bytes` are none then.
   * What it throws is thrown; what it leaves of the body is not read.
   */
  readonly take?: (answer: BodyAnswer) => Promise<void>;
}

export interface FetchResult {
  /** Any that is not followed: a caller decides whether 404 or 204 is an answer. */
  readonly status: number;
  readonly bytes: Bytes;
  /** Where the answer came from, after redirects. */
  readonly url: string;
  /** What the server says of the body: left out by those who have nothing to say. */
  readonly headers?: Headers;
  /** Where the server sends us instead of an answer; see `handsOver`. */
  readonly location?: string;
}

/** GET, as whoever needs it takes it. Throws HttpError. */
export interface FetchBounded {
  (url: string, options: FetchOptions): Promise<FetchResult>;
  /** A proxy carries all of them, and looks their names up: nobody else may. */
  readonly isProxied?: boolean;
}

/** Why there was no answer. */
export type HttpFailure =
  | "unsupported-url"
  | "unreachable"
  | "untrusted"
  | "timeout"
  | "aborted"
  | "redirects"
  | "too-large"
  | "malformed";

/**
 * A GET without an answer. `message` names the host alone: paths and queries hold passkeys.
 * `untrusted` is a certificate that does not prove the host, `malformed` a broken answer.
 */
export class HttpError extends Error {
  override readonly name = "HttpError";
  constructor(readonly failure: HttpFailure, message: string) {
    super(message);
  }
}

/** `fetchBounded` with a proxy for all that it is asked for. */
export function proxiedFetch(fetchBounded: FetchBounded, proxy: Proxy): FetchBounded {
  const proxied: FetchBounded = (url, options) => fetchBounded(url, { ...options, proxy });
  return Object.assign(proxied, { isProxied: true });
}

/** One answer, whose body is yet to be read. */
export interface BodyAnswer {
  readonly status: number;
  readonly headers: Headers;
  /** Gzip and the like are undone. Throws when it is broken. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface HttpAnswer extends BodyAnswer {
  /** Instead of reading the body. */
  readonly discard: () => unknown;
}

type Get = (url: URL, headers: Headers) => Promise<HttpAnswer>;

export interface FetchSetting {
  /** Keeps the deadlines. */
  readonly clock: Clock;
  /** What servers are told of who asks; some trackers let in none but those that they know. */
  readonly userAgent: string;
  /** Looks up the names that redirects lead to. */
  readonly resolve: Resolve;
}

/** The real GET, on Deno's `fetch` or through a proxy. */
export function createFetch({ clock, userAgent, resolve }: FetchSetting): FetchBounded {
  return async (url, asked) => {
    const headers = new Headers({ "User-Agent": userAgent });
    // Whoever asks may say otherwise, in capitals or not.
    for (const [name, value] of Object.entries(asked.headers ?? {})) headers.set(name, value);
    const options = { ...asked, headers: Object.fromEntries(headers) };
    const { signal, timeoutMs, proxy } = options;
    const first = parseUrl(url);
    return await withDeadline(
      { clock, timeoutMs, signal },
      (ending) =>
        follow(first, options, {
          get: getter({ ...options, signal: ending }, clock),
          resolve: proxy === undefined ? resolve : leftToProxy,
        }),
      (reason, why) => new HttpError(reason, `Cannot fetch from ${first.host}: ${why}`),
    );
  };
}

/** A proxy looks names up by itself, in a network that is not ours. */
const leftToProxy: Resolve = () => Promise.resolve([]);

/** Follows redirects by hand, so that each hop is checked like the first. */
async function follow(
  first: URL,
  options: FetchOptions,
  { get, resolve }: { get: Get; resolve: Resolve },
): Promise<FetchResult> {
  const { accept, handsOver = [] } = options;
  const headers = new Headers(options.headers);
  let url = first;
  for (let redirects = 0; redirects <= MAX_REDIRECTS; redirects++) {
    if (accept !== undefined && !accept(url)) throw unsupportedUrl(url, "refused");
    const answer = await get(url, headers);
    const { status, headers: answered } = answer;
    const location = answered.get("location");
    if (!REDIRECT_STATUSES.includes(status) || location === null) {
      const bytes = await readAnswer(answer, url, options);
      return { status, bytes, url: url.href, headers: answered };
    }
    await answer.discard();
    if (redirects === MAX_REDIRECTS) break;
    if (location.length <= MAX_LOCATION_LENGTH && handsOver.includes(schemeOf(location))) {
      return { status, bytes: new Uint8Array(), url: url.href, location };
    }
    const next = parseUrl(location, url);
    if (!await mayRedirect(url, next, resolve)) {
      throw unsupportedUrl(next, "a redirect into a local network");
    }
    if (next.origin !== url.origin) { for (const name of SECRET_HEADERS) headers.delete(name); }
    url = next;
  }
  throw new HttpError(
    "redirects",
    `Cannot fetch from ${first.host}: it redirects more than ${MAX_REDIRECTS} times`,
  );
}

/** In lower case, with its colon; "" of a relative URL. */
function schemeOf(url: string): string {
  return /^[a-z][a-z\d+.-]*:/i.exec(url)?.[0].toLowerCase() ?? "";
}

/** Throws HttpError "unsupported-url" for whatever is not http or https. */
function parseUrl(text: string, base?: URL): URL {
  const url = text.length <= MAX_URL_LENGTH && URL.canParse(text, base?.href)
    ? new URL(text, base)
    : undefined;
  if (url?.protocol === "http:" || url?.protocol === "https:") return url;
  const fault = url === undefined ? "malformed or too long" : "neither http: nor https:";
  const subject = base === undefined
    ? "Cannot fetch: the URL is"
    : `Cannot fetch from ${base.host}: it redirects to a URL that is`;
  throw new HttpError("unsupported-url", `${subject} ${fault}`);
}

function unsupportedUrl(url: URL, why: string): HttpError {
  return new HttpError("unsupported-url", `Cannot fetch from ${url.host}: it is ${why}`);
}

function getter({ proxy, signal, timeoutMs }: FetchOptions, clock: Clock): Get {
  if (proxy === undefined) return (url, headers) => getDirectly(url, headers, signal);
  return (url, headers) => getThrough(url, headers, { proxy, clock, signal, timeoutMs });
}

async function getDirectly(url: URL, headers: Headers, signal: AbortSignal): Promise<HttpAnswer> {
  try {
    const response = await fetch(url, { headers, signal, redirect: "manual" });
    return {
      status: response.status,
      headers: response.headers,
      body: response.body ?? new Blob().stream(),
      discard: () => response.body?.cancel(),
    };
  } catch (error) {
    assert(error instanceof Error);
    // Deno words these; the words may quote the URL, so that none of them is passed on.
    const text = `${error.message} ${error.cause instanceof Error ? error.cause.message : ""}`;
    if (error instanceof Deno.errors.NotCapable) {
      throw new HttpError(
        "unreachable",
        `Cannot fetch from ${url.host}: it is forbidden without --allow-net=${url.host}`,
      );
    }
    if (/^Fetch failed: Requests to port \d+ are blocked/.test(text)) throw blockedPort(url);
    if (/client error \(Connect\): invalid peer certificate/.test(text)) throw untrusted(url);
    if (!/client error \(Connect\): /.test(text)) throw brokenAnswer(url);
    const why = /client error \(Connect\): dns error/.test(text)
      ? "its name is unknown"
      : "it is unreachable";
    throw new HttpError("unreachable", `Cannot fetch from ${url.host}: ${why}`);
  }
}

async function getThrough(
  url: URL,
  headers: Headers,
  options: { proxy: Proxy; clock: Clock; signal: AbortSignal; timeoutMs: number },
): Promise<HttpAnswer> {
  if (isBlockedPort(Number(url.port || DEFAULT_PORT))) throw blockedPort(url);
  // Loaded by those alone who have set a proxy.
  const { requestThroughProxy } = await import("./proxied_http.ts");
  const { DenoNetwork } = await import("./deno_network.ts");
  try {
    const network = new DenoNetwork(options);
    return await requestThroughProxy(url, headers, { ...options, network });
  } catch (error) {
    assert(error instanceof Error);
    if (error instanceof ConnectError) {
      const words = error.message.replace(/^Cannot connect to \S+( through \S+)?: /, "");
      throw new HttpError("unreachable", `Cannot fetch from ${url.host}: ${words}`);
    }
    const code = "code" in error ? String(error.code) : "";
    throw UNTRUSTED_CODES.test(code) ? untrusted(url) : brokenAnswer(url);
  }
}

async function readAnswer(
  answer: HttpAnswer,
  url: URL,
  { maxBytes, take }: FetchOptions,
): Promise<Bytes> {
  const body = bounded(answer.body, url, maxBytes);
  if (take === undefined) return await readAll(body, maxBytes);
  // What it leaves of the body ends with the signal of the request.
  await take({ ...answer, body });
  return new Uint8Array();
}

/** The same, with the errors that we know. */
async function* bounded(
  body: AsyncIterable<Uint8Array>,
  url: URL,
  maxBytes: number,
): AsyncIterable<Uint8Array> {
  let length = 0;
  try {
    for await (const part of body) {
      length += part.length;
      if (length > maxBytes) break;
      yield part;
    }
  } catch {
    throw brokenAnswer(url);
  }
  if (length > maxBytes) {
    throw new HttpError("too-large", `Cannot fetch from ${url.host}: over ${maxBytes} bytes`);
  }
}

async function readAll(body: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Bytes> {
  let bytes = new Uint8Array(Math.min(maxBytes, INITIAL_BODY_LENGTH));
  let length = 0;
  for await (const part of body) {
    const needed = length + part.length;
    if (needed > bytes.length) {
      const smaller = bytes;
      bytes = new Uint8Array(Math.min(Math.max(needed, smaller.length * 2), maxBytes));
      bytes.set(smaller.subarray(0, length));
    }
    bytes.set(part, length);
    length = needed;
  }
  return bytes.slice(0, length);
}

function blockedPort(url: URL): HttpError {
  return unsupportedUrl(url, "a blocked port");
}

function untrusted({ host }: URL): HttpError {
  return new HttpError("untrusted", `Cannot fetch from ${host}: its certificate is invalid`);
}

function brokenAnswer({ host }: URL): HttpError {
  return new HttpError("malformed", `Cannot fetch from ${host}: its answer is broken`);
}
