import { deepStrictEqual, ok } from "node:assert/strict";
import { concatBytes } from "../../src/base/bytes.ts";
import { type Encodable, encode } from "../../src/metainfo/bencode_encoder.ts";
import { encodeHolepunch } from "../../src/wire/holepunch_message.ts";
import type { Message } from "../../src/wire/message.ts";
import { encodePex, parsePex } from "../../src/wire/pex.ts";
import { ScriptedSession } from "./scripted_session.ts";

const OUR_PEX_ID = 1, OUR_METADATA_ID = 2, OUR_HOLEPUNCH_ID = 3;
const TOLD = { endpoint: { host: "10.0.0.7", port: 6881 }, flags: 0 };
const METADATA = Uint8Array.from({ length: 20_000 }, (_, index) => index % 251);

function handshake(
  messages: Record<string, number>,
  fields: Record<string, Encodable> = {},
): Message {
  return { kind: "extended", id: 0, payload: encode({ m: messages, ...fields }) };
}

function list(...hosts: string[]): Message {
  const added = hosts.map((host) => ({ endpoint: { host, port: 6881 }, flags: 0 }));
  return { kind: "extended", id: OUR_PEX_ID, payload: encodePex({ added, dropped: [] }) };
}

function metadataRequest(piece: number): Message {
  return { kind: "extended", id: OUR_METADATA_ID, payload: encode({ msg_type: 0, piece }) };
}

Deno.test("a peer's list of peers is an event with those that may be dialled", () => {
  const script = new ScriptedSession({ pex: true });
  script.hear(list("10.0.0.7", "127.0.0.1", "192.0.2.1"), list(), list("127.0.0.1"));
  deepStrictEqual(script.events(), [{
    kind: "pex-peers",
    peers: [TOLD, { endpoint: { host: "192.0.2.1", port: 6881 }, flags: 0 }],
  }]);
});

Deno.test("a peer that names an endpoint and takes part in BEP 55 can reach it, as it says", () => {
  const script = new ScriptedSession({ pex: true, holepunch: true });
  const { session } = script;
  script.hear(list("10.0.0.7"));
  ok(!session.canReach(TOLD.endpoint), "it has not said that it takes part");
  script.hear(handshake({ ut_holepunch: 7 }));
  ok(session.takesHolepunch && session.canReach(TOLD.endpoint));
  ok(!session.canReach({ ...TOLD.endpoint, port: 1 }));
  session.sayHolepunch(encodeHolepunch("rendezvous", TOLD.endpoint), script.now);
  const payload = encodeHolepunch("rendezvous", TOLD.endpoint);
  deepStrictEqual(script.said(), [{ kind: "extended", id: 7, payload }]);
});

Deno.test("a peer's message of BEP 55 is an event; one that is malformed closes", () => {
  const script = new ScriptedSession({ holepunch: true });
  const { endpoint } = TOLD;
  const payload = encodeHolepunch("connect", endpoint);
  script.hear({ kind: "extended", id: OUR_HOLEPUNCH_ID, payload });
  const message = { kind: "connect", endpoint, error: 0 };
  deepStrictEqual(script.events(), [{ kind: "holepunch", message }]);
  script.hear({ kind: "extended", id: OUR_HOLEPUNCH_ID, payload: payload.subarray(0, 5) });
  deepStrictEqual(script.events(), [{ kind: "close", reason: "malformed-message" }]);
});

Deno.test("BEP 55 is no matter with whom we do not speak of it", () => {
  const script = new ScriptedSession({ pex: true });
  script.hear(handshake({ ut_holepunch: 7 }), list("10.0.0.7"));
  script.events();
  ok(!script.session.takesHolepunch && !script.session.canReach(TOLD.endpoint));
  const payload = encodeHolepunch("connect", TOLD.endpoint);
  script.hear({ kind: "extended", id: OUR_HOLEPUNCH_ID, payload });
  deepStrictEqual(script.events(), []);
});

