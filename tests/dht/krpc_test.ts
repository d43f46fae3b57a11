import { deepStrictEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import {
  type KrpcCall,
  type KrpcMessage,
  type KrpcQuery,
  type KrpcResponse,
  parseKrpc,
} from "../../src/dht/krpc.ts";
import {
  encodeError,
  encodeQuery,
  encodeResponse,
  MAX_REPLY_VALUES,
} from "../../src/dht/krpc_encoder.ts";
import { decode } from "../../src/metainfo/bencode.ts";
import { type EncodableRecord, encode } from "../../src/metainfo/bencode_encoder.ts";
import { latin1Bytes } from "../metainfo/latin1_bytes.ts";
import {
  anyHash,
  anyId,
  anyIpv4Endpoint,
  anyIpv6Endpoint,
  anyNode,
  hashOf,
  idOf,
  nodeOf,
  record,
} from "./samples.ts";

/** The ids of the examples in BEP 5. */
const QUERIER = latin1Bytes("abcdefghij0123456789");
const OTHER = latin1Bytes("mnopqrstuvwxyz123456");
const transaction = latin1Bytes("aa");

const message = (text: string) => parseKrpc(latin1Bytes(text));

/** The message with these fields, whatever they are. */
const parsed = (fields: EncodableRecord) => parseKrpc(encode({ t: "aa", ...fields }));
const query = (method: string, fields: EncodableRecord) =>
  parsed({ y: "q", q: method, a: { id: QUERIER, ...fields } });
function response(fields: EncodableRecord, outer: EncodableRecord = {}): KrpcResponse {
  const answer = parsed({ y: "r", r: { id: OTHER, ...fields }, ...outer });
  ok(answer?.kind === "response");
  return answer;
}

Deno.test("parseKrpc() reads the queries of BEP 5", () => {
  const head = { kind: "query", transaction, id: QUERIER, isReadOnly: false };
  const cases: readonly (readonly [string, object])[] = [
    ["d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe", { method: "ping" }],
    [
      "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe",
      { method: "find_node", target: OTHER, want: undefined },
    ],
    [
      "d1:ad2:id20:abcdefghij01234567899:info_hash20:mnopqrstuvwxyz123456e1:q9:get_peers" +
      "1:t2:aa1:y1:qe",
      { method: "get_peers", infoHash: OTHER, want: undefined, withoutSeeds: false },
    ],
    [
      "d1:ad2:id20:abcdefghij012345678912:implied_porti1e9:info_hash20:mnopqrstuvwxyz123456" +
      "4:porti6881e5:token8:aoeusnthe1:q13:announce_peer1:t2:aa1:y1:qe",
      {
        method: "announce_peer",
        infoHash: OTHER,
        token: latin1Bytes("aoeusnth"),
        port: undefined,
        isSeed: false,
      },
    ],
  ];
  for (const [text, call] of cases) deepStrictEqual(message(text), { ...head, ...call });
});

Deno.test("parseKrpc() reads the answers of BEP 5", () => {
  const plain = { kind: "response", transaction, nodes: [], values: [], observed: undefined };
  deepStrictEqual(message("d1:rd2:id20:mnopqrstuvwxyz123456e1:t2:aa1:y1:re"), {
    ...plain,
    id: OTHER,
    token: undefined,
  });
  deepStrictEqual(
    message(
      "d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re",
    ),
    {
      ...plain,
      id: QUERIER,
      token: latin1Bytes("aoeusnth"),
      values: [
        { host: "97.120.106.101", port: 0x2e75 },
        { host: "105.100.104.116", port: 0x6e6d },
      ],
    },
  );
  deepStrictEqual(message("d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee"), {
    kind: "error",
    transaction,
    code: 201,
    text: "A Generic Error Ocurred",
  });
});

Deno.test("encodeQuery(), encodeResponse() and encodeError() write the examples of BEP 5", () => {
  const examples = [
    "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe",
    "d1:ad2:id20:abcdefghij01234567896:target20:mnopqrstuvwxyz123456e1:q9:find_node1:t2:aa1:y1:qe",
    "d1:rd2:id20:abcdefghij01234567895:token8:aoeusnth6:valuesl6:axje.u6:idhtnmee1:t2:aa1:y1:re",
    "d1:eli201e23:A Generic Error Ocurrede1:t2:aa1:y1:ee",
  ];
  for (const text of examples) deepStrictEqual(encoded(message(text)!), latin1Bytes(text));
});

Deno.test("parseKrpc() reads which families are wanted (BEP 32) and who only asks (BEP 43)", () => {
  const wanted = (want: EncodableRecord[string]) => {
    const found = query("find_node", { target: OTHER, want });
    return found?.kind === "query" && found.method === "find_node" ? found.want : "no query";
  };
  deepStrictEqual(wanted(["n4"]), ["ipv4"]);
  deepStrictEqual(wanted(["n6", "n4", "n9", 5]), ["ipv4", "ipv6"]);
  for (const want of [undefined, [], ["n5"], "n4", 4]) equal(wanted(want), undefined);
  const asking = (ro: EncodableRecord[string]) => {
    const found = parsed({ y: "q", q: "ping", a: { id: QUERIER }, ro });
    return found?.kind === "query" && found.isReadOnly;
  };
  deepStrictEqual([1, 0, undefined, "1", 2].map(asking), [true, false, false, false, false]);
});

Deno.test("parseKrpc() reads the port of a peer, and what BEP 33 says of seeds", () => {
  const port = (fields: EncodableRecord) => {
    const found = query("announce_peer", { info_hash: OTHER, token: "x", ...fields });
    return found?.kind === "query" && found.method === "announce_peer" ? found.port : found?.kind;
  };
  equal(port({ port: 1 }), 1);
  equal(port({ port: 65_535, implied_port: 0 }), 65_535);
  equal(port({ port: 6881, implied_port: 1 }), undefined);
  equal(port({ implied_port: 1 }), undefined);
  for (const wrong of [0, -1, 65_536, "6881", undefined]) equal(port({ port: wrong }), "bad-query");
  const seeding = query("announce_peer", { info_hash: OTHER, token: "x", port: 1, seed: 1 });
  ok(seeding?.kind === "query" && seeding.method === "announce_peer" && seeding.isSeed);
  const leeching = query("get_peers", { info_hash: OTHER, noseed: 1 });
  ok(leeching?.kind === "query" && leeching.method === "get_peers" && leeching.withoutSeeds);
});

Deno.test("H1 parseKrpc() drops what is short, no dictionary, too deep or of too many values", () => {
  const pad = (body: string) =>
    `d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:x${body}1:y1:qe`;
  equal(message(pad("i1e"))?.kind, "query");
  equal(message(pad("l".repeat(9) + "e".repeat(9)))?.kind, "query");
  equal(message(pad("l".repeat(10) + "e".repeat(10))), undefined);
  equal(message(pad("l" + "i1e".repeat(485) + "e"))?.kind, "query");
  equal(message(pad("l" + "i1e".repeat(495) + "e")), undefined);
  const dropped = [
    "",
    "d1:t2:aa1:y1:ee",
    "le",
    "i1234567890123456789e",
    "GET / HTTP/1.1\r\nHost: example\r\n\r\n",
    "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe\n",
    "d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qee",
    "x1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe",
  ];
  for (const text of dropped) equal(message(text), undefined, text);
});

Deno.test("H1 parseKrpc() drops a message cut at any byte", () => {
  const whole = encodeResponse({
    kind: "response",
    transaction,
    id: idOf(1),
    nodes: [nodeOf(idOf(2), "8.8.8.8"), nodeOf(idOf(3), "2001:db8::1")],
    values: [{ host: "9.9.9.9", port: 9 }],
    token: latin1Bytes("abcdefgh"),
    observed: { host: "1.2.3.4", port: 5 },
  });
  equal(parseKrpc(whole)?.kind, "response");
  for (let length = 0; length < whole.length; length++) {
    equal(parseKrpc(whole.subarray(0, length)), undefined);
  }
});

Deno.test("H2 parseKrpc() drops messages without a fit transaction or a known kind", () => {
  const body = { q: "ping", a: { id: QUERIER } };
  for (const t of [undefined, "", 7, ["aa"], "x".repeat(21)]) {
    equal(parsed({ ...body, y: "q", t }), undefined, `${t}`);
  }
  equal(parsed({ ...body, y: "q", t: "x".repeat(20) })?.kind, "query");
  for (const y of [undefined, "", "x", "qq", 7]) equal(parsed({ ...body, y }), undefined, `${y}`);
});

Deno.test("H2 parseKrpc() says what is wrong with a query, and drops what has no id", () => {
  const wrong = (found: KrpcMessage | undefined) =>
    found?.kind === "bad-query" ? [found.code, found.text] : found?.kind;
  for (const id of [undefined, "", "x".repeat(19), "x".repeat(21), 7]) {
    equal(parsed({ y: "q", q: "ping", a: { id } }), undefined);
    equal(parsed({ y: "r", r: { id } }), undefined);
  }
  equal(parsed({ y: "q", q: "ping" }), undefined);
  equal(parsed({ y: "r" }), undefined);
  for (const method of ["", "pong", "get", "\x1b[31m"]) {
    deepStrictEqual(wrong(query(method, {})), [204, "unknown method"]);
  }
  deepStrictEqual(wrong(parsed({ y: "q", q: 7, a: { id: QUERIER } })), [204, "unknown method"]);
  deepStrictEqual(wrong(query("find_node", { target: "short" })), [203, "no target of 20 bytes"]);
  const noHash = [203, "no info_hash of 20 bytes"];
  deepStrictEqual(wrong(query("get_peers", {})), noHash);
  deepStrictEqual(wrong(query("announce_peer", { token: "x", port: 1 })), noHash);
  for (const token of [undefined, "", 7, "x".repeat(65)]) {
    const found = query("announce_peer", { info_hash: OTHER, port: 1, token });
    deepStrictEqual(wrong(found), [203, "no token"]);
  }
});

Deno.test("H6 parseKrpc() ignores lists of nodes with a part too much, and takes at most 32", () => {
  const node = "x".repeat(20) + "\x08\x08\x08\x08\x1a\xe1";
  const count = (nodes: string) => response({ nodes: latin1Bytes(nodes) }).nodes.length;
  equal(count(""), 0);
  equal(count(node.repeat(8)), 8);
  equal(count(node.repeat(8) + "x"), 0);
  equal(count(node.slice(1)), 0);
  equal(count(node.repeat(10_000)), 32);
  equal(count("x".repeat(20) + "\x08\x08\x08\x08\0\0"), 0, "port 0");
  deepStrictEqual(response({ nodes: ["x"], nodes6: 7 }).nodes, []);
  const mixed = response({
    nodes: latin1Bytes(node),
    nodes6: latin1Bytes("y".repeat(20) + "\x20\x01" + "\0".repeat(13) + "\x01\x00\x07"),
  });
  deepStrictEqual(mixed.nodes.map(({ endpoint }) => endpoint), [
    { host: "8.8.8.8", port: 6881 },
    { host: "2001::1", port: 7 },
  ]);
});

Deno.test("H6 parseKrpc() skips what is no peer among the values, and takes at most 200", () => {
  const good = latin1Bytes("\x09\x09\x09\x09\0\x09");
  const { values } = response({
    values: [good, "", "12345", "\0\0\0\0\0\0", 7, ["x"], "x".repeat(26), good],
  });
  deepStrictEqual(values, Array(2).fill({ host: "9.9.9.9", port: 9 }));
  equal(response({ values: Array(300).fill(good) }).values.length, 200);
  deepStrictEqual(response({ values: good }).values, []);
});

Deno.test("parseKrpc() reads our own address of either family (BEP 42), and no half of it", () => {
  const observed = (ip: EncodableRecord[string]) => response({}, { ip }).observed;
  deepStrictEqual(observed(latin1Bytes("\x01\x02\x03\x04\0\x05")), { host: "1.2.3.4", port: 5 });
  deepStrictEqual(observed(latin1Bytes("\x20\x01" + "\0".repeat(13) + "\x01\0\x05")), {
    host: "2001::1",
    port: 5,
  });
  for (const ip of [undefined, "", "1234", "12345", "\0\0\0\0\0\0", 7]) {
    equal(observed(ip), undefined);
  }
});

Deno.test("parseKrpc() leaves out tokens that are empty or long", () => {
  const token = (value: EncodableRecord[string]) => response({ token: value }).token;
  deepStrictEqual(token("x".repeat(64)), latin1Bytes("x".repeat(64)));
  for (const value of [undefined, "", "x".repeat(65), 7]) equal(token(value), undefined);
});

Deno.test("parseKrpc() makes the best of an error, and its text safe to print", () => {
  const error = (e: EncodableRecord[string]) => {
    const found = parsed({ y: "e", e, t: "long enough" });
    return found?.kind === "error" ? [found.code, found.text] : found?.kind;
  };
  deepStrictEqual(error([203, "bad \x1b[31m"]), [203, "bad \\x1b[31m"]);
  deepStrictEqual(error(["text"]), [201, ""]);
  deepStrictEqual(error(undefined), [201, ""]);
  deepStrictEqual(error("text"), [201, ""]);
  const [, text] = error([1, "x".repeat(1_000)])!;
  equal((text as string).length, 200);
});

Deno.test("parseKrpc() copies what it gives", () => {
  const bytes = latin1Bytes("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe");
  const found = parseKrpc(bytes);
  bytes.fill(0);
  ok(found?.kind === "query");
  deepStrictEqual([found.id, found.transaction], [QUERIER, transaction]);
  const answer = latin1Bytes("d1:rd2:id20:abcdefghij01234567895:token8:aoeusnthe1:t2:aa1:y1:re");
  const answered = parseKrpc(answer);
  answer.fill(0);
  deepStrictEqual(answered?.kind === "response" && answered.token, latin1Bytes("aoeusnth"));
});

const anyTransaction = fc.uint8Array({ minLength: 1, maxLength: 20 }).map(copy);
const anyWant = fc.constantFrom(
  undefined,
  ["ipv4"] as const,
  ["ipv6"] as const,
  [
    "ipv4",
    "ipv6",
  ] as const,
);
const anyToken = fc.uint8Array({ minLength: 1, maxLength: 64 }).map(copy);
const anyEndpoint = fc.oneof(anyIpv4Endpoint, anyIpv6Endpoint);

const anyCall: fc.Arbitrary<KrpcCall> = fc.oneof(
  record({ method: fc.constant("ping" as const) }),
  record({ method: fc.constant("find_node" as const), target: anyId, want: anyWant }),
  record({
    method: fc.constant("get_peers" as const),
    infoHash: anyHash,
    want: anyWant,
    withoutSeeds: fc.boolean(),
  }),
  record({
    method: fc.constant("announce_peer" as const),
    infoHash: anyHash,
    token: anyToken,
    port: fc.option(fc.integer({ min: 1, max: 65_535 }), { nil: undefined }),
    isSeed: fc.boolean(),
  }),
);

const anyQuery: fc.Arbitrary<KrpcQuery> = fc.tuple(
  record({
    kind: fc.constant("query" as const),
    transaction: anyTransaction,
    id: anyId,
    isReadOnly: fc.boolean(),
  }),
  anyCall,
).map(([head, call]) => ({ ...head, ...call }));

const anyResponse: fc.Arbitrary<KrpcResponse> = record({
  kind: fc.constant("response" as const),
  transaction: anyTransaction,
  id: anyId,
  // As they are written: IPv4 first.
  nodes: fc.tuple(
    fc.array(anyNode(anyIpv4Endpoint), { maxLength: 8 }),
    fc.array(anyNode(anyIpv6Endpoint), { maxLength: 8 }),
  ).map(([ipv4, ipv6]) => [...ipv4, ...ipv6]),
  values: fc.array(anyEndpoint, { maxLength: 20 }),
  token: fc.option(anyToken, { nil: undefined }),
  observed: fc.option(anyEndpoint, { nil: undefined }),
});

Deno.test("parseKrpc() reads whatever is written, as it was", () => {
  const anyMessage = fc.oneof<fc.Arbitrary<KrpcMessage>[]>(anyQuery, anyResponse);
  fc.assert(fc.property(anyMessage, (original) => {
    deepStrictEqual(parseKrpc(encoded(original)), original);
  }));
});

Deno.test("H9 encodeResponse() stays below 1,400 bytes with as many values as it may have", () => {
  const hosts = { ipv4: "255.255.255.255", ipv6: "2001:db8::1" } as const;
  const nodes = Object.values(hosts)
    .flatMap((host) => Array.from({ length: 8 }, () => nodeOf(idOf(1), host)));
  for (const family of ["ipv4", "ipv6"] as const) {
    const endpoint = { host: hosts[family], port: 1 };
    const bytes = encodeResponse({
      kind: "response",
      transaction: new Uint8Array(20),
      id: idOf(1),
      nodes,
      values: Array(MAX_REPLY_VALUES[family]).fill(endpoint),
      token: new Uint8Array(8),
      observed: endpoint,
    });
    ok(bytes.length <= 1_400, `${family}: ${bytes.length}`);
    equal(parseKrpc(bytes)?.kind, "response");
  }
});

Deno.test("encodeError() takes a query that was refused for its answer", () => {
  const refused = query("vote", {});
  ok(refused?.kind === "bad-query");
  deepStrictEqual(
    decode(encodeError(refused)).raw,
    encode({ e: [204, "unknown method"], t: "aa", y: "e" }),
  );
});

Deno.test("encodeQuery() writes no field that says nothing", () => {
  const bare = encodeQuery({
    kind: "query",
    transaction,
    id: idOf(),
    isReadOnly: false,
    method: "get_peers",
    infoHash: hashOf(1),
    want: undefined,
    withoutSeeds: false,
  });
  ok(!/want|noseed|ro/.test(new TextDecoder("latin1").decode(bare)));
});

function encoded(original: KrpcMessage): Uint8Array {
  switch (original.kind) {
    case "query":
      return encodeQuery(original);
    case "response":
      return encodeResponse(original);
    case "error":
    case "bad-query":
      return encodeError(original);
  }
}

function copy(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(bytes);
}
