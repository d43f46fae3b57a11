/** The three ways to ask a gateway for a port, each as one question that may be repeated. */
import type { Clock, Random } from "../base/ambient.ts";
import type { Endpoint } from "../base/endpoint.ts";
import type { Bytes } from "../base/bytes.ts";
import {
  encodePcpRequest,
  encodePmpRequest,
  type GatewayAnswer,
  type MappedProtocol,
  MAX_ANSWER_LENGTH,
  parsePcpAnswer,
  parsePmpAnswer,
  type PcpIdentity,
  type PortRequest,
} from "./nat_pmp.ts";
import type { Network } from "./transport.ts";
import {
  addMappingBody,
  deleteMappingBody,
  type MappingService,
  parseDescription,
  parseFault,
} from "./upnp.ts";
import { askGateway } from "./upnp_http.ts";

/** Between sending a question and sending it again; the last is the wait for its answer. */
const RETRY_DELAYS_MS = [250, 500];
/** Datagrams that are read for one answer. */
const MAX_DATAGRAMS = 16;
const HTTP_OK = 200;
/** The gateway only knows mappings without an end (UPnP IGD, AddPortMapping). */
const ONLY_PERMANENT_LEASES = 725;
/** The port leads to another machine already (ConflictInMappingEntry). */
const PORT_TAKEN = 718;
/** External ports asked for until one is free: ours, then any that nobody has by default (RFC 6335). */
const MAX_PORTS_TRIED = 4;
const FIRST_FREE_PORT = 49_152;
const FREE_PORTS = 16_384;

export interface Asking {
  readonly network: Network;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** A gateway that can be asked for ports. */
export interface Way {
  readonly name: "PCP" | "NAT-PMP" | "UPnP";
  readonly gateway: string;
  /** Undefined when there is no answer. Throws ConnectError, as when a permission is missing. */
  ask(request: PortRequest, asking: Asking): Promise<GatewayAnswer | undefined>;
}

/** PCP, or what a gateway that refuses it speaks. */
export function pcpWay(gateway: Endpoint, identity: PcpIdentity): Way {
  return {
    name: "PCP",
    gateway: gateway.host,
    ask: async (request, asking) => {
      const answer = await exchange(
        asking,
        gateway,
        encodePcpRequest(request, identity),
        (bytes) => parsePcpAnswer(bytes, request, identity),
      );
      return answer === "no-pcp" ? undefined : answer;
    },
  };
}

export function pmpWay(gateway: Endpoint): Way {
  return {
    name: "NAT-PMP",
    gateway: gateway.host,
    ask: (request, asking) =>
      exchange(
        asking,
        gateway,
        encodePmpRequest(request),
        (bytes) => parsePmpAnswer(bytes, request),
      ),
  };
}

export interface UpnpWayOptions {
  /** Our own address, on the network of the gateway. */
  readonly localHost: string;
  readonly random: Random;
  /** The external ports that were opened for us: others are not ours to close. Kept up to date. */
  readonly opened: Map<MappedProtocol, number>;
}

/** The services that a gateway describes. */
export async function upnpWays(
  description: URL,
  options: UpnpWayOptions,
  asking: Asking,
): Promise<Way[]> {
  const answer = await askGateway(description, undefined, asking);
  if (answer?.status !== HTTP_OK) return [];
  return parseDescription(answer.text, description)
    .map((service) => new UpnpWay(service, options));
}

/** Opens the very port that it is asked for, or none: which one to ask for, is up to us. */
class UpnpWay implements Way {
  readonly name = "UPnP";
  readonly gateway: string;
  readonly #service: MappingService;
  readonly #options: UpnpWayOptions;

  constructor(service: MappingService, options: UpnpWayOptions) {
    this.gateway = service.controlUrl.hostname;
    this.#service = service;
    this.#options = options;
  }

  async ask(request: PortRequest, asking: Asking): Promise<GatewayAnswer | undefined> {
    if (request.lifetimeS === 0) return await this.#close(request, asking);
    const { opened, random } = this.#options;
    const { protocol, port } = request;
    let externalPort = opened.get(protocol) ?? port;
    let answer: GatewayAnswer | undefined;
    for (let tries = 0; tries < MAX_PORTS_TRIED; tries++) {
      answer = await this.#open(request, externalPort, asking);
      // An answer that was lost may have been a grant.
      if (answer?.kind !== "refused") opened.set(protocol, externalPort);
      else if (answer.code === PORT_TAKEN) {
        externalPort = FIRST_FREE_PORT + random.below(FREE_PORTS);
        continue;
      }
      break;
    }
    return answer;
  }

  async #open(
    { protocol, port, lifetimeS }: PortRequest,
    externalPort: number,
    asking: Asking,
  ): Promise<GatewayAnswer | undefined> {
    const { type, controlUrl } = this.#service;
    const mapping = { protocol, port, externalPort, localHost: this.#options.localHost };
    let code: number | undefined;
    for (const seconds of [lifetimeS, 0]) {
      const body = addMappingBody(type, { ...mapping, lifetimeS: seconds });
      const answer = await askGateway(controlUrl, { type, name: "AddPortMapping", body }, asking);
      if (answer === undefined) return undefined;
      if (answer.status === HTTP_OK) return { kind: "granted", externalPort, lifetimeS };
      code = parseFault(answer.text) ?? answer.status;
      if (code !== ONLY_PERMANENT_LEASES) break;
    }
    return { kind: "refused", code: code! };
  }

  async #close(
    { protocol }: PortRequest,
    asking: Asking,
  ): Promise<GatewayAnswer | undefined> {
    const { opened } = this.#options;
    const externalPort = opened.get(protocol);
    opened.delete(protocol);
    const granted: GatewayAnswer = { kind: "granted", externalPort: 0, lifetimeS: 0 };
    if (externalPort === undefined) return granted;
    const { type, controlUrl } = this.#service;
    const body = deleteMappingBody(type, { protocol, externalPort });
    const action = { type, name: "DeletePortMapping", body };
    return (await askGateway(controlUrl, action, asking)) && granted;
  }
}

/** The first answer of the gateway itself that `parse` understands. */
async function exchange<Answer>(
  { network, clock, signal }: Asking,
  gateway: Endpoint,
  question: Bytes,
  parse: (bytes: Uint8Array) => Answer | undefined,
): Promise<Answer | undefined> {
  const socket = network.openDatagram({});
  const done = new AbortController();
  const ending = AbortSignal.any([signal, done.signal]);
  const asking = (async () => {
    for (const delayMs of RETRY_DELAYS_MS) {
      if (ending.aborted) break;
      await socket.send(question, gateway);
      await clock.sleep(delayMs, ending);
    }
    socket.close();
  })();
  const buffer = new Uint8Array(MAX_ANSWER_LENGTH);
  try {
    for (let count = 0; count < MAX_DATAGRAMS; count++) {
      const received = await socket.receive(buffer);
      if (received === null) return undefined;
      const { length, from } = received;
      if (from.host !== gateway.host || from.port !== gateway.port) continue;
      const answer = parse(buffer.subarray(0, length));
      if (answer !== undefined) return answer;
    }
    return undefined;
  } finally {
    done.abort();
    await asking;
  }
}
