/**
 * Our place among the nodes of one address family: our id there, which depends on the address
 * that others see (BEP 42), and the table of nodes as seen from that id.
 */
import type { Random } from "../base/ambient.ts";
import type { IpFamily } from "../base/endpoint.ts";
import type { NodeId } from "../base/ids.ts";
import { ExternalAddress } from "./external_address.ts";
import { createNodeId, isNodeIdOf } from "./node_id.ts";
import { RoutingTable } from "./routing_table.ts";

export interface PlaceOptions {
  readonly family: IpFamily;
  readonly ownId: NodeId;
  /** Our address on the internet, of this family, if it is known from before. */
  readonly externalHost: string | undefined;
  readonly random: Random;
}

export class Place {
  readonly family: IpFamily;
  readonly #random: Random;
  readonly #externalAddress: ExternalAddress;
  #id: NodeId;
  #table: RoutingTable;

  constructor({ family, ownId, externalHost, random }: PlaceOptions) {
    this.family = family;
    this.#random = random;
    this.#externalAddress = new ExternalAddress({ family, host: externalHost });
    this.#id = ownId;
    this.#table = new RoutingTable({ ownId, family, random });
  }

  get id(): NodeId {
    return this.#id;
  }

  get table(): RoutingTable {
    return this.#table;
  }

  get externalHost(): string | undefined {
    return this.#externalAddress.host;
  }

  /** A node at `voter` sees us at `observed`: when it is settled that our id is wrong, we move. */
  observed(observed: string, voter: string, now: number): void {
    if (!this.#externalAddress.vote(observed, voter)) return;
    const host = this.#externalAddress.host;
    if (host === undefined || isNodeIdOf(this.#id, host)) return;
    this.#id = createNodeId(host, this.#random);
    const nodes = this.#table.nodes();
    this.#table = new RoutingTable({ ownId: this.#id, family: this.family, random: this.#random });
    for (const node of nodes) this.#table.seen(node, now);
  }
}
