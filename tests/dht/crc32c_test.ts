import { equal } from "node:assert/strict";
import { crc32c } from "../../src/dht/crc32c.ts";

Deno.test("crc32c() is the checksum of RFC 3720, B.4", () => {
  const cases: readonly (readonly [Uint8Array, number])[] = [
    [new Uint8Array(0), 0],
    [new Uint8Array(32), 0x8a9136aa],
    [new Uint8Array(32).fill(255), 0x62a8ab43],
    [Uint8Array.from({ length: 32 }, (_, index) => index), 0x46dd794e],
    [new TextEncoder().encode("123456789"), 0xe3069283],
  ];
  for (const [bytes, expected] of cases) equal(crc32c(bytes), expected);
});
