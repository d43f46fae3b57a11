/** Runs a SOCKS5 negotiation over a connection. */
import type { Endpoint } from "../base/endpoint.ts";
import { type Socks5Credentials, Socks5Handshake } from "./socks5.ts";
import { ConnectError, type Connection } from "./transport.ts";

/**
 * Negotiates on a fresh connection to a proxy; then what is written goes to `to`, and what is
 * read comes from there. Throws ConnectError. Has no deadline: closing the connection ends it.
 */
export async function openSocks5Tunnel(
  connection: Connection,
  to: Endpoint,
  credentials: Socks5Credentials,
  attempt: string,
): Promise<void> {
  const handshake = new Socks5Handshake(to, credentials);
  while (handshake.outcome === undefined) {
    for (const bytes of handshake.drain()) {
      // A proxy that has closed says so in what it sent before, or to the next read.
      await connection.write(bytes).catch(() => {});
    }
    const buffer = new Uint8Array(handshake.wanted);
    const length = await connection.read(buffer);
    if (length === null) {
      // Some have no other words for a peer that is not there.
      const failure = handshake.hasAsked ? "unreachable" : "proxy";
      throw new ConnectError(failure, `${attempt}: the proxy closes the connection`);
    }
    handshake.handle(buffer.subarray(0, length));
  }
  const { outcome } = handshake;
  if (outcome.kind === "failed") {
    throw new ConnectError(outcome.failure, `${attempt}: ${outcome.reason}`);
  }
}
