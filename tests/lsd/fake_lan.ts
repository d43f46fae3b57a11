/** A local network in memory: what one host sends to a group, all hosts hear, itself too. */
import type { Clock } from "../../src/base/ambient.ts";
import { Channel } from "../../src/base/channel.ts";
import type { Endpoint } from "../../src/base/endpoint.ts";
import {
  ConnectError,
  type DatagramSocket,
  type Listener,
  type Network,
} from "../../src/net/transport.ts";

interface Datagram {
  readonly bytes: Uint8Array;
  readonly from: Endpoint;
}

interface Member {
  readonly group: string;
  readonly received: Channel<Datagram>;
}

export class FakeLan {
  /** The sockets that are open. */
  readonly members = new Set<Member>();
  /** Every datagram that was sent. */
  readonly sent: { bytes: Uint8Array; from: string; to: Endpoint }[] = [];
  /** Datagrams that were taken out of a socket. */
  read = 0;
  /** What to join a group takes; none, unless it is set. */
  joining: { readonly clock: Clock; readonly durationMs: number } | undefined;
  /** Joins that were tried. */
  tried = 0;

  /** A host; `groups` are those that it can join. */
  host(address: string, groups: "all" | readonly string[] = "all"): Network {
    const unreachable = () => new ConnectError("unreachable", "Cannot: this is for multicast");
    return {
      connect: () => Promise.reject(unreachable()),
      listen: (): Listener => {
        throw unreachable();
      },
      openDatagram: (): DatagramSocket => {
        throw unreachable();
      },
      openMulticast: async ({ group, port }) => {
        this.tried++;
        await this.joining?.clock.sleep(this.joining.durationMs);
        if (groups === "all" || groups.includes(group)) return this.#join(address, group, port);
        throw new ConnectError("limit", `Cannot listen for ${group}: the port is in use`);
      },
      resolve: () => Promise.resolve([]),
    };
  }

  /** Anybody's datagram, to all members of a group. */
  deliver(bytes: Uint8Array, from: Endpoint, group: string): void {
    for (const member of this.members) {
      if (member.group === group) member.received.tryPush({ bytes, from });
    }
  }

  #join(address: string, group: string, port: number): DatagramSocket {
    const member = { group, received: new Channel<Datagram>(10_000) };
    const reading = member.received[Symbol.asyncIterator]();
    this.members.add(member);
    return {
      port,
      send: (bytes, to) => {
        this.sent.push({ bytes, from: address, to });
        this.deliver(bytes, { host: address, port: 40_000 }, to.host);
        return Promise.resolve();
      },
      receive: async (buffer) => {
        const { done, value } = await reading.next();
        if (done) return null;
        this.read++;
        buffer.set(value.bytes.subarray(0, buffer.length));
        return { length: Math.min(value.bytes.length, buffer.length), from: value.from };
      },
      close: () => {
        this.members.delete(member);
        member.received.close();
      },
    };
  }
}
