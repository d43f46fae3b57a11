/** CRC-32C, the checksum by Castagnoli's polynomial (RFC 3720, B.4), as BEP 42 hashes addresses. */

/** The polynomial 0x1EDC6F41, its bits in reverse order. */
const REVERSED_POLYNOMIAL = 0x82f63b78;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte;
  for (let bit = 0; bit < 8; bit++) {
    remainder = (remainder >>> 1) ^ ((remainder & 1) * REVERSED_POLYNOMIAL);
  }
  return remainder;
});

/** The checksum of `bytes`, 32 bits, unsigned. */
export function crc32c(bytes: Uint8Array): number {
  let remainder = 0xffffffff;
  for (const byte of bytes) remainder = TABLE[(remainder ^ byte) & 0xff]! ^ (remainder >>> 8);
  return ~remainder >>> 0;
}
