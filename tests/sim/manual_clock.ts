import { setImmediate } from "node:timers";
import type { Clock } from "../../src/base/ambient.ts";

interface Timer {
  readonly at: number;
  readonly order: number;
  readonly ring: () => void;
}

/**
 * Time that stands still until the simulation moves it. `run` lets everything that can happen
 * now happen, and only then jumps to the next timer: simulated hours take real milliseconds,
 * and the same seed gives the same order of events.
 */
export class ManualClock implements Clock {
  #now = 0;
  #wallStepMs = 0;
  #order = 0;
  /** A binary heap, soonest first. */
  readonly #timers: Timer[] = [];

  now(): number {
    return this.#now;
  }

  wallTime(): number {
    return 1_700_000_000_000 + this.#wallStepMs + this.#now;
  }

  /** Somebody sets the clock on the wall, forwards or backwards. */
  stepWall(byMs: number): void {
    this.#wallStepMs += byMs;
  }

  /** The process stands still, stopped by a signal: its timers are late by so much. */
  standStill(durationMs: number): void {
    this.#now += durationMs;
  }

  sleep(durationMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (signal?.aborted) return resolve();
      const end = () => {
        signal?.removeEventListener("abort", end);
        resolve();
      };
      signal?.addEventListener("abort", end);
      this.#add({ at: this.#now + Math.max(0, durationMs), order: this.#order++, ring: end });
    });
  }

  /** Moves time until `isDone` or until `limitMs` from now; false when the limit came first. */
  async run(isDone: () => boolean, limitMs: number): Promise<boolean> {
    const end = this.#now + limitMs;
    while (true) {
      await everythingElse();
      if (isDone()) return true;
      const next = this.#timers[0];
      if (next === undefined || next.at > end) {
        this.#now = end;
        return false;
      }
      this.#now = Math.max(this.#now, next.at);
      while (this.#timers[0]?.at === next.at) this.#takeFirst().ring();
    }
  }

  #add(timer: Timer): void {
    const heap = this.#timers;
    let index = heap.push(timer) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (isBefore(heap[parent]!, heap[index]!)) break;
      [heap[parent], heap[index]] = [heap[index]!, heap[parent]!];
      index = parent;
    }
  }

  #takeFirst(): Timer {
    const heap = this.#timers;
    const first = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    heap[0] = last;
    for (let index = 0;;) {
      const left = 2 * index + 1, right = left + 1;
      let soonest = index;
      if (left < heap.length && isBefore(heap[left]!, heap[soonest]!)) soonest = left;
      if (right < heap.length && isBefore(heap[right]!, heap[soonest]!)) soonest = right;
      if (soonest === index) return first;
      [heap[soonest], heap[index]] = [heap[index]!, heap[soonest]!];
      index = soonest;
    }
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}

/** A turn of the event loop comes only after every promise that can settle has settled. */
function everythingElse(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
