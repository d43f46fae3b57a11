/** Values → bencode (BEP 3 "bencoding"), in its one canonical form. Pure. */
import { assert } from "../base/assert.ts";
import { type Bytes, compareBytes } from "../base/bytes.ts";

const utf8Encoder = new TextEncoder();

/**
 * What `encode` takes. Numbers are safe integers, strings become UTF-8, and entries whose value
 * is undefined are left out.
 */
export type Encodable =
  | number
  | bigint
  | string
  | Uint8Array
  | readonly Encodable[]
  | ReadonlyMap<string | Uint8Array, Encodable>
  | EncodableRecord;

export interface EncodableRecord {
  readonly [key: string]: Encodable | undefined;
}

/** The one canonical encoding of `value`: keys sorted as raw bytes, each at most once. */
export function encode(value: Encodable): Bytes {
  const encoder = new Encoder();
  encoder.put(value);
  return encoder.take();
}

class Encoder {
  #buffer = new Uint8Array(256);
  #length = 0;

  take(): Bytes {
    return this.#buffer.slice(0, this.#length);
  }

  put(value: Encodable): void {
    if (typeof value === "number") assert(Number.isSafeInteger(value), "not a safe integer");
    if (typeof value === "number" || typeof value === "bigint") this.#putAscii(`i${value}e`);
    else if (typeof value === "string") this.#putString(utf8Encoder.encode(value));
    else if (value instanceof Uint8Array) this.#putString(value);
    else if (isList(value)) this.#putList(value);
    else this.#putDictionary(value instanceof Map ? value : new Map(Object.entries(value)));
  }

  #putList(list: readonly Encodable[]): void {
    this.#putAscii("l");
    for (const item of list) this.put(item);
    this.#putAscii("e");
  }

  #putDictionary(dictionary: ReadonlyMap<string | Uint8Array, Encodable | undefined>): void {
    const entries: { key: Uint8Array; value: Encodable }[] = [];
    for (const [name, value] of dictionary) {
      const key = typeof name === "string" ? utf8Encoder.encode(name) : name;
      if (value !== undefined) entries.push({ key, value });
    }
    entries.sort((a, b) => compareBytes(a.key, b.key));
    this.#putAscii("d");
    for (const [index, { key, value }] of entries.entries()) {
      const isRepeated = index > 0 && compareBytes(key, entries[index - 1]!.key) === 0;
      assert(!isRepeated, "a key given twice");
      this.#putString(key);
      this.put(value);
    }
    this.#putAscii("e");
  }

  #putString(bytes: Uint8Array): void {
    this.#putAscii(`${bytes.length}:`);
    this.#reserve(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #putAscii(text: string): void {
    this.#reserve(text.length);
    for (let i = 0; i < text.length; i++) this.#buffer[this.#length++] = text.charCodeAt(i);
  }

  #reserve(length: number): void {
    const needed = this.#length + length;
    if (needed <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#buffer.length * 2));
    larger.set(this.#buffer);
    this.#buffer = larger;
  }
}

/** `Array.isArray` does not narrow readonly arrays. */
function isList(value: Encodable): value is readonly Encodable[] {
  return Array.isArray(value);
}
