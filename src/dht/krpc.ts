/**
 * The messages of the DHT, out of bytes (BEP 5 "KRPC Protocol"; BEP 32 for IPv6, BEP 33 for seeds,
 * BEP 42 for our own address, BEP 43 for nodes that only ask). Anybody may send anything here:
 * what is no message is nobody's, and a field that makes no sense is as if it were not there.
 */
import {
  type Endpoint,
  type IpFamily,
  MAX_PORT,
  parseCompactIpv4,
  parseCompactIpv6,
} from "../base/endpoint.ts";
import { HASH_LENGTH, type InfoHash, type NodeId } from "../base/ids.ts";
import { printable } from "../base/printable.ts";
import {
  type BencodeDictionary,
  bytesIn,
  decodeDictionary,
  dictionaryIn,
  integerIn,
  listIn,
  textIn,
} from "../metainfo/bencode.ts";
import { type NodeInfo, parseCompactNodes } from "./compact_node.ts";

/** A message, whole and valid. Its arrays are copies: the datagram's buffer may be used again. */
export type KrpcMessage = KrpcQuery | KrpcBadQuery | KrpcResponse | KrpcError;

/** What somebody asks. */
export type KrpcQuery =
  & {
    readonly kind: "query";
    /** Chosen by who asks, repeated in the answer: 1 to 20 bytes. */
    readonly transaction: Uint8Array;
    readonly id: NodeId;
    /** The sender answers no queries, and must not be put into a table (BEP 43). */
    readonly isReadOnly: boolean;
  }
  & KrpcCall;

/** The methods of BEP 5 and what goes with each. */
export type KrpcCall =
  | { readonly method: "ping" }
  | { readonly method: "find_node"; readonly target: NodeId; readonly want: Want }
  | {
    readonly method: "get_peers";
    readonly infoHash: InfoHash;
    readonly want: Want;
    /** Seeds need not be told of (BEP 33). */
    readonly withoutSeeds: boolean;
  }
  | {
    readonly method: "announce_peer";
    readonly infoHash: InfoHash;
    readonly token: Uint8Array;
    /** Where the peer listens; undefined: at the port that the datagram came from. */
    readonly port: number | undefined;
    readonly isSeed: boolean;
  };

/** Families of nodes that are asked for; undefined: that of the datagram (BEP 32). */
export type Want = readonly IpFamily[] | undefined;

/** A query that can only be answered with an error. */
export interface KrpcBadQuery {
  readonly kind: "bad-query";
  readonly transaction: Uint8Array;
  readonly code: KrpcErrorCode;
  /** What is wrong, for the answer. */
  readonly text: string;
}

/** The answer to a query of ours, if its transaction says so. */
export interface KrpcResponse {
  readonly kind: "response";
  readonly transaction: Uint8Array;
  readonly id: NodeId;
  /** Of both families. Not yet known to be dialable. */
  readonly nodes: readonly NodeInfo[];
  /** Peers of the torrent asked for, of both families. Not yet known to be dialable. */
  readonly values: readonly Endpoint[];
  /** What must be shown to announce a peer at this node. */
  readonly token: Uint8Array | undefined;
  /** Where the sender sees us (BEP 42 "ip"). One voice among many. */
  readonly observed: Endpoint | undefined;
}

/** A refusal of a query of ours, if its transaction says so. It names no sender. */
export interface KrpcError {
  readonly kind: "error";
  readonly transaction: Uint8Array;
  /** Any number; ours are `KrpcErrorCode`. */
  readonly code: number;
  /** Safe to print. */
  readonly text: string;
}

export type KrpcErrorCode = (typeof ERROR_CODES)[keyof typeof ERROR_CODES];

/** BEP 5 "Errors". */
export const ERROR_CODES = {
  generic: 201,
  server: 202,
  protocol: 203,
  unknownMethod: 204,
} as const;

/** As libtorrent (hostile-inputs H1). */
const LIMITS = { maxDepth: 10, maxTokens: 500 };
/** No message is shorter: `d1:rd2:id20:…e1:t1:x1:y1:re` has more. */
const MIN_LENGTH = 20;
const MAX_TRANSACTION_LENGTH = 20;
/** Tokens are of 4 to 20 bytes; we keep a stranger's for a while. */
const MAX_TOKEN_LENGTH = 64;
/** BEP 5 knows 8, some send 20. */
const MAX_NODES_OF_FAMILY = 32;
const MAX_VALUES = 200;
const MAX_ERROR_TEXT = 200;

const BYTE_DICTIONARY = 0x64;
const BYTE_END = 0x65;

/** What `want` says in messages (BEP 32). */
export const WANT_OF_FAMILY: Readonly<Record<IpFamily, string>> = { ipv4: "n4", ipv6: "n6" };

/** The message that a datagram is; undefined for what must not be answered (H1, H2). */
export function parseKrpc(bytes: Uint8Array): KrpcMessage | undefined {
  const message = decodeMessage(bytes);
  const transaction = message && bytesIn(message, "t");
  if (transaction === undefined) return undefined;
  if (transaction.length === 0 || transaction.length > MAX_TRANSACTION_LENGTH) return undefined;
  switch (textIn(message!, "y")) {
    case "q":
      return parseQuery(message!, transaction.slice());
    case "r":
      return parseResponse(message!, transaction.slice());
    case "e":
      return parseError(message!, transaction.slice());
    default:
      return undefined;
  }
}

