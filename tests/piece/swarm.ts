/**
 * Simulated peers around a real picker, in virtual time: each has a rate and a latency, answers
 * in order, and may choke, stall, trickle, lie, leave. Checks the picker's promises at each step.
 */
import { deepStrictEqual, ok } from "node:assert/strict";
import type { SeededRandom } from "../../src/base/ambient.ts";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { PieceIndex } from "../../src/base/ids.ts";
import { RateMeter } from "../../src/base/rate.ts";
import { BLOCK_LENGTH, type BlockSpan, Layout } from "../../src/metainfo/layout.ts";
import { Assembly, type FullPiece } from "../../src/piece/assembly.ts";
import { Availability } from "../../src/piece/availability.ts";
import { Blame } from "../../src/piece/blame.ts";
import { PiecePicker } from "../../src/piece/picker.ts";
import type { PickerPeer } from "../../src/piece/picker_peer.ts";
import { type PeerKey, PieceTable } from "../../src/piece/piece_table.ts";

const STEP_MS = 20;
const TICK_MS = 500;
const SNUB_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 60_000;
const VERIFYING_MS = 30;
const MIN_DOUBTED_AGE_MS = 300;
const MIN_SILENCE_MS = 50;

export interface SimulatedPeer {
  /** Bytes a second; 0 never answers. */
  readonly rate: number;
  readonly latencyMs: number;
  /** Which pieces it has; all when undefined. */
  readonly has?: (piece: number) => boolean;
  /** Share of its blocks that are wrong. */
  readonly lies?: number;
  /** Chokes and unchokes in turn, so long each. */
  readonly chokeEveryMs?: number;
  readonly joinsAt?: number;
  readonly leavesAt?: number;
}

export interface SwarmOptions {
  readonly pieceCount: number;
  readonly pieceLength: number;
  readonly budgetBytes: number;
  readonly random: SeededRandom;
  readonly peers: readonly SimulatedPeer[];
  readonly sequential?: boolean;
}

interface Asked {
  readonly key: number;
  readonly span: BlockSpan;
  readonly at: number;
  /** No longer wanted; what it sends until it knows comes in vain. */
  cancelledAt: number;
}

class Member implements PickerPeer {
  readonly theirHave: Bitfield;
  readonly allowedFast = new Set<PieceIndex>();
  isPeerChoking = false;
  isSnubbed = false;
  isHere = false;
  isBanned = false;
  hasLied = false;
  readonly #meter = new RateMeter();
  /** What is expected of it, by block key. */
  readonly asked = new Map<number, Asked>();
  /** What it will send, in the order of asking. */
  #queue: Asked[] = [];
  #credit = 0;
  #progressAt = 0;
  #sentAt = -Infinity;

  constructor(readonly key: PeerKey, readonly model: SimulatedPeer, pieceCount: number) {
    this.theirHave = new Bitfield(pieceCount);
    for (let piece = 0; piece < pieceCount; piece++) {
      if (model.has?.(piece) ?? true) this.theirHave.set(piece);
    }
  }

  offers(piece: PieceIndex): boolean {
    return !this.isPeerChoking && this.theirHave.has(piece);
  }

  downloadRate(now: number): number {
    return this.#meter.rate(now);
  }

  get room(): number {
    const { rate, latencyMs } = this.model;
    const depth = Math.min(500, Math.max(4, Math.ceil(2 * rate * latencyMs / 1000 / BLOCK_LENGTH)));
    return (this.isSnubbed ? 1 : depth) - this.asked.size;
  }

  ask(key: number, span: BlockSpan, now: number): void {
    ok(!this.asked.has(key), `peer ${this.key} is asked twice for ${span.piece}.${span.block}`);
    if (this.asked.size === 0) this.#progressAt = now;
    const asked = { key, span, at: now, cancelledAt: Infinity };
    this.asked.set(key, asked);
    this.#queue.push(asked);
  }

  cancel(key: number, now: number): void {
    const asked = this.asked.get(key);
    ok(asked !== undefined, "a peer that was not asked gets a Cancel");
    asked.cancelledAt = now;
    this.asked.delete(key);
  }

