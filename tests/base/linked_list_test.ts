import { deepStrictEqual } from "node:assert/strict";
import fc from "fast-check";
import { type Linked, LinkedList } from "../../src/base/linked_list.ts";

class Node implements Linked<Node> {
  previous: Node | undefined;
  next: Node | undefined;
  constructor(readonly name: number) {}
}

Deno.test("LinkedList keeps its nodes in order, from both ends", () => {
  const anyEdit = fc.record({
    kind: fc.constantFrom("append", "insert", "remove"),
    at: fc.nat(20),
  });
  fc.assert(fc.property(fc.array(anyEdit, { maxLength: 40 }), (edits) => {
    const list = new LinkedList<Node>();
    const model: Node[] = [];
    for (const [name, { kind, at }] of edits.entries()) {
      const node = model[at];
      if (kind === "remove" && node !== undefined) {
        list.remove(node);
        model.splice(at, 1);
      } else if (kind === "insert") {
        const added = new Node(name);
        list.insertBefore(node, added);
        model.splice(node === undefined ? model.length : at, 0, added);
      } else if (kind === "append") {
        model.push(new Node(name));
        list.append(model.at(-1)!);
      }
    }
    const names: number[] = [], backwards: number[] = [];
    for (let node = list.first; node !== undefined; node = node.next) names.push(node.name);
    for (let node = list.last; node !== undefined; node = node.previous) backwards.push(node.name);
    deepStrictEqual(names, model.map(({ name }) => name));
    deepStrictEqual(backwards, names.toReversed());
    deepStrictEqual(list.length, names.length);
  }));
});
