/** By what a command reaches others: directly or through a proxy, and peers by uTP, too. */
import type { Clock, Random } from "../../base/ambient.ts";
import { DenoNetwork } from "../../net/deno_network.ts";
import { proxiedNetwork } from "../../net/proxied_network.ts";
import { SharedPort } from "../../net/shared_port.ts";
import type { SocketRoom } from "../../net/socket_room.ts";
import type { Network } from "../../net/transport.ts";
import { UtpNetwork } from "../../utp/utp_network.ts";
import type { GetOptions } from "../options/get_options.ts";

export type NetworkOptions = Pick<GetOptions, "bindAddress" | "proxy" | "noUtp">;

export class Networks {
  /** For all who are no peers. */
  readonly direct: Network;
  readonly peers: Network;
  /** The UDP port beside the one where we listen for peers. */
  readonly sharedPort: SharedPort;
  readonly #utp: UtpNetwork | undefined;

  constructor(
    { bindAddress, proxy, noUtp }: NetworkOptions,
    { clock, random, room }: { clock: Clock; random: Random; room: SocketRoom },
  ) {
    const own = new DenoNetwork({ clock, room });
    const network: Network = proxy === undefined ? own : proxiedNetwork(own, proxy, { clock });
    const sharedPort = new SharedPort({ network, clock, address: bindAddress });
    if (!noUtp && network.noDatagrams === undefined) {
      this.#utp = new UtpNetwork({ network, sharedPort, clock, random });
    }
    this.direct = network;
    this.peers = this.#utp ?? network;
    this.sharedPort = sharedPort;
  }

  get hasDatagrams(): boolean {
    return this.direct.noDatagrams === undefined;
  }

  /** Ends what peers still say by uTP; TCP needs no end. */
  async close(): Promise<void> {
    await this.#utp?.close();
  }
}
