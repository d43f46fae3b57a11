/** A saved table with a good checksum, whatever is in it. */
import { createHash } from "node:crypto";
import { type Bytes, concatBytes } from "../../src/base/bytes.ts";

export function signed(body: Uint8Array): Bytes {
  return concatBytes(body, createHash("sha1").update(body).digest());
}
