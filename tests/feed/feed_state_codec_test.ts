import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import fc from "fast-check";
import {
  decodeFeedState,
  encodeFeedState,
  MAX_STATE_LENGTH,
} from "../../src/feed/feed_state_codec.ts";
import { FeedState, type RememberedItem } from "../../src/feed/feed_state.ts";

const ITEM: RememberedItem = {
  status: "waiting",
  title: "T",
  keys: ["0".repeat(32)],
  links: ["https://a.example/a.torrent?passkey=1"],
  problem: undefined,
  tries: 2,
  seenAt: 1_795_177_805_000,
};
const VALIDATORS = { etag: 'W/"1"', lastModified: undefined, question: "q" };

/** A file whose sum is right, whatever it holds. */
function sealed(body: unknown, version = 1): Uint8Array {
  const sha256 = createHash("sha256").update(JSON.stringify(body)).digest("hex");
  return new TextEncoder().encode(JSON.stringify({ version, sha256, body }));
}

Deno.test("decodeFeedState() undoes encodeFeedState()", () => {
  const text = fc.string({ unit: "binary" });
  const items = fc.array(fc.record({
    status: fc.constantFrom("waiting" as const, "fetched" as const, "given-up" as const),
    title: text,
    keys: fc.array(fc.stringMatching(/^[0-9a-f]{32}$/), { maxLength: 8 }),
    links: fc.array(text),
    problem: fc.option(text, { nil: undefined }),
    tries: fc.nat(),
    seenAt: fc.nat(),
  }, { noNullPrototype: true }));
  const validators = fc.option(
    fc.record({
      etag: fc.option(text, { nil: undefined }),
      lastModified: fc.option(text, { nil: undefined }),
      question: text,
    }, { noNullPrototype: true }),
    { nil: undefined },
  );
  fc.assert(fc.property(items, validators, (items, validators) => {
    const decoded = decodeFeedState(encodeFeedState(new FeedState({ items, validators })));
    deepStrictEqual([decoded?.items, decoded?.validators], [items, validators]);
  }));
});

Deno.test("D12 decodeFeedState() takes nothing that is cut or has changed", () => {
  const bytes = encodeFeedState(new FeedState({ items: [ITEM], validators: VALIDATORS }));
  for (let length = 0; length < bytes.length - 1; length++) {
    strictEqual(decodeFeedState(bytes.subarray(0, length)), undefined, `${length} bytes`);
  }
  for (let at = 0; at < bytes.length - 1; at++) {
    const changed = bytes.slice();
    changed[at]! ^= 1;
    const decoded = decodeFeedState(changed);
    // White space between the parts may change, and nothing else.
    if (decoded !== undefined) deepStrictEqual(decoded.items, [ITEM]);
  }
});

Deno.test("D12 decodeFeedState() takes nothing of another version or of another form", () => {
  const { problem: _, ...item } = { ...ITEM };
  const good = { validators: null, items: [{ ...item, problem: null }] };
  ok(decodeFeedState(sealed(good)) !== undefined);
  strictEqual(decodeFeedState(sealed(good, 2)), undefined);
  const items: readonly unknown[] = [
    null,
    {},
    "x",
    [[]],
    [null],
    [{ ...ITEM, problem: null, status: "done" }],
    [{ ...ITEM, problem: null, title: 1 }],
    [{ ...ITEM, problem: null, keys: [1] }],
    [{ ...ITEM, problem: null, keys: Array(9).fill("x") }],
    [{ ...ITEM, problem: null, links: "x" }],
    [{ ...ITEM, problem: 1 }],
    [{ ...ITEM, problem: null, tries: -1 }],
    [{ ...ITEM, problem: null, seenAt: 1.5 }],
    Array(20_001).fill(good.items[0]),
  ];
  for (const bad of items) {
    const state = decodeFeedState(sealed({ ...good, items: bad }));
    strictEqual(state, undefined, JSON.stringify(bad).slice(0, 200));
  }
  for (const bad of [1, "x", [], {}, { ...VALIDATORS, etag: 1 }, { etag: "x" }]) {
    strictEqual(decodeFeedState(sealed({ ...good, validators: bad })), undefined);
  }
  for (const bad of ["", "null", "[]", "{}", '{"version":1}']) {
    strictEqual(decodeFeedState(new TextEncoder().encode(bad)), undefined, bad);
  }
});

Deno.test("encodeFeedState() never needs more than may be read again", () => {
  const escaped = "\u0001".repeat(1_000);
  const items = Array.from({ length: 100 }, () => ({
    ...ITEM,
    title: escaped,
    keys: Array(8).fill("f".repeat(32)),
  }));
  const { length } = encodeFeedState(new FeedState({ items }));
  ok(length / items.length < 6 * escaped.length + 512, `${length / items.length}`);
  ok(MAX_STATE_LENGTH < 2 ** 28);
});