/** Most floods end at the two bytes: an exception costs more than all the rest. */
function decodeMessage(bytes: Uint8Array): BencodeDictionary | undefined {
  if (bytes.length < MIN_LENGTH || bytes[0] !== BYTE_DICTIONARY) return undefined;
  if (bytes[bytes.length - 1] !== BYTE_END) return undefined;
  return decodeDictionary(bytes, LIMITS);
}

function parseQuery(
  message: BencodeDictionary,
  transaction: Uint8Array,
): KrpcQuery | KrpcBadQuery | undefined {
  const refused = (code: KrpcErrorCode, text: string): KrpcBadQuery => (
    { kind: "bad-query", transaction, code, text }
  );
  const body = dictionaryIn(message, "a");
  const id = body && hashIn(body, "id");
  // A refusal would be longer than what it refuses, and of use to flood others with (H9).
  if (id === undefined) return undefined;
  const call = parseCall(textIn(message, "q"), body!);
  if (call === undefined) return refused(ERROR_CODES.unknownMethod, "unknown method");
  if (typeof call === "string") return refused(ERROR_CODES.protocol, call);
  return {
    kind: "query",
    transaction,
    id: id as NodeId,
    isReadOnly: integerIn(message, "ro") === 1,
    ...call,
  };
}

/** A text says what the call lacks; undefined: there is no such method. */
function parseCall(
  method: string | undefined,
  body: BencodeDictionary,
): KrpcCall | string | undefined {
  switch (method) {
    case "ping":
      return { method };
    case "find_node": {
      const target = hashIn(body, "target");
      if (target === undefined) return "no target of 20 bytes";
      return { method, target: target as NodeId, want: parseWant(body) };
    }
    case "get_peers": {
      const infoHash = hashIn(body, "info_hash");
      if (infoHash === undefined) return "no info_hash of 20 bytes";
      const withoutSeeds = integerIn(body, "noseed") === 1;
      return { method, infoHash: infoHash as InfoHash, want: parseWant(body), withoutSeeds };
    }
    case "announce_peer":
      return parseAnnouncePeer(body);
    default:
      return undefined;
  }
}

function parseAnnouncePeer(body: BencodeDictionary): KrpcCall | string {
  const infoHash = hashIn(body, "info_hash");
  if (infoHash === undefined) return "no info_hash of 20 bytes";
  const token = parseToken(body);
  if (token === undefined) return "no token";
  const isImplied = (integerIn(body, "implied_port") ?? 0) !== 0;
  const port = integerIn(body, "port") ?? 0;
  if (!isImplied && !(port >= 1 && port <= MAX_PORT)) return "no valid port";
  return {
    method: "announce_peer",
    infoHash: infoHash as InfoHash,
    token,
    port: isImplied ? undefined : port,
    isSeed: integerIn(body, "seed") === 1,
  };
}

function parseWant(body: BencodeDictionary): Want {
  const list = listIn(body, "want");
  if (list === undefined) return undefined;
  const texts = [...list].map((item) => item.kind === "string" ? item.text : "");
  const families = (["ipv4", "ipv6"] as const).filter((family) =>
    texts.includes(WANT_OF_FAMILY[family])
  );
  return families.length === 0 ? undefined : families;
}

function parseResponse(
  message: BencodeDictionary,
  transaction: Uint8Array,
): KrpcResponse | undefined {
  const body = dictionaryIn(message, "r");
  const id = body && hashIn(body, "id");
  if (id === undefined) return undefined;
  const observed = bytesIn(message, "ip");
  return {
    kind: "response",
    transaction,
    id: id as NodeId,
    nodes: [...parseNodes(body!, "nodes", "ipv4"), ...parseNodes(body!, "nodes6", "ipv6")],
    values: parseValues(body!),
    token: parseToken(body!),
    observed: observed && parseEndpointBytes(observed),
  };
}

function parseNodes(body: BencodeDictionary, key: string, family: IpFamily): NodeInfo[] {
  const bytes = bytesIn(body, key);
  return bytes === undefined ? [] : parseCompactNodes(bytes, family, MAX_NODES_OF_FAMILY) ?? [];
}

function parseValues(body: BencodeDictionary): Endpoint[] {
  const values: Endpoint[] = [];
  for (const item of listIn(body, "values") ?? []) {
    if (values.length === MAX_VALUES) break;
    const endpoint = item.kind === "string" ? parseEndpointBytes(item.bytes) : undefined;
    if (endpoint !== undefined) values.push(endpoint);
  }
  return values;
}

/** One endpoint, of the family that its length tells; undefined for port 0 and other lengths. */
function parseEndpointBytes(bytes: Uint8Array): Endpoint | undefined {
  if (bytes.length === 6) return parseCompactIpv4(bytes)?.[0];
  return bytes.length === 18 ? parseCompactIpv6(bytes)?.[0] : undefined;
}

function parseToken(body: BencodeDictionary): Uint8Array | undefined {
  const token = bytesIn(body, "token");
  const isUsable = token !== undefined && token.length > 0 && token.length <= MAX_TOKEN_LENGTH;
  return isUsable ? token.slice() : undefined;
}

function parseError(message: BencodeDictionary, transaction: Uint8Array): KrpcError {
  const [code, text] = listIn(message, "e") ?? [];
  return {
    kind: "error",
    transaction,
    code: code?.kind === "integer" ? Number(code.value) : ERROR_CODES.generic,
    text: text?.kind === "string" ? printable(text.text, MAX_ERROR_TEXT) : "",
  };
}

function hashIn(body: BencodeDictionary, key: string): Uint8Array<ArrayBuffer> | undefined {
  const bytes = bytesIn(body, key);
  return bytes?.length === HASH_LENGTH ? bytes.slice() : undefined;
}
