/**
 * The files of a torrent, in columns: 10 MB of .torrent list 300,000 of them, which as objects and
 * strings would take ten times the memory. Pure.
 */
import { assert } from "../base/assert.ts";
import type { FileIndex } from "../base/ids.ts";
import { MERKLE_HASH_LENGTH } from "./merkle.ts";

/**
 * `padding`: zeros that align the next file, neither requested nor written. `symlink`: a symbolic
 * link, which has no bytes and is not written.
 */
export type FileKind = "data" | "padding" | "symlink";

export interface FileToPack {
  /** The elements of its path as they are in the torrent, one at least. */
  readonly path: readonly string[];
  /** Bytes. */
  readonly length: number;
  readonly kind: FileKind;
  /** Where the `pieces root` ends in the info dictionary, if it has one (BEP 52). */
  readonly rootEnd?: number | undefined;
}

const KINDS: readonly FileKind[] = ["data", "padding", "symlink"];
const FIRST_LENGTH = 16;
const MAX_UTF8_BYTES_PER_UNIT = 3;

const BYTE_SLASH = 0x2f;

const utf8 = new TextEncoder();
const utf8Decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * In the order of the torrent. What comes out of it is made when it is asked for. Once a path was
 * asked for, nothing can be pushed.
 */
export class PackedFiles implements Iterable<MetainfoFile> {
  readonly #infoBytes: Uint8Array;
  #length = 0;
  #lengths = new Float64Array(FIRST_LENGTH);
  /** Indices into `KINDS`. */
  #kinds = new Uint8Array(FIRST_LENGTH);
  #rootEnds = new Uint32Array(FIRST_LENGTH);
  /** Of each file, and of one more: how many names are in the paths before its own. */
  #pathStarts = new Uint32Array(FIRST_LENGTH);
  #nameCount = 0;
  /** Of each name, and of one more: where it starts in `#text`. */
  #nameStarts = new Uint32Array(FIRST_LENGTH);
  /** All names end to end, a "/" behind each: a part of one text is made without a copy. */
  #text: string | undefined;
  /** The same as UTF-8, while files are pushed. */
  #textBytes = new Uint8Array(FIRST_LENGTH);
  #textLength = 0;

  /** `infoBytes`: the info dictionary as it was encoded, for the roots of version 2. */
  constructor(infoBytes: Uint8Array) {
    this.#infoBytes = infoBytes;
  }

  get length(): number {
    return this.#length;
  }

  push({ path, length, kind, rootEnd = 0 }: FileToPack): void {
    const index = this.#length++;
    this.#lengths = withRoom(this.#lengths, index);
    this.#kinds = withRoom(this.#kinds, index);
    this.#rootEnds = withRoom(this.#rootEnds, index);
    this.#pathStarts = withRoom(this.#pathStarts, index + 1);
    for (const name of path) this.#pushName(name);
    this.#lengths[index] = length;
    this.#kinds[index] = KINDS.indexOf(kind);
    this.#rootEnds[index] = rootEnd;
    this.#pathStarts[index + 1] = this.#nameCount;
  }

  at(index: FileIndex): MetainfoFile {
    return new MetainfoFile(this, index);
  }

  *[Symbol.iterator](): Generator<MetainfoFile> {
    for (let index = 0; index < this.#length; index++) yield this.at(index as FileIndex);
  }

  *keys(): Generator<FileIndex> {
    for (let index = 0; index < this.#length; index++) yield index as FileIndex;
  }

  lengthOf(index: FileIndex): number {
    return this.#lengths[index]!;
  }

  kindOf(index: FileIndex): FileKind {
    return KINDS[this.#kinds[index]!]!;
  }

  /** The elements of its path as they are in the torrent. */
  pathOf(index: FileIndex): string[] {
    const names: string[] = [];
    const end = this.#pathStarts[index + 1]!;
    for (let nth = this.#pathStarts[index]!; nth < end; nth++) {
      names.push(this.#textOf(nth, nth + 1));
    }
    return names;
  }

  /** The same, joined by "/". */
  joinedPathOf(index: FileIndex): string {
    return this.#textOf(this.#pathStarts[index]!, this.#pathStarts[index + 1]!);
  }

  rootOf(index: FileIndex): Uint8Array | undefined {
    const end = this.#rootEnds[index]!;
    return end > 0 ? this.#infoBytes.subarray(end - MERKLE_HASH_LENGTH, end) : undefined;
  }

  #pushName(name: string): void {
    assert(this.#text === undefined);
    const start = this.#nameStarts[this.#nameCount++]!;
    const mostBytes = name.length * MAX_UTF8_BYTES_PER_UNIT + 1;
    this.#textBytes = withRoom(this.#textBytes, this.#textLength + mostBytes);
    this.#textLength += writeText(name, this.#textBytes, this.#textLength);
    this.#textBytes[this.#textLength++] = BYTE_SLASH;
    this.#nameStarts = withRoom(this.#nameStarts, this.#nameCount);
    this.#nameStarts[this.#nameCount] = start + name.length + 1;
  }

  /** Of names from `first` up to `end`, without the "/" behind the last. */
  #textOf(first: number, end: number): string {
    this.#text ??= this.#takeText();
    return this.#text.slice(this.#nameStarts[first], this.#nameStarts[end]! - 1);
  }

  #takeText(): string {
    const text = utf8Decoder.decode(this.#textBytes.subarray(0, this.#textLength));
    this.#textBytes = new Uint8Array();
    return text;
  }
}

/** `column`, or a longer one with the same content, that has a place `index`. */
function withRoom<Column extends Uint8Array | Uint32Array | Float64Array>(
  column: Column,
  index: number,
): Column {
  if (index < column.length) return column;
  const longer = new (column.constructor as new (length: number) => Column)(2 * index);
  longer.set(column);
  return longer;
}

function writeText(text: string, bytes: Uint8Array, start: number): number {
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at);
    if (unit >= 0x80) return utf8.encodeInto(text, bytes.subarray(start)).written;
    bytes[start + at] = unit;
  }
  return text.length;
}

/** A file as the torrent describes it. */
class MetainfoFile {
  readonly index: FileIndex;
  readonly #files: PackedFiles;

  constructor(files: PackedFiles, index: FileIndex) {
    this.#files = files;
    this.index = index;
  }

  /** The elements of its path as they are in the torrent: not safe for a disk or a terminal. */
  get path(): readonly string[] {
    return this.#files.pathOf(this.index);
  }

  /** The same, joined by "/". */
  get joinedPath(): string {
    return this.#files.joinedPathOf(this.index);
  }

  /** Bytes. */
  get length(): number {
    return this.#files.lengthOf(this.index);
  }

  get isPadding(): boolean {
    return this.#files.kindOf(this.index) === "padding";
  }

  /** Is there anything of it on disk? Not of padding and symbolic links. */
  get isOnDisk(): boolean {
    return this.#files.kindOf(this.index) === "data";
  }

  /** Of a file of version 2 that has bytes: the root of its merkle tree, 32 bytes (BEP 52). */
  get piecesRoot(): Uint8Array | undefined {
    return this.#files.rootOf(this.index);
  }
}

export type { MetainfoFile };
