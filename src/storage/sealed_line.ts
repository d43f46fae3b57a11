/** A line of text and one of its SHA-1, so that a torn or altered file is known as such (D12). */
import { type Bytes, concatBytes } from "../base/bytes.ts";

/** A byte order mark is no part of what was sealed: it must show. */
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

const ENCODER = new TextEncoder();

/** `line` must have no line feed. */
export async function seal(line: string): Promise<Bytes> {
  const bytes = ENCODER.encode(line);
  return concatBytes(bytes, ENCODER.encode(`\n${await sumOf(bytes)}\n`));
}

/** The line that was sealed; undefined when the bytes are not as they were. */
export async function unseal(bytes: Uint8Array): Promise<string | undefined> {
  const [line = "", sum, end, ...more] = DECODER.decode(bytes).split("\n");
  const isWhole = end === "" && more.length === 0 &&
    sum === await sumOf(ENCODER.encode(line));
  return isWhole ? line : undefined;
}

/** By Web Crypto: of many files it is megabytes, and a download goes on meanwhile. */
async function sumOf(bytes: Bytes): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-1", bytes)).toHex();
}
