import { deepStrictEqual, ok } from "node:assert/strict";
import { ProtocolError } from "../../src/base/errors.ts";
import {
  encodeExtensionHandshake,
  type ExtensionHandshake,
  parseExtensionHandshake,
} from "../../src/wire/extension.ts";
import { fuzz } from "./mutation.ts";

function parse(payload: Uint8Array): ExtensionHandshake | undefined {
  try {
    return parseExtensionHandshake(payload);
  } catch (error) {
    ok(error instanceof ProtocolError && error.reason === "malformed-message");
    return undefined;
  }
}

Deno.test("fuzz: parseExtensionHandshake() gives sensible fields or throws ProtocolError", () => {
  fuzz({
    corpus: "extension_handshake",
    check(input) {
      const handshake = parse(input);
      if (handshake === undefined) return;
      const { clientName, listenPort, metadataSize, requestQueueLimit, messages } = handshake;
      ok(clientName.length <= 64 && !/[\p{Cc}\p{Cf}]/u.test(clientName));
      ok(listenPort === undefined || (listenPort >= 1 && listenPort <= 65_535));
      ok(metadataSize === undefined || (metadataSize >= 1 && metadataSize <= 31_457_280));
      ok(requestQueueLimit === undefined || requestQueueLimit >= 1);
      ok(messages.size <= 64 && [...messages.values()].every((id) => id >= 0 && id <= 255));
      const again = encodeExtensionHandshake({
        ...handshake,
        messages: Object.fromEntries(messages),
      });
      deepStrictEqual(parse(again)?.messages, messages);
    },
  });
});
