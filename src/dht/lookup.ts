/**
 * One iterative search (BEP 5): nodes ever closer to a target are asked, until the closest that
 * there are have answered. Pure. Nodes whose id their address allows (BEP 42) and all others
 * are climbed towards the target apart, so that whoever invents ids stands in nobody's way (H5).
 */
import { familyOf, type IpFamily } from "../base/endpoint.ts";
import type { NodeInfo } from "./compact_node.ts";
import { type Candidate, Ladder, RESULT_COUNT, type Rung } from "./ladder.ts";
import { isNodeIdOf } from "./node_id.ts";

/** Queries under way and not slow, before and after the first answers: BEP 5 says three. */
const FIRST_PLACES = 8;
const PLACES = 4;
/** Answers after which the first nodes are no longer taken for guesses. */
const FIRST_ANSWERS = 3;
/** The same, for nodes whose ids anybody may have made up. */
const UNVERIFIED_PLACES = 3;
/** Queries of one search, to either kind of node. */
const MAX_ASKED = 120;
const MAX_UNVERIFIED_ASKED = 40;

/** A node that will keep a peer, and the token that it wants to see. */
export interface AnnounceTarget extends NodeInfo {
  readonly token: Uint8Array;
}

export class Lookup {
  readonly target: Uint8Array;
  readonly family: IpFamily;
  readonly #verified: Ladder;
  readonly #others: Ladder;
  #answered = 0;

  constructor(target: Uint8Array, family: IpFamily) {
    this.target = target;
    this.family = family;
    this.#verified = new Ladder(target);
    this.#others = new Ladder(target);
  }

  /** Nodes that answered. */
  get answered(): number {
    return this.#answered;
  }

  /**
   * The closest have answered: nobody is left to be asked, and nobody who would count is waited
   * for. Nodes with ids that may be made up are waited for only where there are too few others.
   */
  get isDone(): boolean {
    if (!isClimbed(this.#verified, MAX_ASKED)) return false;
    return this.#verified.closest(RESULT_COUNT).length === RESULT_COUNT ||
      isClimbed(this.#others, MAX_UNVERIFIED_ASKED);
  }

  /** Adds nodes, those of the other family excepted, that `namer` named or we know ourselves. */
  add(nodes: readonly NodeInfo[], namer?: Candidate): void {
    for (const node of nodes) this.#add(node, namer as Rung | undefined);
  }

  /** Who is to be asked now, if anybody, and counts as asked. Call until it gives nobody. */
  next(): Candidate | undefined {
    const places = this.#answered < FIRST_ANSWERS ? FIRST_PLACES : PLACES;
    return nextOf(this.#verified, places, MAX_ASKED) ??
      nextOf(this.#others, UNVERIFIED_PLACES, MAX_UNVERIFIED_ASKED);
  }

  /** A candidate has answered, perhaps late. */
  handleAnswer(candidate: Candidate, token: Uint8Array | undefined): void {
    if (candidate.state !== "answered") this.#answered++;
    this.#ladderOf(candidate).answered(candidate as Rung, token);
  }

  /** Somebody has answered who was not a candidate: now it is one. */
  handleStranger(node: NodeInfo, token: Uint8Array | undefined): void {
    const stranger = this.#add(node, undefined);
    if (stranger === undefined) return;
    this.#ladderOf(stranger).ask(stranger);
    this.handleAnswer(stranger, token);
  }

  /** A candidate has not answered so far: somebody else may be asked meanwhile. */
  handleSlow(candidate: Candidate): void {
    this.#ladderOf(candidate).slow(candidate as Rung);
  }

  /** A query is lost, or was refused. */
  handleLost(candidate: Candidate): void {
    this.#ladderOf(candidate).failed(candidate as Rung);
  }

  /** Where to announce: the closest that gave a token, rather those whose ids are theirs (H5). */
  announceTargets(): AnnounceTarget[] {
    const closest = [this.#verified, this.#others]
      .flatMap((ladder) => ladder.closest(RESULT_COUNT))
      .flatMap(({ id, endpoint, token }) => token === undefined ? [] : [{ id, endpoint, token }]);
    return closest.slice(0, RESULT_COUNT);
  }

  #add(node: NodeInfo, namer: Rung | undefined): Rung | undefined {
    if (familyOf(node.endpoint.host) !== this.family) return undefined;
    return this.#ladderOf(node).add(node.id, node.endpoint, namer);
  }

  #ladderOf({ id, endpoint }: NodeInfo): Ladder {
    return isNodeIdOf(id, endpoint.host) ? this.#verified : this.#others;
  }
}

function isClimbed(ladder: Ladder, maxAsked: number): boolean {
  return !ladder.isWaiting && (ladder.queryCount >= maxAsked || ladder.next() === undefined);
}

function nextOf(ladder: Ladder, places: number, maxAsked: number): Candidate | undefined {
  if (ladder.askedCount >= places || ladder.queryCount >= maxAsked) return undefined;
  const rung = ladder.next();
  if (rung !== undefined) ladder.ask(rung);
  return rung;
}
