import { deepStrictEqual, ok } from "node:assert/strict";
import fc from "fast-check";
import { SeededRandom } from "../../src/base/ambient.ts";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { CloseReason } from "../../src/base/errors.ts";
import type { BlockIndex, PieceIndex } from "../../src/base/ids.ts";
import { encodeExtensionHandshake } from "../../src/wire/extension.ts";
import type { Message } from "../../src/wire/message.ts";
import { arbitraryMessage } from "../wire/arbitrary_message.ts";
import { blockMessage, ScriptedSession } from "./scripted_session.ts";
import { WatchedSession } from "./watched_session.ts";

const KIB = 1024;
const NO_PAYLOAD = new Uint8Array(0);

function have(index: number): Message {
  return { kind: "have", index };
}

function bitfield(...bytes: number[]): Message {
  return { kind: "bitfield", bytes: Uint8Array.from(bytes) };
}

function piece(index: number, begin: number, length: number): Message {
  return { kind: "piece", index, begin, block: new Uint8Array(length) };
}

function extensionHandshake(fields: { clientName?: string; reqq?: number }): Message {
  const { clientName = "", reqq: requestQueueLimit } = fields;
  const payload = encodeExtensionHandshake({ clientName, requestQueueLimit, messages: {} });
  return { kind: "extended", id: 0, payload };
}

function kinds(script: ScriptedSession): string[] {
  return script.events().map(({ kind }) => kind);
}

/** One message to a session that awaits blocks 0 and 1 of piece 0 of a seed; `closes` or not. */
const HOSTILE: readonly (readonly [name: string, message: Message, closes: CloseReason])[] = [
  ["P6 a bitfield that is too short", bitfield(255), "malformed-message"],
  ["P6 a bitfield that is too long", bitfield(255, 192, 0), "malformed-message"],
  ["P6 a bitfield with spare bits set", bitfield(255, 224), "malformed-message"],
  ["P7 a HAVE beyond the last piece", have(10), "invalid-index"],
  ["P7 a HAVE of the greatest index", have(2 ** 32 - 1), "invalid-index"],
  ["P7 a suggestion out of range", { kind: "suggest", index: 10 }, "invalid-index"],
  ["P7 an allowed-fast out of range", { kind: "allowed-fast", index: 10 }, "invalid-index"],
  ["P9 a message of an unknown type", { kind: "unknown", id: 99 }, "malformed-message"],
  ["P14 a block that was not asked for", piece(1, 0, 16 * KIB), "unrequested-block"],
  ["P14 a block of another place", piece(0, 32 * KIB, 16 * KIB), "unrequested-block"],
  ["P15 a block with a wrong begin", piece(0, 1, 16 * KIB), "unrequested-block"],
  ["P15 a block that is too short", piece(0, 0, 16 * KIB - 1), "unrequested-block"],
  ["P15 a block of no length", piece(0, 0, 0), "unrequested-block"],
  ["P15 a block beyond the torrent", piece(10, 0, 16 * KIB), "unrequested-block"],
  ["P15 a block beyond its piece", piece(0, 64 * KIB, 16 * KIB), "unrequested-block"],
  [
    "P26 an extension handshake that is no dictionary",
    { kind: "extended", id: 0, payload: Uint8Array.of(0x6c, 0x65) },
    "malformed-message",
  ],
];

for (const [name, message, reason] of HOSTILE) {
  Deno.test(`${name} ends the connection`, () => {
    const script = new ScriptedSession().asGenerousSeed();
    script.ask(0, 0);
    script.ask(0, 1);
    script.hear(message, have(0), piece(0, 0, 16 * KIB));
    deepStrictEqual(script.events(), [{ kind: "close", reason }]);
    deepStrictEqual(script.session.requestRoom(script.now), 0);
    script.pass(1_000_000);
    deepStrictEqual(script.events(), []);
  });
}

const FAST_MESSAGES: readonly Message[] = [
  { kind: "have-all" },
  { kind: "have-none" },
  { kind: "suggest", index: 0 },
  { kind: "allowed-fast", index: 0 },
  { kind: "reject", index: 0, begin: 0, length: 16 * KIB },
];

for (const message of FAST_MESSAGES) {
  Deno.test(`P10 ${message.kind} ends the connection when it was not negotiated`, () => {
    const script = new ScriptedSession({ fast: false });
    script.hear(message);
    deepStrictEqual(script.events(), [{ kind: "close", reason: "unnegotiated-extension" }]);
  });

  Deno.test(`${message.kind} is welcome when it was negotiated`, () => {
    const script = new ScriptedSession();
    script.hear(message);
    ok(!kinds(script).includes("close"));
  });
}

