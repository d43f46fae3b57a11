/** Who did wrong in a swarm. A search for metadata hands it on to the download that follows. */
import { addressScope, type Endpoint, formatEndpoint } from "../base/endpoint.ts";
import { LimitedSet } from "../base/limited_map.ts";

/** Endpoints and addresses that are banned; then the oldest are forgotten. */
const MAX_BANNED = 3_000;
/** An address is banned once so many of its endpoints are. */
const BANNED_ENDPOINTS_PER_ADDRESS = 3;

export class Bans {
  /** By the text of the endpoint. */
  readonly #endpoints = new LimitedSet<string>(MAX_BANNED);
  readonly #addresses = new LimitedSet<string>(MAX_BANNED);

  get endpointCount(): number {
    return this.#endpoints.size;
  }

  /**
   * With its third endpoint an address is banned, unless it is loopback: whoever lies from many
   * ports is one liar, but behind one address there may be many people.
   */
  add(endpoint: Endpoint): void {
    const { host } = endpoint;
    const key = formatEndpoint(endpoint);
    this.#endpoints.add(key);
    if (addressScope(host) === "loopback") return;
    const prefix = key.slice(0, key.lastIndexOf(":") + 1);
    const ofAddress = [...this.#endpoints].filter((other) => other.startsWith(prefix));
    if (ofAddress.length < BANNED_ENDPOINTS_PER_ADDRESS) return;
    this.#addresses.add(host);
  }

  has(endpoint: Endpoint): boolean {
    return this.#endpoints.has(formatEndpoint(endpoint)) || this.#addresses.has(endpoint.host);
  }
}
