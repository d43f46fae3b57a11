/**
 * How much may be on its way to a peer nearby. The system keeps some 90 packets for a program
 * (Linux: 208 KiB with all that is around them) until it takes them off its socket; what does not
 * spend its time on the way arrives there at once, and beyond that is lost.
 */

/** As much as a socket holds. */
const SOCKET_BYTES = 96 * 1024;
/** What is on the way is not in the socket: so much for each millisecond there and back, 32 MB/s. */
const BYTES_PER_MS = 32 * 1024;

/** Bytes that may be under way when the way there and back takes `roundTripMs`, or more. */
export function windowFor(roundTripMs: number): number {
  return Math.floor(SOCKET_BYTES + roundTripMs * BYTES_PER_MS);
}
