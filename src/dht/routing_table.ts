/**
 * The nodes that we know, many near our own id and few far from it (BEP 5 "Routing Table"), of
 * one address family. Pure: `now` is in milliseconds. Only who has answered a query of ours gets
 * in, and nobody gets in often, however many ids or ports he has (hostile-inputs H7).
 */
import type { Random } from "../base/ambient.ts";
import { assert } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import { familyOf, formatEndpoint, type IpFamily } from "../base/endpoint.ts";
import { HASH_LENGTH, type NodeId } from "../base/ids.ts";
import { Bucket, isBad, type TableEntry } from "./bucket.ts";
import type { NodeInfo } from "./compact_node.ts";
import { crowdKey } from "./crowd_key.ts";
import { commonPrefixLength, compareDistance, isNodeIdOf, randomIdBeside } from "./node_id.ts";

const BUCKET_COUNT = HASH_LENGTH * 8;
/** k of BEP 5. */
const MIN_BUCKET_CAPACITY = 8;
/**
 * Halved from bucket to bucket. As libtorrent: a search begins in one of the far buckets, and
 * the more nodes there are to choose from, the closer to its end it begins.
 */
const FIRST_BUCKET_CAPACITY = 128;
/** A node or a bucket that was not heard of for so long is asked (BEP 5). */
const QUESTIONABLE_AFTER_MS = 15 * 60_000;
/** A node that did not answer is asked again after this, then after twice as long, and so on. */
const FIRST_RETRY_MS = 60_000;
/** As libtorrent: who has not answered so often in a row is forgotten in any case. */
const MAX_MISSES = 20;
/** Nodes to be asked at a time, so that a check of the table is no burst. */
const MAX_QUESTIONABLE_AT_ONCE = 8;

export class RoutingTable {
  readonly #ownId: NodeId;
  readonly #family: IpFamily;
  readonly #random: Random;
  /** By how many leading bits their ids share with ours; made when a node comes. */
  readonly #buckets: (Bucket | undefined)[] = new Array(BUCKET_COUNT).fill(undefined);
  /** All entries, spares too. */
  readonly #byEndpoint = new Map<string, TableEntry>();
  /** Those on the internet: one for each address. */
  readonly #hosts = new Set<string>();

  constructor(options: { ownId: NodeId; family: IpFamily; random: Random }) {
    this.#ownId = options.ownId;
    this.#family = options.family;
    this.#random = options.random;
  }

  /** Nodes in use, without those that wait for a place. */
  get size(): number {
    return this.#buckets.reduce((sum, bucket) => sum + (bucket?.nodes.length ?? 0), 0);
  }

  /** Nodes in use, those that have answered latest first: what is worth saving. */
  nodes(): NodeInfo[] {
    return this.#entries().toSorted((a, b) => a.misses - b.misses || b.seenAt - a.seenAt)
      .map(infoOf);
  }

