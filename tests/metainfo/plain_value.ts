import type { BencodeValue } from "../../src/metainfo/bencode.ts";

/** A decoded value as plain data: byte strings as Uint8Array, dictionaries as sorted pairs. */
export function plain(value: BencodeValue): unknown {
  switch (value.kind) {
    case "integer":
      return value.value;
    case "string":
      return value.bytes.slice();
    case "list":
      return [...value].map(plain);
    case "dictionary":
      return [...value.entries()].map(([key, item]) => [key.bytes.slice(), plain(item)]);
  }
}
