/**
 * Asking a gateway for a port: NAT-PMP (RFC 6886) and its successor PCP (RFC 6887), which share
 * a UDP port and tell each other apart by the first byte.
 */
import { addressBytes, formatAddress } from "../base/endpoint.ts";
import {
  type Bytes,
  equalBytes,
  getUint16,
  getUint32,
  putUint16,
  putUint32,
} from "../base/bytes.ts";

/** Where gateways listen. */
export const GATEWAY_PORT = 5351;
/** Bytes of the longest answer (RFC 6887 section 7). */
export const MAX_ANSWER_LENGTH = 1_100;
export const PCP_NONCE_LENGTH = 12;

const PMP_VERSION = 0;
const PMP_OPCODES = { udp: 1, tcp: 2 } as const;
const PMP_REQUEST_LENGTH = 12;
const PMP_ANSWER_LENGTH = 16;
const PMP_ANSWER_HEADER = 8;

const PCP_VERSION = 2;
const PCP_MAP = 1;
const PCP_HEADER_LENGTH = 24;
const PCP_MAP_LENGTH = 60;
/** The protocol numbers of IANA. */
const PCP_PROTOCOLS = { udp: 17, tcp: 6 } as const;

const ANSWER_BIT = 0x80;
const SUCCESS = 0;

export type MappedProtocol = "tcp" | "udp";

export interface PortRequest {
  readonly protocol: MappedProtocol;
  readonly port: number;
  /** Asked for; 0 gives the port back. */
  readonly lifetimeS: number;
}

/** PCP wants to know who asks, and to recognise that it is the same one. */
export interface PcpIdentity {
  readonly localHost: string;
  /** 12 bytes. */
  readonly nonce: Uint8Array;
}

export interface Granted {
  readonly kind: "granted";
  readonly externalPort: number;
  readonly lifetimeS: number;
}

/** `code` is the protocol's own result code. */
export type GatewayAnswer = Granted | { readonly kind: "refused"; readonly code: number };

export function encodePmpRequest({ protocol, port, lifetimeS }: PortRequest): Bytes {
  const bytes = new Uint8Array(PMP_REQUEST_LENGTH);
  bytes[0] = PMP_VERSION;
  bytes[1] = PMP_OPCODES[protocol];
  putUint16(bytes, 4, port);
  putUint16(bytes, 6, lifetimeS === 0 ? 0 : port);
  putUint32(bytes, 8, lifetimeS);
  return bytes;
}

/** The answer to a request; undefined when the bytes are none. */
export function parsePmpAnswer(bytes: Uint8Array, asked: PortRequest): GatewayAnswer | undefined {
  if (bytes.length < PMP_ANSWER_HEADER || bytes[0] !== PMP_VERSION) return undefined;
  if (bytes[1] !== (PMP_OPCODES[asked.protocol] | ANSWER_BIT)) return undefined;
  const code = getUint16(bytes, 2);
  if (code !== SUCCESS) return { kind: "refused", code };
  if (bytes.length < PMP_ANSWER_LENGTH || getUint16(bytes, 8) !== asked.port) return undefined;
  return granted(getUint16(bytes, 10), getUint32(bytes, 12), asked);
}

export function encodePcpRequest(
  { protocol, port, lifetimeS }: PortRequest,
  { localHost, nonce }: PcpIdentity,
): Bytes {
  const bytes = new Uint8Array(PCP_MAP_LENGTH);
  bytes[0] = PCP_VERSION;
  bytes[1] = PCP_MAP;
  putUint32(bytes, 4, lifetimeS);
  bytes.set(mapped(localHost), 8);
  bytes.set(nonce, PCP_HEADER_LENGTH);
  bytes[36] = PCP_PROTOCOLS[protocol];
  putUint16(bytes, 40, port);
  putUint16(bytes, 42, port);
  // No external address in particular: all zeros, mapped like an IPv4 one.
  bytes.set(mapped("0.0.0.0"), 44);
  return bytes;
}

/**
 * The answer to a request; "no-pcp" from a gateway that knows NAT-PMP only; undefined when the
 * bytes are none.
 */
export function parsePcpAnswer(
  bytes: Uint8Array,
  asked: PortRequest,
  { nonce }: PcpIdentity,
): GatewayAnswer | "no-pcp" | undefined {
  if (bytes.length >= 4 && bytes[0] === PMP_VERSION && bytes[1]! & ANSWER_BIT) return "no-pcp";
  if (bytes.length < PCP_HEADER_LENGTH || bytes[0] !== PCP_VERSION) return undefined;
  if (bytes[1] !== (PCP_MAP | ANSWER_BIT)) return undefined;
  const code = bytes[3]!;
  if (code !== SUCCESS) return { kind: "refused", code };
  if (bytes.length < PCP_MAP_LENGTH) return undefined;
  const isOurs = equalBytes(bytes.subarray(24, 36), nonce) &&
    bytes[36] === PCP_PROTOCOLS[asked.protocol] && getUint16(bytes, 40) === asked.port;
  if (!isOurs || formatAddress(bytes.subarray(44, 60)) === undefined) return undefined;
  return granted(getUint16(bytes, 42), getUint32(bytes, 4), asked);
}

/** Nobody reaches port 0: it stands in the answers to those alone who give a port back. */
function granted(
  externalPort: number,
  lifetimeS: number,
  asked: PortRequest,
): Granted | undefined {
  const isPort = externalPort > 0 || asked.lifetimeS === 0;
  return isPort ? { kind: "granted", externalPort, lifetimeS } : undefined;
}

/** The 16 bytes of an address: an IPv4 one as IPv6 maps it. */
function mapped(host: string): Bytes {
  const address = addressBytes(host)!;
  const bytes = new Uint8Array(16);
  if (address.length === 4) bytes.fill(0xff, 10, 12);
  bytes.set(address, 16 - address.length);
  return bytes;
}
