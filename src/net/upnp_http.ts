/**
 * HTTP as far as UPnP gateways need it, on a plain connection: `fetch` would follow a gateway to
 * other places, wait for its keep-alive, and go through the proxy of the environment.
 */
import { parseEndpoint } from "../base/endpoint.ts";
import { concatBytes } from "../base/bytes.ts";
import { ProtocolError } from "../base/errors.ts";
import type { Clock } from "../base/ambient.ts";
import { ConnectError, type Connection, type Network } from "./transport.ts";
import { parseHttpAnswer, type UpnpAnswer } from "./upnp.ts";

const EXCHANGE_MS = 3_000;
/** Bytes of an answer; descriptions have a few thousand. */
const MAX_ANSWER_LENGTH = 65_536;
const READ_LENGTH = 4_096;
const HTTP_PORT = "80";

/** What a service is asked to do (UPnP Device Architecture, control). */
export interface SoapAction {
  readonly type: string;
  readonly name: string;
  readonly body: string;
}

/** The answer to GET, or to POST of an action; undefined when there is none in time. */
export async function askGateway(
  url: URL,
  action: SoapAction | undefined,
  { network, clock, signal }: { network: Network; clock: Clock; signal: AbortSignal },
): Promise<UpnpAnswer | undefined> {
  const to = parseEndpoint(`${url.hostname}:${url.port || HTTP_PORT}`);
  if (to === undefined) return undefined;
  const done = new AbortController();
  const ending = AbortSignal.any([signal, done.signal]);
  try {
    const connection = await network.connect(to, { timeoutMs: EXCHANGE_MS, signal: ending });
    const closing = clock.sleep(EXCHANGE_MS, ending).then(() => connection.close());
    try {
      await connection.write(encodeRequest(url, action));
      return await readAnswer(connection);
    } finally {
      done.abort();
      await closing;
    }
  } catch (error) {
    // A gateway that is not there, or hangs up, gives no answer.
    if (error instanceof ConnectError || error instanceof ProtocolError) return undefined;
    throw error;
  }
}

/** HTTP/1.0, so that the answer comes in one piece, and the connection ends with it. */
function encodeRequest(url: URL, action: SoapAction | undefined): Uint8Array {
  const body = new TextEncoder().encode(action?.body ?? "");
  const lines = [
    `${action === undefined ? "GET" : "POST"} ${url.pathname}${url.search} HTTP/1.0`,
    `Host: ${url.host}`,
    "Connection: close",
  ];
  if (action !== undefined) {
    lines.push(
      'Content-Type: text/xml; charset="utf-8"',
      `Content-Length: ${body.length}`,
      `SOAPAction: "${action.type}#${action.name}"`,
    );
  }
  const head = lines.map((line) => `${line}\r\n`).join("") + "\r\n";
  return concatBytes(new TextEncoder().encode(head), body);
}

async function readAnswer(connection: Connection): Promise<UpnpAnswer | undefined> {
  let bytes: Uint8Array = new Uint8Array(0);
  const buffer = new Uint8Array(READ_LENGTH);
  while (bytes.length < MAX_ANSWER_LENGTH) {
    const length = await connection.read(buffer);
    if (length === null) break;
    bytes = concatBytes(bytes, buffer.subarray(0, length));
    const answer = parseHttpAnswer(bytes);
    if (answer?.isWhole) return answer;
  }
  return parseHttpAnswer(bytes);
}
