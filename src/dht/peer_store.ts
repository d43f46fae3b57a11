/**
 * The peers that have been announced to us (BEP 5 "announce_peer"). Pure: `now` is in
 * milliseconds. Anybody may announce anything, so everything is bounded (hostile-inputs H10):
 * what is new takes the place of the oldest in its torrent or in the largest one, and new torrents
 * that of the smallest.
 */
import { type Random, shuffle } from "../base/ambient.ts";
import { assert } from "../base/assert.ts";
import { type Endpoint, familyOf, formatEndpoint, type IpFamily } from "../base/endpoint.ts";
import type { InfoHash } from "../base/ids.ts";

/** As libtorrent. */
const MAX_TORRENTS = 2_000;
/** Of one torrent and family. */
const MAX_PEERS_PER_TORRENT = 500;
/** In all torrents: some 200 bytes each. */
const MAX_PEERS = 20_000;
/** Peers announce themselves every half hour; who misses that is gone soon after. */
const PEER_LIFE_MS = 45 * 60_000;
/** Peers that are gone are looked for this often. */
const SWEEP_MS = 60_000;

interface StoredPeer {
  readonly endpoint: Endpoint;
  readonly isSeed: boolean;
  readonly expiresAt: number;
}

/** One torrent's peers by endpoint, longest not announced first. */
class StoredTorrent {
  readonly ipv4 = new Map<string, StoredPeer>();
  readonly ipv6 = new Map<string, StoredPeer>();

  get size(): number {
    return this.ipv4.size + this.ipv6.size;
  }
}

export class PeerStore {
  readonly #random: Random;
  /** By info-hash in hex. */
  readonly #torrents = new Map<string, StoredTorrent>();
  #peerCount = 0;
  #sweepAt = -Infinity;

  constructor({ random }: { random: Random }) {
    this.#random = random;
  }

  /** Peers kept, of all torrents. */
  get size(): number {
    return this.#peerCount;
  }

  /** Keeps a peer, or keeps it for longer. */
  add(infoHash: InfoHash, endpoint: Endpoint, isSeed: boolean, now: number): void {
    this.#sweep(now);
    const peers = this.#torrentOf(infoHash.toHex())[familyOf(endpoint.host)];
    const key = formatEndpoint(endpoint);
    // A known peer is set anew too, which makes it the youngest.
    if (peers.delete(key)) this.#peerCount--;
    else if (peers.size >= MAX_PEERS_PER_TORRENT) this.#dropOldest(peers);
    else if (this.#peerCount >= MAX_PEERS) this.#dropOldest(this.#largest());
    peers.set(key, { endpoint, isSeed, expiresAt: now + PEER_LIFE_MS });
    this.#peerCount++;
  }

  /** At most `max` peers of a torrent and family, any of them. */
  peers(
    infoHash: InfoHash,
    family: IpFamily,
    { max, withoutSeeds, now }: { max: number; withoutSeeds: boolean; now: number },
  ): Endpoint[] {
    this.#sweep(now);
    const kept = this.#torrents.get(infoHash.toHex())?.[family] ?? new Map<string, StoredPeer>();
    const fit = [...kept.values()]
      .filter(({ isSeed, expiresAt }) => expiresAt > now && !(withoutSeeds && isSeed));
    if (fit.length > max) shuffle(fit, this.#random);
    return fit.slice(0, max).map(({ endpoint }) => endpoint);
  }

  /** A new torrent takes the place of the smallest one, which a flood of torrents mostly has. */
  #torrentOf(key: string): StoredTorrent {
    const known = this.#torrents.get(key);
    if (known !== undefined) return known;
    if (this.#torrents.size >= MAX_TORRENTS) this.#dropSmallest();
    const torrent = new StoredTorrent();
    this.#torrents.set(key, torrent);
    return torrent;
  }

  #dropSmallest(): void {
    let smallest: { key: string; size: number } | undefined;
    for (const [key, { size }] of this.#torrents) {
      if (smallest === undefined || size < smallest.size) smallest = { key, size };
    }
    if (smallest === undefined) return;
    this.#torrents.delete(smallest.key);
    this.#peerCount -= smallest.size;
  }

  #largest(): Map<string, StoredPeer> {
    let largest = new Map<string, StoredPeer>();
    for (const { ipv4, ipv6 } of this.#torrents.values()) {
      const larger = ipv4.size > ipv6.size ? ipv4 : ipv6;
      if (larger.size > largest.size) largest = larger;
    }
    return largest;
  }

  #dropOldest(peers: Map<string, StoredPeer>): void {
    const [oldest] = peers.keys();
    assert(oldest !== undefined, "there is a peer to drop");
    peers.delete(oldest);
    this.#peerCount--;
  }

  #sweep(now: number): void {
    if (now < this.#sweepAt) return;
    this.#sweepAt = now + SWEEP_MS;
    for (const [key, torrent] of this.#torrents) {
      for (const peers of [torrent.ipv4, torrent.ipv6]) {
        // The oldest come first, and all live equally long.
        for (const { expiresAt } of peers.values()) {
          if (expiresAt > now) break;
          this.#dropOldest(peers);
        }
      }
      if (torrent.size === 0) this.#torrents.delete(key);
    }
  }
}
