import { deepStrictEqual, ok } from "node:assert/strict";
import { PartFetch, PartSource } from "../../src/peer/part_fetch.ts";

const SECOND = 1_000;

interface Request {
  readonly kind: "request";
  readonly peer: number;
  readonly part: string;
}

/** Parts of one letter, each asked of one peer, which is to send two at once. */
class LetterFetch extends PartFetch<string, PartSource<string>, Request> {
  readonly #unasked: string[];

  constructor(letters: string) {
    super();
    this.#unasked = [...letters];
  }

  join(peer: number, now: number): void {
    this.add(new PartSource(peer, now), now);
  }

  /** True when the part is one that the peer was asked for. */
  give(peer: number, part: string, now: number): boolean {
    const source = this.giverOf(peer, part, now);
    source?.take(part);
    return source !== undefined;
  }

  reject(peer: number, part: string, now: number): void {
    this.refuse(peer, part, now);
  }

  /** What there is to do, as "peer part", or else "peer fault". */
  acts(): string[] {
    return this.drain().map((effect) =>
      `${effect.peer} ${effect.kind === "request" ? effect.part : effect.kind}`
    );
  }

  protected override choose({ asked }: PartSource<string>): string | undefined {
    return asked.size < 2 ? this.#unasked.shift() : undefined;
  }

  protected override request({ peer }: PartSource<string>, part: string): Request {
    return { kind: "request", peer, part };
  }

  protected override release(_source: PartSource<string>, part: string): void {
    this.#unasked.push(part);
  }
}

Deno.test("PartFetch asks others at once for what a peer refuses, leaves behind or is late with", () => {
  const ENDS: readonly ((fetch: LetterFetch) => void)[] = [
    (fetch) => fetch.reject(1, "a", 0),
    (fetch) => fetch.handleGone(1, 0),
    (fetch) => fetch.handleTimeout(10 * SECOND),
  ];
  for (const end of ENDS) {
    const fetch = new LetterFetch("ab");
    fetch.join(1, 0);
    fetch.join(2, 0);
    deepStrictEqual(fetch.acts(), ["1 a", "1 b"]);
    end(fetch);
    deepStrictEqual(fetch.acts(), ["2 a", "2 b"]);
  }
});

Deno.test("PartFetch takes a refusal only of what the peer is to send", () => {
  const fetch = new LetterFetch("abc");
  fetch.join(1, 0);
  fetch.join(2, 0);
  fetch.acts();
  fetch.reject(1, "c", 0);
  fetch.reject(3, "a", 0);
  deepStrictEqual(fetch.acts(), []);
  deepStrictEqual(fetch.sourceCount, 2);
});

Deno.test("PartFetch waits ten seconds for a peer that owes something, whatever else it is asked for", () => {
  const fetch = new LetterFetch("abc");
  fetch.join(1, 0);
  fetch.join(2, 0);
  deepStrictEqual(fetch.acts(), ["1 a", "1 b", "2 c"]);
  fetch.reject(1, "a", 9 * SECOND);
  deepStrictEqual(fetch.acts(), ["2 a"]);
  fetch.handleTimeout(10 * SECOND - 1);
  deepStrictEqual(fetch.sourceCount, 1);
  fetch.handleTimeout(10 * SECOND);
  deepStrictEqual(fetch.sourceCount, 0);
});

Deno.test("PartFetch takes what was late and then asked for again a second time, and no third", () => {
  const fetch = new LetterFetch("a");
  fetch.join(1, 0);
  fetch.handleTimeout(10 * SECOND);
  fetch.handleTimeout(30 * SECOND);
  deepStrictEqual(fetch.acts(), ["1 a", "1 a"]);
  const taken = [1, 2, 3].map(() => fetch.give(1, "a", 30 * SECOND));
  deepStrictEqual(taken, [true, true, false]);
});

Deno.test("PartFetch bears a hundred parts that nobody asked for, and no more", () => {
  const fetch = new LetterFetch("a");
  fetch.join(1, 0);
  fetch.join(2, 0);
  fetch.acts();
  for (let count = 0; count < 100; count++) ok(!fetch.give(1, "z", 0));
  deepStrictEqual(fetch.acts(), []);
  ok(!fetch.give(1, "z", 0));
  deepStrictEqual(fetch.acts(), ["1 malformed", "2 a"]);
  ok(!fetch.give(3, "z", 0), "a peer that is not known is no matter");
});
