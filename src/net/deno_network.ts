/** The real network. What few need of Node is loaded when it is needed: that takes long. */
import type { Clock } from "../base/ambient.ts";
import { addressBytes, canonicalHost, type Endpoint, formatEndpoint } from "../base/endpoint.ts";
import { raceAddresses } from "./address_race.ts";
import { withDeadline } from "./deadline.ts";
import { DenoDatagramSocket } from "./deno_datagram.ts";
import { ANY_IPV4, listenOnBothFamilies } from "./dual_stack.ts";
import { connectErrorFrom, socketErrorCode } from "./socket_errors.ts";
import type { SocketRoom } from "./socket_room.ts";
import { TcpConnection, TcpListener, type TcpListenSocket } from "./tcp.ts";
import {
  ConnectError,
  type Connection,
  type ConnectOptions,
  type DatagramSocket,
  type Listener,
  type Network,
} from "./transport.ts";

/** Undefined with the unstable feature "net", which our deno.json asks for. */
const nodeDatagram = Deno.listenDatagram === undefined
  ? await import("./node_datagram.ts")
  : undefined;

/** Another program's port, or one that only root may have: the next one may do. */
const PORT_TAKEN_CODES: readonly (string | undefined)[] = ["EADDRINUSE", "EACCES"];

export class DenoNetwork implements Network {
  readonly #clock: Clock;
  readonly #room: SocketRoom | undefined;

  /** TCP sockets take their places in `room`; left out, there are as many as the system allows. */
  constructor({ clock, room }: { clock: Clock; room?: SocketRoom }) {
    this.#clock = clock;
    this.#room = room;
  }

  get maxPeers(): number {
    return this.#room?.maxPeers ?? Infinity;
  }

  async connect(to: Endpoint, { timeoutMs, signal }: ConnectOptions): Promise<Connection> {
    const attempt = `Cannot connect to ${formatEndpoint(to)}`;
    return await withDeadline(
      { clock: this.#clock, timeoutMs, signal },
      (ending) => this.#connectBefore(to, attempt, ending),
      (reason, why) => new ConnectError(reason, `${attempt}: ${why}`),
    );
  }

  async #connectBefore(to: Endpoint, attempt: string, signal: AbortSignal): Promise<Connection> {
    const addresses = addressBytes(to.host) ? [to.host] : await this.resolve(to.host);
    if (addresses.length === 0) {
      throw new ConnectError("unknown-name", `${attempt}: its name is unknown`);
    }
    return await raceAddresses<Connection>({
      addresses,
      attempt: (host, over) => this.#dial({ host, port: to.port }, attempt, over),
      discard: (connection) => connection.close(),
      clock: this.#clock,
      signal,
    });
  }

  /** An IP address, by one socket. */
  async #dial(to: Endpoint, attempt: string, signal: AbortSignal): Promise<Connection> {
    const room = this.#room;
    if (room !== undefined && !await room.take()) {
      throw new ConnectError("limit", `${attempt}: too many files are open`);
    }
    try {
      const socket = await Deno.connect({ hostname: to.host, port: to.port, signal });
      return new TcpConnection(socket, to, room);
    } catch (error) {
      room?.release();
      throw connectErrorFrom(error, attempt, to.host);
    }
  }

  listen({ ports, address }: { ports: readonly number[]; address?: string }): Listener {
    for (const port of ports) {
      const sockets = address === undefined
        ? listenOnBothFamilies(port, listenOn)
        : listenOnOne(address, port);
      if (sockets.length > 0) return new TcpListener(sockets, this.#clock, this.#room);
    }
    const fact = ports.length === 1
      ? `port ${ports[0]} is taken`
      : `all of the ports ${ports.join(", ")} are taken`;
    throw new ConnectError("limit", `Cannot listen: ${fact}`);
  }

  openDatagram(
    { address = ANY_IPV4, port = 0 }: { address?: string; port?: number } = {},
  ): DatagramSocket {
    try {
      if (nodeDatagram !== undefined) return new nodeDatagram.NodeDatagramSocket({ address, port });
      const socket = Deno.listenDatagram({ transport: "udp", hostname: address, port });
      return new DenoDatagramSocket(socket, this.#clock);
    } catch (error) {
      throw connectErrorFrom(error, `Cannot open UDP port ${port} of ${address}`, address);
    }
  }

  async openMulticast({ group, port }: { group: string; port: number }): Promise<DatagramSocket> {
    const { MulticastSocket } = await import("./multicast.ts");
    try {
      return new MulticastSocket({ group, port, clock: this.#clock });
    } catch (error) {
      throw connectErrorFrom(error, `Cannot listen for ${group} on UDP port ${port}`, group);
    }
  }

  async resolve(name: string): Promise<string[]> {
    try {
      const { lookup } = await import("node:dns/promises");
      const found = await lookup(name, { all: true });
      const addresses = found.map(({ address }) => canonicalHost(address));
      return [...new Set(addresses.filter((address) => address !== undefined))];
    } catch {
      return [];
    }
  }
}

function listenOnOne(address: string, port: number): TcpListenSocket[] {
  const socket = listenOn(address, port);
  return socket === "taken" ? [] : [socket];
}

/** Throws ConnectError unless the port is merely taken. */
function listenOn(hostname: string, port: number): TcpListenSocket | "taken" {
  try {
    return Deno.listen({ hostname, port });
  } catch (error) {
    if (PORT_TAKEN_CODES.includes(socketErrorCode(error))) return "taken";
    throw connectErrorFrom(error, `Cannot listen on ${hostname}`, hostname);
  }
}
