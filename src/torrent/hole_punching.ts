/**
 * Brings peers together that NATs keep apart (BEP 55): we ask those who know an endpoint that we
 * cannot reach, go where we are told to, and do the same for others.
 */
import type { Random } from "../base/ambient.ts";
import { addressScope, type Endpoint, formatEndpoint } from "../base/endpoint.ts";
import { TokenBucket } from "../base/rate.ts";
import { concerns } from "../peer/peer_exchange.ts";
import type { PeerKey } from "../piece/piece_table.ts";
import {
  encodeHolepunch,
  HolepunchError,
  type HolepunchMessage,
} from "../wire/holepunch_message.ts";
import type { PeerConnection } from "./connection.ts";
import type { ExtensionHandshakes } from "./extension_handshakes.ts";

/**
 * What we ask for, what we do for others, and where we go on another's word, each so often a
 * second and so often at once, so that nobody can make us knock at other people's doors (P33).
 */
const PER_SECOND = 2;
const AT_ONCE = 20;
/** So often one peer is heard: whoever says more is not, and takes nothing from the others. */
const HEARD_PER_SECOND = 0.2;
const HEARD_AT_ONCE = 5;

export interface HolePunchingOptions {
  /** The connected peers, live. */
  readonly peers: ReadonlyMap<PeerKey, PeerConnection>;
  readonly extensionHandshakes: Pick<ExtensionHandshakes, "listensAt">;
  readonly random: Random;
  /** A peer that `from` knows expects us, and we it: by uTP, at once. */
  readonly onMeeting?: (endpoint: Endpoint, from: Endpoint) => void;
  readonly now: number;
}

export class HolePunching {
  readonly #options: HolePunchingOptions;
  readonly #asked: TokenBucket;
  readonly #relayed: TokenBucket;
  readonly #met: TokenBucket;
  readonly #heard = new WeakMap<PeerConnection, TokenBucket>();

  constructor(options: HolePunchingOptions) {
    const create = () => new TokenBucket(PER_SECOND, options.now, AT_ONCE);
    this.#options = options;
    this.#asked = create();
    this.#relayed = create();
    this.#met = create();
  }

  /**
   * An endpoint could not be reached: one of those who know it is asked to bring us together. False
   * when nobody is: none knows it, or we have asked too often.
   */
  seek(endpoint: Endpoint, now: number): boolean {
    const { peers, random } = this.#options;
    const relays = [...peers.values()].filter(({ session }) => session.canReach(endpoint));
    if (relays.length === 0 || !this.#asked.tryTake(1, now)) return false;
    say(relays[random.below(relays.length)]!, encodeHolepunch("rendezvous", endpoint), now);
    return true;
  }

  /** Of an error nothing follows: when the endpoint is dialled again, another may be asked. */
  handle({ kind, endpoint }: HolepunchMessage, from: PeerConnection, now: number): void {
    if (!this.#heardOf(from, now).tryTake(1, now)) return;
    if (kind === "rendezvous") {
      if (this.#relayed.tryTake(1, now)) this.#relay(endpoint, from, now);
    } else if (kind === "connect") {
      if (!mayHearOf(from, endpoint) || !this.#met.tryTake(1, now)) return;
      this.#options.onMeeting?.(endpoint, from.remote);
    }
  }

  #heardOf(peer: PeerConnection, now: number): TokenBucket {
    let heard = this.#heard.get(peer);
    if (heard === undefined) {
      heard = new TokenBucket(HEARD_PER_SECOND, now, HEARD_AT_ONCE);
      this.#heard.set(peer, heard);
    }
    return heard;
  }

  #relay(endpoint: Endpoint, from: PeerConnection, now: number): void {
    const initiator = this.#options.extensionHandshakes.listensAt(from);
    if (initiator === undefined || !from.session.takesHolepunch) return;
    const target = this.#find(endpoint);
    const error = refusal(endpoint, target, initiator, from);
    if (error !== undefined) return say(from, encodeHolepunch("error", endpoint, error), now);
    say(target!, encodeHolepunch("connect", initiator), now);
    say(from, encodeHolepunch("connect", endpoint), now);
  }

  #find(endpoint: Endpoint): PeerConnection | undefined {
    const { peers, extensionHandshakes } = this.#options;
    const key = formatEndpoint(endpoint);
    return peers.values().find((peer) => {
      const listensAt = extensionHandshakes.listensAt(peer);
      return listensAt !== undefined && formatEndpoint(listensAt) === key;
    });
  }
}

/** One of HolepunchError: why a relay does not bring the two together. */
function refusal(
  endpoint: Endpoint,
  target: PeerConnection | undefined,
  initiator: Endpoint,
  from: PeerConnection,
): number | undefined {
  if (target === undefined) return HolepunchError.notConnected;
  if (target === from) return HolepunchError.noSuchPeer;
  if (!target.session.takesHolepunch) return HolepunchError.noSupport;
  const isLocal = !mayHearOf(target, initiator) || !mayHearOf(from, endpoint);
  return isLocal ? HolepunchError.noSuchPeer : undefined;
}

/** Local addresses of one network mean other machines in another (P29). */
function mayHearOf({ remote }: PeerConnection, endpoint: Endpoint): boolean {
  return concerns(endpoint, addressScope(remote.host));
}

function say(peer: PeerConnection, payload: Uint8Array, now: number): void {
  peer.session.sayHolepunch(payload, now);
  peer.flush();
}
