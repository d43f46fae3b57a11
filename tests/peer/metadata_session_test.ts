import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { MetadataSession, type MetadataSessionOptions } from "../../src/peer/metadata_session.ts";
import { MessageDecoder } from "../../src/wire/decoder.ts";
import { encodeExtensionHandshake } from "../../src/wire/extension.ts";
import type { Message } from "../../src/wire/message.ts";
import {
  encodeMetadataData,
  encodeMetadataReject,
  encodeMetadataRequest,
} from "../../src/wire/metadata_message.ts";
import { encodePex } from "../../src/wire/pex.ts";

const THEIR_ID = 9;
const OUR_PEX_ID = 1, OUR_METADATA_ID = 2;
const ALL = { fast: true, extended: true, dht: true };

function create(options: Partial<MetadataSessionOptions> = {}): MetadataSession {
  return new MetadataSession({
    flags: ALL,
    host: "192.0.2.1",
    pex: true,
    dhtPort: () => 6881,
    now: 0,
    ...options,
  });
}

/** What it has said since the last call. */
function said({ output }: MetadataSession): Message[] {
  const decoder = new MessageDecoder({ maxMessageLength: 32_768 });
  const bytes = output.take();
  if (bytes === undefined) return [];
  decoder.space().set(bytes);
  decoder.advance(bytes.length);
  output.release();
  const messages: Message[] = [];
  for (let message = decoder.next(); message; message = decoder.next()) messages.push(message);
  return messages;
}

const extended = (id: number, payload: Uint8Array): Message => ({ kind: "extended", id, payload });

const theirHandshake = (metadataId = THEIR_ID) =>
  extended(
    0,
    encodeExtensionHandshake({
      clientName: "them",
      messages: { ut_metadata: metadataId },
      metadataSize: 5,
    }),
  );

const closeOf = (session: MetadataSession) =>
  session.drain().flatMap((event) => event.kind === "close" ? event.reason : []);

const ROOT = new Uint8Array(32).fill(3);
const RANGE = { baseLayer: 1, index: 0, length: 4, proofLayers: 2 };

Deno.test("requestHashes() asks for hashes, and what comes is an answer", () => {
  const session = create();
  session.requestHashes(ROOT, RANGE, 0);
  deepStrictEqual(said(session), [{ kind: "hash-request", root: ROOT, range: RANGE }]);
  const hashes = { kind: "hashes", root: ROOT, range: RANGE, hashes: new Uint8Array(64) } as const;
  const refusal = { kind: "hash-reject", root: ROOT, range: RANGE } as const;
  session.handleMessage(hashes, 0);
  session.handleMessage(refusal, 0);
  deepStrictEqual(session.drainAnswers(), [hashes, refusal]);
  deepStrictEqual(closeOf(session), []);
});

Deno.test("P11 MetadataSession refuses hashes, which it has none of, 300 times", () => {
  const session = create();
  const request = { kind: "hash-request", root: ROOT, range: RANGE } as const;
  for (let count = 0; count < 300; count++) {
    session.handleMessage(request, 0);
    deepStrictEqual(said(session), [{ kind: "hash-reject", root: ROOT, range: RANGE }]);
  }
  deepStrictEqual(closeOf(session), []);
  session.handleMessage(request, 0);
  deepStrictEqual(closeOf(session), ["request-flood"]);
});

Deno.test("MetadataSession opens with having nothing, its handshake and the DHT port", () => {
  const payload = new Uint8Array([1, 2, 3]);
  const session = create();
  session.open(payload, 0);
  deepStrictEqual(said(session), [
    { kind: "have-none" },
    extended(0, payload),
    { kind: "port", port: 6881 },
  ]);
  const plain = create({ flags: { fast: false, extended: false, dht: false } });
  plain.open(payload, 0);
  deepStrictEqual(said(plain), []);
});

Deno.test("handleTimeout() says where our DHT node is once more when that has changed", () => {
  let port = 6881;
  const session = create({ dhtPort: () => port });
  session.open(new Uint8Array(1), 0);
  said(session);
  port = 41_000;
  session.handleTimeout(1);
  deepStrictEqual(said(session), [{ kind: "port", port }]);
});

Deno.test("MetadataSession asks with the id that the peer gave, the last one counts", () => {
  const session = create();
  session.request(0, 0);
  ok(!session.knowsMetadata);
  deepStrictEqual(said(session), []);
  session.handleMessage(theirHandshake(), 0);
  session.request(3, 0);
  deepStrictEqual(said(session), [extended(THEIR_ID, encodeMetadataRequest(3))]);
  session.handleMessage(extended(0, encodeExtensionHandshake({ clientName: "", messages: {} })), 0);
  ok(session.knowsMetadata, "what a later handshake does not name stays");
  session.handleMessage(theirHandshake(0), 0);
  ok(!session.knowsMetadata);
  deepStrictEqual(session.drain().map(({ kind }) => kind), Array(3).fill("extension-handshake"));
});