  /** How long it has sent nothing, of the time since it was asked for this. */
  silentMs(key: number, now: number): number {
    return now - Math.max(this.#sentAt, this.asked.get(key)!.at);
  }

  /** The blocks that it sends in this step. */
  answers(now: number): BlockSpan[] {
    const spans: BlockSpan[] = [];
    this.#credit += this.model.rate * STEP_MS / 1000;
    while (this.#queue.length > 0) {
      const { key, span, at, cancelledAt } = this.#queue[0]!;
      const isCancelled = now > cancelledAt + this.model.latencyMs;
      if (!isCancelled && (at + this.model.latencyMs > now || this.#credit < span.length)) break;
      this.#queue.shift();
      if (isCancelled) continue;
      this.#credit -= span.length;
      this.#meter.add(span.length, now);
      if (cancelledAt === Infinity) this.asked.delete(key);
      spans.push(span);
    }
    if (this.#queue.length === 0) this.#credit = 0;
    if (spans.length > 0) {
      this.#progressAt = this.#sentAt = now;
      this.isSnubbed = false;
    }
    return spans;
  }

  /** The requests that it is no longer expected to answer. */
  expired(now: number): BlockSpan[] {
    const isSilent = now - this.#progressAt >= SNUB_TIMEOUT_MS;
    if (isSilent && this.asked.size > 0) this.isSnubbed = true;
    return this.#takeWhere((at) => isSilent || now - at >= REQUEST_TIMEOUT_MS, now);
  }

  choke(now: number): BlockSpan[] {
    this.isPeerChoking = true;
    return this.#takeWhere(() => true, now);
  }

  leave(): void {
    this.asked.clear();
    this.#queue = [];
  }

  #takeWhere(matches: (at: number) => boolean, now: number): BlockSpan[] {
    const spans: BlockSpan[] = [];
    for (const [key, { span, at }] of this.asked) {
      if (!matches(at)) continue;
      this.cancel(key, now);
      spans.push(span);
    }
    return spans;
  }
}

export class Swarm {
  readonly table: PieceTable;
  readonly members: readonly Member[];
  now = 0;
  /** Blocks that came, and those among them that nobody needed or that were in wrong pieces. */
  receivedCount = 0;
  wastedCount = 0;
  corruptCount = 0;
  /** For each good piece, how many peers gave it. */
  readonly contributorCounts: number[] = [];
  /** Pieces in the order in which they were completed. */
  readonly completed: PieceIndex[] = [];
  readonly #options: SwarmOptions;
  readonly #layout: Layout;
  readonly #availability: Availability;
  readonly #assembly: Assembly;
  readonly #picker: PiecePicker;
  readonly #blame = new Blame();
  readonly #wrongBlocks = new Set<number>();
  #verifying: { readonly full: FullPiece; readonly doneAt: number }[] = [];

  constructor(options: SwarmOptions) {
    const { pieceCount, pieceLength, budgetBytes, random, sequential = false } = options;
    this.#options = options;
    const files = [{ length: pieceCount * pieceLength - 1, isPadding: false }];
    const layout = this.#layout = new Layout({ pieceLength, files });
    const table = this.table = new PieceTable(layout);
    for (let piece = 0; piece < pieceCount; piece++) table.setWanted(piece as PieceIndex, 1);
    const availability = this.#availability = new Availability(pieceCount, random);
    const assembly = this.#assembly = new Assembly({ layout, budgetBytes });
    this.#picker = new PiecePicker({ layout, table, availability, assembly, random, sequential });
    this.members = options.peers.map((model, key) => new Member(key, model, pieceCount));
  }

  get isComplete(): boolean {
    return this.table.isComplete;
  }

  /** Peers that gave a wrong block which was taken. */
  get liarKeys(): PeerKey[] {
    return this.members.filter(({ hasLied }) => hasLied).map(({ key }) => key);
  }

  get bannedKeys(): PeerKey[] {
    return this.members.filter(({ isBanned }) => isBanned).map(({ key }) => key);
  }

  /** Runs until all is here, or until `maxMs` have passed. */
  run(maxMs: number): void {
    while (!this.isComplete && this.now < maxMs) this.#step();
  }

  #step(): void {
    this.now += STEP_MS;
    for (const member of this.members) this.#joinOrLeave(member);
    for (const member of this.#present()) {
      for (const span of member.answers(this.now)) this.#deliver(member, span);
      this.#fill(member);
    }
    this.#verify();
    if (this.now % TICK_MS === 0) this.#tick();
    ok(this.#assembly.usedBytes <= Math.max(this.#options.budgetBytes, this.#options.pieceLength));
    for (const { piece } of this.#assembly.partials()) {
      deepStrictEqual(this.table.state(piece), "partial");
    }
  }

  #present(): Member[] {
    return this.members.filter(({ isHere }) => isHere);
  }

  #joinOrLeave(member: Member): void {
    const { joinsAt = 0, leavesAt = Infinity } = member.model;
    const isDue = this.now >= joinsAt && this.now < leavesAt && !member.isBanned;
    if (isDue === member.isHere) return;
    member.isHere = isDue;
    const nothing = new Bitfield(member.theirHave.length);
    if (isDue) return this.#availability.replaced(member.key, nothing, member.theirHave);
    this.#availability.left(member.key, member.theirHave);
    this.#picker.peerGone(member.key);
    member.leave();
  }

  #deliver(member: Member, { piece, block }: BlockSpan): void {
    this.receivedCount++;
    const key = this.#layout.blockKey(piece, block);
    const taken = this.#assembly.put(piece, block, new Uint8Array(0), member.key);
    if (taken === "unneeded" || taken === "no-room") this.wastedCount++;
    else if (this.#options.random.next() < (member.model.lies ?? 0)) {
      member.hasLied = true;
      this.#wrongBlocks.add(key);
    } else this.#wrongBlocks.delete(key);
    // It may answer a request that was cancelled before this one: to us they are the same.
    if (taken === "no-room" && member.asked.has(key)) member.cancel(key, this.now);
    for (const other of this.#picker.received(member.key, piece, block, this.now)) {
      this.members[other]!.cancel(key, this.now);
    }
    if (typeof taken === "object") {
      deepStrictEqual(this.table.state(piece), "verifying");
      this.#verifying.push({ full: taken, doneAt: this.now + VERIFYING_MS });
    }
  }

