/** What a search for metadata says of itself, while it lasts and when it was in vain. Pure. */
import type { MetadataStatus } from "../../torrent/metadata_search.ts";
import { CommandError } from "../output/failure.ts";
import { formatCount, formatDuration, formatSize } from "../output/units.ts";

/** Trackers whose words are quoted. */
const MAX_TRACKERS_QUOTED = 3;

/** What ended a search. */
export interface SearchLimit {
  readonly kind: "metadata-timeout" | "deadline" | "stall" | "nobody-to-ask";
  /** How long was searched. */
  readonly waitedMs: number;
}

/**
 * `looking for the metadata: 3 peers known, 1 connected, 45 DHT nodes asked`, and in version 2 then
 * `looking for the piece hashes: 3 peers known, 1 connected, 45 DHT nodes asked, 512 of 900 here`.
 */
export function searchStatus(status: MetadataStatus): string {
  const sought = status.pieceHashes === undefined ? "metadata" : "piece hashes";
  const facts = [
    `${formatCount(status.peersKnown, "peer")} known`,
    `${status.peersConnected} connected`,
    ...status.nodesAsked > 0 ? [`${formatCount(status.nodesAsked, "DHT node")} asked`] : [],
    ...arrivedWords(status),
  ];
  return `looking for the ${sought}: ${facts.join(", ")}`;
}

/** The failure of a search: exit 10. */
export function noMetadata(status: MetadataStatus, { kind, waitedMs }: SearchLimit): CommandError {
  const detail = kind === "nobody-to-ask"
    ? "no metadata can be had: the link names no tracker and no peer that may be asked, and " +
      "the DHT and the local network are out of reach or switched off; name a peer with --peer, " +
      "or allow the DHT"
    : `${missingWords(status, { kind, waitedMs })}: ${evidenceWords(status)}; ` +
      "try again later or with more time, or name a peer that " +
      (status.pieceHashes === undefined ? "has it with --peer" : "gives them with --peer");
  const trackers = status.trackers.map(({ url, hasAnswered, failure }) => ({
    url,
    hasAnswered,
    ...(failure === undefined ? {} : { failure }),
  }));
  const evidence = { ...status, trackers, waitedMs: Math.round(waitedMs), limit: kind };
  return new CommandError("no-metadata", detail, evidence);
}

function missingWords({ pieceHashes }: MetadataStatus, { kind, waitedMs }: SearchLimit): string {
  const end = kind === "deadline" ? ", the deadline" : kind === "stall" ? " (--stall)" : "";
  const time = `${formatDuration(waitedMs)}${end}`;
  if (pieceHashes === undefined) return `no metadata came in ${time}`;
  const { here, needed } = pieceHashes;
  return `the metadata is here, but of its ${needed} piece hashes only ${here} came in ${time}`;
}

function evidenceWords(status: MetadataStatus): string {
  const { nodesAsked, pieceHashes } = status;
  const arrived = pieceHashes === undefined ? arrivedWords(status) : [];
  const facts = [...peerWords(status), ...banWords(status), ...arrived];
  if (nodesAsked > 0) facts.push(`${formatCount(nodesAsked, "DHT node")} asked`);
  return [facts.join(", "), ...trackerWords(status)].join("; ");
}

/** Of a peer that was not reached nobody knows what it has; some come by themselves. */
function peerWords(status: MetadataStatus): string[] {
  const { peersKnown, peersTried, peersReached, peersWithMetadata, pieceHashes } = status;
  const what = pieceHashes === undefined ? "it" : "the metadata";
  const had = peersWithMetadata > 0 ? [`${peersWithMetadata} had ${what}`] : [];
  if (peersKnown === 0) return ["no peers are known", ...had];
  const tried = `${peersTried} of ${formatCount(peersKnown, "known peer")} tried`;
  if (had.length > 0) return [tried, ...had];
  if (peersReached === 0) return [tried, "none reached"];
  const reached = `${peersReached} reached`;
  return [tried, pieceHashes === undefined ? `${reached}, none had it` : reached];
}

/** Whoever had it, and lied. */
function banWords({ peersBanned, pieceHashes }: MetadataStatus): string[] {
  if (peersBanned === 0) return [];
  return [`${peersBanned} banned for false ${pieceHashes === undefined ? "metadata" : "data"}`];
}

function arrivedWords({ bytes, size, pieceHashes }: MetadataStatus): string[] {
  if (pieceHashes !== undefined) return [`${pieceHashes.here} of ${pieceHashes.needed} here`];
  if (bytes === 0) return [];
  return [
    size === undefined
      ? `${formatSize(bytes)} here`
      : `${formatSize(bytes)} of ${formatSize(size)} here`,
  ];
}

/** Trackers that failed in their own words; of the others, that they answered. */
function trackerWords({ trackers }: MetadataStatus): string[] {
  if (trackers.length === 0) return [];
  const silent = trackers.filter(({ hasAnswered }) => !hasAnswered);
  const words = silent.slice(0, MAX_TRACKERS_QUOTED)
    .map(({ url, failure }) => `${url}: ${failure ?? "no answer yet"}`);
  const answered = trackers.length - silent.length;
  const rest = silent.length - words.length;
  if (answered > 0) words.push(`${formatCount(answered, "tracker")} answered`);
  if (rest > 0) words.push(`${formatCount(rest, "more tracker")} did not`);
  return words;
}
