/** The client's side of an HTTP proxy (RFC 9110, 9.3.6; RFC 7617 for user names). */
import { type Endpoint, formatEndpoint } from "../base/endpoint.ts";
import type { Proxy } from "./proxy.ts";
import { ConnectError, type Connection } from "./transport.ts";

/** Bytes of an answer's head; proxies send a line or two. */
const MAX_HEAD_LENGTH = 8_192;
const EMPTY_LINE = "\r\n\r\n";
export const AUTHENTICATION_REQUIRED = 407;

/** The value of Proxy-Authorization; undefined when the proxy wants no user name. */
export function proxyAuthorization({ username, password = "" }: Proxy): string | undefined {
  if (username === undefined) return undefined;
  return `Basic ${new TextEncoder().encode(`${username}:${password}`).toBase64()}`;
}

/**
 * Has the proxy connect to `to`; then what is written goes there, and what is read comes from
 * there. Throws ConnectError. Has no deadline: closing the connection ends it.
 */
export async function openHttpTunnel(
  connection: Connection,
  to: Endpoint,
  proxy: Proxy,
  attempt: string,
): Promise<void> {
  const authorization = proxyAuthorization(proxy);
  const lines = [
    `CONNECT ${formatEndpoint(to)} HTTP/1.1`,
    `Host: ${formatEndpoint(to)}`,
    ...(authorization === undefined ? [] : [`Proxy-Authorization: ${authorization}`]),
  ];
  // A proxy that has closed says so in what it sent before, or to the next read.
  await connection.write(new TextEncoder().encode(lines.join("\r\n") + "\r\n\r\n")).catch(() => {});
  const status = parseTunnelStatus(await readHead(connection, attempt));
  if (status !== undefined && status >= 200 && status <= 299) return;
  if (status === AUTHENTICATION_REQUIRED) throw loginRefused(attempt);
  const why = status === undefined
    ? "the proxy's answer is broken"
    : `the proxy answers with HTTP status ${status}`;
  throw new ConnectError("proxy", `${attempt}: ${why}`);
}

/** What HTTP status 407 of a proxy means. */
export function loginRefused(attempt: string): ConnectError {
  return new ConnectError("proxy", `${attempt}: the proxy refuses the user name or the password`);
}

/** The status of a head that ends with its first empty line; undefined when it is none. */
function parseTunnelStatus(head: string): number | undefined {
  const match = /^HTTP\/1\.[01] (\d{3})[ \r\n]/.exec(head);
  const isWhole = head.indexOf(EMPTY_LINE) + EMPTY_LINE.length === head.length;
  return match === null || !isWhole ? undefined : Number(match[1]);
}

/**
 * The head of an answer, with its empty line. With CONNECT nothing may follow it before we have
 * spoken, so that what was read beyond makes it a broken one.
 */
async function readHead(connection: Connection, attempt: string): Promise<string> {
  const buffer = new Uint8Array(MAX_HEAD_LENGTH);
  for (let length = 0; length < buffer.length;) {
    const count = await connection.read(buffer.subarray(length));
    if (count === null) {
      throw new ConnectError("proxy", `${attempt}: the proxy closes the connection`);
    }
    length += count;
    const head = new TextDecoder("latin1").decode(buffer.subarray(0, length));
    if (head.includes(EMPTY_LINE)) return head;
  }
  throw new ConnectError("proxy", `${attempt}: the proxy's answer is broken`);
}
