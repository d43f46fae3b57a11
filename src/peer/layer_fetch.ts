/**
 * Collects the piece layers of a magnet of version 2 from several peers at once (BEP 52 "hash
 * request"), of whom nobody is trusted: every answer is proved by the root of its file, so whoever
 * lies is known at once, and holds up nobody.
 */
import { equalBytes } from "../base/bytes.ts";
import { type LayerRange, MAX_RANGE_LENGTH, provesRange } from "../metainfo/layer_trees.ts";
import { MERKLE_HASH_LENGTH, powerOfTwoFrom } from "../metainfo/merkle.ts";
import type { NeededLayer } from "../metainfo/piece_layers.ts";
import type { HashesMessage, HashRequestMessage } from "../wire/message.ts";
import type { MetadataPeer } from "./metadata_buffer.ts";
import { Patience } from "./patience.ts";

/** While less is outstanding, one peer is asked for more: four of the longest runs. */
const MAX_OUTSTANDING_BYTES = 64 * 1024;
/** Runs that one peer is asked for at once, however short: some refuse what they cannot queue. */
const MAX_OUTSTANDING = 200;
/** When nothing else is left, a run is asked of another peer after this time, and again. */
const MORE_ASKED_AFTER_MS = 1_000;

/** It gave hashes that do not lead to the root; or what it sends makes no sense. */
type LayerFault = "liar" | "malformed";

/** Hashes of pieces that are here, and all that must be. */
export interface HashProgress {
  readonly here: number;
  readonly needed: number;
}

/** What the driver has to do. */
export type LayerEffect =
  /** To ask the peer for a run of a layer. */
  | {
    readonly kind: "request";
    readonly peer: MetadataPeer;
    readonly root: Uint8Array;
    readonly range: LayerRange;
  }
  /** To part from the peer. */
  | { readonly kind: LayerFault; readonly peer: MetadataPeer }
  /** The last effect: every layer, by its root. */
  | { readonly kind: "found"; readonly layers: ReadonlyMap<Uint8Array, Uint8Array> };

/** One run of one layer. */
interface Run {
  readonly layer: NeededLayer;
  readonly range: LayerRange;
  isHere: boolean;
  askedAt: number;
}

interface Source {
  readonly peer: MetadataPeer;
  /** Runs that it is to send. */
  readonly asked: Set<Run>;
  /** Runs that it was to send once: they may come yet. */
  readonly late: Set<Run>;
  readonly patience: Patience;
}

export class LayerFetch {
  readonly #needed: readonly NeededLayer[];
  readonly #layers = new Map<Uint8Array, Uint8Array>();
  readonly #sources = new Map<MetadataPeer, Source>();
  /** Runs that nobody is to send; the next is the last. */
  readonly #unasked: Run[] = [];
  /** Runs that somebody is to send; the first was asked for the longest ago. */
  readonly #asked = new Set<Run>();
  #effects: LayerEffect[] = [];
  #missingCount: number;
  #hereCount = 0;

  /** `needed` is at least one, and all together fit a .torrent. */
  constructor(needed: readonly NeededLayer[]) {
    this.#needed = needed;
    for (const layer of needed.toReversed()) this.#unasked.push(...runsOf(layer).toReversed());
    this.#missingCount = this.#unasked.length;
  }

  /** Peers that have not left us waiting since they last gave some. */
  get sourceCount(): number {
    return this.#sources.values().reduce((n, { patience }) => patience.isUnbroken ? n + 1 : n, 0);
  }

