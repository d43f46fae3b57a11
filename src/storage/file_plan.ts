/**
 * Which bytes of a torrent lie in which file, and under which name at present. A file is
 * `NAME.part` until all of it is verified; what a piece has of files that were not selected goes
 * to one sparse file of edges, at its offset within the torrent. Pure.
 */
import { Bitfield } from "../base/bitfield.ts";
import type { FileIndex, PieceIndex } from "../base/ids.ts";
import type { FileSpan } from "../metainfo/layout.ts";
import { type Metainfo, pieceHash } from "../metainfo/metainfo.ts";
import { type DiskPaths, PARTIAL_SUFFIX } from "../metainfo/paths.ts";
import { leafCount } from "../metainfo/piece_layers.ts";
import type {
  Finish,
  PieceHash,
  PieceToHash,
  Place,
  Span,
  WriteSpan,
} from "../workers/protocol.ts";

export interface FilePlanOptions {
  readonly metainfo: Metainfo;
  readonly paths: DiskPaths;
  /** Absolute, without symbolic links. */
  readonly outputDir: string;
  /** Absolute, without symbolic links. */
  readonly stateDir: string;
  readonly selected: ReadonlySet<FileIndex>;
  /** Final names may replace what is something else. */
  readonly overwrite: boolean;
  /** Files get their names together, at the end, when somebody asks for it. */
  readonly holdsNames?: boolean;
}

export class FilePlan {
  readonly metainfo: Metainfo;
  /** Where bytes of files that were not selected go. */
  readonly edges: Place;
  /** Selected files that have bytes, ascending. */
  readonly files: readonly FileIndex[];
  /** Selected files of length 0, ascending. */
  readonly emptyFiles: readonly FileIndex[];
  /** All of them, those that have bytes first. */
  readonly selectedFiles: readonly FileIndex[];
  readonly overwrite: boolean;
  readonly holdsNames: boolean;
  readonly #paths: DiskPaths;
  readonly #outputDir: string;
  readonly #isSelected: Uint8Array;
  readonly #isFinal: Uint8Array;
  readonly #isPresent: Uint8Array;
  readonly #isLong: Uint8Array;
  #areEdgesPresent = false;
  #latest: { file: FileIndex; isFinal: boolean; place: Place } | undefined;

  constructor(options: FilePlanOptions) {
    const { metainfo, paths, outputDir, stateDir, selected } = options;
    this.metainfo = metainfo;
    this.overwrite = options.overwrite;
    this.holdsNames = options.holdsNames ?? false;
    this.#paths = paths;
    this.#outputDir = outputDir;
    this.edges = { root: stateDir, path: `${metainfo.infoHashHex}.edges` };
    this.#isSelected = new Uint8Array(metainfo.files.length);
    this.#isFinal = new Uint8Array(metainfo.files.length);
    this.#isPresent = new Uint8Array(metainfo.files.length);
    this.#isLong = new Uint8Array(metainfo.files.length);
    const onDisk = [...selected].toSorted((a, b) => a - b)
      .filter((file) => metainfo.files.at(file).isOnDisk);
    for (const file of onDisk) this.#isSelected[file] = 1;
    this.files = onDisk.filter((file) => metainfo.files.lengthOf(file) > 0);
    this.emptyFiles = onDisk.filter((file) => metainfo.files.lengthOf(file) === 0);
    this.selectedFiles = [...this.files, ...this.emptyFiles];
  }

  isSelected(file: FileIndex): boolean {
    return this.#isSelected[file] === 1;
  }

  /** Does the file have its final name, or is it used under it? */
  isFinal(file: FileIndex): boolean {
    return this.#isFinal[file] === 1;
  }

  setFinal(file: FileIndex, isFinal: boolean): void {
    this.#isFinal[file] = isFinal ? 1 : 0;
  }

  /**
   * From now on the file must be where it is to be, or else something is lost. `size` is how long
   * it was found: one that was not made long by us becomes so with the first write.
   */
  setPresent(file: FileIndex, size = this.lengthOf(file)): void {
    if (!this.isSelected(file)) return this.setEdgesPresent();
    this.#isPresent[file] = 1;
    if (size >= this.lengthOf(file)) this.#isLong[file] = 1;
  }

  setEdgesPresent(): void {
    this.#areEdgesPresent = true;
  }

  lengthOf(file: FileIndex): number {
    return this.metainfo.files.lengthOf(file);
  }

