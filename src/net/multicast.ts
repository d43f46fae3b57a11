/**
 * A UDP socket that hears a multicast group on every interface in reach, and sends to all of
 * them. IPv6 interfaces are found by number, without a permission. For IPv4 it is the interface
 * of the default route, or every one where Deno may list them (--allow-sys=networkInterfaces).
 */
import { createSocket, type Socket } from "node:dgram";
import type { Clock } from "../base/ambient.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { DenoDatagramSocket } from "./deno_datagram.ts";
import { ANY_IPV4, ANY_IPV6 } from "./dual_stack.ts";
import { answerWithAddress, NodeDatagramSocket } from "./node_datagram.ts";
import type { DatagramSocket } from "./transport.ts";

/** IPv6 interfaces that are tried, from number 1; those of a usual machine are among them. */
const MAX_INTERFACE_INDEX = 32;
/** Interfaces that one datagram is sent on. */
const MAX_INTERFACES = 8;
/** The way to other programs of this machine, when it has no network. */
const LOOPBACK = "127.0.0.1";

export interface MulticastOptions {
  /** An IPv4 or IPv6 multicast address. */
  readonly group: string;
  readonly port: number;
  readonly clock: Clock;
  /** Addresses of the only interfaces to use: IPv4 addresses, or like `::%2`. */
  readonly interfaces?: readonly string[];
}

type Join = (interfaceAddress: string) => void | Promise<void>;

export class MulticastSocket implements DatagramSocket {
  readonly port: number;
  readonly #group: string;
  readonly #interfaces: readonly string[] | undefined;
  readonly #join: Join;
  readonly #receiver: DatagramSocket;
  readonly #sender: Socket;
  #sending: Promise<void> = Promise.resolve();
  #isClosed = false;

  /** Binds at once. Throws what the system says when that is impossible. */
  constructor({ group, port, clock, interfaces }: MulticastOptions) {
    const isIpv6 = group.includes(":");
    const { receiver, join } = openReceiver(group, port, clock);
    this.#group = group;
    this.#interfaces = interfaces;
    this.#receiver = receiver;
    this.#join = join;
    this.port = receiver.port;
    // Datagrams leave from a port of their own: node:dgram alone can choose the interface, but
    // would read on under a flood, whether anybody wants it or not.
    this.#sender = createSocket({ type: isIpv6 ? "udp6" : "udp4", lookup: answerWithAddress });
    this.#sender.on("error", () => {}); // Told to the callback of `send` too, or not ours.
    this.#sender.bind(0, isIpv6 ? ANY_IPV6 : ANY_IPV4);
    this.#sending = this.#joinAll();
  }

  /** One after another: which interface is used is a state of the socket. */
  send(bytes: Uint8Array, to: Endpoint): Promise<void> {
    this.#sending = this.#sending.then(() => this.#sendOnAll(bytes, to));
    return this.#sending;
  }

  receive(buffer: Uint8Array): Promise<{ length: number; from: Endpoint } | null> {
    return this.#receiver.receive(buffer);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#receiver.close();
    this.#sender.close();
  }

  async #sendOnAll(bytes: Uint8Array, to: Endpoint): Promise<void> {
    // Networks come and go: a group that is joined already is left as it is.
    await this.#joinAll();
    let sent = 0;
    for (const address of this.#ways()) {
      if (sent < MAX_INTERFACES && await this.#sendOn(address, bytes, to)) sent++;
    }
    const mayUseLoopback = this.#interfaces === undefined && !this.#group.includes(":");
    if (sent === 0 && mayUseLoopback) await this.#sendOn(LOOPBACK, bytes, to);
  }

  /** False when there is no such interface, or no way to the group from it. */
  #sendOn(address: string, bytes: Uint8Array, to: Endpoint): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#isClosed) return resolve(false);
      try {
        this.#sender.setMulticastInterface(address);
        this.#sender.send(bytes, to.port, to.host, (error) => resolve(!error));
      } catch {
        resolve(false);
      }
    });
  }

  async #joinAll(): Promise<void> {
    const more = this.#interfaces === undefined && !this.#group.includes(":") ? [LOOPBACK] : [];
    for (const address of [...this.#ways(), ...more]) {
      try {
        await this.#join(address);
      } catch {
        // Joined already, or no such interface, or one that knows no groups, or closed.
      }
    }
  }

  #ways(): readonly string[] {
    if (this.#interfaces !== undefined) return this.#interfaces;
    return this.#group.includes(":") ? IPV6_WAYS : ipv4Ways();
  }
}

const IPV6_WAYS = Array.from({ length: MAX_INTERFACE_INDEX }, (_, index) => `::%${index + 1}`);

/** Our addresses, if we may know them; otherwise the way that the system chooses. */
function ipv4Ways(): string[] {
  const permission = { name: "sys", kind: "networkInterfaces" } as const;
  if (Deno.permissions.querySync(permission).state !== "granted") return [ANY_IPV4];
  return Deno.networkInterfaces()
    .filter(({ family, address }) => family === "IPv4" && address !== LOOPBACK)
    .map(({ address }) => address);
}

function openReceiver(
  group: string,
  port: number,
  clock: Clock,
): { receiver: DatagramSocket; join: Join } {
  const isIpv6 = group.includes(":");
  const hostname = isIpv6 ? ANY_IPV6 : ANY_IPV4;
  // Undefined without the unstable feature "net", which our deno.json asks for.
  if (Deno.listenDatagram === undefined) {
    const receiver = new NodeDatagramSocket({ address: hostname, port, isShared: true });
    return { receiver, join: (address) => receiver.join(group, address) };
  }
  const socket = Deno.listenDatagram({
    transport: "udp",
    hostname,
    port,
    reuseAddress: true,
    loopback: true,
  });
  const join = async (address: string) => {
    if (isIpv6) await socket.joinMulticastV6(group, Number(address.slice("::%".length)));
    else await socket.joinMulticastV4(group, address);
  };
  return { receiver: new DenoDatagramSocket(socket, clock), join };
}
