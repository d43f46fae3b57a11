import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { FeedState, MAX_REMEMBERED, MAX_REMEMBERED_LENGTH } from "../../src/feed/feed_state.ts";
import type { FeedItem } from "../../src/feed/item_reader.ts";

const NOW = Date.UTC(2026, 10, 20), DAY_MS = 86_400_000;
const HASH = "0123456789abcdef0123456789abcdef01234567";
const QUESTION = "all";
const NEW_VALIDATORS = { etag: '"1"', lastModified: undefined };
const FETCHED = { kind: "fetched", infoHash: undefined } as const;
const PERMANENT = { kind: "failed", isRetryable: false, isOurs: false } as const;
const RETRYABLE = { kind: "failed", isRetryable: true, isOurs: false } as const;

function offer(name: string, changes: Partial<FeedItem> = {}): FeedItem {
  return {
    title: name,
    guid: name,
    publishedAt: undefined,
    links: [`https://a.example/${name}.torrent`],
    infoHashes: [],
    problem: undefined,
    ...changes,
  };
}

function absorb(
  state: FeedState,
  items: readonly FeedItem[],
  { now = NOW, isWanted = (_: FeedItem): boolean => true, question = QUESTION } = {},
) {
  return state.absorb(items, { now, isWanted, validators: NEW_VALIDATORS, question });
}

function titles(state: FeedState): string[] {
  return state.waiting().map(({ title }) => title);
}

Deno.test("FeedState waits for what is new and wanted, in the order of the feed", () => {
  const state = new FeedState();
  const isWanted = ({ title }: FeedItem) => title !== "b";
  const counts = absorb(state, [offer("a"), offer("b"), offer("c")], { isWanted });
  deepStrictEqual(counts, { added: 2, known: 0, skipped: 1 });
  deepStrictEqual(titles(state), ["a", "c"]);
  deepStrictEqual(absorb(state, [offer("a"), offer("b")]), { added: 1, known: 1, skipped: 0 });
  deepStrictEqual(titles(state), ["a", "c", "b"], "what was not wanted can be wanted later");
});

Deno.test("FeedState keeps what waits when the feed has moved on", () => {
  const state = new FeedState();
  absorb(state, [offer("a")]);
  absorb(state, [offer("b")]);
  absorb(state, []);
  deepStrictEqual(titles(state), ["a", "b"]);
  deepStrictEqual(state.waiting()[0]!.links, ["https://a.example/a.torrent"]);
});

Deno.test("FeedState never waits again for what was fetched", () => {
  const state = new FeedState();
  absorb(state, [offer("a"), offer("b", { infoHashes: [HASH] }), offer("c", { guid: undefined })]);
  for (const item of state.waiting()) state.finish(item, FETCHED);
  const again = [
    offer("a"),
    offer("a", { links: ["https://a.example/mirror.torrent"] }),
    offer("other", { infoHashes: [HASH] }),
    offer("renamed", { guid: undefined, links: ["https://a.example/c.torrent"] }),
  ];
  deepStrictEqual(absorb(state, again), { added: 0, known: 4, skipped: 0 });
  deepStrictEqual(titles(state), []);
  ok(state.items.every(({ links }) => links.length === 0), "no passkey is kept for nothing");
});

Deno.test("FeedState learns the info-hash of what was fetched", () => {
  const state = new FeedState();
  absorb(state, [offer("a")]);
  ok(!state.isFetched(HASH));
  state.finish(state.waiting()[0]!, { kind: "fetched", infoHash: HASH });
  ok(state.isFetched(HASH));
  absorb(state, [offer("b", { infoHashes: [HASH] })]);
  deepStrictEqual(titles(state), []);
});

