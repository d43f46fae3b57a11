/**
 * Collects the piece layers of a magnet of version 2 from several peers at once (BEP 52 "hash
 * request"), of whom nobody is trusted: every answer is proved by the root of its file, so whoever
 * lies is known at once, and holds up nobody.
 */
import { type LayerRange, MAX_RANGE_LENGTH, provesRange } from "../metainfo/layer_trees.ts";
import { MERKLE_HASH_LENGTH, powerOfTwoFrom } from "../metainfo/merkle.ts";
import type { NeededLayer } from "../metainfo/piece_layers.ts";
import type { HashesMessage, HashRequestMessage } from "../wire/message.ts";
import type { MetadataPeer } from "./metadata_buffer.ts";
import { PartFetch, type PartingEffect, PartSource } from "./part_fetch.ts";

/** While less is outstanding, one peer is asked for more: four of the longest runs. */
const MAX_OUTSTANDING_BYTES = 64 * 1024;
/** Runs that one peer is asked for at once, however short: some refuse what they cannot queue. */
const MAX_OUTSTANDING = 200;
/** When nothing else is left, a run is asked of another peer after this time, and again. */
const MORE_ASKED_AFTER_MS = 1_000;

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
  /** A liar gave hashes that do not lead to the root. */
  | PartingEffect
  /** The last effect: every layer, by its root. */
  | { readonly kind: "found"; readonly layers: ReadonlyMap<Uint8Array, Uint8Array> };

/** One run of one layer. */
interface Run {
  readonly layer: NeededLayer;
  readonly range: LayerRange;
  /** Bytes: the run, and a node of each layer above it up to the root. */
  readonly answerLength: number;
  isHere: boolean;
  askedAt: number;
}

type Source = PartSource<Run>;

export class LayerFetch extends PartFetch<Run, Source, LayerEffect> {
  readonly #needed: readonly NeededLayer[];
  readonly #layers = new Map<Uint8Array, Uint8Array>();
  /** Of each layer, in its order, by its root in hex. */
  readonly #runs = new Map<string, readonly Run[]>();
  /** Runs that nobody is to send; the next is the last. */
  readonly #unasked: Run[];
  /** Runs that somebody is to send; the first was asked for the longest ago. */
  readonly #asked = new Set<Run>();
  #missingCount: number;
  #hereCount = 0;

  /** `needed` is at least one, and all together fit a .torrent. */
  constructor(needed: readonly NeededLayer[]) {
    super();
    this.#needed = needed;
    for (const layer of needed) this.#runs.set(layer.root.toHex(), runsOf(layer));
    this.#unasked = [...this.#runs.values()].flat().reverse();
    this.#missingCount = this.#unasked.length;
  }

  /** Proved hashes alone. */
  get progress(): HashProgress {
    const needed = this.#needed.reduce((sum, { pieceCount }) => sum + pieceCount, 0);
    return { here: this.#hereCount, needed };
  }

  /** A peer that may be asked. */
  handlePeer(peer: MetadataPeer, now: number): void {
    this.add(new PartSource(peer, now), now);
  }

  /** What is kept of `message` is copied. True when it is a part of what was missing. */
  handleHashes(peer: MetadataPeer, message: HashesMessage, now: number): boolean {
    if (this.#missingCount === 0) return false;
    const run = this.#runOf(message);
    const source = this.giverOf(peer, run, now);
    if (source === undefined || run === undefined) return false;
    const fault = faultOf(run, message.hashes);
    if (fault !== undefined) {
      this.partFrom(peer, fault, now);
      return false;
    }
    source.take(run);
    source.patience.renew(now);
    const isNew = !run.isHere;
    if (isNew) this.#put(run, message.hashes);
    this.ask(source, now);
    return isNew;
  }

  /** The peer will not send the run now. */
  handleReject(peer: MetadataPeer, message: HashRequestMessage, now: number): void {
    this.refuse(peer, this.#runOf(message), now);
  }

  /** One that nobody is to send; else one that others have not sent for a while. */
  protected override choose({ asked }: Source, now: number): Run | undefined {
    let outstandingBytes = 0;
    for (const { answerLength } of asked) outstandingBytes += answerLength;
    if (outstandingBytes >= MAX_OUTSTANDING_BYTES || asked.size >= MAX_OUTSTANDING) {
      return undefined;
    }
    for (let run = this.#unasked.pop(); run !== undefined; run = this.#unasked.pop()) {
      if (!run.isHere) return run;
    }
    for (const run of this.#asked) {
      if (now - run.askedAt < MORE_ASKED_AFTER_MS) return undefined;
      if (!asked.has(run)) return run;
    }
    return undefined;
  }

  protected override request({ peer }: Source, run: Run, now: number): LayerEffect {
    this.#asked.delete(run);
    this.#asked.add(run);
    run.askedAt = now;
    return { kind: "request", peer, root: run.layer.root, range: run.range };
  }

  protected override release(_source: Source, run: Run): void {
    for (const { asked } of this.sources.values()) if (asked.has(run)) return;
    if (this.#asked.delete(run)) this.#unasked.push(run);
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
    this.effects.push({ kind: "found", layers });
  }

  /** The run that a message is of, if there is one. */
  #runOf({ root, range }: HashesMessage | HashRequestMessage): Run | undefined {
    const { baseLayer, index, length, proofLayers } = range;
    const run = this.#runs.get(root.toHex())?.[index / length];
    const isSame = run?.range.baseLayer === baseLayer && run.range.length === length &&
      run.range.proofLayers === proofLayers;
    return isSame ? run : undefined;
  }
}

function runsOf(layer: NeededLayer): Run[] {
  const { pieceCount, height: baseLayer } = layer;
  const width = powerOfTwoFrom(pieceCount);
  const length = Math.min(MAX_RANGE_LENGTH, width), proofLayers = Math.log2(width) - 1;
  const answerLength = (length + Math.log2(width / length)) * MERKLE_HASH_LENGTH;
  const runs: Run[] = [];
  for (let index = 0; index < pieceCount; index += length) {
    const range = { baseLayer, index, length, proofLayers };
    runs.push({ layer, range, answerLength, isHere: false, askedAt: -Infinity });
  }
  return runs;
}

function faultOf(run: Run, hashes: Uint8Array): PartingEffect["kind"] | undefined {
  if (hashes.length !== run.answerLength) return "malformed";
  return provesRange(hashes, run.range, run.layer.root) ? undefined : "liar";
}
