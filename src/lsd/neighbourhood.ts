/**
 * When to announce what on the local network, and whom of those who announce themselves to
 * believe (BEP 14). Pure; `service.ts` drives it.
 */
import type { Random } from "../base/ambient.ts";
import {
  addressBytes,
  addressScope,
  type Endpoint,
  formatEndpoint,
  isDialable,
} from "../base/endpoint.ts";
import type { InfoHash } from "../base/ids.ts";
import { encodeAnnouncements, parseAnnouncement } from "./announcement.ts";

/** Between two announcements of a torrent that nothing happens to. */
const ANNOUNCE_INTERVAL_MS = 5 * 60_000;
/** Between any two announcements of a torrent. */
const MIN_ANNOUNCE_INTERVAL_MS = 60_000;
/** A newcomer is answered within this, not by all its neighbours at once. */
const MAX_ANSWER_DELAY_MS = 1_000;
/** Neighbours of a torrent that are remembered; more are not looked at until these are old. */
const MAX_NEIGHBOURS = 256;
/** Ports of one address, for a torrent: several programs on one machine. */
const MAX_PORTS_OF_HOST = 8;
/** How long a neighbour that has been told is not told again. */
const NEIGHBOUR_AGE_MS = 4 * 60_000;
/** Torrents whose last announcement is remembered after they have ended. */
const MAX_ENDED = 64;
/** Our own networks, as far as we have heard ourselves there. */
const MAX_OWN_NETWORKS = 16;
/** Bytes of an address that are the same for a whole network: /24 and /64. */
const IPV4_NETWORK_LENGTH = 3;
const IPV6_NETWORK_LENGTH = 8;
const COOKIE_LENGTH = 8;

/** Somebody on the local network who has or wants a torrent of ours. */
export interface Neighbour {
  readonly infoHash: InfoHash;
  readonly endpoint: Endpoint;
}

interface Wanted {
  readonly infoHash: InfoHash;
  readonly port: number;
  announceAt: number;
  /** The neighbours that were told, by their endpoint, the oldest first. */
  readonly told: Map<string, { readonly host: string; readonly at: number }>;
}

export class Neighbourhood {
  readonly #random: Random;
  readonly #cookie: string;
  /** By info-hash, in hex. */
  readonly #wanted = new Map<string, Wanted>();
  readonly #announcedAt = new Map<string, number>();
  readonly #ownNetworks = new Set<string>();

  constructor({ random }: { random: Random }) {
    this.#random = random;
    this.#cookie = random.bytes(COOKIE_LENGTH).toHex();
  }

  /** Looks for peers of a torrent, and announces `port` to them: at once, if not just done. */
  add(infoHash: InfoHash, port: number, now: number): void {
    const key = infoHash.toHex();
    const announcedAt = this.#announcedAt.get(key) ?? -Infinity;
    this.#wanted.set(key, {
      infoHash,
      port,
      announceAt: Math.max(now, announcedAt + MIN_ANNOUNCE_INTERVAL_MS),
      told: new Map(),
    });
  }

  /** Says and hears nothing more of a torrent. */
  remove(infoHash: InfoHash): void {
    this.#wanted.delete(infoHash.toHex());
    for (const key of this.#announcedAt.keys()) {
      if (this.#announcedAt.size <= MAX_ENDED) break;
      if (!this.#wanted.has(key)) this.#announcedAt.delete(key);
    }
  }

  /** When `drain` will have something; undefined when there is no torrent. */
  deadline(): number | undefined {
    if (this.#wanted.size === 0) return undefined;
    return Math.min(...Array.from(this.#wanted.values(), ({ announceAt }) => announceAt));
  }

  /** The datagrams that are due: for each group the same. */
  drain(groups: readonly Endpoint[], now: number): { bytes: Uint8Array; to: Endpoint }[] {
    const due = [...this.#wanted].filter(([, { announceAt }]) => announceAt <= now);
    for (const [key, wanted] of due) {
      wanted.announceAt = now + ANNOUNCE_INTERVAL_MS;
      this.#announcedAt.set(key, now);
    }
    const ports = Map.groupBy(due.map(([, wanted]) => wanted), ({ port }) => port);
    return [...ports].flatMap(([port, wanted]) => {
      const infoHashes = wanted.map(({ infoHash }) => infoHash);
      const announcement = { port, infoHashes, cookie: this.#cookie };
      return groups.flatMap((group) =>
        encodeAnnouncements(announcement, group).map((bytes) => ({ bytes, to: group }))
      );
    });
  }

  /** Who is new among those that a datagram speaks of; none of what does not concern us. */
  handleDatagram(bytes: Uint8Array, from: Endpoint, now: number): Neighbour[] {
    const announcement = parseAnnouncement(bytes);
    if (announcement === undefined) return [];
    if (announcement.cookie === this.#cookie) {
      this.#hearOwn(from.host);
      return [];
    }
    const endpoint = { host: from.host, port: announcement.port };
    if (!this.#isLocal(from.host) || !isDialable(endpoint, addressScope(from.host))) return [];
    return announcement.infoHashes.flatMap((infoHash) => {
      const wanted = this.#wanted.get(infoHash.toHex());
      if (wanted === undefined || !isNews(wanted, endpoint, now)) return [];
      this.#answer(wanted, now);
      return [{ infoHash: wanted.infoHash, endpoint }];
    });
  }

  /** A newcomer did not hear us: it shall know of us soon, and not in five minutes. */
  #answer(wanted: Wanted, now: number): void {
    const announcedAt = this.#announcedAt.get(wanted.infoHash.toHex()) ?? -Infinity;
    const answerAt = Math.max(
      now + this.#random.below(MAX_ANSWER_DELAY_MS),
      announcedAt + MIN_ANNOUNCE_INTERVAL_MS,
    );
    wanted.announceAt = Math.min(wanted.announceAt, answerAt);
  }

  #hearOwn(host: string): void {
    if (this.#ownNetworks.size < MAX_OWN_NETWORKS) this.#ownNetworks.add(networkOf(host));
  }

  /**
   * Multicast does not leave the local network, but anybody can send to our port: an address
   * that is global has to share a network with one of our own, which our own announcements
   * come back from. Link-local IPv6 addresses lack the interface that they could be dialled by.
   */
  #isLocal(host: string): boolean {
    switch (addressScope(host)) {
      case "private":
      case "loopback":
        return true;
      case "link-local":
        return !host.includes(":");
      case "global":
        return this.#ownNetworks.has(networkOf(host));
      case "invalid":
      case "name":
        return false;
    }
  }
}

/** Notes that a neighbour is told; false when it was not long ago, or too many were. */
function isNews({ told }: Wanted, endpoint: Endpoint, now: number): boolean {
  let ports = 0;
  for (const [key, { host, at }] of told) {
    if (now - at >= NEIGHBOUR_AGE_MS) told.delete(key);
    else if (host === endpoint.host) ports++;
  }
  const key = formatEndpoint(endpoint);
  if (told.has(key) || told.size >= MAX_NEIGHBOURS || ports >= MAX_PORTS_OF_HOST) return false;
  told.set(key, { host: endpoint.host, at: now });
  return true;
}

function networkOf(host: string): string {
  const bytes = addressBytes(host) ?? new Uint8Array(0);
  const length = bytes.length === 4 ? IPV4_NETWORK_LENGTH : IPV6_NETWORK_LENGTH;
  return bytes.subarray(0, length).toHex();
}
