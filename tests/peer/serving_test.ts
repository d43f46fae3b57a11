import { deepStrictEqual, ok } from "node:assert/strict";
import type { PieceIndex } from "../../src/base/ids.ts";
import type { Message } from "../../src/wire/message.ts";
import { blockMessage, ScriptedSession } from "./scripted_session.ts";

const BLOCK = 16_384;
const HALF = [0, 1, 2, 3, 4];

/** A peer that wants something of a session that has pieces 0 to 4 of 10. */
function newServing({ fast = true, choking = false } = {}): ScriptedSession {
  const script = new ScriptedSession({ have: HALF, fast });
  if (!choking) script.session.unchoke(script.now);
  script.said();
  return script;
}

function request(piece: number, begin = 0, length = BLOCK): Message {
  return blockMessage("request", { piece, begin, length });
}

function reject(piece: number, begin = 0, length = BLOCK): Message {
  return blockMessage("reject", { piece, begin, length });
}

function cancel(piece: number, begin = 0, length = BLOCK): Message {
  return blockMessage("cancel", { piece, begin, length });
}

/** Requests that nobody may make: index, begin, length. */
const INVALID: readonly (readonly [string, number, number, number])[] = [
  ["beyond the last piece", 10, 0, BLOCK],
  ["with a huge index", 2 ** 32 - 1, 0, BLOCK],
  ["of nothing", 0, 0, 0],
  ["of more than 16 KiB", 0, 0, BLOCK + 1],
  ["of 4 GiB", 0, 0, 2 ** 32 - 1],
  ["beyond the end of the piece", 0, 4 * BLOCK - 1, 2],
  ["with a huge begin", 0, 2 ** 32 - 1, 1],
  ["of a piece that we lack", 5, 0, BLOCK],
];

Deno.test("a request waits until it is taken", () => {
  const script = newServing();
  script.hear(request(0), request(1, 100, 7));
  ok(script.session.hasUploads);
  deepStrictEqual([...script.session.uploads].map(({ piece }) => piece), [0, 1]);
  deepStrictEqual(script.session.firstUpload, { piece: 0, begin: 0, length: BLOCK });
  deepStrictEqual(script.session.nextUpload(), { piece: 0, begin: 0, length: BLOCK });
  deepStrictEqual(script.session.nextUpload(), { piece: 1, begin: 100, length: 7 });
  deepStrictEqual(script.session.nextUpload(), undefined);
  ok(!script.session.hasUploads);
  script.hear(request(2));
  ok(script.session.hasUploads);
  deepStrictEqual(script.events(), []);
});

Deno.test("noteUploaded() counts blocks, and puts off the next keep-alive", () => {
  const script = newServing();
  script.now += 60_000;
  script.hear(request(1, 100, 3));
  script.session.nextUpload();
  script.session.noteUploaded(3, script.now);
  deepStrictEqual(script.session.uploadedBytes, 3);
  ok(script.session.uploadRate(script.now) > 0);
  script.pass(99_999);
  deepStrictEqual(script.said(), []);
  script.pass(1);
  deepStrictEqual(script.said(), [{ kind: "keep-alive" }]);
});

Deno.test("rejectUpload() says so when both know the fast extension", () => {
  for (const [fast, said] of [[true, [reject(1)]], [false, []]] as const) {
    const script = newServing({ fast });
    script.hear(request(1));
    script.session.rejectUpload(script.now);
    deepStrictEqual(script.said(), said);
    ok(!script.session.hasUploads);
    script.session.rejectUpload(script.now);
    deepStrictEqual(script.said(), []);
  }
});

for (const [what, index, begin, length] of INVALID) {
  Deno.test(`P11 a request ${what} is rejected, or ignored without the fast extension`, () => {
    for (const fast of [true, false]) {
      const script = newServing({ fast });
      script.hear(request(index, begin, length));
      deepStrictEqual(script.said(), fast ? [reject(index, begin, length)] : []);
      deepStrictEqual([script.events(), script.session.hasUploads], [[], false]);
    }
  });

  Deno.test(`P11 the 300th request ${what} ends the connection`, () => {
    const script = newServing();
    for (let count = 1; count < 300; count++) script.hear(request(index, begin, length));
    deepStrictEqual(script.events(), []);
    script.hear(request(index, begin, length));
    deepStrictEqual(script.events(), [{ kind: "close", reason: "request-flood" }]);
  });
}

Deno.test("P11 the 300th request while choked ends the connection", () => {
  const script = newServing({ choking: true });
  for (let count = 1; count < 300; count++) script.hear(request(0));
  deepStrictEqual(script.said().length, 299);
  deepStrictEqual(script.events(), []);
  script.hear(request(0));
  deepStrictEqual(script.events(), [{ kind: "close", reason: "request-flood" }]);
});

Deno.test("P12 requests beyond 2000 are rejected, and the connection goes on", () => {
  const script = newServing();
  for (let begin = 0; begin < 5_000; begin++) script.hear(request(0, begin, 1));
  deepStrictEqual(script.said().length, 3_000);
  deepStrictEqual(script.events(), []);
  let served = 0;
  while (script.session.nextUpload()) served++;
  deepStrictEqual(served, 2_000);
});