  #fill(member: Member): void {
    const room = member.room;
    const isIdle = member.asked.size === 0;
    const spans = this.#picker.pick(member, room, this.now);
    ok(spans.length <= Math.max(0, room));
    for (const span of spans) {
      ok(span.length > 0 && member.offers(span.piece));
      deepStrictEqual(this.table.state(span.piece), "partial");
      ok(!this.#assembly.partial(span.piece)!.has(span.block), "a block that is here is asked for");
      const key = this.#layout.blockKey(span.piece, span.block);
      const others = this.#present().filter(({ asked }) => asked.has(key));
      ok(
        others.length === 0 ||
          others.some(({ asked, isSnubbed }) =>
            isSnubbed || this.now - asked.get(key)!.at >= MIN_DOUBTED_AGE_MS
          ) ||
          isIdle && others.length === 1 && others[0]!.silentMs(key, this.now) > MIN_SILENCE_MS,
        "a request is repeated that is young, and not of one who is silent",
      );
      member.ask(key, span, this.now);
    }
  }

  #verify(): void {
    const done = this.#verifying.filter(({ doneAt }) => doneAt <= this.now);
    this.#verifying = this.#verifying.filter(({ doneAt }) => doneAt > this.now);
    for (const { full } of done) this.#settle(full);
  }

  #settle({ piece, data, contributors }: FullPiece): void {
    this.#assembly.release(data.buffer);
    const wrong = contributors.map((_, block) =>
      this.#wrongBlocks.has(this.#layout.blockKey(piece, block as BlockSpan["block"]))
    );
    const digests = wrong.map((isWrong, block) => isWrong ? `by ${contributors[block]}` : "good");
    if (!wrong.includes(true)) {
      this.completed.push(piece);
      this.contributorCounts.push(new Set(contributors).size);
      this.#picker.verified(piece);
      for (const liar of this.#blame.judge(piece, digests)) this.#ban(liar);
      return;
    }
    this.corruptCount++;
    this.wastedCount += contributors.length;
    this.#picker.corrupt(piece, contributors, this.now);
    const liar = this.#blame.recordFailure(piece, contributors, digests);
    if (liar !== undefined) this.#ban(liar);
  }

  #ban(key: PeerKey): void {
    const member = this.members[key]!;
    ok((member.model.lies ?? 0) > 0, "an honest peer is banned");
    member.isBanned = true;
    this.#joinOrLeave(member);
  }

  #tick(): void {
    for (const member of this.#present()) {
      const { chokeEveryMs } = member.model;
      const isChoking = chokeEveryMs !== undefined &&
        Math.floor(this.now / chokeEveryMs) % 2 === 1;
      if (isChoking && !member.isPeerChoking) this.#return(member, member.choke(this.now));
      member.isPeerChoking = isChoking;
      this.#return(member, member.expired(this.now));
    }
  }

  #return(member: Member, spans: readonly BlockSpan[]): void {
    for (const { piece, block } of spans) this.#picker.returned(member.key, piece, block);
  }
}
