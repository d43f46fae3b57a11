/** A line of text and one of its SHA-1, so that a torn or altered file is known as such (D12). */
import type { Bytes } from "../base/bytes.ts";

/** Which leaves nothing out. */
const DECODER = new TextDecoder("utf-8", { ignoreBOM: true });

/** `line` must have no line feed. */
export async function seal(line: string): Promise<Bytes> {
  return new TextEncoder().encode(`${line}\n${await sumOf(line)}\n`);
}

/** The line that was sealed; undefined when the bytes are not as they were. */
export async function unseal(bytes: Uint8Array): Promise<string | undefined> {
  const [line = "", sum, end, ...more] = DECODER.decode(bytes).split("\n");
  const isWhole = end === "" && more.length === 0 && sum === await sumOf(line);
  return isWhole ? line : undefined;
}

/** By Web Crypto: of many files it is megabytes, and a download goes on meanwhile. */
async function sumOf(line: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-1", new TextEncoder().encode(line));
  return new Uint8Array(digest).toHex();
}
