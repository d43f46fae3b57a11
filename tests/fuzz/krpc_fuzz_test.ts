import { deepStrictEqual, ok } from "node:assert/strict";
import { type KrpcMessage, parseKrpc } from "../../src/dht/krpc.ts";
import { encodeError, encodeQuery, encodeResponse } from "../../src/dht/krpc_encoder.ts";
import { fuzz } from "./mutation.ts";

function encoded(message: KrpcMessage): Uint8Array {
  switch (message.kind) {
    case "query":
      return encodeQuery(message);
    case "response":
      return encodeResponse(message);
    case "error":
    case "bad-query":
      return encodeError(message);
  }
}

Deno.test("fuzz: parseKrpc() never throws, and what it takes can be written and read again", () => {
  fuzz({
    corpus: "krpc",
    runs: 10_000,
    check(input) {
      const message = parseKrpc(input);
      if (message === undefined) return;
      ok(message.transaction.length >= 1 && message.transaction.length <= 20);
      const again = parseKrpc(encoded(message));
      // An error without a text may be too short to be a message.
      if (message.kind === "error" && again === undefined) return;
      if (message.kind === "bad-query") {
        deepStrictEqual([again?.kind, again?.transaction], ["error", message.transaction]);
        ok(encoded(message).length <= input.length, "no refusal is longer than its query");
      } else if (message.kind === "response") {
        // A v4-mapped address is read as the IPv4 address it is: its node moves to the front.
        const count = (response: typeof message) => [response.nodes.length, response.values.length];
        ok(again?.kind === "response");
        deepStrictEqual(count(again), count(message));
        deepStrictEqual([again.id, again.token], [message.id, message.token]);
      } else {
        deepStrictEqual(again, message);
      }
    },
  });
});
