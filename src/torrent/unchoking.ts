/** The choker's facts from the connections, and its decisions to them. */
import type { Random } from "../base/ambient.ts";
import { type ChokeChange, type ChokeFacts, Choker } from "../peer/choker.ts";
import type { PeerKey } from "../piece/piece_table.ts";
import type { PeerConnection } from "./connection.ts";

export class Unchoking {
  readonly #peers: ReadonlyMap<PeerKey, PeerConnection>;
  readonly #choker: Choker;

  /** `peers`: the connected ones, live. `slots`: how many are uploaded to at once. */
  constructor(
    { peers, slots, random }: {
      readonly peers: ReadonlyMap<PeerKey, PeerConnection>;
      readonly slots: number;
      readonly random: Random;
    },
  ) {
    this.#peers = peers;
    this.#choker = new Choker({ slots, random });
  }

  join(peer: PeerConnection, now: number): void {
    this.#choker.join(peer.key, now);
  }

  leave(peer: PeerConnection): void {
    this.#choker.leave(peer.key);
  }

  /** Events tell of the past: what counts is what the peer wants now. */
  updateInterest({ key, session }: PeerConnection, now: number): void {
    this.#carryOut(this.#choker.setInterested(key, session.isPeerInterested, now), now);
  }

  tick(isSeed: boolean, now: number): void {
    this.#carryOut(this.#choker.tick(this.#facts(), isSeed, now), now);
  }

  *#facts(): Iterable<ChokeFacts> {
    for (const peer of this.#peers.values()) {
      const { key, session } = peer;
      yield {
        key,
        downloadedBytes: session.downloadedBytes,
        uploadedBytes: session.uploadedBytes,
        isSnubbing: session.isSnubbed,
        hasRequests: peer.awaitsBlocks,
      };
    }
  }

  #carryOut(changes: readonly ChokeChange[], now: number): void {
    for (const { key, choke } of changes) {
      const peer = this.#peers.get(key);
      if (choke) peer?.session.choke(now);
      else peer?.session.unchoke(now);
      peer?.flush();
    }
  }
}