Deno.test("P12 requests are no offence within 2 s after a choke, and are after that", () => {
  const script = newServing();
  script.session.choke(script.now);
  script.now += 2_000;
  for (let count = 0; count < 1_000; count++) script.hear(request(0));
  deepStrictEqual(script.events(), []);
  script.now += 1;
  for (let count = 0; count < 300; count++) script.hear(request(0));
  deepStrictEqual(script.events(), [{ kind: "close", reason: "request-flood" }]);
});

Deno.test("P13 a cancel of what was not asked for is ignored", () => {
  const script = newServing();
  script.hear(request(0));
  script.events();
  script.hear(cancel(1), cancel(0, 0, 5), cancel(0, 1), cancel(99), cancel(0, 0, 2 ** 32 - 1));
  deepStrictEqual([script.said(), script.events()], [[], []]);
  deepStrictEqual(script.session.nextUpload(), { piece: 0, begin: 0, length: BLOCK });
});

Deno.test("P13 request and cancel in a loop are answered one by one", () => {
  const script = newServing();
  for (let turn = 0; turn < 10_000; turn++) {
    script.hear(request(0), cancel(0));
    deepStrictEqual(script.said(), [reject(0)]);
    script.events();
  }
  ok(!script.session.hasUploads);
});

Deno.test("a repeated request is answered once, one of another length is rejected", () => {
  const script = newServing();
  script.hear(request(0), request(0), request(0, 0, 5));
  deepStrictEqual(script.said(), [reject(0, 0, 5)]);
  script.session.nextUpload();
  ok(!script.session.hasUploads);
});

Deno.test("choke() rejects what waits, and what is being read from the disk", () => {
  for (const fast of [true, false]) {
    const script = newServing({ fast });
    script.hear(request(0), request(1), request(2));
    script.session.choke(script.now);
    script.session.choke(script.now);
    const rejected = fast ? [reject(0), reject(1), reject(2)] : [];
    deepStrictEqual(script.said(), [{ kind: "choke" }, ...rejected]);
    ok(!script.session.hasUploads);
    deepStrictEqual(script.session.firstUpload, undefined);
  }
});

Deno.test("unchoke() is said once", () => {
  const script = newServing({ choking: true });
  script.session.unchoke(script.now);
  script.session.unchoke(script.now);
  deepStrictEqual(script.said(), [{ kind: "unchoke" }]);
});

Deno.test("grantAllowedFast() lets them ask while choked for pieces that we have", () => {
  const script = newServing({ choking: true });
  script.session.grantAllowedFast([1, 7, 2, 1] as PieceIndex[], script.now);
  deepStrictEqual(script.said(), [
    { kind: "allowed-fast", index: 1 },
    { kind: "allowed-fast", index: 2 },
  ]);
  script.hear(request(1), request(3));
  deepStrictEqual(script.said(), [reject(3)]);
  script.session.unchoke(script.now);
  script.hear(request(4));
  script.session.choke(script.now);
  deepStrictEqual(script.said(), [{ kind: "unchoke" }, { kind: "choke" }, reject(4)]);
  deepStrictEqual([...script.session.uploads].map(({ piece }) => piece), [1]);
});

Deno.test("P12 grantAllowedFast() lets them have three copies while choked, and no more", () => {
  const script = newServing({ choking: true });
  script.session.grantAllowedFast([1, 2] as PieceIndex[], script.now);
  script.said();
  const copies = 3, blocks = 4;
  for (let turn = 0; turn < copies * blocks; turn++) {
    script.hear(request(1));
    ok(script.session.nextUpload());
  }
  deepStrictEqual(script.said(), []);
  script.session.grantAllowedFast([1] as PieceIndex[], script.now);
  script.hear(request(1), request(2));
  deepStrictEqual(script.said(), [reject(1)]);
  script.session.unchoke(script.now);
  script.hear(request(1));
  deepStrictEqual([...script.session.uploads].map(({ piece }) => piece), [2, 1]);
  script.session.choke(script.now);
  deepStrictEqual(script.said(), [{ kind: "unchoke" }, { kind: "choke" }, reject(1)]);
});

Deno.test("P12 a choked peer that asks on for what it was granted is closed", () => {
  const script = newServing({ choking: true });
  script.session.grantAllowedFast([1] as PieceIndex[], script.now);
  let served = 0;
  for (let turn = 0; turn < 1_000; turn++) {
    script.hear(request(1));
    if (script.session.nextUpload()) served++;
  }
  deepStrictEqual(served, 12);
  deepStrictEqual(script.events().at(-1), { kind: "close", reason: "request-flood" });
});

Deno.test("grantAllowedFast() says nothing without the fast extension", () => {
  const script = newServing({ choking: true, fast: false });
  script.session.grantAllowedFast([1] as PieceIndex[], script.now);
  deepStrictEqual(script.said(), []);
});