  /** A node has answered a query of ours. Never for a node that was only named, or that asked. */
  seen(node: NodeInfo, now: number): void {
    assert(familyOf(node.endpoint.host) === this.#family, "a node of the table's family");
    if (equalBytes(node.id, this.#ownId)) return;
    const known = this.#byEndpoint.get(formatEndpoint(node.endpoint));
    if (known === undefined) return this.#add(node, now);
    // Restarted, or a liar: neither id is worth a place until it has lasted (H7).
    if (!equalBytes(known.id, node.id)) return this.#remove(known);
    known.seenAt = now;
    known.misses = 0;
    known.checkAt = now + QUESTIONABLE_AFTER_MS;
    this.#bucketOf(known.id)!.refresh(known, now);
  }

  /** A node has not answered in time. Nothing happens when it is not in the table. */
  failed(node: NodeInfo, now: number): void {
    const entry = this.#byEndpoint.get(formatEndpoint(node.endpoint));
    if (entry === undefined || !equalBytes(entry.id, node.id)) return;
    entry.misses++;
    const retryMs = FIRST_RETRY_MS * 2 ** (entry.misses - 1);
    entry.checkAt = now + Math.min(retryMs, QUESTIONABLE_AFTER_MS);
    if (this.#bucketOf(entry.id)!.isHopeless(entry, MAX_MISSES)) this.#remove(entry);
  }

  /** Should a node that has asked us something be asked too, so that it can become `seen`? */
  isWanted({ id, endpoint }: NodeInfo): boolean {
    const { host } = endpoint;
    if (equalBytes(id, this.#ownId) || this.#byEndpoint.has(formatEndpoint(endpoint))) return false;
    const bucket = this.#bucketOf(id);
    return bucket === undefined
      ? !this.#hosts.has(host)
      : bucket.hasRoom && bucket.find(id) === undefined && !this.#isCrowded(bucket, host);
  }

  /**
   * At most `count` nodes, the closest to `target` first. Nodes that have not answered lately
   * are only given when there are no others.
   */
  closest(target: Uint8Array, count: number): NodeInfo[] {
    const good = this.#closestWhere((entry) => !isBad(entry), target, count);
    return (good.length > 0 ? good : this.#closestWhere(isBad, target, count)).map(infoOf);
  }

  /** Nodes to be asked whether they are still there; each is given once until `failed`. */
  questionable(now: number): NodeInfo[] {
    const due = this.#entries().filter(({ checkAt }) => checkAt <= now)
      .toSorted((a, b) => a.checkAt - b.checkAt).slice(0, MAX_QUESTIONABLE_AT_ONCE);
    for (const entry of due) entry.checkAt = now + FIRST_RETRY_MS;
    return due.map(infoOf);
  }

  /** Ids to be looked up, one in each bucket that has long not changed; each is given once. */
  refreshTargets(now: number): NodeId[] {
    const targets: NodeId[] = [];
    for (const [prefixLength, bucket] of this.#buckets.entries()) {
      if (bucket === undefined || bucket.changedAt + QUESTIONABLE_AFTER_MS > now) continue;
      bucket.changedAt = now;
      targets.push(randomIdBeside(this.#ownId, prefixLength, this.#random));
    }
    return targets;
  }

  #add(node: NodeInfo, now: number): void {
    const { id, endpoint } = node;
    const prefixLength = commonPrefixLength(this.#ownId, id);
    const bucket = this.#buckets[prefixLength] ??= new Bucket(capacityOf(prefixLength), now);
    const namesake = bucket.find(id);
    if (namesake !== undefined) {
      // Whoever can name an id could otherwise push out the node that has it.
      if (!isBad(namesake)) return;
      this.#remove(namesake);
    }
    if (this.#isCrowded(bucket, endpoint.host)) return;
    const entry: TableEntry = {
      id,
      endpoint,
      crowd: crowdKey(endpoint.host),
      isProper: isNodeIdOf(id, endpoint.host),
      seenAt: now,
      misses: 0,
      checkAt: now + QUESTIONABLE_AFTER_MS,
    };
    this.#byEndpoint.set(formatEndpoint(endpoint), entry);
    if (entry.crowd !== undefined) this.#hosts.add(endpoint.host);
    bucket.changedAt = now;
    const displaced = bucket.add(entry);
    if (displaced !== undefined) this.#forget(displaced);
  }

  #remove(entry: TableEntry): void {
    this.#bucketOf(entry.id)!.remove(entry);
    this.#forget(entry);
  }

  #forget({ endpoint }: TableEntry): void {
    this.#byEndpoint.delete(formatEndpoint(endpoint));
    this.#hosts.delete(endpoint.host);
  }

  /** One node an address, and one of a network in each bucket; on the internet alone. */
  #isCrowded(bucket: Bucket, host: string): boolean {
    if (this.#hosts.has(host)) return true;
    const crowd = crowdKey(host);
    return crowd !== undefined && bucket.hasCrowd(crowd);
  }

  /**
   * Buckets are spheres around our own id, so most need no look: closest is the target's own,
   * then all that are nearer to us together, then those farther away, one after the other.
   */
  #closestWhere(
    isFit: (entry: TableEntry) => boolean,
    target: Uint8Array,
    count: number,
  ): TableEntry[] {
    const own = Math.min(commonPrefixLength(this.#ownId, target), BUCKET_COUNT - 1);
    const found: TableEntry[] = [];
    const take = (from: number, to: number) => {
      const entries = this.#buckets.slice(from, to).flatMap((bucket) => bucket?.nodes ?? [])
        .filter(isFit);
      found.push(...entries.sort((a, b) => compareDistance(target, a.id, b.id)));
    };
    take(own, own + 1);
    if (found.length < count) take(own + 1, BUCKET_COUNT);
    for (let index = own - 1; index >= 0 && found.length < count; index--) take(index, index + 1);
    return found.slice(0, count);
  }

  #entries(): TableEntry[] {
    return this.#buckets.flatMap((bucket) => bucket?.nodes ?? []);
  }

  #bucketOf(id: NodeId): Bucket | undefined {
    return this.#buckets[Math.min(commonPrefixLength(this.#ownId, id), BUCKET_COUNT - 1)];
  }
}

function capacityOf(prefixLength: number): number {
  // No shift: that would begin anew after 32 bits.
  return Math.max(MIN_BUCKET_CAPACITY, FIRST_BUCKET_CAPACITY / 2 ** prefixLength);
}

function infoOf({ id, endpoint }: TableEntry): NodeInfo {
  return { id, endpoint };
}
