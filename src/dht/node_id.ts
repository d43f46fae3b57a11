/** Node ids: how far they are from each other (BEP 5), and whose they can be (BEP 42). */
import type { Random } from "../base/ambient.ts";
import { assert } from "../base/assert.ts";
import { addressBytes, addressScope } from "../base/endpoint.ts";
import { HASH_LENGTH, type NodeId } from "../base/ids.ts";
import { crc32c } from "./crc32c.ts";

const ID_BITS = HASH_LENGTH * 8;
const LAST_BYTE = HASH_LENGTH - 1;

/** The bits of an address that an id depends on (BEP 42): fewer where networks are larger. */
const IPV4_MASK = [0x03, 0x0f, 0x3f, 0xff];
const IPV6_MASK = [0x01, 0x03, 0x07, 0x0f, 0x1f, 0x3f, 0x7f, 0xff];
/** Of the third byte of an id, the bits that its address decides: 21 in all. */
const THIRD_BYTE_MASK = 0xf8;

/** Negative when `a` is closer to `target` than `b` by the metric XOR, 0 when they are equal. */
export function compareDistance(target: Uint8Array, a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < HASH_LENGTH; i++) {
    if (a[i] !== b[i]) return (a[i]! ^ target[i]!) - (b[i]! ^ target[i]!);
  }
  return 0;
}

/** How many leading bits are the same: 0 to 160. */
export function commonPrefixLength(a: Uint8Array, b: Uint8Array): number {
  for (let i = 0; i < HASH_LENGTH; i++) {
    const difference = a[i]! ^ b[i]!;
    if (difference !== 0) return i * 8 + Math.clz32(difference) - 24;
  }
  return ID_BITS;
}

/** A random id that shares exactly `prefixLength` (0 to 159) leading bits with `id`. */
export function randomIdBeside(id: NodeId, prefixLength: number, random: Random): NodeId {
  assert(prefixLength >= 0 && prefixLength < ID_BITS, "a prefix shorter than an id");
  const beside = random.bytes(HASH_LENGTH);
  const byteIndex = prefixLength >> 3;
  const bit = 0x80 >> (prefixLength & 7);
  beside.set(id.subarray(0, byteIndex));
  const kept = ~(bit | (bit - 1)) & 0xff;
  beside[byteIndex] = (id[byteIndex]! & kept) | (~id[byteIndex]! & bit) |
    (beside[byteIndex]! & (bit - 1));
  return beside as NodeId;
}

/** A random id, one that `externalHost` (an address) may have where it is known (BEP 42). */
export function createNodeId(externalHost: string | undefined, random: Random): NodeId {
  const id = random.bytes(HASH_LENGTH);
  const address = externalHost === undefined ? undefined : addressBytes(externalHost);
  if (address !== undefined) {
    const prefix = addressPrefix(address, id[LAST_BYTE]!);
    id[0] = prefix >>> 24;
    id[1] = prefix >>> 16;
    id[2] = ((prefix >>> 8) & THIRD_BYTE_MASK) | (id[2]! & ~THIRD_BYTE_MASK);
  }
  return id as NodeId;
}

/** May a node at the address `host` have this id (BEP 42)? Outside the internet it has its pick. */
export function isNodeIdOf(id: Uint8Array, host: string): boolean {
  if (addressScope(host) !== "global") return true;
  const prefix = addressPrefix(addressBytes(host)!, id[LAST_BYTE]!);
  return id[0] === prefix >>> 24 && id[1] === ((prefix >>> 16) & 0xff) &&
    (id[2]! & THIRD_BYTE_MASK) === ((prefix >>> 8) & THIRD_BYTE_MASK);
}

/** The 32 bits whose first 21 an id at this address begins with; `seed` is its last byte. */
function addressPrefix(address: Uint8Array, seed: number): number {
  const mask = address.length === 4 ? IPV4_MASK : IPV6_MASK;
  const masked = Uint8Array.from(mask, (bits, index) => address[index]! & bits);
  masked[0]! |= (seed & 7) << 5;
  return crc32c(masked);
}