Deno.test("P29 a peer that lists peers too often is closed", () => {
  const script = new ScriptedSession({ pex: true });
  for (let turn = 0; turn < 6; turn++) script.hear(list());
  deepStrictEqual(script.events(), []);
  script.hear(list("10.0.0.7"));
  deepStrictEqual(script.events(), [{ kind: "close", reason: "pex-flood" }]);
});

Deno.test("P29 a peer whose list is no dictionary is closed", () => {
  const script = new ScriptedSession({ pex: true });
  script.hear({ kind: "extended", id: OUR_PEX_ID, payload: new Uint8Array(3) });
  deepStrictEqual(script.events(), [{ kind: "close", reason: "malformed-message" }]);
});

Deno.test("sendPex() tells a peer that wants it, under its own id", () => {
  const script = new ScriptedSession({ pex: true });
  script.now += 60_000;
  ok(!script.session.isPexDue(1, script.now), "it has not said that it wants it");
  script.hear(handshake({ ut_pex: 77 }));
  ok(script.session.isPexDue(1, script.now));
  script.session.sendPex([TOLD], 1, script.now);
  const [message] = script.said();
  ok(message?.kind === "extended" && message.id === 77);
  deepStrictEqual(parsePex(message.payload).added, [TOLD]);
  ok(!script.session.isPexDue(1, script.now));
});

Deno.test("a later handshake changes ids, and switches off what it names with 0 (BEP 10)", () => {
  const script = new ScriptedSession({ pex: true });
  script.now += 60_000;
  script.hear(handshake({ ut_pex: 77 }), handshake({ other: 5 }));
  ok(script.session.isPexDue(1, script.now));
  script.hear(handshake({ ut_pex: 0 }));
  ok(!script.session.isPexDue(1, script.now));
  script.hear(handshake({ ut_pex: 9 }));
  script.session.sendPex([TOLD], 1, script.now);
  deepStrictEqual(script.said().map((message) => message.kind === "extended" && message.id), [9]);
});

/** What the peer has said of itself, as it stands after each of these handshakes. */
function handshakesHeard(...all: Record<string, Encodable>[]) {
  const script = new ScriptedSession();
  script.hear(...all.map((fields) => handshake({}, fields)));
  const { clientName } = script.session;
  return script.events().flatMap((event) =>
    event.kind === "extension-handshake" ? [{ ...event.handshake, sessionName: clientName }] : []
  );
}

const SAID_OF_ITSELF = { v: "Foo 1", p: 6881, e: 1, upload_only: 1, reqq: 250, metadata_size: 9 };

Deno.test("handleMessage() keeps what a later handshake leaves out (BEP 10)", () => {
  const [first, second] = handshakesHeard(SAID_OF_ITSELF, {});
  deepStrictEqual(second, first);
  deepStrictEqual([first?.listenPort, first?.sessionName], [6881, "Foo 1"]);
});

Deno.test("handleMessage() changes what a later handshake names, and no more (BEP 10)", () => {
  const [first, second] = handshakesHeard(SAID_OF_ITSELF, { p: 7, e: 0, upload_only: 0 });
  const changes = { listenPort: 7, prefersEncryption: false, uploadOnly: false };
  deepStrictEqual(second, { ...first, ...changes });
});

Deno.test("without PEX (BEP 27) nothing is told, and lists are messages that we do not know", () => {
  const script = new ScriptedSession();
  script.now += 60_000;
  script.hear(handshake({ ut_pex: 77 }), list("10.0.0.7"));
  ok(!script.session.isPexDue(1, script.now));
  deepStrictEqual(script.events().map(({ kind }) => kind), ["extension-handshake"]);
  for (let turn = 0; turn < 100; turn++) script.hear(list("10.0.0.7"));
  deepStrictEqual(script.events(), [{ kind: "close", reason: "unnegotiated-extension" }]);
});

