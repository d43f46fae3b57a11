/**
 * One HTTP request through a proxy. Not with `fetch`: even with a proxy of its own it looks
 * names up on this machine, and NO_PROXY in the environment sends it around every proxy. So
 * Node's HTTP and TLS speak over a connection that we have made.
 */
import {
  type IncomingHttpHeaders,
  type IncomingMessage,
  request as httpRequest,
  type RequestOptions,
} from "node:http";
import type { Duplex } from "node:stream";
import { connect as connectTls } from "node:tls";
import { createGunzip } from "node:zlib";
import type { Clock } from "../base/ambient.ts";
import { addressBytes, type Endpoint, serverOf } from "../base/endpoint.ts";
import { ConnectionStream } from "./connection_stream.ts";
import type { HttpAnswer } from "./http.ts";
import {
  AUTHENTICATION_REQUIRED,
  loginRefused,
  openHttpTunnel,
  proxyAuthorization,
} from "./http_tunnel.ts";
import { attemptThrough, connectToProxy, proxiedNetwork } from "./proxied_network.ts";
import type { Proxy } from "./proxy.ts";
import { ConnectError, type Connection, type Network } from "./transport.ts";

/** Bytes of an answer's head, all its headers together. */
const MAX_HEAD_LENGTH = 32_768;

/** What a request is sent by; `signal` must abort in the end, and closes whatever is open. */
export interface ProxiedRequest {
  readonly proxy: Proxy;
  readonly network: Network;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** Sends a GET. Throws ConnectError; Node's errors for certificates and broken answers. */
export async function requestThroughProxy(
  url: URL,
  headers: Headers,
  options: ProxiedRequest,
): Promise<HttpAnswer> {
  const { proxy, network } = options;
  const to = reachableServer(url);
  const attempt = attemptThrough(proxy, to);
  const isForwarded = proxy.kind === "http" && url.protocol === "http:";
  const connection = isForwarded
    ? await connectToProxy(network, proxy, options, attempt)
    : await connectToServer(to, options, attempt);
  const stream = streamOver(connection, url, options.signal);
  const path = url.pathname + url.search;
  const authorization = isForwarded ? proxyAuthorization(proxy) : undefined;
  const answer = await send({
    createConnection: () => stream,
    host: to.host,
    path: isForwarded ? url.origin + path : path,
    headers: {
      ...headersFor(url, headers),
      ...(authorization === undefined ? {} : { "Proxy-Authorization": authorization }),
    },
    maxHeaderSize: MAX_HEAD_LENGTH,
  });
  if (isForwarded && answer.statusCode === AUTHENTICATION_REQUIRED) {
    throw loginRefused(attempt);
  }
  return answerOf(answer);
}

/** What the request is written to, TLS or not; it is destroyed with `signal`. */
function streamOver(connection: Connection, url: URL, signal: AbortSignal): Duplex {
  const plain = new ConnectionStream(connection);
  const stream = url.protocol === "https:" ? encrypted(plain, url) : plain;
  const close = () => {
    stream.destroy();
    plain.destroy();
  };
  signal.addEventListener("abort", close);
  if (signal.aborted) close();
  // Failures are told by the request and its answer; those after them are nobody's news.
  for (const either of [plain, stream]) either.on("error", () => {});
  return stream;
}

/** As `fetch` would send them, and no more than we can undo. */
function headersFor(url: URL, given: Headers): Record<string, string> {
  return {
    Accept: "*/*",
    "Accept-Encoding": "gzip",
    ...Object.fromEntries(given),
    ...credentialsOf(url),
    Connection: "close",
    Host: url.host,
  };
}

/** A connection that ends at the server: through SOCKS5, or through a tunnel of an HTTP proxy. */
async function connectToServer(
  to: Endpoint,
  options: ProxiedRequest,
  attempt: string,
): Promise<Connection> {
  const { proxy, network, clock, signal } = options;
  if (proxy.kind === "socks5") {
    return await proxiedNetwork(network, proxy, { clock }).connect(to, options);
  }
  const connection = await connectToProxy(network, proxy, options, attempt);
  const close = () => connection.close();
  signal.addEventListener("abort", close);
  if (signal.aborted) close();
  try {
    await openHttpTunnel(connection, to, proxy, attempt);
    return connection;
  } catch (error) {
    close();
    throw error;
  }
}

function reachableServer(url: URL): Endpoint {
  const server = serverOf(url);
  if (server !== undefined) return server;
  throw new ConnectError("unreachable", `Cannot connect to ${url.host}: its name is malformed`);
}

/** TLS that checks the certificate against the URL's host, whatever the environment says. */
function encrypted(socket: Duplex, url: URL): Duplex {
  const { host } = reachableServer(url);
  const isName = addressBytes(host) === undefined;
  return connectTls({
    socket,
    host,
    ...(isName ? { servername: host } : {}),
    rejectUnauthorized: true,
    ALPNProtocols: ["http/1.1"],
  });
}

/** `https://user:password@host/`, as `fetch` has it. */
function credentialsOf({ username, password }: URL): Record<string, string> {
  if (username === "" && password === "") return {};
  const text = [username, password].map(decoded).join(":");
  return { Authorization: `Basic ${new TextEncoder().encode(text).toBase64()}` };
}

function send(options: RequestOptions): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(options, resolve);
    request.on("error", reject);
    request.end();
  });
}

/** A URL's own escapes; what is none stays as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function answerOf(message: IncomingMessage): HttpAnswer {
  const { statusCode = 0, headers } = message;
  const isPacked = /^(x-)?gzip$/i.test(headers["content-encoding"] ?? "");
  return {
    status: statusCode,
    headers: headersOf(headers),
    body: isPacked ? unpacked(message) : message,
    discard: () => message.destroy(),
  };
}

function headersOf(given: IncomingHttpHeaders): Headers {
  const headers = new Headers();
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === "string") headers.set(name, value);
  }
  return headers;
}

function unpacked(message: IncomingMessage): AsyncIterable<Uint8Array> {
  const unpacker = createGunzip();
  message.on("error", (error: Error) => unpacker.destroy(error));
  // Told to whoever reads the body; of a redirect, nobody does.
  unpacker.on("error", () => {});
  return message.pipe(unpacker);
}
