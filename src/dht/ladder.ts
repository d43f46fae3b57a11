/**
 * The nodes that one search knows of, closest to its target first. Pure. Who is to be asked next
 * is decided here: nobody beyond the eighth that has answered, one node of each network, and
 * nobody on the word of a node that has named too many who do not answer (hostile-inputs H8).
 */
import { assert } from "../base/assert.ts";
import type { Endpoint } from "../base/endpoint.ts";
import type { NodeId } from "../base/ids.ts";
import { crowdKey } from "./crowd_key.ts";
import { compareDistance } from "./node_id.ts";

/** Nodes that a value is kept at, and that a search ends with (k of BEP 5). */
export const RESULT_COUNT = 8;
/** Candidates of one search; the farthest are forgotten. */
const MAX_CANDIDATES = 200;
/** Nodes that one has named and that did not answer, before it is not believed any more. */
const MAX_MISLEADS = 4;
/** A packet may get lost: who seems slow is asked once more, when nobody else is left. */
const MAX_TRIES = 2;

export type CandidateState = "fresh" | "asked" | "slow" | "answered" | "failed";

/** A node that may be asked in a search. */
export interface Candidate {
  readonly id: NodeId;
  readonly endpoint: Endpoint;
  readonly state: CandidateState;
  /** What it wants to see again when we announce. */
  readonly token: Uint8Array | undefined;
}

/** A candidate as its search sees it. */
export interface Rung extends Candidate {
  state: CandidateState;
  token: Uint8Array | undefined;
  /** Who named it; undefined: we knew it ourselves. */
  namer: Rung | undefined;
  /** How many that it named did not answer. */
  misleads: number;
  tries: number;
  /** Queries to it that are neither answered nor lost. */
  underWay: number;
}

export class Ladder {
  readonly #target: Uint8Array;
  readonly #rungs: Rung[] = [];
  /** Networks with a node that was asked or has answered. */
  readonly #crowds = new Map<string, Rung>();
  #askedCount = 0;
  #queryCount = 0;

  constructor(target: Uint8Array) {
    this.#target = target;
  }

  /** Nodes that were asked, and are neither slow nor done. */
  get askedCount(): number {
    return this.#askedCount;
  }

  /** Queries so far. */
  get queryCount(): number {
    return this.#queryCount;
  }

  /** Adds a node unless it is known or too far away. */
  add(id: NodeId, endpoint: Endpoint, namer: Rung | undefined): Rung | undefined {
    const { index, known } = this.#find(id, endpoint);
    if (known !== undefined) {
      if (isDoubtful(known)) known.namer = namer;
      return undefined;
    }
    const rung: Rung = {
      id,
      endpoint,
      state: "fresh",
      token: undefined,
      namer,
      misleads: 0,
      tries: 0,
      underWay: 0,
    };
    this.#rungs.splice(index, 0, rung);
    return this.#rungs.length > MAX_CANDIDATES && this.#dropOne() === rung ? undefined : rung;
  }

  /** Who is to be asked next, if anybody. */
  next(): Rung | undefined {
    let answered = 0;
    let again: Rung | undefined, doubtful: Rung | undefined;
    for (const rung of this.#rungs) {
      if (rung.state === "answered" && ++answered === RESULT_COUNT) return again;
      if (rung.state === "slow" && rung.tries < MAX_TRIES) again ??= rung;
      if (rung.state !== "fresh" || this.#isTaken(rung)) continue;
      if (!isDoubtful(rung)) return rung;
      doubtful ??= rung;
    }
    return again ?? doubtful;
  }

  /** Is somebody still waited for who would count? */
  get isWaiting(): boolean {
    let answered = 0;
    for (const { state } of this.#rungs) {
      if (state === "asked") return true;
      if (state === "answered" && ++answered === RESULT_COUNT) return false;
    }
    return false;
  }

  /** The rung is being asked (again). */
  ask(rung: Rung): void {
    assert(rung.state === "fresh" || rung.state === "slow", "asked once at a time");
    rung.state = "asked";
    this.#askedCount++;
    this.#queryCount++;
    rung.tries++;
    rung.underWay++;
    const crowd = crowdKey(rung.endpoint.host);
    if (crowd !== undefined) this.#crowds.set(crowd, rung);
  }

  answered(rung: Rung, token: Uint8Array | undefined): void {
    if (rung.state === "asked") this.#askedCount--;
    rung.underWay--;
    rung.state = "answered";
    rung.token = token;
  }

  slow(rung: Rung): void {
    if (rung.state !== "asked") return;
    rung.state = "slow";
    this.#askedCount--;
    if (rung.tries >= MAX_TRIES) this.#blame(rung);
  }

  /** A query was lost, or its answer is not to be used. */
  failed(rung: Rung): void {
    if (--rung.underWay > 0 || rung.state === "answered" || rung.state === "failed") return;
    if (rung.state !== "slow" || rung.tries < MAX_TRIES) this.#blame(rung);
    if (rung.state === "asked") this.#askedCount--;
    rung.state = "failed";
  }

  /** The closest that have answered, at most `count`. */
  closest(count: number): Rung[] {
    return this.#rungs.filter(({ state }) => state === "answered").slice(0, count);
  }

  /** Its place is free for another node of its network. */
  #blame(rung: Rung): void {
    if (rung.namer !== undefined) rung.namer.misleads++;
    const crowd = crowdKey(rung.endpoint.host);
    if (crowd !== undefined && this.#crowds.get(crowd) === rung) this.#crowds.delete(crowd);
  }

  #isTaken({ endpoint }: Rung): boolean {
    const crowd = crowdKey(endpoint.host);
    return crowd !== undefined && this.#crowds.has(crowd);
  }

  /** Whoever is named by a misleader goes first: invented nodes must not crowd out real ones. */
  #dropOne(): Rung {
    const doubtful = this.#rungs.findLastIndex((rung) =>
      rung.state === "failed" || (rung.state === "fresh" && isDoubtful(rung))
    );
    const [dropped] = this.#rungs.splice(doubtful, 1);
    assert(dropped !== undefined);
    return dropped;
  }

  /** Where a node stands, or would: the same id at another endpoint is another node. */
  #find(id: NodeId, { host, port }: Endpoint): { index: number; known: Rung | undefined } {
    let index = 0, high = this.#rungs.length;
    while (index < high) {
      const middle = (index + high) >> 1;
      if (this.#compare(this.#rungs[middle]!.id, id) < 0) index = middle + 1;
      else high = middle;
    }
    while (index < this.#rungs.length && this.#compare(this.#rungs[index]!.id, id) === 0) {
      const { endpoint } = this.#rungs[index]!;
      if (endpoint.host === host && endpoint.port === port) {
        return { index, known: this.#rungs[index] };
      }
      index++;
    }
    return { index, known: undefined };
  }

  #compare(a: NodeId, b: NodeId): number {
    return compareDistance(this.#target, a, b);
  }
}

function isDoubtful({ namer }: Rung): boolean {
  return namer !== undefined && namer.misleads >= MAX_MISLEADS;
}
