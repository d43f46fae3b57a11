import { deepStrictEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import {
  encodeSavedTable,
  MAX_SAVED_TABLE_LENGTH,
  parseSavedTable,
  type SavedTable,
} from "../../src/dht/saved_table.ts";
import { type EncodableRecord, encode } from "../../src/metainfo/bencode_encoder.ts";
import {
  anyId,
  anyIpv4Endpoint,
  anyIpv6Endpoint,
  anyNode,
  idOf,
  nodeOf,
  record,
} from "./samples.ts";
import { signed } from "./signed_table.ts";

const DAY = 24 * 60 * 60_000;
const SAVED_AT = 1_700_000_000_000;

const TABLE: SavedTable = {
  ownId: idOf(7),
  nodes: [nodeOf(idOf(1), "8.8.8.8"), nodeOf(idOf(2), "9.9.9.9"), nodeOf(idOf(3), "2001:db8::1")],
  externalHost: "5.6.7.8",
  savedAtMs: SAVED_AT,
};

const FIELDS: EncodableRecord = {
  format: "starling-dht",
  version: 1,
  id: idOf(7),
  nodes: "",
  nodes6: "",
  saved: SAVED_AT,
};

Deno.test("parseSavedTable() reads what encodeSavedTable() writes", () => {
  const anyTable: fc.Arbitrary<SavedTable> = record({
    ownId: anyId,
    nodes: fc.tuple(
      fc.array(anyNode(anyIpv4Endpoint), { maxLength: 20 }),
      fc.array(anyNode(anyIpv6Endpoint), { maxLength: 20 }),
    ).map(([ipv4, ipv6]) => [...ipv4, ...ipv6]),
    externalHost: fc.option(fc.oneof(fc.ipV4(), fc.constant("2001:db8::1")), { nil: undefined }),
    savedAtMs: fc.nat(2_000_000_000_000),
  });
  fc.assert(fc.property(anyTable, (table) => {
    deepStrictEqual(parseSavedTable(encodeSavedTable(table), table.savedAtMs), table);
  }));
});

Deno.test("H11 parseSavedTable() refuses a table that is cut, longer or changed anywhere", () => {
  const bytes = encodeSavedTable(TABLE);
  for (let length = 0; length < bytes.length; length++) {
    equal(parseSavedTable(bytes.subarray(0, length), SAVED_AT), undefined);
  }
  equal(parseSavedTable(Uint8Array.of(...bytes, 0), SAVED_AT), undefined);
  for (let index = 0; index < bytes.length; index++) {
    const changed = bytes.slice();
    changed[index]! ^= 1;
    equal(parseSavedTable(changed, SAVED_AT), undefined);
  }
});

Deno.test("H11 parseSavedTable() refuses a table of another month, not one of a later clock", () => {
  const bytes = encodeSavedTable(TABLE);
  ok(parseSavedTable(bytes, SAVED_AT + 30 * DAY));
  equal(parseSavedTable(bytes, SAVED_AT + 30 * DAY + 1), undefined);
  ok(parseSavedTable(bytes, 0));
});

Deno.test("H11 parseSavedTable() refuses what it does not understand, whoever signed it", () => {
  ok(parseSavedTable(signed(encode(FIELDS)), SAVED_AT));
  const wrong: readonly EncodableRecord[] = [
    { format: undefined },
    { format: "starling-resume" },
    { version: 2 },
    { version: undefined },
    { id: "short" },
    { id: undefined },
    { id: 7 },
    { nodes: "x" },
    { nodes: undefined },
    { nodes6: "x".repeat(26) },
    { nodes6: [] },
    { saved: undefined },
    { saved: "now" },
    { saved: -1 },
    { extra: [[[]]] },
  ];
  for (const change of wrong) {
    const bytes = signed(encode({ ...FIELDS, ...change }));
    equal(parseSavedTable(bytes, SAVED_AT), undefined, JSON.stringify(change));
  }
  for (const text of ["", "le", "i1e", "d", "4:text"]) {
    equal(parseSavedTable(signed(new TextEncoder().encode(text)), SAVED_AT), undefined, text);
  }
  const noAddress = parseSavedTable(signed(encode({ ...FIELDS, ip: "12345" })), SAVED_AT);
  equal(noAddress?.externalHost, undefined);
});

Deno.test("encodeSavedTable() keeps the first 500 nodes of a family, and stays below its limit", () => {
  const nodes = (host: string) =>
    Array.from({ length: 1_000 }, (_, index) => nodeOf(idOf(index >> 8, index), host, index + 1));
  const [ipv4, ipv6] = [nodes("255.255.255.255"), nodes("2001:db8::1")];
  const bytes = encodeSavedTable({ ...TABLE, nodes: [...ipv4, ...ipv6] });
  ok(bytes.length <= MAX_SAVED_TABLE_LENGTH);
  const table = parseSavedTable(bytes, SAVED_AT);
  deepStrictEqual(table?.nodes, [...ipv4.slice(0, 500), ...ipv6.slice(0, 500)]);
});

Deno.test("parseSavedTable() looks at no table beyond its limit", () => {
  const nodes = "x".repeat(26 * 2_000);
  const fields = { ...FIELDS, nodes: nodes.slice(0, MAX_SAVED_TABLE_LENGTH - 14_000) };
  ok(parseSavedTable(signed(encode(fields)), SAVED_AT));
  equal(parseSavedTable(signed(encode({ ...fields, nodes })), SAVED_AT), undefined);
});