Deno.test("MetadataSession hands on data and rejects, and refuses what it is asked for", () => {
  const session = create();
  session.handleMessage(extended(OUR_METADATA_ID, encodeMetadataRequest(1)), 0);
  deepStrictEqual(said(session), []);
  session.handleMessage(theirHandshake(), 0);
  const data = new Uint8Array([7, 8]);
  session.handleMessage(extended(OUR_METADATA_ID, encodeMetadataData(0, 2, data)), 0);
  session.handleMessage(extended(OUR_METADATA_ID, encodeMetadataReject(4)), 0);
  session.handleMessage(extended(OUR_METADATA_ID, new TextEncoder().encode("d8:msg_typei7ee")), 0);
  session.handleMessage(extended(OUR_METADATA_ID, encodeMetadataRequest(1)), 0);
  deepStrictEqual(session.drainAnswers(), [
    { kind: "data", piece: 0, totalSize: 2, data },
    { kind: "reject", piece: 4 },
  ]);
  deepStrictEqual(session.drainAnswers(), []);
  deepStrictEqual(said(session), [extended(THEIR_ID, encodeMetadataReject(1))]);
});

Deno.test("MetadataSession takes whatever a peer may say before the layout is known", () => {
  const session = create();
  const block = { index: 1, begin: 2, length: 3 };
  const messages: Message[] = [
    { kind: "bitfield", bytes: new Uint8Array(262_144) },
    { kind: "bitfield", bytes: new Uint8Array() },
    { kind: "have", index: 0xffff_ffff },
    { kind: "have-all" },
    { kind: "have-none" },
    { kind: "choke" },
    { kind: "unchoke" },
    { kind: "interested" },
    { kind: "not-interested" },
    { kind: "keep-alive" },
    { kind: "suggest", index: 1 },
    { kind: "allowed-fast", index: 1 },
    { kind: "cancel", ...block },
    { kind: "reject", ...block },
  ];
  for (const message of messages) session.handleMessage(message, 0);
  deepStrictEqual(session.drain(), []);
  deepStrictEqual(said(session), []);
});

Deno.test("MetadataSession hands on peers and DHT nodes that the peer names", () => {
  const session = create();
  const endpoint = { host: "192.0.2.7", port: 1_000 };
  session.handleMessage(
    extended(OUR_PEX_ID, encodePex({ added: [{ endpoint, flags: 0 }], dropped: [] })),
    0,
  );
  session.handleMessage({ kind: "port", port: 4_000 }, 0);
  deepStrictEqual(session.drain(), [
    { kind: "pex-peers", peers: [{ endpoint, flags: 0 }] },
    { kind: "dht-port", port: 4_000 },
  ]);
});

Deno.test("MetadataSession closes for what breaks the protocol", () => {
  const NO_FAST = { fast: false, extended: true, dht: false };
  const PLAIN = { fast: true, extended: false, dht: false };
  const CASES: readonly (readonly [string, Message, MetadataSessionOptions["flags"]?])[] = [
    ["unrequested-block", { kind: "piece", index: 0, begin: 0, block: new Uint8Array(1) }],
    ["malformed-message", { kind: "unknown", id: 99 }],
    ["malformed-message", extended(0, new Uint8Array([0x69]))],
    ["malformed-message", extended(OUR_METADATA_ID, new Uint8Array([0x69]))],
    ["message-too-large", extended(OUR_METADATA_ID, new Uint8Array(17 * 1024 + 1))],
    ["malformed-message", extended(OUR_PEX_ID, new Uint8Array([0x69]))],
    ["unnegotiated-extension", { kind: "have-all" }, NO_FAST],
    ["unnegotiated-extension", { kind: "allowed-fast", index: 0 }, NO_FAST],
    ["unnegotiated-extension", theirHandshake(), PLAIN],
    ["unnegotiated-extension", extended(OUR_METADATA_ID, encodeMetadataReject(0)), PLAIN],
  ];
  for (const [reason, message, flags = ALL] of CASES) {
    const session = create({ flags });
    session.handleMessage(message, 0);
    deepStrictEqual(session.drain(), [{ kind: "close", reason }], reason);
    session.handleMessage(theirHandshake(), 0);
    deepStrictEqual(session.drain(), []);
  }
});

Deno.test("P11 MetadataSession refuses blocks, and has enough after 300 requests", () => {
  const request: Message = { kind: "request", index: 1, begin: 0, length: 16_384 };
  const session = create();
  for (let count = 0; count < 300; count++) session.handleMessage(request, 0);
  deepStrictEqual(closeOf(session), []);
  strictEqual(said(session).filter(({ kind }) => kind === "reject").length, 300);
  session.handleMessage(request, 0);
  deepStrictEqual(closeOf(session), ["request-flood"]);
  const slow = create({ flags: { fast: false, extended: true, dht: false } });
  slow.handleMessage(request, 0);
  deepStrictEqual(said(slow), []);
});

Deno.test("P22 MetadataSession says that it lives, and closes when the peer does not", () => {
  const session = create();
  session.open(new Uint8Array(1), 0);
  said(session);
  session.handleTimeout(99_999);
  deepStrictEqual(said(session), []);
  session.handleTimeout(100_000);
  deepStrictEqual(said(session), [{ kind: "keep-alive" }]);
  session.handleMessage({ kind: "keep-alive" }, 110_000);
  session.handleTimeout(229_999);
  deepStrictEqual(closeOf(session), []);
  session.handleTimeout(230_000);
  deepStrictEqual(closeOf(session), ["silent"]);
});
