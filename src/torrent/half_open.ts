/** A dial, or the handshake after it, that is under way: what is known of it meanwhile. */
import type { ConnectFailure } from "../net/transport.ts";

export interface HalfOpen {
  readonly since: number;
  /** The peer dials us at the same time. */
  readonly isMeeting: boolean;
  /** Nobody answers by uTP, while TCP is still tried: by uTP the peer may be met. */
  isUtpSilent: boolean;
  /** Somebody was asked to bring us together, perhaps while TCP is still tried. */
  isHelpSought: boolean;
  /** Ends what is tried, since the peer dials us. */
  readonly turning: AbortController;
  /** Why TCP does not lead there, while uTP is tried. */
  tcpFailure: ConnectFailure | undefined;
  /** It hung up the last time, and is tried by uTP on the chance: no answer says nothing new. */
  isGuess: boolean;
}

/** One that begins now. */
export function halfOpenSince(since: number, isMeeting: boolean): HalfOpen {
  const turning = new AbortController();
  return {
    since,
    isMeeting,
    isUtpSilent: false,
    isHelpSought: false,
    turning,
    tcpFailure: undefined,
    isGuess: false,
  };
}

/** It may lead to a peer soon, and nothing was said of why it should not. */
export function isHopeful({ tcpFailure, isGuess }: HalfOpen): boolean {
  return tcpFailure === undefined && !isGuess;
}
