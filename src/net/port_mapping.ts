/**
 * Asks the gateway of the local network to let peers through to our port: by PCP, NAT-PMP or
 * UPnP, whichever it speaks. All in the background; a failure costs nothing.
 */
import type { Clock, Random } from "../base/ambient.ts";
import { findGateways, type GatewayPlaces } from "./gateway_search.ts";
import { type Asking, pcpWay, pmpWay, upnpWays, type Way } from "./gateway_ways.ts";
import { type GatewayAnswer, type MappedProtocol, PCP_NONCE_LENGTH } from "./nat_pmp.ts";
import { ConnectError, type Network } from "./transport.ts";

/** Asked for, and renewed after half of what is granted (RFC 6886 section 3.3). */
const LIFETIME_S = 7_200;
/** What gateways grant is not believed beyond these. */
const MIN_LIFETIME_S = 120;
/** After a failure, until the next try: networks come and go. */
const RETRY_MS = 30 * 60_000;
/** What closing may take. */
const CLOSE_MS = 1_000;
/** Peers connect, and nodes of the DHT send datagrams. */
const PROTOCOLS: readonly MappedProtocol[] = ["tcp", "udp"];

export interface PortMappingOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  /** Takes one line for people when it is known whether the port is open, and when that changes. */
  readonly onLog: (message: string) => void;
  /** Where else than usual gateways are looked for. */
  readonly places?: GatewayPlaces;
}

export type PortMappingStatus =
  | { readonly kind: "idle" | "searching" | "failed" }
  | {
    readonly kind: "mapped";
    readonly way: Way["name"];
    /** For TCP. */
    readonly externalPort: number;
    /** Absent when the gateway lets no datagrams through. */
    readonly externalUdpPort?: number;
  };

/** What a gateway says of the port, for each protocol. */
type Answers = Readonly<Record<MappedProtocol, GatewayAnswer | undefined>>;

export class PortMapping {
  readonly #options: PortMappingOptions;
  readonly #ending = new AbortController();
  #status: PortMappingStatus = { kind: "idle" };
  #said = "";
  #port = 0;
  #way: Way | undefined;
  /** By UPnP; still ours when the way to the gateway is looked for anew. */
  readonly #opened = new Map<MappedProtocol, number>();
  #running: Promise<void> = Promise.resolve();

  constructor(options: PortMappingOptions) {
    this.#options = options;
  }

  /** Begins, and returns at once. Call it once. */
  start(port: number): void {
    this.#port = port;
    this.#status = { kind: "searching" };
    this.#running = this.#run();
  }

  status(): PortMappingStatus {
    return this.#status;
  }

  /** Gives the port back, in a second at most. Never rejects; may be called again. */
  async close(): Promise<void> {
    if (this.#ending.signal.aborted) return;
    this.#ending.abort();
    const { clock } = this.#options;
    const over = new AbortController();
    const timedOut = clock.sleep(CLOSE_MS, over.signal).then(() => over.abort());
    await Promise.race([this.#running.then(() => this.#giveBack(over.signal)), timedOut]);
    over.abort();
    this.#status = { kind: "idle" };
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      const lifetimeS = await this.#open();
      if (signal.aborted) return;
      if (lifetimeS === undefined) {
        this.#status = { kind: "failed" };
        this.#way = undefined;
      }
      const pauseMs = lifetimeS === undefined ? RETRY_MS : lifetimeS * 1_000 / 2;
      await this.#options.clock.sleep(pauseMs, signal);
    }
  }

  /** Seconds until the mapping ends; undefined when there is none. */
  async #open(): Promise<number | undefined> {
    try {
      return await this.#renew() ?? await this.#search();
    } catch (error) {
      if (!(error instanceof ConnectError)) throw error;
      this.#say(`Cannot open port ${this.#port} at the gateway. ${error.message}`);
      return undefined;
    }
  }

  async #renew(): Promise<number | undefined> {
    if (this.#way === undefined) return undefined;
    return this.#note(this.#way, await this.#map(this.#way));
  }

  async #search(): Promise<number | undefined> {
    let refusal = "no gateway here speaks PCP, NAT-PMP or UPnP";
    for await (const ways of this.#ways()) {
      const answers = await Promise.all(ways.map((way) => this.#map(way)));
      for (const [index, answer] of answers.entries()) {
        const way = ways[index]!;
        const lifetimeS = this.#note(way, answer);
        if (lifetimeS !== undefined) return lifetimeS;
        if (answer.tcp?.kind === "refused") {
          refusal = `${way.gateway} refuses by ${way.name}, code ${answer.tcp.code}`;
        }
      }
    }
    this.#say(`Cannot open port ${this.#port} at the gateway: ${refusal}`);
    return undefined;
  }

  /** The ways that there may be, those of a kind together; UPnP, which takes longest, last. */
  async *#ways(): AsyncIterable<readonly Way[]> {
    const { network, clock, random, places = {} } = this.#options;
    const { signal } = this.#ending;
    const found = await findGateways({ network, clock, random, signal, places });
    if (found === undefined) return;
    const { localHost, gateways, descriptions } = found;
    const identity = { localHost, nonce: random.bytes(PCP_NONCE_LENGTH) };
    yield gateways.map((gateway) => pcpWay(gateway, identity));
    yield gateways.map((gateway) => pmpWay(gateway));
    for (const description of await descriptions) {
      // One after another: a gateway that has opened the port on one line needs no other.
      const options = { localHost, random, opened: this.#opened };
      const ways = await upnpWays(description, options, this.#asking(signal));
      for (const way of ways) yield [way];
    }
  }

  async #map(way: Way): Promise<Answers> {
    const { signal } = this.#ending;
    if (signal.aborted) return { tcp: undefined, udp: undefined };
    const asking = this.#asking(signal);
    const [tcp, udp] = await Promise.all(
      PROTOCOLS.map((protocol) =>
        way.ask({ protocol, port: this.#port, lifetimeS: LIFETIME_S }, asking)
      ),
    );
    return { tcp, udp };
  }

  /** Whether the port is open, and for how long, is what is said of TCP. */
  #note(way: Way, { tcp, udp }: Answers): number | undefined {
    if (tcp?.kind !== "granted") return undefined;
    const { externalPort, lifetimeS } = tcp;
    this.#way = way;
    this.#status = {
      kind: "mapped",
      way: way.name,
      externalPort,
      ...(udp?.kind === "granted" && { externalUdpPort: udp.externalPort }),
    };
    const as = externalPort === this.#port ? "" : ` as port ${externalPort}`;
    this.#say(`port ${this.#port} is open at the gateway ${way.gateway}${as}, by ${way.name}`);
    return Math.min(Math.max(lifetimeS, MIN_LIFETIME_S), LIFETIME_S);
  }

  async #giveBack(signal: AbortSignal): Promise<void> {
    const way = this.#way;
    if (way === undefined || signal.aborted) return;
    const asking = this.#asking(signal);
    try {
      await Promise.all(
        PROTOCOLS.map((protocol) => way.ask({ protocol, port: this.#port, lifetimeS: 0 }, asking)),
      );
    } catch (error) {
      // What cannot be given back ends by itself when its time is over.
      if (!(error instanceof ConnectError)) throw error;
    }
  }

  #asking(signal: AbortSignal): Asking {
    const { network, clock } = this.#options;
    return { network, clock, signal };
  }

  /** Once: what was said before is not said again. */
  #say(message: string): void {
    if (message === this.#said || this.#ending.signal.aborted) return;
    this.#options.onLog(message);
    this.#said = message;
  }
}
