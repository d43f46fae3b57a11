/** The three ways to ask a gateway for a port, each as one question that may be repeated. */
import type { Clock } from "../base/ambient.ts";
import type { Endpoint } from "../base/endpoint.ts";
import type { Bytes } from "../base/bytes.ts";
import {
  encodePcpRequest,
  encodePmpRequest,
  type GatewayAnswer,
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

/** The services that a gateway describes. */
export async function upnpWays(
  description: URL,
  localHost: string,
  asking: Asking,
): Promise<Way[]> {
  const answer = await askGateway(description, undefined, asking);
  if (answer?.status !== HTTP_OK) return [];
  return parseDescription(answer.text, description).map((service) => ({
    name: "UPnP",
    gateway: description.hostname,
    ask: (request, asking) => askService(service, request, localHost, asking),
  }));
}

async function askService(
  { type, controlUrl }: MappingService,
  request: PortRequest,
  localHost: string,
  asking: Asking,
): Promise<GatewayAnswer | undefined> {
  const { port, lifetimeS } = request;
  const granted: GatewayAnswer = { kind: "granted", externalPort: port, lifetimeS };
  const mapping = { ...request, localHost };
  if (lifetimeS === 0) {
    const body = deleteMappingBody(type, mapping);
    const action = { type, name: "DeletePortMapping", body };
    return (await askGateway(controlUrl, action, asking)) && granted;
  }
  let code: number | undefined;
  for (const seconds of [lifetimeS, 0]) {
    const body = addMappingBody(type, { ...mapping, lifetimeS: seconds });
    const answer = await askGateway(controlUrl, { type, name: "AddPortMapping", body }, asking);
    if (answer === undefined) return undefined;
    if (answer.status === HTTP_OK) return granted;
    code = parseFault(answer.text) ?? answer.status;
    if (code !== ONLY_PERMANENT_LEASES) break;
  }
  return { kind: "refused", code: code! };
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
