/** Our side of the HTTP tracker protocol (BEP 3, 7, 23, 24, 31): the question and the answer. */
import {
  addressBytes,
  canonicalHost,
  type Endpoint,
  formatAddress,
  MAX_PORT,
  parseCompactIpv4,
  parseCompactIpv6,
} from "../base/endpoint.ts";
import { TrackerError } from "../base/errors.ts";
import {
  type BencodeDictionary,
  type BencodeValue,
  bytesIn,
  decodeDictionary,
  integerIn,
  textIn,
} from "../metainfo/bencode.ts";
import {
  type AnnounceRequest,
  type AnnounceResponse,
  intervalMsFrom,
  MAX_PEERS_PER_RESPONSE,
  minIntervalMsFrom,
  retryInMsFrom,
  trackerText,
} from "./announce.ts";

/** An answer is flat, and has less within the limit of bytes unless it is made to be costly. */
const LIMITS = { maxDepth: 8, maxTokens: 100_000 };
/** A longer one is not repeated to the tracker. */
const MAX_TRACKER_ID_LENGTH = 256;

/** CR and LF. */
const LINE_END: readonly number[] = [13, 10];
const NO_BYTES = new Uint8Array(0);
/** RFC 3986, section 2.3: what needs no percent sign. */
const UNRESERVED = /[A-Za-z0-9._~-]/;

/** What a tracker says in place of an answer. */
export interface Refusal {
  /** Printable. */
  readonly words: string;
  /** For so long it wants to be left alone (BEP 31); Infinity: for good, 0: it does not say. */
  readonly retryInMs: number;
}

/** The URL of an announce: the tracker's own, its query kept and continued. */
export function announceUrl(trackerUrl: string, request: AnnounceRequest): string {
  const parameters = [
    `info_hash=${percentEncode(request.infoHash)}`,
    `peer_id=${percentEncode(request.peerId)}`,
    `port=${request.port}`,
    `uploaded=${request.uploaded}`,
    `downloaded=${request.downloaded}`,
    `left=${request.left}`,
    "compact=1",
    "no_peer_id=1",
    `numwant=${request.numWant}`,
    `key=${request.key.toString(16).padStart(8, "0")}`,
  ];
  if (request.event !== undefined) parameters.push(`event=${request.event}`);
  if (request.trackerId !== undefined) {
    parameters.push(`trackerid=${percentEncode(request.trackerId)}`);
  }
  const [address] = trackerUrl.split("#", 1);
  const separator = !address!.includes("?") ? "?" : /[?&]$/.test(address!) ? "" : "&";
  return address + separator + parameters.join("&");
}

function percentEncode(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    text += UNRESERVED.test(character)
      ? character
      : "%" + byte.toString(16).toUpperCase().padStart(2, "0");
  }
  return text;
}

/**
 * Throws TrackerError: "failure-reason" with the tracker's words, made printable, or "malformed"
 * when the answer, its peers or its lengths are broken; then nothing of it is used.
 */
export function parseAnnounceResponse(bytes: Uint8Array): AnnounceResponse {
  const answer = dictionaryOf(bytes);
  if (answer === undefined) throw malformed("its answer is not a bencoded dictionary");
  const refusal = refusalIn(answer);
  if (refusal !== undefined) {
    throw new TrackerError("failure-reason", `it says "${refusal.words}"`, refusal.retryInMs);
  }
  const endpoints = [
    ...peersIn(answer, "peers", parseCompactIpv4),
    ...peersIn(answer, "peers6", parseCompactIpv6),
  ];
  const warning = bytesIn(answer, "warning message");
  const trackerId = bytesIn(answer, "tracker id");
  return {
    intervalMs: intervalMsFrom(integerIn(answer, "interval")),
    minIntervalMs: minIntervalMsFrom(integerIn(answer, "min interval")),
    endpoints: endpoints.slice(0, MAX_PEERS_PER_RESPONSE),
    seeders: countIn(answer, "complete"),
    leechers: countIn(answer, "incomplete"),
    warning: warning && trackerText(warning),
    trackerId: trackerId && trackerId.length <= MAX_TRACKER_ID_LENGTH
      ? trackerId.slice()
      : undefined,
    externalAddress: externalAddressIn(answer),
  };
}

/** The tracker's own no in an answer of any HTTP status, if it has one. */
export function refusalOf(bytes: Uint8Array): Refusal | undefined {
  const answer = dictionaryOf(bytes);
  return answer && refusalIn(answer);
}

/** Scripts often end with a line end, which is no part of what they say. */
function dictionaryOf(bytes: Uint8Array): BencodeDictionary | undefined {
  const length = bytes.findLastIndex((byte) => !LINE_END.includes(byte)) + 1;
  return decodeDictionary(bytes.subarray(0, length), LIMITS);
}

function refusalIn(answer: BencodeDictionary): Refusal | undefined {
  const words = bytesIn(answer, "failure reason");
  if (words === undefined) return undefined;
  const isFinal = textIn(answer, "retry in") === "never";
  const retryInMs = isFinal ? Infinity : retryInMsFrom(integerIn(answer, "retry in"));
  return { words: trackerText(words), retryInMs };
}

/** Peers as one string (BEP 23, BEP 7) or as a list of dictionaries (BEP 3); absent is none. */
function peersIn(
  answer: BencodeDictionary,
  key: "peers" | "peers6",
  parseCompact: (bytes: Uint8Array) => Endpoint[] | undefined,
): Endpoint[] {
  const peers = answer.get(key);
  if (peers === undefined) return [];
  if (peers.kind === "list") return [...peers].flatMap(peerOf);
  const endpoints = peers.kind === "string" ? parseCompact(peers.bytes) : undefined;
  if (endpoints === undefined) throw malformed("its list of peers is broken");
  return endpoints;
}

/** One peer of the long form; none when its fields make no sense, for the others may. */
function peerOf(peer: BencodeValue): Endpoint[] {
  if (peer.kind !== "dictionary") return [];
  const host = canonicalHost(textIn(peer, "ip") ?? "");
  const port = integerIn(peer, "port");
  return host !== undefined && port !== undefined && port >= 1 && port <= MAX_PORT
    ? [{ host, port }]
    : [];
}

function countIn(answer: BencodeDictionary, key: string): number | undefined {
  const count = integerIn(answer, key);
  return count !== undefined && count >= 0 ? count : undefined;
}

/** 4 or 16 bytes (BEP 24); some trackers send text, and that of an IPv6 address may have 16 too. */
function externalAddressIn(answer: BencodeDictionary): string | undefined {
  const bytes = bytesIn(answer, "external ip") ?? NO_BYTES;
  const host = bytes.length === 4 ? undefined : canonicalHost(textIn(answer, "external ip") ?? "");
  return host !== undefined && addressBytes(host) !== undefined ? host : formatAddress(bytes);
}

function malformed(message: string): TrackerError {
  return new TrackerError("malformed", message);
}
