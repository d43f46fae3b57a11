import { deepStrictEqual, ok } from "node:assert/strict";
import type { Bytes } from "../../src/base/bytes.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import {
  encodeMetadataData,
  encodeMetadataReject,
  encodeMetadataRequest,
  METADATA_PIECE_LENGTH,
  type MetadataMessage,
  parseMetadataMessage,
} from "../../src/wire/metadata_message.ts";
import { fuzz } from "./mutation.ts";

function parse(payload: Uint8Array): MetadataMessage | undefined {
  try {
    return parseMetadataMessage(payload);
  } catch (error) {
    ok(error instanceof ProtocolError, `${error}`);
    return undefined;
  }
}

/** The same message as we write it; undefined when we would not. */
function encode(message: MetadataMessage): Bytes | undefined {
  switch (message.kind) {
    case "request":
      return encodeMetadataRequest(message.piece);
    case "reject":
      return encodeMetadataReject(message.piece);
    case "data":
      return message.totalSize === undefined
        ? undefined
        : encodeMetadataData(message.piece, message.totalSize, message.data);
    case "unknown":
      return undefined;
  }
}

Deno.test("fuzz: parseMetadataMessage() gives sensible fields or throws ProtocolError", () => {
  fuzz({
    corpus: "metadata_message",
    check(input) {
      const message = parse(input);
      if (message === undefined) return;
      if (message.kind !== "unknown") ok(Number.isSafeInteger(message.piece) && message.piece >= 0);
      if (message.kind === "data") ok(message.data.length <= METADATA_PIECE_LENGTH);
      const again = encode(message);
      if (again !== undefined) deepStrictEqual(parse(again), message);
    },
  });
});
