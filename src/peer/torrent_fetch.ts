/**
 * All that a .torrent must have, from peers of whom nobody is trusted: the info dictionary (BEP 9),
 * and of version 2 then the piece layers that it has the roots of (BEP 52).
 */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { MetainfoError } from "../base/errors.ts";
import type { FullInfoHash } from "../base/ids.ts";
import type { PieceLayers } from "../metainfo/compose.ts";
import type { LayerRange } from "../metainfo/layer_trees.ts";
import { MERKLE_HASH_LENGTH } from "../metainfo/merkle.ts";
import { neededLayers } from "../metainfo/metainfo.ts";
import type { NeededLayer } from "../metainfo/piece_layers.ts";
import type { HashesMessage } from "../wire/message.ts";
import { type HashProgress, LayerFetch } from "./layer_fetch.ts";
import type { MetadataPeer } from "./metadata_buffer.ts";
import { MetadataFetch } from "./metadata_fetch.ts";
import type { MetadataAnswer } from "./metadata_session.ts";

/** What peers gave of a torrent. */
export interface GivenMetadata {
  /** The info dictionary: it has the info-hash, and nothing else of it has been looked at. */
  readonly infoBytes: Bytes;
  /** What a .torrent has besides, proved: empty in version 1, or when there can be none. */
  readonly pieceLayers: PieceLayers;
}

/** How far a search is. */
export interface FetchProgress {
  /** Bytes that are here, of the info dictionary and then of the piece layers. */
  readonly bytes: number;
  /** All of them: of the info dictionary as its peers claim, and of the layers that it names. */
  readonly size: number;
  /** Once the info dictionary is here, when it names layers. */
  readonly pieceHashes?: HashProgress;
  /** When the info dictionary was here, or since then the last run of a layer: milliseconds. */
  readonly provedAt?: number;
}

/** What the driver has to do. */
export type TorrentEffect =
  /** To ask the peer for a piece of the info dictionary. */
  | { readonly kind: "request"; readonly peer: MetadataPeer; readonly piece: number }
  /** To ask the peer for a run of a layer. */
  | {
    readonly kind: "request-hashes";
    readonly peer: MetadataPeer;
    readonly root: Uint8Array;
    readonly range: LayerRange;
  }
  /** To part from the peer: it lied, or what it sends makes no sense. */
  | { readonly kind: "liar" | "malformed"; readonly peer: MetadataPeer }
  /** The last effect. `givers` sent the info dictionary, and may be gone by now. */
  | {
    readonly kind: "found";
    readonly given: GivenMetadata;
    readonly givers: ReadonlySet<MetadataPeer>;
  };

export class TorrentFetch {
  readonly #info: MetadataFetch;
  readonly #peers = new Set<MetadataPeer>();
  #found: { readonly infoBytes: Bytes; readonly givers: ReadonlySet<MetadataPeer> } | undefined;
  #layers: LayerFetch | undefined;
  #provedAt = -Infinity;
  #effects: TorrentEffect[] = [];

  constructor(infoHash: FullInfoHash) {
    this.#info = new MetadataFetch(infoHash);
  }

  /** Peers that may have what is looked for, and have not left us waiting since they gave some. */
  get sourceCount(): number {
    return (this.#layers ?? this.#info).sourceCount;
  }

  /** Of the info dictionary of which most is here; undefined while nobody claims to have one. */
  get progress(): FetchProgress | undefined {
    const best = this.#info.best, pieceHashes = this.#layers?.progress;
    if (best === undefined || pieceHashes === undefined) return best;
    return {
      bytes: best.bytes + pieceHashes.here * MERKLE_HASH_LENGTH,
      size: best.size + pieceHashes.needed * MERKLE_HASH_LENGTH,
      pieceHashes,
      provedAt: this.#provedAt,
    };
  }

  /** What there is to do since the last call. */
  drain(): readonly TorrentEffect[] {
    for (const effect of this.#info.drain()) {
      assert(effect.kind !== "found", "what data brings is noted when it comes");
      this.#effects.push(effect);
    }
    for (const effect of this.#layers?.drain() ?? []) {
      if (effect.kind === "found") this.#finish(effect.layers);
      else if (effect.kind !== "request") this.#effects.push(effect);
      else this.#effects.push({ ...effect, kind: "request-hashes" });
    }
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** A peer has come, of which nothing is known yet. */
  handlePeer(peer: MetadataPeer, now: number): void {
    this.#peers.add(peer);
    this.#layers?.handlePeer(peer, now);
  }

  /** The peer says how many bytes the info dictionary has. */
  handleSize(peer: MetadataPeer, size: number, now: number): void {
    this.#info.handleSize(peer, size, now);
  }

  /** True when the peer gave something; what is kept of it is copied. */
  handleAnswer(peer: MetadataPeer, answer: MetadataAnswer, now: number): boolean {
    switch (answer.kind) {
      case "data":
        this.#info.handleData(peer, answer, now);
        this.#noteInfo(now);
        return true;
      case "reject":
        this.#info.handleReject(peer, answer.piece, now);
        return false;
      case "hashes":
        return this.#handleHashes(peer, answer, now);
      case "hash-reject":
        this.#layers?.handleReject(peer, answer, now);
        return false;
    }
  }

  /** The connection has ended. */
  handleGone(peer: MetadataPeer, now: number): void {
    this.#peers.delete(peer);
    this.#info.handleGone(peer, now);
    this.#layers?.handleGone(peer, now);
  }

  /** To be called twice a second or so. */
  handleTimeout(now: number): void {
    this.#info.handleTimeout(now);
    this.#layers?.handleTimeout(now);
  }

  #handleHashes(peer: MetadataPeer, message: HashesMessage, now: number): boolean {
    if (this.#layers === undefined) {
      // Nobody has asked for any before the info dictionary was here.
      this.#effects.push({ kind: "malformed", peer });
      return false;
    }
    const isNew = this.#layers.handleHashes(peer, message, now);
    if (isNew) this.#provedAt = now;
    return isNew;
  }

  /** Of version 2 the layers are missing yet when the info dictionary is here. */
  #noteInfo(now: number): void {
    for (const effect of this.#info.drain()) {
      if (effect.kind !== "found") {
        this.#effects.push(effect);
        continue;
      }
      this.#found = effect;
      const needed = layersOf(effect.infoBytes);
      if (needed.length === 0) return this.#finish(new Map());
      this.#provedAt = now;
      this.#layers = new LayerFetch(needed);
      for (const peer of this.#peers) this.#layers.handlePeer(peer, now);
    }
  }

  #finish(pieceLayers: PieceLayers): void {
    const { infoBytes, givers } = this.#found!;
    this.#effects.push({ kind: "found", given: { infoBytes, pieceLayers }, givers });
  }
}

/** None when it is no good info dictionary: whoever reads it next says so. */
function layersOf(infoBytes: Bytes): readonly NeededLayer[] {
  try {
    return neededLayers(infoBytes);
  } catch (error) {
    if (error instanceof MetainfoError) return [];
    throw error;
  }
}
