import { deepStrictEqual, ok } from "node:assert/strict";
import { encodeSavedTable, parseSavedTable } from "../../src/dht/saved_table.ts";
import { signed } from "../dht/signed_table.ts";
import { fuzz } from "./mutation.ts";

const NOW = 1_700_000_000_000;
const CHECKSUM_LENGTH = 20;

/** What is accepted must be the same when it is written and read again. */
function check(input: Uint8Array): void {
  const table = parseSavedTable(input, NOW);
  if (table === undefined) return;
  const again = parseSavedTable(encodeSavedTable(table), NOW);
  ok(again);
  // A v4-mapped address is read as the IPv4 address it is: its node moves to the front.
  const plain = ({ nodes, ...others }: typeof table) => ({ ...others, count: nodes.length });
  deepStrictEqual(plain(again), plain(table));
}

Deno.test("fuzz: parseSavedTable() never throws", () => {
  fuzz({ corpus: "saved_table", check });
});

Deno.test("fuzz: parseSavedTable() never throws behind a good checksum", () => {
  const resigned = (input: Uint8Array) => signed(input.subarray(0, -CHECKSUM_LENGTH));
  fuzz({ corpus: "saved_table", check: (input) => check(resigned(input)) });
});
