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
/** Of these, for nodes whose ids anybody may have made up. */
const UNVERIFIED_PLACES = 2;
/** Nodes asked in one search. */
const MAX_ASKED = 160;

/** A node that will keep a peer, and the token that it wants to see. */
export interface AnnounceTarget extends NodeInfo {
  readonly token: Uint8Array;
}

export class Lookup {
  readonly target: Uint8Array;
  readonly family: IpFamily;
  readonly #verified: Ladder;
  readonly #others: Ladder;
  #asked = 0;
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

  /** Nobody is left to be asked, and nobody who would count is waited for. */
  get isDone(): boolean {
    return [this.#verified, this.#others].every((ladder) =>
      !ladder.isWaiting && (this.#asked >= MAX_ASKED || ladder.next() === undefined)
    );
  }

  /** Adds nodes, those of the other family excepted, that `namer` named or we know ourselves. */
  add(nodes: readonly NodeInfo[], namer?: Candidate): void {
    for (const node of nodes) this.#add(node, namer as Rung | undefined);
  }

  /** Who is to be asked now, if anybody, and counts as asked. Call until it gives nobody. */
  next(): Candidate | undefined {
    const places = this.#answered < FIRST_ANSWERS ? FIRST_PLACES : PLACES;
    return this.#nextOf(this.#verified, places) ?? this.#nextOf(this.#others, UNVERIFIED_PLACES);
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

  #nextOf(ladder: Ladder, places: number): Candidate | undefined {
    if (ladder.askedCount >= places || this.#asked >= MAX_ASKED) return undefined;
    const rung = ladder.next();
    if (rung === undefined) return undefined;
    ladder.ask(rung);
    this.#asked++;
    return rung;
  }

  #ladderOf({ id, endpoint }: NodeInfo): Ladder {
    return isNodeIdOf(id, endpoint.host) ? this.#verified : this.#others;
  }
}