Deno.test("a session that has ended tells nothing", () => {
  const script = new ScriptedSession({ pex: true });
  script.now += 60_000;
  script.hear(handshake({ ut_pex: 77 }), { kind: "unknown", id: 99 });
  ok(!script.session.isPexDue(1, script.now));
});

Deno.test("a peer gets the metadata that it asks for, under its own id (BEP 9)", () => {
  const script = new ScriptedSession({ metadata: METADATA });
  script.hear(handshake({ ut_metadata: 33 }), metadataRequest(0), metadataRequest(1));
  const head = (piece: number) => encode({ msg_type: 1, piece, total_size: METADATA.length });
  deepStrictEqual(
    script.said().map((message) => message.kind === "extended" && [message.id, message.payload]),
    [
      [33, concatBytes(head(0), METADATA.subarray(0, 16_384))],
      [33, concatBytes(head(1), METADATA.subarray(16_384))],
    ],
  );
});

Deno.test("metadata that has to wait for room is sent when there is some", () => {
  const metadata = new Uint8Array(20 * 16_384);
  const script = new ScriptedSession({ metadata });
  script.hear(handshake({ ut_metadata: 33 }));
  for (let piece = 0; piece < 20; piece++) script.hear(metadataRequest(piece));
  const first = script.said().length;
  ok(first < 20, `${first}`);
  script.pass(500);
  deepStrictEqual(first + script.said().length, 20);
});

Deno.test("P27 a malformed metadata message ends the connection", () => {
  for (const payload of [new Uint8Array(0), new Uint8Array(20_000)]) {
    const script = new ScriptedSession({ metadata: METADATA });
    script.hear({ kind: "extended", id: OUR_METADATA_ID, payload });
    deepStrictEqual(script.events().map(({ kind }) => kind), ["close"]);
  }
});

Deno.test("without metadata to give, requests for it are messages that we do not know", () => {
  const script = new ScriptedSession();
  script.hear(handshake({ ut_metadata: 33 }), metadataRequest(0));
  deepStrictEqual([script.said(), script.events().length], [[], 1]);
});

Deno.test("open() says where our DHT node is to a peer that knows the DHT (BEP 5)", () => {
  for (
    const [dht, dhtPort, expected] of [
      [true, () => 6882, [{ kind: "port", port: 6882 }]],
      [false, () => 6882, []],
      [true, undefined, []],
    ] as const
  ) {
    const script = new ScriptedSession({ dht, dhtPort, extended: false });
    script.session.open(new Uint8Array(0), script.now);
    deepStrictEqual(script.said().slice(1), expected);
  }
});

Deno.test("handleTimeout() says where our DHT node is once more when that has changed", () => {
  for (const dht of [true, false]) {
    let port = 6882;
    const script = new ScriptedSession({ dht, dhtPort: () => port, extended: false });
    script.session.open(new Uint8Array(0), script.now);
    script.said();
    script.session.handleTimeout(script.now);
    deepStrictEqual(script.said(), []);
    port = 41_000;
    for (const expected of [dht ? [{ kind: "port", port }] : [], []]) {
      script.session.handleTimeout(script.now);
      deepStrictEqual(script.said(), expected);
    }
  }
});

Deno.test("where a peer's DHT node is, is an event, four times at most", () => {
  const script = new ScriptedSession({ dhtPort: () => 6882 });
  const port = (port: number): Message => ({ kind: "port", port });
  script.hear(port(0), port(7), port(7), port(8), port(7));
  deepStrictEqual(script.events(), [7, 8, 7].map((port) => ({ kind: "dht-port", port })));
  for (let turn = 100; turn < 10_000; turn++) script.hear(port(turn));
  deepStrictEqual(script.events(), [{ kind: "dht-port", port: 100 }]);
});

Deno.test("without a DHT node of ours, where theirs is does not matter (BEP 27)", () => {
  const script = new ScriptedSession({ dht: true });
  script.hear({ kind: "port", port: 6881 });
  deepStrictEqual(script.events(), []);
});
