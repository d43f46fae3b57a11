import { deepStrictEqual, ok } from "node:assert/strict";
import { addressBytes } from "../../src/base/endpoint.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import {
  encodeHolepunch,
  type HolepunchMessage,
  parseHolepunch,
} from "../../src/wire/holepunch_message.ts";
import { fuzz } from "./mutation.ts";

function parse(payload: Uint8Array): HolepunchMessage | undefined {
  try {
    return parseHolepunch(payload);
  } catch (error) {
    ok(error instanceof ProtocolError, `${error}`);
    return undefined;
  }
}

Deno.test("fuzz: parseHolepunch() gives an endpoint or throws ProtocolError", () => {
  fuzz({
    corpus: "holepunch_message",
    check(input) {
      const message = parse(input);
      if (message === undefined) return;
      const { kind, endpoint, error } = message;
      ok(endpoint.port > 0 && endpoint.port <= 65_535);
      ok(addressBytes(endpoint.host) !== undefined);
      if (kind !== "unknown") {
        deepStrictEqual(parse(encodeHolepunch(kind, endpoint, error)), message);
      }
    },
  });
});
