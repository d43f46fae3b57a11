import { assert } from "../base/assert.ts";
/**
 * One pass over bencoded bytes (BEP 3 "bencoding"): checks them, and notes where each value lies
 * on a tape of integers. So a torrent of a million values costs twelve bytes a value and no
 * object, and no nesting can exhaust the stack.
 */

/** What a decoder refuses to exceed. Smaller for datagrams and messages than for files. */
export interface BencodeLimits {
  /** Lists and dictionaries within each other. */
  readonly maxDepth?: number;
  /** Values, dictionary keys included. */
  readonly maxTokens?: number;
}

/**
 * Bytes that are not bencode, or over a limit. `offset` is the first byte at fault, `problem`
 * what is wrong there, to be put into a sentence.
 */
export class BencodeError extends Error {
  override readonly name = "BencodeError";
  constructor(readonly offset: number, readonly problem: string) {
    super(`Cannot decode bencode: ${problem} at byte ${offset}`);
  }
}

/** What BEP 3 forbids and everybody reads all the same. `offset` is where. */
export interface BencodeWarning {
  readonly kind: "leading-zero" | "unsorted-keys" | "duplicate-key";
  readonly offset: number;
}

/** Where the values of a document lie. */
export interface BencodeScan {
  readonly bytes: Uint8Array;
  /** `TAPE_STRIDE` integers a value: start, end, and its third (see `TAPE_THIRD`). */
  readonly tape: Int32Array<ArrayBuffer>;
  /** Offset after the value. */
  readonly end: number;
  readonly warnings: readonly BencodeWarning[];
}

export const TAPE_STRIDE = 3;
export const TAPE_END = 1;
/** Of a string: where its content starts. Of a list or dictionary: the tape after its children. */
export const TAPE_THIRD = 2;

export const BYTE_INTEGER = 0x69;
export const BYTE_LIST = 0x6c;
export const BYTE_DICTIONARY = 0x64;
const BYTE_END = 0x65;
const BYTE_COLON = 0x3a;
const BYTE_MINUS = 0x2d;
const BYTE_ZERO = 0x30;

/** As libtorrent: no torrent comes near, and our readers need no more. */
const DEFAULT_MAX_DEPTH = 100;
const DEFAULT_MAX_TOKENS = 3_000_000;
/** Kept of each kind; the rest would say nothing new. */
const MAX_WARNINGS_OF_A_KIND = 100;
/** Enough for most messages. */
const FIRST_TAPE_VALUES = 32;
/** In large steps, as each leaves the last tape behind; but not at once: few values may fill much. */
const TAPE_GROWTH = 8;
/** 18 digits always fit 64 bits; the few longer numbers are compared exactly. */
const MAX_UNCHECKED_DIGITS = 18;
const MAX_INT64 = 2n ** 63n - 1n;
/** So many digits are always exact in a number. */
const MAX_EXACT_DIGITS = 15;
/** Arguments of one call; engines allow some ten thousand. */
const MAX_CHARACTERS_AT_ONCE = 4_096;
/** Up to here adding single characters makes no rope, and is quicker than a view. */
const MAX_FLAT_LENGTH = 12;

/** Scans the one value that `bytes` begins with. Throws `BencodeError`. */
export function scan(bytes: Uint8Array, limits: BencodeLimits = {}): BencodeScan {
  return new Scanner(bytes, limits).run();
}

/** The raw bytes `[start, end)` as text, one character a byte: exact, and fit for a Map's key. */
export function latin1(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  if (end - start <= MAX_FLAT_LENGTH) {
    for (let at = start; at < end; at++) text += String.fromCharCode(bytes[at]!);
    return text;
  }
  for (let at = start; at < end; at += MAX_CHARACTERS_AT_ONCE) {
    const part = bytes.subarray(at, Math.min(end, at + MAX_CHARACTERS_AT_ONCE));
    // One call for many: single characters would make a rope, many times the size of the text.
    text += String.fromCharCode.apply(null, part as unknown as number[]);
  }
  return text;
}

/** The digits in `[start, end)` as a number; undefined when it has a sign, or is long. */
export function shortNumber(bytes: Uint8Array, start: number, end: number): number | undefined {
  if (end - start > MAX_EXACT_DIGITS || bytes[start] === BYTE_MINUS) return undefined;
  let value = 0;
  for (let at = start; at < end; at++) value = value * 10 + bytes[at]! - BYTE_ZERO;
  return value;
}

