import fc from "fast-check";
import type { Message } from "../../src/wire/message.ts";

/** Records like our messages, which are made by object literals. */
function record<Shape extends object>(
  shape: { [Key in keyof Shape]: fc.Arbitrary<Shape[Key]> },
): fc.Arbitrary<Shape> {
  return fc.record(shape, { noNullPrototype: true }) as fc.Arbitrary<Shape>;
}

const uint32 = fc.nat(2 ** 32 - 1);
const root = fc.uint8Array({ minLength: 32, maxLength: 32 });
const range = record({ baseLayer: uint32, index: uint32, length: uint32, proofLayers: uint32 });
const hashes = fc.integer({ min: 1, max: 20 }).chain((count) =>
  fc.uint8Array({ minLength: 32 * count, maxLength: 32 * count, size: "max" })
);
const block = { index: uint32, begin: uint32, length: uint32 };

/** Any message that we can write, of moderate size. */
export const arbitraryMessage: fc.Arbitrary<Message> = fc.oneof(
  record({
    kind: fc.constantFrom(
      "keep-alive" as const,
      "choke" as const,
      "unchoke" as const,
      "interested" as const,
      "not-interested" as const,
      "have-all" as const,
      "have-none" as const,
    ),
  }),
  record({
    kind: fc.constantFrom("have" as const, "suggest" as const, "allowed-fast" as const),
    index: uint32,
  }),
  record({
    kind: fc.constantFrom("request" as const, "cancel" as const, "reject" as const),
    ...block,
  }),
  record({
    kind: fc.constant("piece" as const),
    index: uint32,
    begin: uint32,
    block: fc.uint8Array({ maxLength: 16_384, size: "max" }),
  }),
  record({ kind: fc.constant("bitfield" as const), bytes: fc.uint8Array({ maxLength: 500 }) }),
  record({ kind: fc.constant("port" as const), port: fc.nat(65_535) }),
  record({
    kind: fc.constant("extended" as const),
    id: fc.nat(255),
    payload: fc.uint8Array({ maxLength: 500 }),
  }),
  record({ kind: fc.constantFrom("hash-request" as const, "hash-reject" as const), root, range }),
  record({ kind: fc.constant("hashes" as const), root, range, hashes }),
);
