/**
 * Bencode → values (BEP 3 "bencoding"). They are views over the bytes that they came from, so each
 * keeps its raw span and nothing is copied. Nothing is ever re-encoded to be hashed.
 */
import {
  BencodeError,
  type BencodeLimits,
  type BencodeScan,
  type BencodeWarning,
  BYTE_DICTIONARY,
  BYTE_INTEGER,
  BYTE_LIST,
  latin1,
  nextOnTape,
  scan,
  shortNumber,
  TAPE_END,
  TAPE_STRIDE,
  TAPE_THIRD,
} from "./bencode_scan.ts";

export { BencodeError };

export type BencodeValue = BencodeInteger | BencodeString | BencodeList | BencodeDictionary;

/** Beyond so many keys a dictionary is looked up by a Map, made at the first such lookup. */
const MAX_LINEAR_LOOKUP = 8;
/** Up to here a loop beats the decoder's set-up. */
const MAX_SHORT_TEXT = 64;

const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** The one value that `bytes` are. Throws `BencodeError`, also for bytes after the value. */
export function decode(bytes: Uint8Array, limits?: BencodeLimits): BencodeValue {
  const document = scan(bytes, limits);
  const { end } = document;
  if (end !== bytes.length) throw new BencodeError(end, "more bytes after the value");
  return valueAt(document, 0);
}

/** The dictionary that `bytes` are; undefined when they are not one, whatever they are. */
export function decodeDictionary(
  bytes: Uint8Array,
  limits: BencodeLimits,
): BencodeDictionary | undefined {
  try {
    const value = decode(bytes, limits);
    return value.kind === "dictionary" ? value : undefined;
  } catch (error) {
    if (error instanceof BencodeError) return undefined;
    throw error;
  }
}

/**
 * The value that `bytes` begin with, where it ends, and what of BEP 3 it disregards. Of a document
 * of a million values they take 36 MB, which are given back at once when it is disposed of.
 */
export interface BencodePrefix extends Disposable {
  readonly value: BencodeValue;
  /** Offset of the first byte after the value. */
  readonly end: number;
  /** In the order of the bytes, at most a hundred of each kind. */
  readonly warnings: readonly BencodeWarning[];
}

/** As `decode`, but other bytes may follow (BEP 9 puts data after a dictionary). */
export function decodePrefix(bytes: Uint8Array, limits?: BencodeLimits): BencodePrefix {
  const document = scan(bytes, limits);
  return {
    value: valueAt(document, 0),
    end: document.end,
    warnings: document.warnings,
    [Symbol.dispose]: () => void document.tape.buffer.transfer(0),
  };
}

abstract class Value {
  protected readonly document: BencodeScan;
  protected readonly token: number;

  constructor(document: BencodeScan, token: number) {
    this.document = document;
    this.token = token;
  }

  /** Offset of the value's first byte in the decoded bytes. */
  get start(): number {
    return this.document.tape[this.token]!;
  }

  /** Offset after the value's last byte. */
  get end(): number {
    return this.document.tape[this.token + TAPE_END]!;
  }

  protected get third(): number {
    return this.document.tape[this.token + TAPE_THIRD]!;
  }

  /** The value as it was encoded: a view. */
  get raw(): Uint8Array {
    return this.document.bytes.subarray(this.start, this.end);
  }
}

class BencodeInteger extends Value {
  readonly kind = "integer";

  /** A bigint only where a number would not be exact; never beyond 64 bits. */
  get value(): number | bigint {
    const { bytes } = this.document;
    const start = this.start + 1, end = this.end - 1;
    const short = shortNumber(bytes, start, end);
    if (short !== undefined) return short;
    const text = latin1(bytes, start, end);
    const value = Number(text);
    // `+ 0` makes a plain zero of -0, which only deepStrictEqual and Object.is tell apart.
    return Number.isSafeInteger(value) ? value + 0 : BigInt(text);
  }
}

class BencodeString extends Value {
  readonly kind = "string";

  /** The content: a view. */
  get bytes(): Uint8Array {
    return this.document.bytes.subarray(this.third, this.end);
  }

  /** The content as UTF-8, with U+FFFD for each sequence that is not. */
  get text(): string {
    return textAt(this.document.bytes, this.third, this.end);
  }
}

/** UTF-8 as text, with U+FFFD for each sequence that is not. */
function textAt(bytes: Uint8Array, start: number, end: number): string {
  if (end - start > MAX_SHORT_TEXT) return utf8Decoder.decode(bytes.subarray(start, end));
  for (let at = start; at < end; at++) {
    if (bytes[at]! >= 0x80) return utf8Decoder.decode(bytes.subarray(start, end));
  }
  return latin1(bytes, start, end);
}

class BencodeList extends Value implements Iterable<BencodeValue> {
  readonly kind = "list";

  *[Symbol.iterator](): IterableIterator<BencodeValue> {
    const { bytes, tape } = this.document;
    const end = this.third;
    for (let token = this.token + TAPE_STRIDE; token < end;) {
      yield valueAt(this.document, token);
      token = nextOnTape(bytes, tape, token);
    }
  }