Deno.test("FeedState uses the trackers and peers of all items that have one torrent", () => {
  const magnet = `magnet:?xt=urn:btih:${HASH}`;
  const [bare, ...rich] = [magnet, `${magnet}&tr=http://a/announce`, `${magnet}&x.pe=192.0.2.1:9`]
    .map((link, at) => offer(`${at}`, { links: [link], infoHashes: [HASH] }));
  const all = `${magnet}&tr=http://a/announce&x.pe=192.0.2.1:9`;
  for (const items of [[bare!, ...rich], [rich[0]!, bare!, rich[1]!], [...rich, bare!]]) {
    const state = new FeedState();
    deepStrictEqual(absorb(state, items), { added: 1, known: 2, skipped: 0 });
    deepStrictEqual(state.items.map(({ title, links }) => [title, links]), [
      [items[0]!.title, [all]],
    ]);
    state.markSaved();
    absorb(state, items);
    ok(!state.isChanged, "the same again is no news");
    absorb(state, [bare!]);
    deepStrictEqual(state.items[0]!.links, [magnet], "what the feed has taken back is gone");
  }
});

Deno.test("FeedState keeps few links, however many items have one torrent", () => {
  const state = new FeedState();
  const items = Array.from(
    { length: 100 },
    (_, at) => offer(`${at}`, { links: [`https://a.example/${at}.torrent`], infoHashes: [HASH] }),
  );
  deepStrictEqual(absorb(state, items), { added: 1, known: 99, skipped: 0 });
  strictEqual(state.items[0]!.links.length, 4);
});

Deno.test("FeedState takes the same URL under another id for another torrent", () => {
  const state = new FeedState();
  const latest = { links: ["https://a.example/latest.torrent"] };
  absorb(state, [offer("monday", latest)]);
  state.finish(state.waiting()[0]!, FETCHED);
  absorb(state, [offer("tuesday", latest)]);
  deepStrictEqual(titles(state), ["tuesday"]);
});

Deno.test("FeedState tries what fails for good 3 times, and what may pass for a month", () => {
  for (
    const [outcome, tries] of [[PERMANENT, 3], [RETRYABLE, 720]] as const
  ) {
    const state = new FeedState();
    absorb(state, [offer("a")]);
    for (let run = 1; run <= tries; run++) {
      const [item] = state.waiting();
      strictEqual(state.isLastTry(item!, outcome.isRetryable), run === tries);
      state.finish(item!, outcome);
      absorb(state, [offer("a")]);
    }
    deepStrictEqual([titles(state), state.items[0]!.status], [[], "given-up"]);
    state.retryAll();
    deepStrictEqual([titles(state), state.items[0]!.tries], [["a"], 0]);
  }
});

Deno.test("FeedState does not blame an item for what is ours", () => {
  const state = new FeedState();
  absorb(state, [offer("a")]);
  for (let run = 0; run < 10; run++) {
    state.finish(state.waiting()[0]!, { ...PERMANENT, isOurs: true });
  }
  strictEqual(state.waiting()[0]!.tries, 0);
});

Deno.test("FeedState puts what has failed behind what has not", () => {
  const state = new FeedState();
  absorb(state, [offer("a"), offer("b"), offer("c")]);
  state.finish(state.waiting()[0]!, RETRYABLE);
  deepStrictEqual(titles(state), ["b", "c", "a"]);
});

Deno.test("FeedState gives up a bad link at once, and takes a better one", () => {
  const state = new FeedState();
  absorb(state, [offer("a", { links: [], problem: "its link is no URL" })]);
  state.finish(state.waiting()[0]!, PERMANENT);
  deepStrictEqual(titles(state), []);
  absorb(state, [offer("a", { links: [], problem: "its link is no URL" })]);
  deepStrictEqual(titles(state), []);
  absorb(state, [offer("a")]);
  const [item] = state.waiting();
  deepStrictEqual([item!.tries, item!.problem], [0, undefined]);
});

Deno.test("FeedState takes over new links of what waits: tokens expire", () => {
  const state = new FeedState();
  absorb(state, [offer("a")]);
  state.finish(state.waiting()[0]!, PERMANENT);
  absorb(state, [offer("a", { links: ["https://a.example/a.torrent?token=2"] })]);
  const [item] = state.waiting();
  deepStrictEqual([item!.links, item!.tries], [["https://a.example/a.torrent?token=2"], 1]);
});

