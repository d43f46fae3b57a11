/**
 * Collects the info dictionary of a magnet from several peers at once (BEP 9), of whom nobody is
 * trusted. Peers that claim one size fill one buffer together, so whoever lies about the size
 * locks nobody else out. When what they put together has another info-hash, each of them gives
 * all of it alone, into a buffer of its own: that shows who lied, and holds up nobody (P27, M30).
 */
import type { Bytes } from "../base/bytes.ts";
import type { FullInfoHash } from "../base/ids.ts";
import { isInfoHashOf } from "../metainfo/info_hash.ts";
import { MAX_METAINFO_LENGTH } from "../metainfo/metainfo.ts";
import type { MetadataDataMessage } from "../wire/metadata_message.ts";
import { MetadataBuffer, type MetadataPeer } from "./metadata_buffer.ts";
import { PartFetch, type PartingEffect, PartSource } from "./part_fetch.ts";

/** In bytes: what fits a .torrent that we read, with room for trackers. More is not believed. */
const MAX_METADATA_LENGTH = MAX_METAINFO_LENGTH - 2 ** 20;
/** In bytes, all buffers together; the one that has not grown for longest makes way. */
const MAX_HELD_BYTES = 64 * 2 ** 20;
/** Pieces that one peer is asked for at once: a megabyte a second at a tenth of a second. */
const MAX_OUTSTANDING = 8;
/** How often a peer may change its mind about the size. */
const MAX_CLAIMS = 4;

/** What the driver has to do. */
export type MetadataEffect =
  /** To ask the peer for a piece. */
  | { readonly kind: "request"; readonly peer: MetadataPeer; readonly piece: number }
  /** A liar alone gave something else than the info dictionary. */
  | PartingEffect
  /** The last effect. `givers` sent it, and may be gone by now. */
  | {
    readonly kind: "found";
    readonly infoBytes: Bytes;
    readonly givers: ReadonlySet<MetadataPeer>;
  };

/** A peer that claims to have metadata. */
class Source extends PartSource<number> {
  /** All that claim one size. */
  readonly group: Group;
  /** Its own, once its group cannot be told liars from others. */
  own: MetadataBuffer | undefined;

  constructor(peer: MetadataPeer, group: Group, now: number) {
    super(peer, now);
    this.group = group;
  }

  get buffer(): MetadataBuffer | undefined {
    return this.group.shared ?? this.own;
  }
}

interface Group {
  readonly size: number;
  /** Undefined when each is asked for all. */
  shared: MetadataBuffer | undefined;
}

export class MetadataFetch extends PartFetch<number, Source, MetadataEffect> {
  readonly #infoHash: FullInfoHash;
  readonly #groups = new Map<number, Group>();
  readonly #claimCounts = new Map<MetadataPeer, number>();
  #isFound = false;

  constructor(infoHash: FullInfoHash) {
    super();
    this.#infoHash = infoHash;
  }

