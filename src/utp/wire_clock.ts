/**
 * The clock that one peer sees in our packets (BEP 29, "timestamp_microseconds"). Nobody else can
 * know what it shows: whoever has not heard us cannot say when it has (hostile-inputs P33). Pure:
 * `now` is in milliseconds.
 */
import type { Random } from "../base/ambient.ts";
import { getUint32 } from "../base/bytes.ts";
import type { PacketHeader } from "./packet.ts";
import { nearestMicroseconds, wireMicroseconds } from "./wrapping.ts";

/** No packet is on its way for longer, there and back. */
const MAX_ROUND_TRIP_MS = 30_000;
/** Others round, and look at their clock once for several packets. */
const TOLERANCE_MS = 1_000;
const OFFSET_LENGTH = 4;

export class WireClock {
  readonly #offsetUs: number;

  /** `offsetUs`: what nobody can guess, of 32 bits. */
  constructor(offsetUs: number) {
    this.#offsetUs = offsetUs;
  }

  /** One for a peer that has not told us anything. */
  static make(random: Random): WireClock {
    return new WireClock(getUint32(random.bytes(OFFSET_LENGTH), 0));
  }

  /** What the clock shows: 32 bits. */
  at(now: number): number {
    return (wireMicroseconds(now) + this.#offsetUs) >>> 0;
  }

  /**
   * Does the sender know our clock? It tells when its packet left and what our last one seemed to
   * take; the one less the other is, by our clock, when that packet left, as if it had come back
   * at once.
   */
  isKnownTo(packet: PacketHeader, now: number): boolean {
    const shown = this.at(now);
    const echoed = nearestMicroseconds(packet.timestampUs - packet.timestampDifferenceUs, shown);
    const agoMs = (shown - echoed) / 1_000;
    return agoMs >= -TOLERANCE_MS && agoMs <= MAX_ROUND_TRIP_MS;
  }
}