Deno.test("FeedState asks about a document only what it was asked before", () => {
  const state = new FeedState();
  strictEqual(state.validatorsFor(QUESTION), undefined);
  absorb(state, []);
  strictEqual(state.validatorsFor(QUESTION)?.etag, '"1"');
  strictEqual(state.validatorsFor("another pattern"), undefined);
});

Deno.test("FeedState says whether there is anything to save", () => {
  const state = new FeedState();
  const saved = () => {
    const { isChanged } = state;
    state.markSaved();
    return isChanged;
  };
  strictEqual(saved(), false);
  absorb(state, [offer("a")]);
  strictEqual(saved(), true);
  absorb(state, [offer("a")], { now: NOW + DAY_MS / 2 });
  strictEqual(saved(), false, "the same again");
  absorb(state, [offer("a")], { now: NOW + DAY_MS });
  strictEqual(saved(), true, "it must not be forgotten while the feed has it");
  absorb(state, [offer("a"), offer("b")], { now: NOW + DAY_MS });
  strictEqual(saved(), true, "one more, and nothing else is new");
  state.finish(state.waiting()[0]!, FETCHED);
  strictEqual(saved(), true);
});

Deno.test("FeedState forgets the oldest beyond 20,000, and last what waits or is in the feed", () => {
  const state = new FeedState();
  absorb(state, [offer("fetched"), offer("waits")], { now: NOW - 9 * DAY_MS });
  state.finish(state.waiting()[0]!, FETCHED);
  for (let day = 0; day < 4; day++) {
    const many = Array.from({ length: MAX_REMEMBERED / 4 }, (_, index) => offer(`${day}-${index}`));
    absorb(state, many, { now: NOW - (8 - day) * DAY_MS });
    for (const item of state.waiting()) if (item.title !== "waits") state.finish(item, FETCHED);
  }
  strictEqual(state.items.length, MAX_REMEMBERED);
  deepStrictEqual(titles(state), ["waits"]);
  deepStrictEqual(absorb(state, [offer("fetched"), offer("3-0")]), {
    added: 1,
    known: 1,
    skipped: 0,
  });
});

Deno.test("FeedState bounds what titles and links take together", () => {
  const state = new FeedState();
  const links = Array.from("abcd", (name) => `https://${name}.example/${"x".repeat(8_000)}`);
  for (let run = 0; run < 3; run++) {
    const items = Array.from({ length: 300 }, (_, index) => offer(`${run}-${index}`, { links }));
    absorb(state, items, { now: NOW + run * DAY_MS });
  }
  const length = state.items.reduce(
    (sum, item) => sum + item.title.length + item.links.join("").length,
    0,
  );
  ok(length <= MAX_REMEMBERED_LENGTH && length > MAX_REMEMBERED_LENGTH * 0.99);
  ok(state.items.some(({ title }) => title === "2-0"), "what the feed has now stays");
});

Deno.test("FeedState fetches everything once, however runs end", () => {
  const names = fc.array(fc.integer({ min: 0, max: 12 }), { maxLength: 6 });
  fc.assert(fc.property(
    fc.array(fc.tuple(names, fc.array(fc.boolean(), { maxLength: 6 })), { maxLength: 20 }),
    (runs) => {
      const state = new FeedState();
      const fetched: string[] = [], offered = new Set<string>();
      for (const [documents, successes] of runs) {
        absorb(state, documents.map((name) => offer(String(name))));
        for (const name of documents) offered.add(String(name));
        for (const [index, item] of state.waiting().entries()) {
          if (!successes[index]) continue;
          fetched.push(item.title);
          state.finish(item, FETCHED);
        }
      }
      strictEqual(new Set(fetched).size, fetched.length, "never twice");
      deepStrictEqual(new Set([...fetched, ...titles(state)]), offered, "never lost");
    },
  ));
});