  finalPlace(file: FileIndex): Place {
    return { root: this.#outputDir, path: this.#paths.pathOf(file) };
  }

  partPlace(file: FileIndex): Place {
    return { root: this.#outputDir, path: this.#paths.pathOf(file) + PARTIAL_SUFFIX };
  }

  /** What is there when anything of the target is: its folder, or its one file by either name. */
  get roots(): readonly Place[] {
    const root = { root: this.#outputDir, path: this.#paths.root };
    const part = { root: this.#outputDir, path: this.#paths.root + PARTIAL_SUFFIX };
    return this.metainfo.isMultiFile ? [root] : [root, part];
  }

  /** Where a selected file is now. One after the other asks for the same file, and gets the same. */
  placeOf(file: FileIndex): Place {
    const isFinal = this.isFinal(file);
    if (this.#latest?.file !== file || this.#latest.isFinal !== isFinal) {
      const place = isFinal ? this.finalPlace(file) : this.partPlace(file);
      this.#latest = { file, isFinal, place };
    }
    return this.#latest.place;
  }

  /** How a verified file gets its final name. */
  finishOf(file: FileIndex): Finish {
    const to = this.finalPlace(file);
    return {
      from: this.placeOf(file),
      to,
      length: this.lengthOf(file),
      mayReplace: this.overwrite,
    };
  }

  hashOf(piece: PieceIndex): PieceHash {
    const { metainfo } = this;
    const hash = pieceHash(metainfo, piece).toHex();
    return metainfo.version === 1 ? hash : { root: hash, leafCount: leafCount(metainfo, piece) };
  }

  /** Bytes of these pieces. */
  sizeOf(pieces: readonly PieceIndex[]): number {
    return pieces.reduce((sum, piece) => sum + this.metainfo.layout.pieceSize(piece), 0);
  }

  /** Every piece that has bytes of a selected file. */
  wantedPieces(): Bitfield {
    const wanted = new Bitfield(this.metainfo.layout.pieceCount);
    for (const file of this.files) {
      const { first, last } = this.metainfo.layout.piecesOf(file)!;
      for (let piece = first as number; piece <= last; piece++) wanted.set(piece);
    }
    return wanted;
  }

  /** A selected file that has its name holds all of it already, and is not touched again. */
  #isWritten(file: FileIndex): boolean {
    return this.isSelected(file) && this.isFinal(file);
  }

  /** Files that a piece is to be written to, or for which it goes to the edges. */
  filesToWrite(piece: PieceIndex): FileIndex[] {
    return this.metainfo.layout.filesOf(piece).filter((file) => !this.#isWritten(file));
  }

  /**
   * Where a piece is to be written, for each of `filesToWrite`. A file that lies in this piece
   * alone is finished at once, unless names are held back.
   */
  writeSpans(piece: PieceIndex): WriteSpan[] {
    const spans = this.metainfo.layout.fileSpans(piece);
    return spans.filter(({ file }) => !this.#isWritten(file)).map((span): WriteSpan => {
      const located = this.#locate(piece, span);
      if (!this.isSelected(span.file)) {
        return { ...located, fileLength: 0, mayCreate: !this.#areEdgesPresent };
      }
      const mayCreate = this.#isPresent[span.file] === 0;
      const fileLength = this.lengthOf(span.file);
      return span.length === fileLength && !this.holdsNames
        // There are no other bytes in such a file that could have been lost.
        ? { ...located, fileLength: 0, mayCreate: true, finish: this.finishOf(span.file) }
        : { ...located, fileLength, mayCreate, wasLong: this.#isLong[span.file] === 1 };
    });
  }

  /** Where `length` bytes of a piece are; from `begin` on, which is offset 0 of the result. */
  readSpans(piece: PieceIndex, begin: number, length: number): Span[] {
    return this.metainfo.layout.fileSpansIn(piece, begin, length).map((span) => {
      const at = this.#locate(piece, span);
      return { ...at, pieceOffset: span.pieceOffset - begin };
    });
  }

  /**
   * A piece as it is to be hashed where it lies. `sourceOf` may name other places than those
   * where bytes belong; a place of the edges is addressed as such.
   */
  toHash(
    piece: PieceIndex,
    sourceOf: (file: FileIndex, piece: PieceIndex) => Place | undefined,
  ): PieceToHash {
    const { layout } = this.metainfo;
    return {
      length: layout.pieceSize(piece),
      hash: this.hashOf(piece),
      spans: layout.fileSpans(piece).map((span) => {
        const source = sourceOf(span.file, piece);
        return source === undefined || source === this.edges
          ? this.#atEdges(piece, span)
          : at(source, span);
      }),
    };
  }

  #locate(piece: PieceIndex, span: FileSpan): Span {
    return this.isSelected(span.file)
      ? at(this.placeOf(span.file), span)
      : this.#atEdges(piece, span);
  }

  #atEdges(piece: PieceIndex, { pieceOffset, length }: FileSpan): Span {
    const fileOffset = piece * this.metainfo.pieceLength + pieceOffset;
    return { place: this.edges, fileOffset, pieceOffset, length };
  }
}

function at(place: Place, { fileOffset, pieceOffset, length }: FileSpan): Span {
  return { place, fileOffset, pieceOffset, length };
}