Deno.test("P10 extended messages end the connection when they were not negotiated", () => {
  const script = new ScriptedSession({ extended: false });
  script.hear(extensionHandshake({}));
  deepStrictEqual(script.events(), [{ kind: "close", reason: "unnegotiated-extension" }]);
});

Deno.test("open() says what we have in the shortest way, then who we are", () => {
  const payload = Uint8Array.of(0x64, 0x65);
  const greeting: Message = { kind: "extended", id: 0, payload };
  const all = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  const cases: readonly [number[], boolean, Message[]][] = [
    [[], true, [{ kind: "have-none" }]],
    [[], false, []],
    [all, true, [{ kind: "have-all" }]],
    [all, false, [bitfield(255, 192)]],
    [[0, 9], true, [bitfield(128, 64)]],
  ];
  for (const [have, fast, said] of cases) {
    const script = new ScriptedSession({ have, fast });
    script.session.open(payload, script.now);
    deepStrictEqual(script.said(), [...said, greeting]);
  }
  const plain = new ScriptedSession({ extended: false, fast: false });
  plain.session.open(payload, plain.now);
  deepStrictEqual(plain.said(), []);
});

Deno.test("theirHave follows have, bitfield, have-all and have-none", () => {
  const script = new ScriptedSession();
  const { session } = script;
  script.hear(have(3), have(4));
  deepStrictEqual(script.events(), [{ kind: "have", piece: 3 }, { kind: "have", piece: 4 }]);
  script.hear(bitfield(0b1001_0000, 0));
  const [event] = script.events();
  ok(event?.kind === "bitfield");
  deepStrictEqual([...event.previous.ones()], [3, 4]);
  deepStrictEqual([...session.theirHave.ones()], [0, 3]);
  script.hear({ kind: "have-all" });
  deepStrictEqual([kinds(script), session.isSeed], [["bitfield"], true]);
  script.hear({ kind: "have-none" });
  deepStrictEqual([kinds(script), session.theirHave.count], [["bitfield"], 0]);
});

Deno.test("a seed is one that has everything, however it came to it", () => {
  const script = new ScriptedSession();
  for (let index = 0; index < 10; index++) {
    ok(!script.session.isSeed);
    script.hear(have(index));
  }
  ok(script.session.isSeed);
});

Deno.test("P6 statements in one read are one event, and what they say counts once", () => {
  const script = new ScriptedSession();
  script.hear(have(1), bitfield(0, 0), have(2), bitfield(255, 192), have(3));
  const [first, second, ...others] = script.events();
  deepStrictEqual(first, { kind: "have", piece: 1 });
  ok(second?.kind === "bitfield");
  deepStrictEqual([...second.previous.ones()], [1]);
  deepStrictEqual(others, []);
});

Deno.test("P6 a peer that states what it has nine times is closed", () => {
  const script = new ScriptedSession();
  for (let turn = 0; turn < 8; turn++) script.hear({ kind: "have-all" });
  deepStrictEqual(kinds(script), ["bitfield"]);
  script.hear({ kind: "have-none" });
  deepStrictEqual(script.events(), [{ kind: "close", reason: "malformed-message" }]);
});

Deno.test("P8 a flood of repeated HAVEs makes no event", () => {
  const script = new ScriptedSession();
  script.hear(have(0));
  script.events();
  for (let turn = 0; turn < 100_000; turn++) script.hear(have(0));
  deepStrictEqual(script.events(), []);
});

Deno.test("P9 unknown extended messages are ignored a hundred times, then end it", () => {
  const script = new ScriptedSession();
  const unknown: Message = { kind: "extended", id: 7, payload: NO_PAYLOAD };
  for (let turn = 0; turn < 100; turn++) script.hear(unknown);
  deepStrictEqual(script.events(), []);
  script.hear(unknown);
  deepStrictEqual(script.events(), [{ kind: "close", reason: "unnegotiated-extension" }]);
});

Deno.test("keep-alive, port and suggestions change nothing", () => {
  const script = new ScriptedSession();
  script.hear({ kind: "keep-alive" }, { kind: "port", port: 0 }, { kind: "suggest", index: 9 });
  deepStrictEqual([script.events(), script.said()], [[], []]);
});

