import type { PieceIndex } from "../base/ids.ts";
import type { Layout } from "../metainfo/layout.ts";
import type { Assembly } from "./assembly.ts";
import type { OpenPiece, OpenPieceOptions } from "./open_piece.ts";
import type { OpenPieces } from "./open_pieces.ts";
import { Parole } from "./parole.ts";
import type { PieceChoice } from "./piece_choice.ts";
import type { PeerKey, PieceTable } from "./piece_table.ts";

export interface PieceLifeOptions {
  readonly layout: Layout;
  readonly table: PieceTable;
  readonly assembly: Assembly;
  readonly choice: PieceChoice;
  readonly open: OpenPieces;
}

/**
 * Moves pieces from one state to the next, everywhere at once.
 *
 * Invariants: a piece is partial in the table exactly while it is in the assembly and open; it is
 * in `choice` exactly while it is wanted and not on parole.
 */
export class PieceLife {
  readonly parole: Parole;
  readonly #options: PieceLifeOptions;
  #startedCount = 0;

  constructor(options: PieceLifeOptions) {
    this.#options = options;
    this.parole = new Parole(options.layout);
  }

  /** wanted → partial; the assembly has room. */
  start(piece: PieceIndex, start: Pick<OpenPieceOptions, "isSlow" | "now">): OpenPiece {
    const { table, assembly, choice, open } = this.#options;
    const paroled = this.parole.get(piece);
    if (paroled === undefined) choice.remove(piece);
    table.markPartial(piece);
    return open.open(assembly.open(piece), {
      rank: choice.rank(piece, this.#startedCount++),
      ...start,
      paroled,
    });
  }

  /** partial → wanted: what is here of it is lost. */
  giveUp(piece: OpenPiece): void {
    const { table, assembly, open } = this.#options;
    open.close(piece);
    assembly.drop(piece.piece);
    table.markDropped(piece.piece);
    piece.paroled?.disown();
    this.#offer(piece.piece);
  }

  /** partial → verifying: the assembly has handed it over. */
  completed(piece: OpenPiece): void {
    this.#options.open.close(piece);
    this.#options.table.markVerifying(piece.piece);
  }

  /** verifying → have. */
  verified(piece: PieceIndex): void {
    this.#options.table.markHave(piece);
    this.parole.delete(piece);
  }

  /** verifying → wanted, on parole if several peers gave it. */
  corrupt(piece: PieceIndex, contributors: readonly PeerKey[], now: number): void {
    this.parole.failed(piece, contributors, now);
    this.#options.table.markFailed(piece);
    this.#offer(piece);
  }

  /** verifying or have → wanted. */
  failed(piece: PieceIndex): void {
    this.parole.get(piece)?.disown();
    this.#options.table.markFailed(piece);
    this.#offer(piece);
  }

  #offer(piece: PieceIndex): void {
    const isWanted = this.#options.table.state(piece) === "wanted";
    if (isWanted && this.parole.get(piece) === undefined) this.#options.choice.add(piece);
  }
}
