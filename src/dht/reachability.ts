/**
 * Whether we take part in the DHT or only ask (BEP 43). Pure; `now` is in milliseconds.
 *
 * Nobody can tell us whether strangers reach us, and a node that cannot be reached, or that is
 * gone after a minute, does harm in the tables of others. So we begin by only asking. A query
 * from somebody to whom we have sent nothing for long is the proof that we can be reached: no
 * NAT or firewall has let it in as an answer. Since nobody asks a node that says it answers
 * nothing, whoever runs for longer leaves that out for a few minutes now and then, which has
 * strangers hear of us. The program around us may also know: an incoming connection of a peer,
 * or a port that the router has opened.
 */
import { addressScope, type Endpoint, formatEndpoint } from "../base/endpoint.ts";
import { LimitedMap } from "../base/limited_map.ts";

/** Longer than any usual NAT remembers whom we sent something. */
const SOLICITED_FOR_MS = 10 * 60_000;
/** A proof holds so long; who takes part gets new ones all the time. */
const PROVEN_FOR_MS = 30 * 60_000;
/** When we first try to be asked, for how long, and how often. */
const FIRST_TRIAL_AFTER_MS = 2 * 60_000;
const TRIAL_MS = 3 * 60_000;
const TRIAL_EVERY_MS = 30 * 60_000;
/** Addresses that we remember having sent to. */
const MAX_SOLICITED = 4_096;

export class Reachability {
  readonly #startedAt: number;
  readonly #isKnown: () => boolean;
  /** When we last sent something to whom, oldest first. */
  readonly #solicited = new LimitedMap<string, number>(MAX_SOLICITED);
  /** Until then we may have forgotten somebody to whom we sent something. */
  #isForgetfulUntil = -Infinity;
  #provenAt = -Infinity;
  #isOnInternet = false;

  /** `isKnown`: does the program know from elsewhere that we can be reached? */
  constructor({ now, isKnown }: { now: number; isKnown: () => boolean }) {
    this.#startedAt = now;
    this.#isKnown = isKnown;
  }

  /** We have sent something, which lets its receiver through to us. */
  handleSent(to: Endpoint, now: number): void {
    const key = keyOf(to);
    this.#solicited.delete(key);
    if (this.#solicited.isFull) {
      const [oldestSentAt] = this.#solicited.values();
      this.#isForgetfulUntil = oldestSentAt! + SOLICITED_FOR_MS;
    }
    this.#solicited.set(key, now);
  }

  /** Somebody has answered us: are we on the internet? */
  handleAnswer(from: Endpoint): void {
    this.#isOnInternet ||= addressScope(from.host) === "global";
  }

  /** Somebody has asked us something. Neighbours prove nothing about the internet. */
  handleQuery(from: Endpoint, now: number): void {
    if (this.#isOnInternet && addressScope(from.host) !== "global") return;
    if (now < this.#isForgetfulUntil) return;
    const sentAt = this.#solicited.get(keyOf(from));
    if (sentAt === undefined || now - sentAt >= SOLICITED_FOR_MS) this.#provenAt = now;
  }

  /** Do we say that we only ask? */
  isReadOnly(now: number): boolean {
    if (this.#isKnown() || now - this.#provenAt < PROVEN_FOR_MS) return false;
    const sinceTrial = now - this.#startedAt - FIRST_TRIAL_AFTER_MS;
    return sinceTrial < 0 || sinceTrial % TRIAL_EVERY_MS >= TRIAL_MS;
  }
}

/** NATs let in a whole host after a packet to it, some only its port: the host is the safe one. */
function keyOf(endpoint: Endpoint): string {
  return addressScope(endpoint.host) === "global" ? endpoint.host : formatEndpoint(endpoint);
}
