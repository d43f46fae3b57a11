/**
 * One search as a whole: both address families climb towards the same target together, as every
 * answer may name nodes of both (BEP 32). Where hardly any node is known, contacts are asked too:
 * endpoints whose ids are not known yet.
 */
import {
  type AddressScope,
  addressScope,
  type Endpoint,
  familyOf,
  type IpFamily,
  isDialable,
} from "../base/endpoint.ts";
import type { NodeInfo } from "./compact_node.ts";
import type { Candidate } from "./ladder.ts";
import { Lookup } from "./lookup.ts";

/** Nodes of a family taken from one answer: BEP 5 says 8, some send 20. */
const MAX_NAMED = 20;
/** When nobody of those known has answered by then, contacts are asked. */
const CONTACTS_AFTER_MS = 1_000;

export class Round {
  readonly target: Uint8Array;
  readonly startedAt: number;
  readonly lookups: readonly Lookup[];
  #contactsUnderWay = 0;
  #hasAskedContacts = false;

  constructor(target: Uint8Array, families: readonly IpFamily[], now: number) {
    this.target = target;
    this.startedAt = now;
    this.lookups = families.map((family) => new Lookup(target, family));
  }

  /** Nodes that answered. */
  get answered(): number {
    return this.lookups.reduce((sum, { answered }) => sum + answered, 0);
  }

  get isDone(): boolean {
    return this.#contactsUnderWay === 0 && this.lookups.every(({ isDone }) => isDone);
  }

  /** When contacts are to be asked, if need be. */
  get contactsAt(): number | undefined {
    if (this.#hasAskedContacts || this.answered > 0) return undefined;
    const isHopeless = this.lookups.every(({ isDone }) => isDone);
    return isHopeless ? this.startedAt : this.startedAt + CONTACTS_AFTER_MS;
  }

  /** So many contacts are being asked. */
  askContacts(count: number): void {
    this.#hasAskedContacts = true;
    this.#contactsUnderWay = count;
  }

  /** A contact has answered, or need not be waited for any more. */
  contactDone(): void {
    this.#contactsUnderWay--;
  }

  /** A node has answered that was no candidate so far. */
  handleStranger(node: NodeInfo, nodes: readonly NodeInfo[], token: Uint8Array | undefined): void {
    this.#lookupOf(node.endpoint)?.handleStranger(node, token);
    this.#add(nodes, node, undefined);
  }

  /** A candidate has answered. */
  handleAnswer(
    candidate: Candidate,
    nodes: readonly NodeInfo[],
    token: Uint8Array | undefined,
  ): void {
    this.#lookupOf(candidate.endpoint)?.handleAnswer(candidate, token);
    this.#add(nodes, candidate, candidate);
  }

  #add(nodes: readonly NodeInfo[], { endpoint }: NodeInfo, namer: Candidate | undefined): void {
    const scope = addressScope(endpoint.host);
    for (const lookup of this.lookups) {
      const named = nodes.filter(({ endpoint }) =>
        familyOf(endpoint.host) === lookup.family && isNodeNameable(endpoint, scope)
      );
      lookup.add(named.slice(0, MAX_NAMED), namer);
    }
  }

  #lookupOf({ host }: Endpoint): Lookup | undefined {
    return this.lookups.find(({ family }) => family === familyOf(host));
  }
}

/** May this be a node, named by or to somebody of this scope? Private networks stay so (H6). */
export function isNodeNameable(endpoint: Endpoint, scope: AddressScope): boolean {
  return isDialable(endpoint, scope) &&
    (scope !== "global" || addressScope(endpoint.host) === "global");
}
