/** The nodes of one bucket of the routing table (BEP 5), and those that wait to take a place. */
import { equalBytes } from "../base/bytes.ts";
import type { Endpoint } from "../base/endpoint.ts";
import type { NodeId } from "../base/ids.ts";
import type { NodeInfo } from "./compact_node.ts";

/** Misses in a row after which a node is taken for gone, once another waits for its place. */
const MISSES_UNTIL_BAD = 2;
const MAX_SPARES = 8;

/** A node that has answered us. */
export interface TableEntry extends NodeInfo {
  readonly id: NodeId;
  readonly endpoint: Endpoint;
  /** Its network on the internet; undefined where many nodes may share one. */
  readonly crowd: string | undefined;
  /** Its id is one that its address may have (BEP 42). */
  readonly isProper: boolean;
  seenAt: number;
  /** Queries in a row that it has not answered. */
  misses: number;
  /** When to ask whether it is still there, if nothing is heard until then. */
  checkAt: number;
}

/** Has it left others waiting lately? */
export function isBad({ misses }: TableEntry): boolean {
  return misses >= MISSES_UNTIL_BAD;
}

export class Bucket {
  /** Longest known first. */
  readonly nodes: TableEntry[] = [];
  /** Latest heard of last. */
  readonly #spares: TableEntry[] = [];
  readonly #capacity: number;
  /** When a node last answered or joined. */
  changedAt: number;

  constructor(capacity: number, now: number) {
    this.#capacity = capacity;
    this.changedAt = now;
  }

  find(id: NodeId): TableEntry | undefined {
    const isIt = (entry: TableEntry) => equalBytes(entry.id, id);
    return this.nodes.find(isIt) ?? this.#spares.find(isIt);
  }

  hasCrowd(crowd: string): boolean {
    return this.nodes.some((entry) => entry.crowd === crowd) ||
      this.#spares.some((entry) => entry.crowd === crowd);
  }

  /** Would another node be of use? */
  get hasRoom(): boolean {
    return this.nodes.length < this.#capacity || this.#spares.length < MAX_SPARES;
  }

  /**
   * Takes in a node, among the spares when all places are taken by nodes as good. Returns the
   * entry that has to leave for it, if any.
   */
  add(entry: TableEntry): TableEntry | undefined {
    if (this.nodes.length < this.#capacity) {
      this.nodes.push(entry);
      return undefined;
    }
    const bad = this.nodes.findIndex(isBad);
    if (bad >= 0) return this.#replace(bad, entry);
    // A proper id proves an address, so it costs more to have many (hostile-inputs H5).
    const improper = entry.isProper ? this.nodes.findIndex(({ isProper }) => !isProper) : -1;
    return this.#addSpare(improper < 0 ? entry : this.#replace(improper, entry));
  }

  /** An entry has answered again. */
  refresh(entry: TableEntry, now: number): void {
    this.changedAt = now;
    const index = this.#spares.indexOf(entry);
    if (index >= 0) this.#spares.push(...this.#spares.splice(index, 1));
  }

  /** An entry has not answered; is it to be forgotten? Nodes stay while nobody waits for them. */
  isHopeless(entry: TableEntry, maxMisses: number): boolean {
    if (!this.nodes.includes(entry)) return true;
    return entry.misses >= (this.#spares.length > 0 ? MISSES_UNTIL_BAD : maxMisses);
  }

  remove(entry: TableEntry): void {
    for (const list of [this.nodes, this.#spares]) {
      const index = list.indexOf(entry);
      if (index >= 0) list.splice(index, 1);
    }
    this.#fill();
  }

  #fill(): void {
    while (this.nodes.length < this.#capacity) {
      const spare = this.#spares.pop();
      if (spare === undefined) return;
      this.nodes.push(spare);
    }
  }

  #replace(index: number, entry: TableEntry): TableEntry {
    const [replaced] = this.nodes.splice(index, 1, entry);
    return replaced!;
  }

  #addSpare(entry: TableEntry): TableEntry | undefined {
    this.#spares.push(entry);
    return this.#spares.length > MAX_SPARES ? this.#spares.shift() : undefined;
  }
}
