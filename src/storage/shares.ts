/**
 * Which shares of pieces are in files of their own; all others are among the edges. Only the first
 * and the last piece of a file can hold bytes of others as well, so there are two bits to a file.
 * Pure.
 */
import { Bitfield } from "../base/bitfield.ts";
import type { FileIndex, PieceIndex } from "../base/ids.ts";
import type { Layout } from "../metainfo/layout.ts";

export class Shares {
  /** Of the first piece, by file. */
  readonly heads: Bitfield;
  /** Of the last piece, where that is another one. */
  readonly tails: Bitfield;

  constructor(heads: Bitfield, tails: Bitfield) {
    this.heads = heads;
    this.tails = tails;
  }

  /** Nothing is among the edges. */
  static allOwn(fileCount: number): Shares {
    const heads = new Bitfield(fileCount), tails = new Bitfield(fileCount);
    heads.setAll();
    tails.setAll();
    return new Shares(heads, tails);
  }

  copy(): Shares {
    return new Shares(this.heads.copy(), this.tails.copy());
  }

  /** Is what a file has of one of its pieces in a file of its own? */
  isOwn(layout: Layout, file: FileIndex, piece: PieceIndex): boolean {
    const { first, last } = layout.piecesOf(file)!;
    if (piece === first) return this.heads.has(file);
    return piece < last || this.tails.has(file);
  }

  /** From now on the shares of these pieces are in the file's own, or among the edges. */
  put(layout: Layout, file: FileIndex, pieces: Bitfield, isOwn: boolean): void {
    const range = layout.piecesOf(file);
    if (range === undefined) return;
    for (const piece of [range.first, range.last]) {
      if (pieces.has(piece)) this.putPiece(layout, file, piece, isOwn);
    }
  }

  /** The same of what a file has of one of its pieces. */
  putPiece(layout: Layout, file: FileIndex, piece: PieceIndex, isOwn: boolean): void {
    const { first, last } = layout.piecesOf(file)!;
    if (piece === first) setBit(this.heads, file, isOwn);
    if (piece === last) setBit(this.tails, file, isOwn);
  }
}

function setBit(bits: Bitfield, index: number, value: boolean): void {
  if (value) bits.set(index);
  else bits.clear(index);
}