  /** Bytes that came and are kept, all dictionaries together: bounded by MAX_HELD_BYTES. */
  get heldBytes(): number {
    let heldBytes = 0;
    for (const buffer of this.#buffers()) heldBytes += buffer.heldBytes;
    return heldBytes;
  }

  /** The dictionary of which most is here: bytes of it, and of all of it as its peers claim. */
  get best(): { readonly bytes: number; readonly size: number } | undefined {
    let best: MetadataBuffer | undefined;
    for (const buffer of this.#buffers()) {
      if (best === undefined || buffer.heldBytes > best.heldBytes) best = buffer;
    }
    return best && { bytes: best.heldBytes, size: best.size };
  }

  /** The peer says how many bytes the dictionary has; it may say so again, or otherwise. */
  handleSize(peer: MetadataPeer, size: number, now: number): void {
    if (this.#isFound || this.sources.get(peer)?.group.size === size) return;
    const claimCount = (this.#claimCounts.get(peer) ?? 0) + 1;
    this.#claimCounts.set(peer, claimCount);
    if (claimCount > MAX_CLAIMS) return this.partFrom(peer, "malformed", now);
    this.remove(peer, now);
    if (size < 1 || size > MAX_METADATA_LENGTH) return;
    let group = this.#groups.get(size);
    if (group === undefined) {
      group = { size, shared: new MetadataBuffer(size, now) };
      this.#groups.set(size, group);
    }
    this.add(new Source(peer, group, now), now);
  }

  /** `message.data` is copied. */
  handleData(peer: MetadataPeer, message: MetadataDataMessage, now: number): void {
    if (this.#isFound) return;
    const source = this.giverOf(peer, message.piece, now);
    if (source === undefined) return;
    const { buffer } = source;
    const { piece, data, totalSize = source.group.size } = message;
    if (buffer === undefined) return source.take(piece);
    if (totalSize !== buffer.size || data.length !== buffer.pieceLength(piece)) {
      return this.partFrom(peer, "malformed", now);
    }
    source.take(piece);
    source.patience.renew(now);
    buffer.put(piece, data, peer, now);
    if (buffer.isComplete) return this.#verify(buffer, now);
    this.#makeRoom(buffer, now);
    this.ask(source, now);
  }

  /** The peer will not send the piece now. */
  handleReject(peer: MetadataPeer, piece: number, now: number): void {
    this.refuse(peer, piece, now);
  }

  override handleGone(peer: MetadataPeer, now: number): void {
    this.#claimCounts.delete(peer);
    super.handleGone(peer, now);
  }

  protected override choose(source: Source, now: number): number | undefined {
    if (this.#isFound || source.asked.size >= MAX_OUTSTANDING) return undefined;
    const { group: { size, shared } } = source;
    return (shared ?? (source.own ??= new MetadataBuffer(size, now))).choose(source.asked, now);
  }

  protected override request(source: Source, piece: number, now: number): MetadataEffect {
    source.buffer?.noteAsked(piece, now);
    return { kind: "request", peer: source.peer, piece };
  }

  protected override release(source: Source, piece: number): void {
    source.buffer?.noteReleased(piece);
  }

  protected override remove(peer: MetadataPeer, now: number): void {
    const group = this.sources.get(peer)?.group;
    super.remove(peer, now);
    if (group !== undefined) this.#forgetIfIdle(group);
  }

  #verify(buffer: MetadataBuffer, now: number): void {
    const infoBytes = buffer.join();
    const { givers } = buffer;
    if (isInfoHashOf(this.#infoHash, infoBytes)) {
      this.#isFound = true;
      this.effects.push({ kind: "found", infoBytes, givers });
      return;
    }
    const [first, ...others] = givers;
    const group = this.#groups.get(buffer.size);
    if (group?.shared === buffer) this.#dropShared(group, others.length > 0 ? undefined : now);
    if (others.length === 0) this.partFrom(first!, "liar", now);
    else this.askAll(now);
  }

  /** Forgets what a group has put together, which begins anew, or each of it alone. */
  #dropShared(group: Group, beginAt: number | undefined): void {
    for (const source of this.sources.values()) if (source.group === group) this.releaseAll(source);
    group.shared = beginAt === undefined ? undefined : new MetadataBuffer(group.size, beginAt);
  }

  /** Keeps what is held within bounds, the buffer that has just grown before all others. */
  #makeRoom(grown: MetadataBuffer, now: number): void {
    if (this.heldBytes <= MAX_HELD_BYTES) return;
    let stalest: MetadataBuffer | undefined;
    for (const buffer of this.#buffers()) {
      if (buffer === grown || buffer.heldBytes === 0) continue;
      if (stalest === undefined || buffer.grownAt < stalest.grownAt) stalest = buffer;
    }
    if (stalest === undefined) return;
    const group = this.#groups.get(stalest.size);
    if (group?.shared === stalest) {
      this.#dropShared(group, now);
      return this.#forgetIfIdle(group);
    }
    for (const source of this.sources.values()) {
      if (source.own !== stalest) continue;
      this.rest(source, now);
      source.own = undefined;
    }
  }

  /** What has come is kept for whoever claims the same size next. */
  #forgetIfIdle(group: Group): void {
    if (group.shared !== undefined && group.shared.heldBytes > 0) return;
    for (const source of this.sources.values()) if (source.group === group) return;
    this.#groups.delete(group.size);
  }

  *#buffers(): Iterable<MetadataBuffer> {
    for (const { shared } of this.#groups.values()) if (shared !== undefined) yield shared;
    for (const { own } of this.sources.values()) if (own !== undefined) yield own;
  }
}
