/** The UDP sockets of one announcer: one for each family, shared by all its trackers. */
import { assert } from "../base/assert.ts";
import { type Endpoint, familyOf, type IpFamily } from "../base/endpoint.ts";
import { TrackerError } from "../base/errors.ts";
import { ConnectError, type DatagramSocket, type Network } from "../net/transport.ts";

/** Takes a packet from its tracker's address; false when it was not meant for it. */
export type PacketReceiver = (packet: Uint8Array) => boolean;

/** The largest datagram there is. */
const MAX_DATAGRAM_LENGTH = 65_535;

interface Attachment {
  readonly port: number;
  readonly receive: PacketReceiver;
}

export class UdpSockets {
  readonly #network: Network;
  readonly #sockets = new Map<IpFamily, DatagramSocket>();
  readonly #loops: Promise<void>[] = [];
  /** By address, so that a packet of a stranger costs one lookup. */
  readonly #attachments = new Map<string, Set<Attachment>>();

  constructor(network: Network) {
    this.#network = network;
  }

  /** From now on `receive` gets what comes from `from`, until the given function is called. */
  attach({ host, port }: Endpoint, receive: PacketReceiver): () => void {
    const attachment = { port, receive };
    const attachments = this.#attachments.get(host) ?? new Set();
    this.#attachments.set(host, attachments.add(attachment));
    return () => {
      attachments.delete(attachment);
      if (attachments.size === 0) this.#attachments.delete(host);
    };
  }

  /** Throws TrackerError when this machine has no socket of the family. */
  send(packet: Uint8Array, to: Endpoint): void {
    void this.#socketFor(familyOf(to.host)).send(packet, to);
  }

  /** Ends all reception; resolves once nothing runs any more. */
  async close(): Promise<void> {
    for (const socket of this.#sockets.values()) socket.close();
    await Promise.all(this.#loops);
  }

  #socketFor(family: IpFamily): DatagramSocket {
    const open = this.#sockets.get(family);
    if (open !== undefined) return open;
    try {
      const address = family === "ipv4" ? "0.0.0.0" : "::";
      const socket = this.#network.openDatagram({ address });
      this.#sockets.set(family, socket);
      this.#loops.push(this.#receiveFrom(socket));
      return socket;
    } catch (error) {
      assert(error instanceof ConnectError);
      throw new TrackerError("unreachable", error.message);
    }
  }

  async #receiveFrom(socket: DatagramSocket): Promise<void> {
    const buffer = new Uint8Array(MAX_DATAGRAM_LENGTH);
    while (true) {
      const received = await socket.receive(buffer);
      if (received === null) return;
      const { length, from } = received;
      const attachments = this.#attachments.get(from.host);
      if (attachments === undefined) continue;
      const packet = buffer.subarray(0, length);
      for (const { port, receive } of attachments) {
        if (port === from.port && receive(packet)) break;
      }
    }
  }
}
