/**
 * What is said to a tracker and what it answers, whatever the protocol (BEP 3 over HTTP, BEP 15
 * over UDP). Answers are valid once they have this form: durations in bounds, text printable.
 */
import type { Bytes } from "../base/bytes.ts";
import type { Endpoint, PortFor } from "../base/endpoint.ts";
import type { InfoHash, PeerId } from "../base/ids.ts";
import { printable } from "../base/printable.ts";

/** Why we announce, where it is more than the interval (BEP 3). */
export type AnnounceEvent = "started" | "completed" | "stopped";

/** In place of no event: we have all that we want, which is not all that there is (BEP 21). */
export type PartialSeedEvent = "paused";

export interface AnnounceRequest {
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** Where peers can reach us. */
  readonly port: number;
  /** Bytes of blocks since `started`. */
  readonly uploaded: number;
  readonly downloaded: number;
  /** Bytes that we lack. */
  readonly left: number;
  readonly event: AnnounceEvent | PartialSeedEvent | undefined;
  readonly numWant: number;
  /** We are in nobody's list: the event stands as it is, for trackers that we never met too. */
  readonly onlyAsks?: boolean;
  /** 32 bits that stay the same for a session, so that a tracker knows us at a new address. */
  readonly key: number;
  /** What this tracker asked us to repeat (BEP 3, HTTP only). */
  readonly trackerId?: Bytes | undefined;
}

/** The same before it is known over which address the tracker is asked. */
export interface Announcement extends Omit<AnnounceRequest, "port" | "trackerId"> {
  readonly portFor: PortFor;
}

export interface AnnounceResponse {
  readonly intervalMs: number;
  readonly minIntervalMs: number | undefined;
  /** As the tracker gave them: not yet filtered by `isDialable`. */
  readonly endpoints: readonly Endpoint[];
  readonly seeders: number | undefined;
  readonly leechers: number | undefined;
  /** Printable. */
  readonly warning: string | undefined;
  readonly trackerId: Bytes | undefined;
  /** Our address as the tracker sees it (BEP 24). */
  readonly externalAddress: string | undefined;
}

/** It is the last: no peers are wanted, and nobody waits long for the answer. */
export function isFarewell({ event, onlyAsks }: Pick<Announcement, "event" | "onlyAsks">): boolean {
  return event === "stopped" && !onlyAsks;
}

/** One tracker, asked over its protocol. */
export interface TrackerClient {
  /** Rejects with TrackerError; soon after `signal` aborts, with any. */
  announce(announcement: Announcement, signal: AbortSignal): Promise<AnnounceResponse>;
}

/** What a tracker reads of an announce. */
export interface ReceivedAnnounce {
  readonly infoHash: Uint8Array;
  readonly peerId: Uint8Array;
  readonly port: number;
  readonly isSeeder: boolean;
  readonly event: AnnounceEvent | PartialSeedEvent | undefined;
  /** Undefined when the client leaves it to the tracker. */
  readonly numWant: number | undefined;
}

/** What a tracker counts of one torrent; `downloaded` are the completions ever told. */
export interface SwarmCounts {
  readonly seeders: number;
  readonly leechers: number;
  readonly downloaded: number;
}

/** A peer as a tracker tells of it. */
export interface KnownPeer {
  readonly peerId: Uint8Array;
  readonly endpoint: Endpoint;
}

/** Peers taken from one answer; a tracker that sends more is not believed to mean well. */
export const MAX_PEERS_PER_RESPONSE = 3_000;

/** Used when the tracker states no interval. */
const DEFAULT_INTERVAL_MS = 1_800_000;
/** A shorter interval would be a mistake or an attack, and is raised to this. */
export const SHORTEST_INTERVAL_MS = 300_000;
const LONGEST_INTERVAL_MS = 86_400_000;
const SHORTEST_MIN_INTERVAL_MS = 10_000;
/** So that a hostile `min interval` cannot keep a hungry client away for days. */
const LONGEST_MIN_INTERVAL_MS = 3_600_000;
/** Whoever sends us away for longer is asked again after it all the same; only `never` is longer. */
const LONGEST_RETRY_IN_MS = 86_400_000;

const MAX_TRACKER_TEXT_LENGTH = 200;
/** No character takes more than four bytes. */
const MAX_TRACKER_TEXT_BYTES = 4 * MAX_TRACKER_TEXT_LENGTH;

/** The interval that a tracker stated in seconds, in bounds; a default when it stated none. */
export function intervalMsFrom(seconds: number | undefined): number {
  if (seconds === undefined) return DEFAULT_INTERVAL_MS;
  return clamp(seconds * 1000, SHORTEST_INTERVAL_MS, LONGEST_INTERVAL_MS);
}

/** The `min interval` that a tracker stated in seconds, in bounds; undefined if nonsense. */
export function minIntervalMsFrom(seconds: number | undefined): number | undefined {
  if (seconds === undefined || seconds <= 0) return undefined;
  return clamp(seconds * 1000, SHORTEST_MIN_INTERVAL_MS, LONGEST_MIN_INTERVAL_MS);
}

/** The `retry in` that a tracker stated in minutes (BEP 31), in bounds; 0 if nonsense. */
export function retryInMsFrom(minutes: number | undefined): number {
  return clamp((minutes ?? 0) * 60_000, 0, LONGEST_RETRY_IN_MS);
}

/** A tracker's own words, safe to print: one line, at most 200 characters. */
export function trackerText(bytes: Uint8Array): string {
  const text = new TextDecoder().decode(bytes.subarray(0, MAX_TRACKER_TEXT_BYTES));
  return printable(text, MAX_TRACKER_TEXT_LENGTH);
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