  /** Proved hashes alone. */
  get progress(): HashProgress {
    const needed = this.#needed.reduce((sum, { pieceCount }) => sum + pieceCount, 0);
    return { here: this.#hereCount, needed };
  }

  /** What there is to do since the last call. */
  drain(): readonly LayerEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  /** A peer that may be asked. */
  handlePeer(peer: MetadataPeer, now: number): void {
    const source: Source = {
      peer,
      asked: new Set(),
      late: new Set(),
      patience: new Patience(now),
    };
    this.#sources.set(peer, source);
    this.#ask(source, now);
  }

  /** What is kept of `message` is copied. True when it is a part of what was missing. */
  handleHashes(peer: MetadataPeer, message: HashesMessage, now: number): boolean {
    const source = this.#sources.get(peer);
    if (source === undefined || this.#missingCount === 0) return false;
    const run = take(source.asked, message) ?? take(source.late, message);
    if (run === undefined) {
      if (!source.patience.bearsUnrequested()) this.#partFrom(source, "malformed", now);
      return false;
    }
    const fault = faultOf(run, message.hashes);
    if (fault !== undefined) {
      this.#release(run);
      this.#partFrom(source, fault, now);
      return false;
    }
    source.patience.renew(now);
    const isNew = !run.isHere;
    if (isNew) this.#put(run, message.hashes);
    this.#ask(source, now);
    return isNew;
  }

  /** The peer will not send the run now. */
  handleReject(peer: MetadataPeer, message: HashRequestMessage, now: number): void {
    const source = this.#sources.get(peer);
    if (source === undefined || take(source.asked, message, false) === undefined) return;
    this.#rest(source, now);
    this.#askAll(now);
  }

  /** The connection has ended. */
  handleGone(peer: MetadataPeer, now: number): void {
    const source = this.#sources.get(peer);
    if (source === undefined) return;
    this.#remove(source, now);
    this.#askAll(now);
  }

  /** To be called twice a second or so. */
  handleTimeout(now: number): void {
    for (const source of this.#sources.values()) {
      if (source.asked.size > 0 && source.patience.isOver(now)) this.#rest(source, now);
    }
    this.#askAll(now);
  }

  #put(run: Run, hashes: Uint8Array): void {
    const { layer: { root, pieceCount }, range: { index, length } } = run;
    run.isHere = true;
    this.#asked.delete(run);
    let layer = this.#layers.get(root);
    if (layer === undefined) {
      layer = new Uint8Array(pieceCount * MERKLE_HASH_LENGTH);
      this.#layers.set(root, layer);
    }
    // What the last run has beyond the pieces is padding.
    const count = Math.min(length, pieceCount - index);
    layer.set(hashes.subarray(0, count * MERKLE_HASH_LENGTH), index * MERKLE_HASH_LENGTH);
    this.#hereCount += count;
    if (--this.#missingCount > 0) return;
    const layers = new Map(this.#needed.map(({ root }) => [root, this.#layers.get(root)!]));
    this.#effects.push({ kind: "found", layers });
  }

  #askAll(now: number): void {
    for (const source of this.#sources.values()) this.#ask(source, now);
  }

  #ask(source: Source, now: number): void {
    if (source.patience.isResting(now)) return;
    let outstandingBytes = 0;
    for (const run of source.asked) outstandingBytes += answerLength(run);
    while (outstandingBytes < MAX_OUTSTANDING_BYTES && source.asked.size < MAX_OUTSTANDING) {
      const run = this.#choose(source, now);
      if (run === undefined) return;
      if (source.asked.size === 0) source.patience.begin(now);
      source.asked.add(run);
      this.#asked.delete(run);
      this.#asked.add(run);
      run.askedAt = now;
      outstandingBytes += answerLength(run);
      const { layer: { root }, range } = run;
      this.#effects.push({ kind: "request", peer: source.peer, root, range });
    }
  }

  /** One that nobody is to send; else one that others have not sent for a while. */
  #choose({ asked }: Source, now: number): Run | undefined {
    for (let run = this.#unasked.pop(); run !== undefined; run = this.#unasked.pop()) {
      if (!run.isHere) return run;
    }
    for (const run of this.#asked) {
      if (now - run.askedAt < MORE_ASKED_AFTER_MS) return undefined;
      if (!asked.has(run)) return run;
    }
    return undefined;
  }

  /** The source will send nothing of what it was asked for, and is not asked for a while. */
  #rest(source: Source, now: number): void {
    source.patience.rest(now);
    for (const run of source.asked) {
      source.late.add(run);
      source.asked.delete(run);
      this.#release(run);
    }
  }

  #release(run: Run): void {
    for (const { asked } of this.#sources.values()) if (asked.has(run)) return;
    if (this.#asked.delete(run)) this.#unasked.push(run);
  }

  #partFrom(source: Source, kind: LayerFault, now: number): void {
    this.#effects.push({ kind, peer: source.peer });
    this.#remove(source, now);
    this.#askAll(now);
  }

  #remove(source: Source, now: number): void {
    this.#rest(source, now);
    this.#sources.delete(source.peer);
  }
}

function runsOf(layer: NeededLayer): Run[] {
  const { pieceCount, height: baseLayer } = layer;
  const width = powerOfTwoFrom(pieceCount);
  const length = Math.min(MAX_RANGE_LENGTH, width), proofLayers = Math.log2(width) - 1;
  const runs: Run[] = [];
  for (let index = 0; index < pieceCount; index += length) {
    const range = { baseLayer, index, length, proofLayers };
    runs.push({ layer, range, isHere: false, askedAt: -Infinity });
  }
  return runs;
}

function faultOf(run: Run, hashes: Uint8Array): LayerFault | undefined {
  if (hashes.length !== answerLength(run)) return "malformed";
  return provesRange(hashes, run.range, run.layer.root) ? undefined : "liar";
}

/** Bytes: the run, and a node of each layer above it up to the root. */
function answerLength({ layer: { pieceCount }, range: { length } }: Run): number {
  const proofCount = Math.log2(powerOfTwoFrom(pieceCount)) - Math.log2(length);
  return (length + proofCount) * MERKLE_HASH_LENGTH;
}

/** The run that a message is of, which is no longer among `runs` then, unless `removes` is false. */
function take(
  runs: Set<Run>,
  { root, range }: HashesMessage | HashRequestMessage,
  removes = true,
): Run | undefined {
  for (const run of runs) {
    const { baseLayer, index, length, proofLayers } = run.range;
    const isSame = index === range.index && length === range.length &&
      baseLayer === range.baseLayer && proofLayers === range.proofLayers &&
      equalBytes(root, run.layer.root);
    if (!isSame) continue;
    if (removes) runs.delete(run);
    return run;
  }
  return undefined;
}
