import { deepStrictEqual, throws } from "node:assert/strict";
import fc from "fast-check";
import { formatAddress } from "../../src/base/endpoint.ts";
import { encodeHolepunch, parseHolepunch } from "../../src/wire/holepunch_message.ts";

const IPV4 = { host: "10.1.2.3", port: 0x1ae1 };
const IPV6 = { host: "2001:db8::1", port: 1 };
const MALFORMED = { reason: "malformed-message" };

Deno.test("encodeHolepunch() writes the bytes of BEP 55", () => {
  deepStrictEqual(
    encodeHolepunch("rendezvous", IPV4),
    Uint8Array.of(0, 0, 10, 1, 2, 3, 0x1a, 0xe1, 0, 0, 0, 0),
  );
  deepStrictEqual(
    encodeHolepunch("error", IPV6, 3),
    Uint8Array.of(2, 1, 0x20, 1, 0x0d, 0xb8, ...new Uint8Array(11), 1, 0, 1, 0, 0, 0, 3),
  );
});

Deno.test("parseHolepunch() gives back what was encoded", () => {
  const address = fc.oneof(
    fc.uint8Array({ minLength: 4, maxLength: 4 }),
    fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => (bytes[0]! |= 1, bytes)),
  );
  const kind = fc.constantFrom("rendezvous", "connect", "error");
  const port = fc.integer({ min: 1, max: 65_535 }), error = fc.nat(2 ** 31 - 1);
  fc.assert(fc.property(kind, address, port, error, (kind, bytes, port, error) => {
    const endpoint = { host: formatAddress(bytes)!, port };
    const message = parseHolepunch(encodeHolepunch(kind, endpoint, error));
    deepStrictEqual(message, { kind, endpoint, error });
  }));
});

Deno.test("parseHolepunch() does without the number that is no error, and with more after it", () => {
  const payload = encodeHolepunch("connect", IPV4);
  for (let length = 8; length < payload.length; length++) {
    deepStrictEqual(parseHolepunch(payload.subarray(0, length)), {
      kind: "connect",
      endpoint: IPV4,
      error: 0,
    });
  }
  deepStrictEqual(parseHolepunch(Uint8Array.of(...payload, 9, 9)).endpoint, IPV4);
});

Deno.test("parseHolepunch() throws ProtocolError when cut at any byte of its endpoint", () => {
  for (const endpoint of [IPV4, IPV6]) {
    const payload = encodeHolepunch("connect", endpoint).subarray(0, -4);
    for (let length = 0; length < payload.length; length++) {
      throws(() => parseHolepunch(payload.subarray(0, length)), MALFORMED);
    }
  }
});

Deno.test("parseHolepunch() throws ProtocolError for another family, and for port 0", () => {
  const payload = encodeHolepunch("connect", IPV6);
  payload[1] = 2;
  throws(() => parseHolepunch(payload), MALFORMED);
  throws(() => parseHolepunch(encodeHolepunch("connect", { ...IPV4, port: 0 })), MALFORMED);
});

Deno.test("parseHolepunch() leaves types of later versions to whoever knows them", () => {
  const payload = encodeHolepunch("error", IPV4, 2);
  payload[0] = 3;
  deepStrictEqual(parseHolepunch(payload), { kind: "unknown", endpoint: IPV4, error: 2 });
});
