/** A node that knows its neighbours; in one list at most, at a time. */
export interface Linked<Node> {
  previous: Node | undefined;
  next: Node | undefined;
}

/** A list whose nodes carry their own links, so that each leaves from the middle in O(1). */
export class LinkedList<Node extends Linked<Node>> {
  #first: Node | undefined;
  #last: Node | undefined;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get first(): Node | undefined {
    return this.#first;
  }

  get last(): Node | undefined {
    return this.#last;
  }

  append(node: Node): void {
    this.insertBefore(undefined, node);
  }

  /** Before `follower`; at the end when that is undefined. */
  insertBefore(follower: Node | undefined, node: Node): void {
    const leader = follower === undefined ? this.#last : follower.previous;
    node.previous = leader;
    node.next = follower;
    if (leader === undefined) this.#first = node;
    else leader.next = node;
    if (follower === undefined) this.#last = node;
    else follower.previous = node;
    this.#length++;
  }

  /** Takes out a node of this list. */
  remove(node: Node): void {
    if (node.previous === undefined) this.#first = node.next;
    else node.previous.next = node.next;
    if (node.next === undefined) this.#last = node.previous;
    else node.next.previous = node.previous;
    node.previous = undefined;
    node.next = undefined;
    this.#length--;
  }
}
