/**
 * Finds the gateways of the local network with no more than sockets: our own address by hearing
 * our own multicast, UPnP gateways by asking for them, others where gateways usually are.
 */
import type { Clock, Random } from "../base/ambient.ts";
import { addressScope, type Endpoint } from "../base/endpoint.ts";
import { equalBytes } from "../base/bytes.ts";
import { tryOpenDatagram } from "./datagram_sockets.ts";
import { ANY_IPV4 } from "./dual_stack.ts";
import { GATEWAY_PORT } from "./nat_pmp.ts";
import type { DatagramSocket, Network } from "./transport.ts";
import { parseSsdpAnswer, SSDP_GROUP, ssdpSearch, ssdpSearches } from "./upnp.ts";

/** How long answers are waited for; devices wait up to a second before they answer. */
const SEARCH_MS = 2_000;
/** A datagram may be lost: all are sent this often. */
const SEARCHES = 2;
const SEARCH_INTERVAL_MS = 500;
/** Devices that are looked at; and their datagrams. */
const MAX_DESCRIPTIONS = 4;
const MAX_ANSWERS = 64;
const MAX_DATAGRAM_LENGTH = 1_500;
const NONCE_LENGTH = 8;
/** Where gateways are, as a rule: the last number of their address. */
const USUAL_PLACES = [1, 254];

export interface GatewayPlaces {
  /** Where UPnP gateways are asked for. */
  readonly ssdp?: Endpoint;
  /** The port of NAT-PMP and PCP. */
  readonly gatewayPort?: number;
}

export interface FoundGateways {
  /** Our own address on the local network. */
  readonly localHost: string;
  /** Who may speak PCP or NAT-PMP. */
  readonly gateways: readonly Endpoint[];
  /** Where UPnP gateways describe themselves; takes two seconds. */
  readonly descriptions: Promise<readonly URL[]>;
}

export interface GatewaySearch {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly signal: AbortSignal;
  readonly places: GatewayPlaces;
}

/** Undefined where there is no local network with private addresses. Throws ConnectError. */
export async function findGateways(search: GatewaySearch): Promise<FoundGateways | undefined> {
  const { places: { gatewayPort = GATEWAY_PORT } } = search;
  const localHost = await hearOurselves(search);
  const isBehindGateway = localHost !== undefined && !localHost.includes(":") &&
    ["private", "loopback"].includes(addressScope(localHost));
  if (!isBehindGateway) return undefined;
  const network = localHost.slice(0, localHost.lastIndexOf("."));
  const gateways = USUAL_PLACES.map((last) => ({ host: `${network}.${last}`, port: gatewayPort }));
  return { localHost, gateways, descriptions: askAround(search) };
}

/** Where a multicast of ours comes from, as all others see it. */
async function hearOurselves({ network, random, ...time }: GatewaySearch) {
  const { host: group, port } = SSDP_GROUP;
  const socket = await network.openMulticast({ group, port });
  const probe = ssdpSearch(`uuid:${random.bytes(NONCE_LENGTH).toHex()}`);
  return await listening(socket, time, async (receive) => {
    await socket.send(probe, SSDP_GROUP);
    while (true) {
      const received = await receive();
      if (received === null) return undefined;
      if (equalBytes(received.bytes, probe)) return received.from.host;
    }
  });
}

/** Never rejects. */
async function askAround({ network, places, ...time }: GatewaySearch): Promise<URL[]> {
  const found = new Map<string, URL>();
  const socket = tryOpenDatagram(network, ANY_IPV4, 0);
  if (socket === undefined) return [];
  const ask = async () => {
    for (let round = 0; round < SEARCHES; round++) {
      if (round > 0) await time.clock.sleep(SEARCH_INTERVAL_MS, time.signal);
      for (const search of ssdpSearches()) await socket.send(search, places.ssdp ?? SSDP_GROUP);
    }
  };
  await listening(socket, time, async (receive) => {
    void ask();
    while (found.size < MAX_DESCRIPTIONS) {
      const received = await receive();
      if (received === null) return;
      const url = parseSsdpAnswer(received.bytes, received.from);
      if (url !== undefined) found.set(url.href, url);
    }
  });
  return [...found.values()];
}

interface Received {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
}

/** Runs `run` with a bounded number of datagrams, for a bounded time; then closes the socket. */
async function listening<Result>(
  socket: DatagramSocket,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
  run: (receive: () => Promise<Received | null>) => Promise<Result>,
): Promise<Result> {
  const done = new AbortController();
  const ending = AbortSignal.any([signal, done.signal]);
  const closing = clock.sleep(SEARCH_MS, ending).then(() => socket.close());
  const buffer = new Uint8Array(MAX_DATAGRAM_LENGTH);
  let count = 0;
  try {
    return await run(async () => {
      if (count++ >= MAX_ANSWERS) return null;
      const received = await socket.receive(buffer);
      return received && { bytes: buffer.slice(0, received.length), from: received.from };
    });
  } finally {
    done.abort();
    await closing;
  }
}
