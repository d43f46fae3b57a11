/**
 * Where everything lies: all arithmetic of pieces, blocks and files, and the one place where
 * integers from the wire become valid indices. Files lie end to end in the order of the torrent,
 * cut into pieces of `pieceLength`, cut into blocks of 16 KiB (BEP 3). In version 2 each file begins
 * with a piece of its own, and its last piece ends where it does (BEP 52 "pieces root"): what lies
 * between two files is nothing, neither requested nor hashed.
 */
import { assert } from "../base/assert.ts";
import type { BlockIndex, FileIndex, PieceIndex } from "../base/ids.ts";

/** What is asked for at once, in bytes; the last block of a piece may be shorter. */
export const BLOCK_LENGTH = 16_384;

export interface LayoutFile {
  readonly length: number;
  /** Zeros that are neither requested nor written (BEP 47). */
  readonly isPadding: boolean;
}

/** A block as it is requested; `length` is 0 where all of it is padding. */
export interface BlockSpan {
  readonly piece: PieceIndex;
  readonly block: BlockIndex;
  /** Offset within the piece. */
  readonly begin: number;
  readonly length: number;
}

/** A run of bytes that a piece and a file share. */
export interface FileSpan {
  readonly file: FileIndex;
  readonly fileOffset: number;
  readonly pieceOffset: number;
  readonly length: number;
}

/** Bytes of one piece. */
export interface PieceSpan {
  readonly piece: PieceIndex;
  /** Offset within the piece. */
  readonly begin: number;
  readonly length: number;
}

/** Pieces from `first` to `last`, both included. */
export interface PieceRange {
  readonly first: PieceIndex;
  readonly last: PieceIndex;
}

export interface LayoutOptions {
  readonly pieceLength: number;
  readonly files: Iterable<LayoutFile> & { readonly length: number };
  /** Each file that has bytes begins with a piece of its own (BEP 52); by default it need not. */
  readonly isAligned?: boolean;
}

export class Layout {
  /** Bytes of every piece but, perhaps, the last: of the torrent, or of each file in version 2. */
  readonly pieceLength: number;
  readonly pieceCount: number;
  /** Bytes of all files, padding included. */
  readonly totalLength: number;
  /** Where the last file ends within the torrent. */
  readonly #end: number;
  /** Files of every kind, empty ones and padding included. */
  readonly fileCount: number;
  /** Each file begins with a piece of its own. */
  readonly #isAligned: boolean;
  /** Offsets within the torrent: where each file starts and ends. */
  readonly #fileStarts: Float64Array;
  readonly #fileEnds: Float64Array;
  /**
   * The files that hold bytes of their own, ascending: neither empty nor padding. Whatever lies
   * between them is padding, or nothing; so a search never walks over a million empty files.
   */
  readonly #dataFiles: Uint32Array;
  readonly #dataLength: number;
  readonly #blocksPerPiece: number;
  /** The last answers of `fileSpans` and `filesOf`: whoever handles a piece asks several times. */
  #latestPiece: PieceIndex | undefined;
  #latestSpans: readonly FileSpan[] = [];
  #latestFiles: readonly FileIndex[] = [];

  constructor(options: LayoutOptions) {
    const { pieceLength, files, isAligned = false } = options;
    assert(Number.isSafeInteger(pieceLength) && pieceLength > 0);
    this.pieceLength = pieceLength;
    this.fileCount = files.length;
    this.#isAligned = isAligned;
    this.#fileStarts = new Float64Array(files.length);
    this.#fileEnds = new Float64Array(files.length);
    const dataFiles = new Uint32Array(files.length);
    let offset = 0, dataFileCount = 0, dataLength = 0, totalLength = 0;
    let index = 0;
    for (const { length, isPadding } of files) {
      assert(Number.isSafeInteger(length) && length >= 0);
      if (length > 0 && !isPadding) {
        dataFiles[dataFileCount++] = index;
        dataLength += length;
        if (isAligned) offset = Math.ceil(offset / pieceLength) * pieceLength;
      }
      this.#fileStarts[index] = offset;
      offset += length;
      totalLength += length;
      this.#fileEnds[index++] = offset;
    }
    assert(Number.isSafeInteger(offset));
    this.#dataFiles = dataFiles.slice(0, dataFileCount);
    this.#dataLength = dataLength;
    this.totalLength = totalLength;
    this.#end = offset;
    this.pieceCount = Math.ceil(offset / pieceLength);
    this.#blocksPerPiece = Math.ceil(pieceLength / BLOCK_LENGTH);
  }

