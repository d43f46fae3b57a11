/**
 * What is fetched in parts from several peers at once, of whom nobody is trusted: each is to send a
 * few, and what it refuses, is late with or leaves behind is asked of others. Which parts there are,
 * and what is made of them, MetadataFetch and LayerFetch know. Pure.
 */
import type { MetadataPeer } from "./metadata_buffer.ts";
import { Patience } from "./patience.ts";

/** A peer that may be asked. */
export class PartSource<Part> {
  readonly peer: MetadataPeer;
  /** Parts that it is to send. */
  readonly asked = new Set<Part>();
  /** Parts that it was to send once: they may come yet, or a second time. */
  readonly late = new Set<Part>();
  readonly patience: Patience;

  constructor(peer: MetadataPeer, now: number) {
    this.peer = peer;
    this.patience = new Patience(now);
  }

  /** The part has come. */
  take(part: Part): void {
    if (!this.asked.delete(part)) this.late.delete(part);
  }
}

/** To part from the peer: it gave something else than it should; or what it sends makes no sense. */
export interface PartingEffect {
  readonly kind: "liar" | "malformed";
  readonly peer: MetadataPeer;
}

export abstract class PartFetch<Part, Source extends PartSource<Part>, Effect> {
  protected readonly sources = new Map<MetadataPeer, Source>();
  protected effects: (Effect | PartingEffect)[] = [];

  /** Peers that may be asked, and have not left us waiting since they last gave some. */
  get sourceCount(): number {
    return this.sources.values().reduce((n, { patience }) => patience.isUnbroken ? n + 1 : n, 0);
  }

  /** What there is to do since the last call. */
  drain(): readonly (Effect | PartingEffect)[] {
    const { effects } = this;
    this.effects = [];
    return effects;
  }

  /** The connection has ended. */
  handleGone(peer: MetadataPeer, now: number): void {
    if (!this.sources.has(peer)) return;
    this.remove(peer, now);
    this.askAll(now);
  }

  /** To be called twice a second or so. */
  handleTimeout(now: number): void {
    for (const source of this.sources.values()) {
      if (source.asked.size > 0 && source.patience.isOver(now)) this.rest(source, now);
    }
    this.askAll(now);
  }

  /** The next part to ask the source for; undefined while it owes enough, or there is none. */
  protected abstract choose(source: Source, now: number): Part | undefined;

  /** Notes that the source is asked for the part, and says how. */
  protected abstract request(source: Source, part: Part, now: number): Effect;

  /** The source is not to send the part any more. */
  protected abstract release(source: Source, part: Part): void;

  protected add(source: Source, now: number): void {
    this.sources.set(source.peer, source);
    this.ask(source, now);
  }

  /** Whoever sends a part that it was asked for, now or once; who sends too many others must go. */
  protected giverOf(peer: MetadataPeer, part: Part | undefined, now: number): Source | undefined {
    const source = this.sources.get(peer);
    if (source === undefined) return undefined;
    if (part !== undefined && (source.asked.has(part) || source.late.has(part))) return source;
    if (!source.patience.bearsUnrequested()) this.partFrom(peer, "malformed", now);
    return undefined;
  }

  /** The peer will not send the part now. */
  protected refuse(peer: MetadataPeer, part: Part | undefined, now: number): void {
    const source = this.sources.get(peer);
    if (source === undefined || part === undefined || !source.asked.has(part)) return;
    this.rest(source, now);
    this.askAll(now);
  }

  protected askAll(now: number): void {
    for (const source of this.sources.values()) this.ask(source, now);
  }

  protected ask(source: Source, now: number): void {
    if (source.patience.isResting(now)) return;
    for (let part = this.choose(source, now); part !== undefined; part = this.choose(source, now)) {
      if (source.asked.size === 0) source.patience.begin(now);
      source.asked.add(part);
      this.effects.push(this.request(source, part, now));
    }
  }

  /** The source will send nothing of what it was asked for, and is not asked for a while. */
  protected rest(source: Source, now: number): void {
    source.patience.rest(now);
    this.releaseAll(source);
  }

  protected releaseAll(source: Source): void {
    for (const part of source.asked) {
      source.asked.delete(part);
      source.late.add(part);
      this.release(source, part);
    }
  }

  protected partFrom(peer: MetadataPeer, kind: PartingEffect["kind"], now: number): void {
    this.effects.push({ kind, peer });
    this.remove(peer, now);
    this.askAll(now);
  }

  protected remove(peer: MetadataPeer, now: number): void {
    const source = this.sources.get(peer);
    if (source === undefined) return;
    this.rest(source, now);
    this.sources.delete(peer);
  }
}