Deno.test("request() asks, and the answer is a block", () => {
  const script = new ScriptedSession().asGenerousSeed();
  deepStrictEqual(script.session.requestRoom(script.now), 4);
  const span = script.ask(7, 3);
  deepStrictEqual(script.said(), [blockMessage("request", span)]);
  deepStrictEqual(script.session.requestRoom(script.now), 3);
  script.hear(script.answer(span));
  const [event] = script.events();
  ok(event?.kind === "block");
  deepStrictEqual([event.piece, event.block, event.data.length], [7, 3, 16 * KIB]);
  const { outstandingCount, downloadedBytes, lastBlockAt } = script.session;
  deepStrictEqual([outstandingCount, downloadedBytes, lastBlockAt], [0, 16 * KIB, script.now]);
});

Deno.test("the data of a block is a view, not a copy", () => {
  const script = new ScriptedSession().asGenerousSeed();
  const answer = script.answer(script.ask(0, 0));
  ok(answer.kind === "piece");
  script.hear(answer);
  const [event] = script.events();
  ok(event?.kind === "block" && event.data === answer.block);
});

Deno.test("cancel() says so once, and only for what is owed", () => {
  const script = new ScriptedSession().asGenerousSeed();
  const span = script.ask(0, 1);
  script.said();
  script.session.cancel(span.piece, span.block, script.now);
  script.session.cancel(span.piece, span.block, script.now);
  script.session.cancel(span.piece, 0 as BlockIndex, script.now);
  deepStrictEqual(script.said(), [blockMessage("cancel", span)]);
  deepStrictEqual(script.session.outstandingCount, 0);
});

Deno.test("P14 P16 the block of a cancelled request is a block, once, and for a minute", () => {
  const script = new ScriptedSession().asGenerousSeed();
  const [early, late, later] = [script.ask(0, 0), script.ask(0, 1), script.ask(0, 2)];
  for (const span of [early, late, later]) {
    script.session.cancel(span.piece, span.block, script.now);
  }
  script.hear(script.answer(early));
  script.now += 59_999;
  script.hear(script.answer(late));
  deepStrictEqual(kinds(script), ["block", "block"]);
  script.now += 1;
  script.hear(script.answer(later));
  deepStrictEqual(script.events(), [{ kind: "close", reason: "unrequested-block" }]);
});

Deno.test("P14 a block that was asked for once and comes twice ends the connection", () => {
  const script = new ScriptedSession().asGenerousSeed();
  const span = script.ask(0, 0);
  script.hear(script.answer(span), script.answer(span));
  deepStrictEqual(kinds(script), ["block", "close"]);
});

Deno.test("P16 a block asked for, cancelled and asked for again may come twice", () => {
  const script = new ScriptedSession().asGenerousSeed();
  const span = script.ask(0, 0);
  script.session.cancel(span.piece, span.block, script.now);
  script.ask(0, 0);
  script.hear(script.answer(span), script.answer(span));
  deepStrictEqual(kinds(script), ["block", "block"]);
});

Deno.test("a choke frees what is owed, and blocks on their way are still welcome", () => {
  for (const fast of [true, false]) {
    const script = new ScriptedSession({ fast }).asGenerousSeed();
    const spans = [script.ask(1, 0), script.ask(1, 1)];
    script.hear({ kind: "choke" });
    deepStrictEqual(script.events(), [{ kind: "freed", blocks: spans }]);
    ok(script.session.isPeerChoking && !script.session.offers(1 as PieceIndex));
    deepStrictEqual(script.session.requestRoom(script.now), 0);
    script.hear(script.answer(spans[1]!));
    deepStrictEqual(kinds(script), ["block"]);
  }
});

Deno.test("a choke leaves requests for allowed-fast pieces, and room for more", () => {
  const script = new ScriptedSession().asGenerousSeed();
  script.hear({ kind: "allowed-fast", index: 2 });
  deepStrictEqual([...script.session.allowedFast], [2]);
  const [freed] = [script.ask(1, 0), script.ask(2, 0)];
  script.hear({ kind: "choke" });
  deepStrictEqual(script.events(), [{ kind: "freed", blocks: [freed] }]);
  deepStrictEqual(script.session.outstandingCount, 1);
  ok(script.session.offers(2 as PieceIndex) && script.session.requestRoom(script.now) > 0);
});

Deno.test("a reject frees its request; one that we do not wait for is ignored", () => {
  const script = new ScriptedSession().asGenerousSeed();
  const span = script.ask(1, 0);
  script.hear(blockMessage("reject", script.span(1, 1)));
  script.hear({ kind: "reject", index: 99, begin: 7, length: 2 ** 31 });
  deepStrictEqual(script.events(), []);
  script.hear(blockMessage("reject", span), blockMessage("reject", span));
  deepStrictEqual(script.events(), [{ kind: "freed", blocks: [span] }]);
});

