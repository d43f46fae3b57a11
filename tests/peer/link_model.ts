/**
 * A peer at the other end of a link, as simple as can be: a request arrives after half of the
 * latency, waits its turn, leaves at the link's rate, and arrives after the other half. Nothing
 * is random.
 */
import type { BlockIndex, PieceIndex } from "../../src/base/ids.ts";
import { BLOCK_LENGTH } from "../../src/metainfo/layout.ts";
import type { RequestWindow } from "../../src/peer/request_window.ts";

export interface Link {
  /** From a request to its answer when nothing waits; may change with time. */
  readonly latencyMs: (now: number) => number;
  /** Bytes a second, while the peer sends. */
  readonly rate: (now: number) => number;
  /** When the peer may send next, if not now: for rate limiters that let bursts through. */
  readonly sendsAt?: (at: number) => number;
}

export interface Sample {
  /** Bytes that came within this slot. */
  readonly received: number;
  /** Requests outstanding at its end. */
  readonly outstanding: number;
}

export const SLOT_MS = 100;

/** What a window does on a link from `0` to `untilMs`, slot by slot. */
export function runLink(window: RequestWindow, link: Link, untilMs: number): Sample[] {
  const arrivals: { at: number; key: number }[] = [];
  const samples: Sample[] = [];
  let now = 0, linkFreeAt = 0, head = 0, received = 0;
  const ask = () => {
    for (let room = window.room(now); room > 0; room--) {
      const key = arrivals.length;
      window.add(key, spanOf(key), now);
      const readyAt = Math.max(linkFreeAt, now + link.latencyMs(now) / 2);
      const sentAt = link.sendsAt?.(readyAt) ?? readyAt;
      linkFreeAt = sentAt + BLOCK_LENGTH * 1000 / link.rate(sentAt);
      arrivals.push({ at: linkFreeAt + link.latencyMs(now) / 2, key });
    }
  };
  ask();
  while (now < untilMs) {
    const slotEnd = (samples.length + 1) * SLOT_MS;
    now = Math.min(arrivals[head]?.at ?? Infinity, slotEnd);
    // What arrives within a millisecond comes with one read.
    for (; head < arrivals.length && arrivals[head]!.at <= now + 1; head++) {
      window.receive(arrivals[head]!.key, now);
      received += BLOCK_LENGTH;
    }
    if (now === slotEnd) {
      samples.push({ received, outstanding: window.count });
      received = 0;
    }
    ask();
  }
  return samples;
}

function spanOf(key: number) {
  return { piece: key as PieceIndex, block: 0 as BlockIndex, begin: 0, length: BLOCK_LENGTH };
}
