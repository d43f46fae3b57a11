/**
 * Gives the piece layers of version 2 to one peer that asks for them (BEP 52 "hash request"), in
 * bounds: whoever needs them needs them once, and what it does not read does not pile up.
 */
import type { LayerTrees } from "../metainfo/layer_trees.ts";
import type { MessageWriter } from "../wire/encoder.ts";
import type { HashRange, HashRequestMessage } from "../wire/message.ts";
import type { SessionEvents } from "./session_event.ts";

/** Answers that may wait to be sent; further requests are refused. */
const MAX_QUEUED_ANSWERS = 256;
/** Bytes in the output, beyond which answers wait: a dozen at once, not hundreds. */
const MAX_PENDING_BYTES = 256 * 1024;
/** How often all hashes are given over one connection; once should do. */
const MAX_COPIES = 4;
/** And how many more, since a short layer needs a proof as well. */
const MIN_ALLOWANCE = 4_096;
/** Refusals that one peer gets; one that goes on asking hears no more of us. */
const MAX_REFUSALS = 4_096;

export interface HashServingOptions {
  readonly layers: LayerTrees;
  /** Where answers go. */
  readonly output: MessageWriter;
  readonly events: SessionEvents;
}

interface Answer {
  readonly root: Uint8Array;
  readonly range: HashRange;
  readonly hashes: Uint8Array;
}

export class HashServing {
  readonly #layers: LayerTrees;
  readonly #output: MessageWriter;
  readonly #events: SessionEvents;
  readonly #queue: Answer[] = [];
  #allowance: number;
  #refusalCount = 0;

  constructor({ layers, output, events }: HashServingOptions) {
    this.#layers = layers;
    this.#output = output;
    this.#events = events;
    this.#allowance = MIN_ALLOWANCE + MAX_COPIES * layers.hashCount;
  }

  handleRequest({ root, range }: HashRequestMessage): void {
    const isTooMuch = this.#queue.length >= MAX_QUEUED_ANSWERS || this.#allowance <= 0;
    const hashes = isTooMuch ? undefined : this.#layers.hashesFor(root, range);
    if (hashes === undefined) return this.#refuse(root, range);
    this.#allowance -= range.length;
    this.#queue.push({ root: root.slice(), range, hashes });
    this.resume();
  }

  /** Sends what waits as far as there is room: to be called twice a second or so. */
  resume(): void {
    while (this.#queue.length > 0 && this.#output.pendingBytes < MAX_PENDING_BYTES) {
      const { root, range, hashes } = this.#queue.shift()!;
      this.#output.hashes(root, range, hashes);
    }
  }

  #refuse(root: Uint8Array, range: HashRange): void {
    if (++this.#refusalCount > MAX_REFUSALS) return this.#events.close("request-flood");
    this.#output.hashReject(root, range);
  }
}