  /** Bytes of all files that are not padding. */
  get dataLength(): number {
    return this.#dataLength;
  }

  /** An integer from outside as the index of a piece; undefined when there is no such piece. */
  pieceIndex(value: number): PieceIndex | undefined {
    return isIndex(value, this.pieceCount) ? value as PieceIndex : undefined;
  }

  /** Bytes of a piece. */
  pieceSize(piece: PieceIndex): number {
    const start = piece * this.pieceLength;
    const end = this.#isAligned ? this.#fileEndAfter(start) : this.#end;
    return Math.min(this.pieceLength, end - start);
  }

  blockCount(piece: PieceIndex): number {
    return Math.ceil(this.pieceSize(piece) / BLOCK_LENGTH);
  }

  /** What to ask a peer for; padding at the end of the block is left out. */
  blockRequest(piece: PieceIndex, block: BlockIndex): BlockSpan {
    const begin = block * BLOCK_LENGTH;
    const size = Math.min(BLOCK_LENGTH, this.pieceSize(piece) - begin);
    assert(size > 0);
    return { piece, block, begin, length: this.#lengthWithoutTail(piece, begin, size) };
  }

  /** Which block of ours a Piece message carries; undefined when none has that place and size. */
  blockAt(
    index: number,
    begin: number,
    length: number,
  ): { piece: PieceIndex; block: BlockIndex } | undefined {
    const piece = this.pieceIndex(index);
    if (piece === undefined || begin % BLOCK_LENGTH !== 0) return undefined;
    const block = begin / BLOCK_LENGTH;
    if (length === 0 || !isIndex(block, this.blockCount(piece))) return undefined;
    const request = this.blockRequest(piece, block as BlockIndex);
    return request.length === length ? { piece, block: request.block } : undefined;
  }

  /**
   * May a peer ask for this: 1 to `BLOCK_LENGTH` bytes within one piece? To some, libtorrent 2.0
   * among them, the last block of each file of version 2 is a whole one: beyond its end are zeros.
   */
  isReadable(index: number, begin: number, length: number): boolean {
    const piece = this.pieceIndex(index);
    return piece !== undefined && Number.isSafeInteger(begin) && begin >= 0 &&
      Number.isSafeInteger(length) && length >= 1 && length <= BLOCK_LENGTH &&
      begin + length <= this.#readableSize(piece);
  }

  /** How many of these bytes of a piece are a file's: padding, and zeros beyond an end, are not. */
  dataLengthIn(piece: PieceIndex, begin: number, length: number): number {
    return this.fileSpansIn(piece, begin, length).reduce((sum, span) => sum + span.length, 0);
  }

  /** A number that no other block of the torrent has. */
  blockKey(piece: PieceIndex, block: BlockIndex): number {
    return piece * this.#blocksPerPiece + block;
  }

  /** The files that a piece lies in, in order; padding and empty files are left out. */
  fileSpans(piece: PieceIndex): readonly FileSpan[] {
    if (this.#latestPiece !== piece) this.#lookUp(piece);
    return this.#latestSpans;
  }

  /** The files that `length` bytes from `begin` of a piece lie in, as `fileSpans`. */
  fileSpansIn(piece: PieceIndex, begin: number, length: number): readonly FileSpan[] {
    const pieceStart = piece * this.pieceLength;
    const start = pieceStart + begin, end = start + length;
    const spans: FileSpan[] = [];
    for (let data = this.#firstDataFileEndingAfter(start);; data++) {
      const file = this.#dataFiles[data];
      if (file === undefined) return spans;
      const fileStart = this.#fileStarts[file]!, fileEnd = this.#fileEnds[file]!;
      const from = Math.max(start, fileStart);
      if (from >= end) return spans;
      spans.push({
        file: file as FileIndex,
        fileOffset: from - fileStart,
        pieceOffset: from - pieceStart,
        length: Math.min(end, fileEnd) - from,
      });
    }
  }

  /** The files that a piece has bytes of, in order. */
  filesOf(piece: PieceIndex): readonly FileIndex[] {
    if (this.#latestPiece !== piece) this.#lookUp(piece);
    return this.#latestFiles;
  }

  /** The pieces that hold a file; undefined when it is empty. */
  piecesOf(file: FileIndex): PieceRange | undefined {
    return this.piecesOfRange(file, 0, Infinity);
  }

  /** The same one by one; none when it is empty. */
  *eachPieceOf(file: FileIndex): Generator<PieceIndex> {
    const range = this.piecesOf(file);
    if (range === undefined) return;
    for (let piece = range.first; piece <= range.last; piece++) yield piece;
  }

  /**
   * The pieces that hold bytes `start` to `end` (not included) of a file, as far as it reaches;
   * undefined when there are no such bytes.
   */
  piecesOfRange(file: FileIndex, start: number, end: number): PieceRange | undefined {
    const fileStart = this.#fileStarts[file]!, fileEnd = this.#fileEnds[file]!;
    const from = fileStart + Math.max(0, start);
    const to = Math.min(fileEnd, fileStart + end);
    if (from >= to) return undefined;
    return {
      first: Math.floor(from / this.pieceLength) as PieceIndex,
      last: Math.floor((to - 1) / this.pieceLength) as PieceIndex,
    };
  }

  /** Where a file lies, from its first byte to its last, in spans of at most `maxLength` bytes. */
  *pieceSpans(file: FileIndex, maxLength: number): Iterable<PieceSpan> {
    const { pieceLength } = this;
    const end = this.#fileEnds[file]!;
    for (let at = this.#fileStarts[file]!; at < end;) {
      const piece = Math.floor(at / pieceLength) as PieceIndex;
      const begin = at - piece * pieceLength;
      const length = Math.min(maxLength, pieceLength - begin, end - at);
      yield { piece, begin, length };
      at += length;
    }
  }

  #lookUp(piece: PieceIndex): void {
    this.#latestPiece = piece;
    this.#latestSpans = this.fileSpansIn(piece, 0, this.pieceSize(piece));
    this.#latestFiles = this.#latestSpans.map(({ file }) => file);
  }

  #readableSize(piece: PieceIndex): number {
    if (!this.#isAligned) return this.pieceSize(piece);
    return Math.min(this.pieceLength, this.blockCount(piece) * BLOCK_LENGTH);
  }

  /** How much of `size` bytes is left when padding at their end is cut off. */
  #lengthWithoutTail(piece: PieceIndex, begin: number, size: number): number {
    if (this.#dataLength === this.totalLength) return size;
    const start = piece * this.pieceLength + begin, last = start + size - 1;
    const data = this.#firstDataFileEndingAfter(last);
    const file = this.#dataFiles[data];
    if (file !== undefined && this.#fileStarts[file]! <= last) return size;
    if (data === 0) return 0;
    const dataEnd = this.#fileEnds[this.#dataFiles[data - 1]!]!;
    return Math.max(0, dataEnd - start);
  }

  /** Where the first file ends that has bytes after `offset`. */
  #fileEndAfter(offset: number): number {
    return this.#fileEnds[this.#dataFiles[this.#firstDataFileEndingAfter(offset)]!]!;
  }

  /** An index into `#dataFiles`; its length when none ends after `offset`. */
  #firstDataFileEndingAfter(offset: number): number {
    let low = 0, high = this.#dataFiles.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#fileEnds[this.#dataFiles[middle]!]! > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

function isIndex(value: number, count: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < count;
}
