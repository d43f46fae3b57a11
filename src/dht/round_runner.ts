/** Carries out the searches under way: asks whom their ladders name, as the answers come. Pure. */
import type { Endpoint } from "../base/endpoint.ts";
import { equalBytes } from "../base/bytes.ts";
import type { Asking } from "./asking.ts";
import type { NodeInfo } from "./compact_node.ts";
import type { KrpcCall, KrpcResponse } from "./krpc.ts";
import type { Candidate } from "./ladder.ts";
import type { Lookup } from "./lookup.ts";
import type { Round } from "./round.ts";

/** A search to be carried out. */
export interface Task {
  readonly round: Round;
  /** What every node is asked. */
  readonly call: KrpcCall;
  /** A node is asked. */
  readonly onAsked?: (endpoint: Endpoint) => void;
  readonly onAnswered?: (answer: KrpcResponse, from: Endpoint, now: number) => void;
  readonly onDone?: (now: number) => void;
}

export class RoundRunner {
  readonly #asking: Asking;
  /** Endpoints to ask when no node answers, those of our families only. */
  readonly #contacts: () => readonly Endpoint[];
  readonly #tasks = new Set<Task>();

  constructor(
    { asking, contacts }: { asking: Asking; contacts: () => readonly Endpoint[] },
  ) {
    this.#asking = asking;
    this.#contacts = contacts;
  }

  start(task: Task, now: number): void {
    this.#tasks.add(task);
    this.#carryOn(task, now);
  }

  /** Ends a search before it is done: `onDone` is not called. */
  cancel(round: Round): void {
    for (const task of this.#tasks) if (task.round === round) this.#tasks.delete(task);
  }

  get size(): number {
    return this.#tasks.size;
  }

  /** Asks whoever is to be asked now: after every answer, and whenever time has passed. */
  carryOn(now: number): void {
    for (const task of this.#tasks) this.#carryOn(task, now);
  }

  deadline(): number | undefined {
    const times = [...this.#tasks].map(({ round }) => round.contactsAt)
      .filter((time) => time !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #carryOn(task: Task, now: number): void {
    const { round } = task;
    for (const lookup of round.lookups) this.#climb(task, lookup, now);
    if (round.contactsAt !== undefined && round.contactsAt <= now) this.#askContacts(task, now);
    if (!round.isDone) return;
    this.#tasks.delete(task);
    task.onDone?.(now);
  }

  #climb(task: Task, lookup: Lookup, now: number): void {
    while (!this.#asking.isFull) {
      const candidate = lookup.next();
      if (candidate === undefined) return;
      const isOurs = equalBytes(candidate.id, this.#asking.placeOf(candidate.endpoint)!.id);
      if (isOurs) lookup.handleLost(candidate);
      else this.#askCandidate(task, lookup, candidate, now);
    }
  }

  #askCandidate(task: Task, lookup: Lookup, candidate: Candidate, now: number): void {
    const { endpoint, id } = candidate;
    task.onAsked?.(endpoint);
    this.#asking.ask(endpoint, {
      call: task.call,
      id,
      answered: (answer, from, now) => {
        if (equalBytes(answer.id, id)) {
          task.round.handleAnswer(candidate, answer.nodes, answer.token);
        } else {
          lookup.handleLost(candidate);
          task.round.handleStranger({ id: answer.id, endpoint }, answer.nodes, answer.token);
        }
        task.onAnswered?.(answer, from, now);
      },
      slow: () => lookup.handleSlow(candidate),
      lost: () => lookup.handleLost(candidate),
    }, now);
  }

  #askContacts(task: Task, now: number): void {
    const { round, call } = task;
    const contacts = this.#asking.isFull ? [] : this.#contacts();
    round.askContacts(contacts.length);
    for (const endpoint of contacts) {
      if (this.#asking.isFull) {
        round.contactDone();
        continue;
      }
      let isAwaited = true;
      const done = () => {
        if (isAwaited) round.contactDone();
        isAwaited = false;
      };
      task.onAsked?.(endpoint);
      this.#asking.ask(endpoint, {
        call,
        answered: (answer, from, now) => {
          done();
          const node: NodeInfo = { id: answer.id, endpoint };
          round.handleStranger(node, answer.nodes, answer.token);
          task.onAnswered?.(answer, from, now);
        },
        slow: done,
        lost: done,
      }, now);
    }
  }
}
