/** The client's side of an HTTP proxy (RFC 9110, 9.3.6; RFC 7617 for user names). */
import type { Bytes } from "../base/bytes.ts";
import { type Endpoint, formatEndpoint } from "../base/endpoint.ts";
import type { Proxy } from "./proxy.ts";
import { ConnectError, type Connection } from "./transport.ts";

/** Bytes of an answer's head; proxies send a line or two. */
const MAX_HEAD_LENGTH = 8_192;
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

/** The status of a whole head, up to its empty line; undefined when it is none. */
function parseTunnelStatus(head: Uint8Array): number | undefined {
  const text = new TextDecoder("latin1").decode(head);
  const match = /^HTTP\/1\.[01] (\d{3})[ \r\n]/.exec(text);
  return match === null || !text.endsWith("\r\n\r\n") ? undefined : Number(match[1]);
}

/**
 * The head of an answer, with its empty line. With CONNECT nothing may follow it before we have
 * spoken, so that what was read beyond makes it a broken one.
 */
async function readHead(connection: Connection, attempt: string): Promise<Bytes> {
  const buffer = new Uint8Array(MAX_HEAD_LENGTH);
  for (let length = 0; length < buffer.length;) {
    const count = await connection.read(buffer.subarray(length));
    if (count === null) {
      throw new ConnectError("proxy", `${attempt}: the proxy closes the connection`);
    }
    length += count;
    const head = buffer.subarray(0, length);
    if (hasEmptyLine(head)) return head;
  }
  throw new ConnectError("proxy", `${attempt}: the proxy's answer is broken`);
}

function hasEmptyLine(bytes: Uint8Array): boolean {
  for (let at = 3; at < bytes.length; at++) {
    if (bytes[at] === 10 && bytes[at - 1] === 13 && bytes[at - 2] === 10) return true;
  }
  return false;
}