class Scanner {
  readonly #bytes: Uint8Array;
  readonly #maxDepth: number;
  readonly #maxTape: number;
  readonly #warnings: BencodeWarning[] = [];
  readonly #warningCounts = { "leading-zero": 0, "unsorted-keys": 0, "duplicate-key": 0 };
  /** Open lists and dictionaries, outermost first. */
  readonly #open: OpenContainer[] = [];
  #tape = new Int32Array(FIRST_TAPE_VALUES * TAPE_STRIDE);
  #tapeLength = 0;
  #position = 0;

  constructor(bytes: Uint8Array, limits: BencodeLimits) {
    assert(bytes.length < 2 ** 31);
    this.#bytes = bytes;
    this.#maxDepth = limits.maxDepth ?? DEFAULT_MAX_DEPTH;
    this.#maxTape = (limits.maxTokens ?? DEFAULT_MAX_TOKENS) * TAPE_STRIDE;
  }

  run(): BencodeScan {
    do this.#step(); while (this.#open.length > 0);
    return {
      bytes: this.#bytes,
      tape: this.#tape,
      end: this.#position,
      warnings: this.#warnings,
    };
  }

  #step(): void {
    const container = this.#open.at(-1);
    const byte = this.#bytes[this.#position];
    if (container !== undefined && byte === BYTE_END) return this.#close(container);
    if (container?.isDictionary) {
      if (!container.expectsValue) return this.#key(container);
      container.expectsValue = false;
    }
    if (byte === BYTE_INTEGER) this.#integer();
    else if (byte === BYTE_LIST || byte === BYTE_DICTIONARY) this.#openContainer(byte);
    else this.#string();
  }

  #openContainer(byte: number): void {
    if (this.#open.length >= this.#maxDepth) this.#fail(`more than ${this.#maxDepth} levels`);
    const token = this.#token(this.#position);
    this.#open.push(new OpenContainer(token, byte === BYTE_DICTIONARY));
    this.#position++;
  }

  #close(container: OpenContainer): void {
    if (container.expectsValue) this.#fail("a key without a value");
    this.#open.pop();
    this.#position++;
    this.#tape[container.token + TAPE_END] = this.#position;
    this.#tape[container.token + TAPE_THIRD] = this.#tapeLength;
    if (container.isUnsorted) this.#warnOfDuplicates(container.token);
  }

  #key(container: OpenContainer): void {
    const start = this.#position;
    if (start < this.#bytes.length && !isDigit(this.#bytes[start])) {
      this.#fail("a dictionary key that is not a string");
    }
    const key = this.#string();
    const order = container.lastKey < 0 ? -1 : this.#compareKeys(container.lastKey, key);
    if (order === 0) this.#warn("duplicate-key", start);
    if (order > 0) {
      container.isUnsorted = true;
      this.#warn("unsorted-keys", start);
    }
    container.lastKey = key;
    container.expectsValue = true;
  }

  /** Returns the tape index of the string. */
  #string(): number {
    const start = this.#position;
    const bytes = this.#bytes;
    let at = start, length = 0;
    for (; isDigit(bytes[at]); at++) {
      length = length * 10 + bytes[at]! - BYTE_ZERO;
      if (length > bytes.length) this.#fail("a string longer than what is left", start);
    }
    if (at === start) this.#failUnexpected("a value", at);
    if (bytes[at] !== BYTE_COLON) this.#failUnexpected("a digit or ':'", at);
    if (bytes[start] === BYTE_ZERO && at > start + 1) this.#warn("leading-zero", start);
    const contentStart = at + 1;
    if (length > bytes.length - contentStart) {
      this.#fail("a string longer than what is left", start);
    }
    const token = this.#token(start);
    this.#position = contentStart + length;
    this.#tape[token + TAPE_END] = this.#position;
    this.#tape[token + TAPE_THIRD] = contentStart;
    return token;
  }

  #integer(): void {
    const start = this.#position;
    const bytes = this.#bytes;
    const isNegative = bytes[start + 1] === BYTE_MINUS;
    const firstDigit = start + (isNegative ? 2 : 1);
    let at = firstDigit;
    while (bytes[at] === BYTE_ZERO) at++;
    const zeros = at - firstDigit;
    while (isDigit(bytes[at])) at++;
    const digits = at - firstDigit - zeros;
    if (zeros + digits === 0) this.#failUnexpected("a digit", at);
    if (bytes[at] !== BYTE_END) this.#failUnexpected("a digit or 'e'", at);
    const isLenient = digits === 0 ? zeros > 1 || isNegative : zeros > 0;
    if (isLenient) this.#warn("leading-zero", start);
    if (digits > MAX_UNCHECKED_DIGITS) this.#checkRange(start, at - digits, at, isNegative);
    this.#position = at + 1;
    const token = this.#token(start);
    this.#tape[token + TAPE_END] = this.#position;
  }

  #checkRange(start: number, firstDigit: number, end: number, isNegative: boolean): void {
    const isTooLong = end - firstDigit > MAX_UNCHECKED_DIGITS + 1;
    const limit = isNegative ? MAX_INT64 + 1n : MAX_INT64;
    if (isTooLong || BigInt(latin1(this.#bytes, firstDigit, end)) > limit) {
      this.#fail("an integer of more than 64 bits", start);
    }
  }

  /** Adds a value that starts at `start` to the tape; returns its tape index. */
  #token(start: number): number {
    const token = this.#tapeLength;
    if (token >= this.#maxTape) {
      this.#fail(`more than ${this.#maxTape / TAPE_STRIDE} values`, start);
    }
    if (token === this.#tape.length) {
      const longest = Math.min(this.#maxTape, this.#bytes.length * TAPE_STRIDE);
      const longer = new Int32Array(Math.min(longest, token * TAPE_GROWTH));
      longer.set(this.#tape);
      this.#tape = longer;
    }
    this.#tape[token] = start;
    this.#tapeLength += TAPE_STRIDE;
    return token;
  }

  /** Sorted keys have their duplicates side by side; unsorted ones take a set, once. */
  #warnOfDuplicates(dictionary: number): void {
    const seen = new Set<string>();
    const end = this.#tape[dictionary + TAPE_THIRD]!;
    let previous = "";
    for (let key = dictionary + TAPE_STRIDE; key < end;) {
      const text = latin1(this.#bytes, this.#tape[key + TAPE_THIRD]!, this.#tape[key + TAPE_END]!);
      const wasWarnedOf = text === previous;
      if (seen.has(text) && !wasWarnedOf) this.#warn("duplicate-key", this.#tape[key]!);
      seen.add(text);
      previous = text;
      key = nextOnTape(this.#bytes, this.#tape, key + TAPE_STRIDE);
    }
  }

  #compareKeys(a: number, b: number): number {
    const bytes = this.#bytes, tape = this.#tape;
    let atA = tape[a + TAPE_THIRD]!, atB = tape[b + TAPE_THIRD]!;
    const endA = tape[a + TAPE_END]!, endB = tape[b + TAPE_END]!;
    while (atA < endA && atB < endB) {
      const difference = bytes[atA++]! - bytes[atB++]!;
      if (difference !== 0) return difference;
    }
    return (endA - atA) - (endB - atB);
  }

  #warn(kind: BencodeWarning["kind"], offset: number): void {
    const count = ++this.#warningCounts[kind];
    if (count <= MAX_WARNINGS_OF_A_KIND) this.#warnings.push({ kind, offset });
    // A caller that refuses duplicates must never miss one that was not kept.
    else if (kind === "duplicate-key") {
      this.#fail(`more than ${MAX_WARNINGS_OF_A_KIND} duplicate keys`, offset);
    }
  }

  #failUnexpected(expected: string, at: number): never {
    const byte = this.#bytes[at];
    if (byte === undefined) this.#fail(`the end instead of ${expected}`, at);
    const isGraphic = byte > 0x20 && byte < 0x7f;
    const shown = isGraphic ? `'${String.fromCharCode(byte)}'` : `0x${byte.toString(16)}`;
    this.#fail(`${shown} instead of ${expected}`, at);
  }

  #fail(problem: string, offset = this.#position): never {
    throw new BencodeError(offset, problem);
  }
}

class OpenContainer {
  /** Tape index of the latest key; -1 before the first. */
  lastKey = -1;
  expectsValue = false;
  isUnsorted = false;

  constructor(readonly token: number, readonly isDictionary: boolean) {}
}

/** The tape index after the value at `token` and all that is in it. */
export function nextOnTape(bytes: Uint8Array, tape: Int32Array, token: number): number {
  const byte = bytes[tape[token]!];
  const isContainer = byte === BYTE_LIST || byte === BYTE_DICTIONARY;
  return isContainer ? tape[token + TAPE_THIRD]! : token + TAPE_STRIDE;
}

function isDigit(byte: number | undefined): boolean {
  return byte !== undefined && byte >= BYTE_ZERO && byte <= BYTE_ZERO + 9;
}
