/** The messages by which a peer brings two others together: `ut_holepunch` (BEP 55). */
import { type Bytes, getUint32, putUint32 } from "../base/bytes.ts";
import { type Endpoint, parseCompactIpv4, parseCompactIpv6, toCompact } from "../base/endpoint.ts";
import { ProtocolError } from "../base/errors.ts";

/** Values of "msg_type", and of "addr_type". */
const KINDS = ["rendezvous", "connect", "error"] as const;
const IPV4 = 0, IPV6 = 1;

/** Bytes of an address and a port. */
const IPV4_LENGTH = 6, IPV6_LENGTH = 18;
const HEAD_LENGTH = 2;
const ERROR_LENGTH = 4;

/** Why we as a relay do not bring two together, by its number (BEP 55). */
export const HolepunchError = {
  noSuchPeer: 1,
  notConnected: 2,
  noSupport: 3,
} as const;

export interface HolepunchMessage {
  /**
   * "rendezvous" asks a relay to bring the sender together with the endpoint; "connect" is said by
   * the relay to both: each is to connect to the other by uTP; "error": it does not.
   */
  readonly kind: typeof KINDS[number] | "unknown";
  readonly endpoint: Endpoint;
  /** One of HolepunchError, or another number; 0 when it is no error, or none was said. */
  readonly error: number;
}

/** The payload of a message about an endpoint whose host is an address. */
export function encodeHolepunch(
  kind: typeof KINDS[number],
  endpoint: Endpoint,
  error: number = 0,
): Bytes {
  const compact = toCompact(endpoint);
  const payload = new Uint8Array(HEAD_LENGTH + compact.length + ERROR_LENGTH);
  payload[0] = KINDS.indexOf(kind);
  payload[1] = compact.length === IPV4_LENGTH ? IPV4 : IPV6;
  payload.set(compact, HEAD_LENGTH);
  putUint32(payload, HEAD_LENGTH + compact.length, error);
  return payload;
}

/** Throws ProtocolError "malformed-message". Some leave the number out that is no error. */
export function parseHolepunch(payload: Uint8Array): HolepunchMessage {
  const [kind, addressType] = payload;
  const length = addressType === IPV4 ? IPV4_LENGTH : IPV6_LENGTH;
  const end = HEAD_LENGTH + length;
  const compact = payload.subarray(HEAD_LENGTH, end);
  const [endpoint] = (addressType === IPV4 ? parseCompactIpv4 : parseCompactIpv6)(compact) ?? [];
  if (kind === undefined || addressType! > IPV6 || endpoint === undefined) {
    throw new ProtocolError(
      "malformed-message",
      "Cannot use the peer: its holepunch message is malformed",
    );
  }
  const hasError = payload.length >= end + ERROR_LENGTH;
  return {
    kind: KINDS[kind] ?? "unknown",
    endpoint,
    error: hasError ? getUint32(payload, end) : 0,
  };
}