Deno.test("a peer that rejects everything is asked ever more rarely", () => {
  const script = new ScriptedSession().asGenerousSeed();
  let asked = 0;
  for (const end = script.now + 300_000; script.now < end; script.now += 50) {
    if (script.session.requestRoom(script.now) === 0) continue;
    script.hear(blockMessage("reject", script.ask(0, 0)));
    script.events();
    asked++;
  }
  ok(asked > 5 && asked < 20, `${asked}`);
});

Deno.test("P19 a peer that chokes and unchokes makes events, and no work that grows", () => {
  const script = new ScriptedSession().asGenerousSeed();
  let asked = 0;
  for (let turn = 0; turn < 10_000; turn++) {
    const room = script.session.requestRoom(script.now);
    ok(room <= 4);
    asked += room;
    for (let block = 0; block < room; block++) script.ask(turn % 10, block);
    script.hear({ kind: "choke" }, { kind: "choke" }, { kind: "unchoke" }, { kind: "unchoke" });
    deepStrictEqual(kinds(script), room > 0 ? ["freed", "unchoked"] : ["unchoked"]);
    script.said();
  }
  ok(asked > 0 && asked <= 8, `${asked} blocks, as none came`);
});

Deno.test("P19 interest that flaps is heard and not answered", () => {
  const script = new ScriptedSession();
  for (let turn = 0; turn < 1_000; turn++) {
    script.hear({ kind: "interested" }, { kind: "interested" });
    ok(script.session.isPeerInterested);
    script.hear({ kind: "not-interested" });
    deepStrictEqual(kinds(script), ["interested", "not-interested"]);
  }
  deepStrictEqual(script.said(), []);
});

Deno.test("P20 a peer that sends nothing for 10 s is snubbed, and its blocks are free", () => {
  const script = new ScriptedSession().asGenerousSeed();
  const spans = [script.ask(0, 0), script.ask(0, 1)];
  script.said();
  script.pass(9_999);
  deepStrictEqual(script.events(), []);
  script.pass(1);
  deepStrictEqual(script.events(), [{ kind: "freed", blocks: spans }]);
  deepStrictEqual(script.said(), spans.map((span) => blockMessage("cancel", span)));
  ok(script.session.isSnubbed);
  deepStrictEqual(script.session.requestRoom(script.now), 1);
  const next = script.ask(0, 0);
  script.pass(10_000);
  deepStrictEqual(script.events(), [{ kind: "freed", blocks: [next] }]);
  script.hear(script.answer(next));
  ok(!script.session.isSnubbed && script.session.requestRoom(script.now) >= 4);
});

Deno.test("P21 a peer that trickles gets its blocks taken away, and what it sends is used", () => {
  const script = new ScriptedSession().asGenerousSeed();
  let blocks = 0, freed = 0;
  for (let turn = 0; turn < 20; turn++) {
    const span = script.ask(turn % 10, turn % 4);
    for (let second = 0; second < 19; second++) script.pass(1_000);
    script.hear(script.answer(span));
    const events = kinds(script);
    freed += events.filter((kind) => kind === "freed").length;
    blocks += events.filter((kind) => kind === "block").length;
  }
  deepStrictEqual([blocks, freed], [20, 20]);
});

Deno.test("P22 a peer that says only keep-alive stays", () => {
  const script = new ScriptedSession();
  for (let minute = 0; minute < 60; minute++) {
    script.pass(60_000);
    script.hear({ kind: "keep-alive" });
  }
  deepStrictEqual(script.events(), []);
});

Deno.test("P22 a peer that says nothing for 120 s is closed", () => {
  const script = new ScriptedSession();
  script.pass(119_999);
  deepStrictEqual(script.events(), []);
  script.pass(1);
  deepStrictEqual(script.events(), [{ kind: "close", reason: "silent" }]);
});

Deno.test("we say keep-alive after 100 s in which we said nothing else", () => {
  const script = new ScriptedSession();
  const heard: Message = { kind: "keep-alive" };
  script.pass(50_000);
  script.session.setInterested(true, script.now);
  script.session.choke(script.now);
  script.hear(heard);
  deepStrictEqual(script.said(), [{ kind: "interested" }]);
  script.pass(50_000);
  // Commands that say nothing are no sign of life.
  script.session.choke(script.now);
  script.session.setInterested(true, script.now);
  script.session.cancel(0 as PieceIndex, 0 as BlockIndex, script.now);
  script.pass(49_999);
  deepStrictEqual(script.said(), []);
  script.pass(1);
  script.hear(heard);
  deepStrictEqual(script.said(), [{ kind: "keep-alive" }]);
  script.pass(99_999);
  deepStrictEqual([script.said(), script.events()], [[], []]);
});