  /** The items as UTF-8; undefined when one of them is no string. */
  texts(): string[] | undefined {
    const { bytes, tape } = this.document;
    const end = this.third;
    const first = this.token + TAPE_STRIDE;
    // No longer than it must be: of an array that grows most is room, and there may be a million.
    const texts = new Array<string>((end - first) / TAPE_STRIDE);
    for (let nth = 0; nth < texts.length; nth++) {
      const token = first + nth * TAPE_STRIDE;
      const kind = bytes[tape[token]!]!;
      if (kind === BYTE_INTEGER || kind === BYTE_LIST || kind === BYTE_DICTIONARY) return undefined;
      texts[nth] = textAt(bytes, tape[token + TAPE_THIRD]!, tape[token + TAPE_END]!);
    }
    return texts;
  }
}

export class BencodeDictionary extends Value {
  readonly kind = "dictionary";
  #index: Map<string, number> | undefined;

  /** The first value under an ASCII key (or raw bytes, one character a byte). */
  get(key: string): BencodeValue | undefined {
    const token = this.#index === undefined ? this.#search(key) : this.#index.get(key);
    return token === undefined ? undefined : valueAt(this.document, token + TAPE_STRIDE);
  }

  /** As `get` for each of several keys, in one pass: a torrent may have a million such. */
  getAll(keys: readonly string[]): (BencodeValue | undefined)[] {
    const { bytes, tape } = this.document;
    const end = this.third;
    const values: (BencodeValue | undefined)[] = keys.map(() => undefined);
    for (let token = this.token + TAPE_STRIDE; token < end;) {
      const value = token + TAPE_STRIDE;
      const length = tape[token + TAPE_END]! - tape[token + TAPE_THIRD]!;
      for (let nth = 0; nth < keys.length; nth++) {
        if (keys[nth]!.length === length && this.#isKey(token, keys[nth]!)) {
          values[nth] ??= valueAt(this.document, value);
        }
      }
      token = nextOnTape(bytes, tape, value);
    }
    return values;
  }

  /** Keys and values in the order of the bytes, duplicates included. */
  *entries(): IterableIterator<[key: BencodeString, value: BencodeValue]> {
    for (const token of this.#keys()) {
      yield [
        new BencodeString(this.document, token),
        valueAt(this.document, token + TAPE_STRIDE),
      ];
    }
  }

  /** The tape index of a key. A plain loop: torrents of many files ask a million times. */
  #search(key: string): number | undefined {
    const { bytes, tape } = this.document;
    const end = this.third;
    let searched = 0;
    for (let token = this.token + TAPE_STRIDE; token < end;) {
      if (searched++ === MAX_LINEAR_LOOKUP) return this.#makeIndex().get(key);
      if (this.#isKey(token, key)) return token;
      token = nextOnTape(bytes, tape, token + TAPE_STRIDE);
    }
    return undefined;
  }

  #isKey(token: number, key: string): boolean {
    const { bytes, tape } = this.document;
    const start = tape[token + TAPE_THIRD]!;
    if (tape[token + TAPE_END]! - start !== key.length) return false;
    for (let i = 0; i < key.length; i++) {
      if (bytes[start + i] !== key.charCodeAt(i)) return false;
    }
    return true;
  }

  #makeIndex(): Map<string, number> {
    const { bytes, tape } = this.document;
    const index = this.#index = new Map();
    for (const token of this.#keys()) {
      const key = latin1(bytes, tape[token + TAPE_THIRD]!, tape[token + TAPE_END]!);
      if (!index.has(key)) index.set(key, token);
    }
    return index;
  }

  *#keys(): IterableIterator<number> {
    const { bytes, tape } = this.document;
    const end = this.third;
    for (let token = this.token + TAPE_STRIDE; token < end;) {
      yield token;
      token = nextOnTape(bytes, tape, token + TAPE_STRIDE);
    }
  }
}

function valueAt(document: BencodeScan, token: number): BencodeValue {
  switch (document.bytes[document.tape[token]!]) {
    case BYTE_INTEGER:
      return new BencodeInteger(document, token);
    case BYTE_LIST:
      return new BencodeList(document, token);
    case BYTE_DICTIONARY:
      return new BencodeDictionary(document, token);
    default:
      return new BencodeString(document, token);
  }
}

/** A safe integer; undefined when absent, of another type or beyond 2^53 - 1. */
export function integerIn(dictionary: BencodeDictionary, key: string): number | undefined {
  return integerOf(dictionary.get(key));
}

/** As `integerIn`, of a value that was looked up. */
export function integerOf(value: BencodeValue | undefined): number | undefined {
  if (value?.kind !== "integer") return undefined;
  const integer = value.value;
  return typeof integer === "number" ? integer : undefined;
}

/** A view of a string's content; undefined when absent or of another type. */
export function bytesIn(dictionary: BencodeDictionary, key: string): Uint8Array | undefined {
  const value = dictionary.get(key);
  return value?.kind === "string" ? value.bytes : undefined;
}

/** A string as UTF-8, U+FFFD where it is not; undefined when absent or of another type. */
export function textIn(dictionary: BencodeDictionary, key: string): string | undefined {
  const value = dictionary.get(key);
  return value?.kind === "string" ? value.text : undefined;
}

/** A list; undefined when absent or of another type. */
export function listIn(dictionary: BencodeDictionary, key: string): BencodeList | undefined {
  const value = dictionary.get(key);
  return value?.kind === "list" ? value : undefined;
}

/** A dictionary; undefined when absent or of another type. */
export function dictionaryIn(
  dictionary: BencodeDictionary,
  key: string,
): BencodeDictionary | undefined {
  const value = dictionary.get(key);
  return value?.kind === "dictionary" ? value : undefined;
}
