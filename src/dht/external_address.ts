/**
 * Our address as the internet sees it, by what the nodes that answer us say (BEP 42 "ip"). Our
 * node id depends on it, so it takes many voices, and a network has one only. Of one family.
 */
import { addressScope, familyOf, type IpFamily } from "../base/endpoint.ts";
import { LimitedMap } from "../base/limited_map.ts";
import { crowdKey } from "./crowd_key.ts";

/** The latest voices are counted, so that a new address is believed after a while. */
const MAX_VOTES = 32;
/** Fewer decide nothing. */
const MIN_VOTES = 5;

export class ExternalAddress {
  readonly #family: IpFamily;
  /** By the network of who says it, oldest first. */
  readonly #votes = new LimitedMap<string, string>(MAX_VOTES);
  #host: string | undefined;

  /** `host` is what was known before, if anything; it holds until a majority says otherwise. */
  constructor({ family, host }: { family: IpFamily; host: string | undefined }) {
    this.#family = family;
    this.#host = host;
  }

  /** The address, once more than half of those asked agree on it. */
  get host(): string | undefined {
    return this.#host;
  }

  /**
   * A node at the address `voter` sees us at `observed`; is `host` another one by that? Nothing
   * is learned where either is not on the internet, or from the other family.
   */
  vote(observed: string, voter: string): boolean {
    const network = crowdKey(voter);
    const isOnInternet = addressScope(observed) === "global";
    if (network === undefined || !isOnInternet || familyOf(observed) !== this.#family) return false;
    this.#votes.delete(network);
    this.#votes.set(network, observed);
    if (observed === this.#host || !this.#hasMajority(observed)) return false;
    this.#host = observed;
    return true;
  }

  #hasMajority(host: string): boolean {
    if (this.#votes.size < MIN_VOTES) return false;
    const agreeing = [...this.#votes.values()].filter((voted) => voted === host).length;
    return agreeing * 2 > this.#votes.size;
  }
}
