import { deepStrictEqual, ok } from "node:assert/strict";
import { addressScope } from "../../src/base/endpoint.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import { encodePex, MAX_PEX_PEERS, parsePex, type PexMessage } from "../../src/wire/pex.ts";
import { fuzz } from "./mutation.ts";

function parse(payload: Uint8Array): PexMessage | undefined {
  try {
    return parsePex(payload);
  } catch (error) {
    ok(error instanceof ProtocolError && error.reason === "malformed-message");
    return undefined;
  }
}

Deno.test("fuzz: parsePex() gives addresses, not too many, or throws ProtocolError", () => {
  fuzz({
    corpus: "pex",
    check(input) {
      const message = parse(input);
      if (message === undefined) return;
      const { added, dropped } = message;
      ok(added.length <= MAX_PEX_PEERS && dropped.length <= MAX_PEX_PEERS);
      for (const { host, port } of [...added.map(({ endpoint }) => endpoint), ...dropped]) {
        ok(port >= 1 && port <= 65_535 && addressScope(host) !== "name");
      }
      ok(added.every(({ flags }) => flags >= 0 && flags <= 255));
      deepStrictEqual(parse(encodePex(message)), message);
    },
  });
});