Deno.test("setInterested() is said when it changes", () => {
  const script = new ScriptedSession();
  for (const interested of [false, true, true, false]) {
    script.session.setInterested(interested, script.now);
    deepStrictEqual(script.session.amInterested, interested);
  }
  deepStrictEqual(script.said(), [{ kind: "interested" }, { kind: "not-interested" }]);
});

Deno.test("sendHave() says have", () => {
  const script = new ScriptedSession();
  script.session.sendHave(4 as PieceIndex, script.now);
  deepStrictEqual(script.said(), [have(4)]);
});

Deno.test("P26 the extension handshake gives name and depth, as often as it comes", () => {
  const script = new ScriptedSession().asGenerousSeed();
  script.hear(extensionHandshake({ clientName: "qB\x1b[2J", reqq: 3 }));
  const [event] = script.events();
  ok(event?.kind === "extension-handshake" && event.handshake.requestQueueLimit === 3);
  deepStrictEqual(script.session.clientName, "qB\\x1b[2J");
  deepStrictEqual(script.session.requestRoom(script.now), 3);
  script.hear(extensionHandshake({ reqq: -1 }));
  deepStrictEqual(script.session.requestRoom(script.now), 3);
});

Deno.test("P30 yourip is passed on as the claim that it is", () => {
  const script = new ScriptedSession();
  const payload = encodeExtensionHandshake({ clientName: "", yourIp: "127.0.0.1", messages: {} });
  script.hear({ kind: "extended", id: 0, payload });
  const [event] = script.events();
  ok(event?.kind === "extension-handshake" && event.handshake.yourIp === "127.0.0.1");
  deepStrictEqual(script.said(), []);
});

/** Messages of a peer that mostly makes sense, about the torrent of WatchedSession. */
const plausibleMessage: fc.Arbitrary<Message> = fc.oneof(
  fc.constantFrom<Message>(
    { kind: "choke" },
    { kind: "unchoke" },
    { kind: "unchoke" },
    { kind: "interested" },
    { kind: "have-all" },
    { kind: "have-none" },
    { kind: "keep-alive" },
    bitfield(0b1111_1100),
    bitfield(0b0101_0000),
  ),
  fc.record({
    kind: fc.constantFrom("have" as const, "suggest" as const, "allowed-fast" as const),
    index: fc.nat(5),
  }),
  fc.record({
    kind: fc.constantFrom("request" as const, "cancel" as const, "reject" as const),
    index: fc.nat(5),
    begin: fc.constantFrom(0, 16 * KIB),
    length: fc.constantFrom(16 * KIB, 100),
  }),
  fc.record({ index: fc.nat(4), begin: fc.constantFrom(0, 16 * KIB) })
    .map(({ index, begin }) => piece(index, begin, 16 * KIB)),
);

Deno.test("PeerSession keeps its promises whatever a peer says, and never throws", () => {
  const reads = fc.array(
    fc.array(fc.oneof({ weight: 30, arbitrary: plausibleMessage }, arbitraryMessage), {
      maxLength: 5,
    }),
    { maxLength: 100 },
  );
  const flags = fc.record({ fast: fc.boolean(), extended: fc.boolean() });
  fc.assert(
    fc.property(reads, flags, fc.integer(), (reads, flags, seed) => {
      const watched = new WatchedSession(new SeededRandom(seed), flags);
      for (const read of reads) {
        watched.hear(read);
        for (let count = 0; count < 3; count++) watched.act();
      }
    }),
    { numRuns: 300 },
  );
});

Deno.test("PeerSession is never closed for what an honest peer says", () => {
  const honest = fc.oneof(
    fc.constantFrom<Message>(
      { kind: "choke" },
      { kind: "unchoke" },
      { kind: "interested" },
      { kind: "not-interested" },
      { kind: "keep-alive" },
      { kind: "port", port: 6881 },
    ),
    fc.nat(5).map(have),
  );
  fc.assert(fc.property(fc.array(honest), fc.integer(), (messages, seed) => {
    const watched = new WatchedSession(new SeededRandom(seed), { fast: true, extended: true });
    const everything = new Bitfield(6);
    everything.setAll();
    watched.hear([{ kind: "bitfield", bytes: everything.toBytes() }, ...messages]);
    ok(!watched.isClosed);
  }));
});
