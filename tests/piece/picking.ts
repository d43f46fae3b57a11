/** A picker with scripted peers, in strings of one character a piece, as libtorrent's tests do. */
import { SeededRandom } from "../../src/base/ambient.ts";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { BlockIndex, PieceIndex } from "../../src/base/ids.ts";
import { BLOCK_LENGTH, type BlockSpan, Layout } from "../../src/metainfo/layout.ts";
import { Assembly, type FullPiece } from "../../src/piece/assembly.ts";
import { Availability } from "../../src/piece/availability.ts";
import { PiecePicker } from "../../src/piece/picker.ts";
import type { PickerPeer } from "../../src/piece/picker_peer.ts";
import { type PeerKey, PieceTable } from "../../src/piece/piece_table.ts";

export interface PickingOptions {
  /** `-` unwanted, `.` wanted, `!` wanted first, `h` here. */
  readonly pieces: string;
  readonly blocksPerPiece?: number;
  readonly budgetPieces?: number;
  readonly sequential?: boolean;
  readonly seed?: number;
}

export class ScriptedPeer implements PickerPeer {
  theirHave: Bitfield;
  isPeerChoking = false;
  isSnubbed = false;
  /** Bytes a second that it has given. */
  rate = 0;
  readonly allowedFast = new Set<PieceIndex>();

  constructor(readonly key: PeerKey, have: string) {
    this.theirHave = bitfieldOf(have);
  }

  downloadRate(): number {
    return this.rate;
  }

  offers(piece: PieceIndex): boolean {
    return this.theirHave.has(piece) && (!this.isPeerChoking || this.allowedFast.has(piece));
  }
}

export class Picking {
  readonly layout: Layout;
  readonly table: PieceTable;
  readonly availability: Availability;
  readonly assembly: Assembly;
  readonly picker: PiecePicker;
  now = 1_000;

  constructor(options: PickingOptions) {
    const { pieces, blocksPerPiece = 4, budgetPieces = 1_000, sequential = false } = options;
    const random = new SeededRandom(options.seed ?? 1);
    const pieceLength = blocksPerPiece * BLOCK_LENGTH;
    const files = [{ length: pieces.length * pieceLength, isPadding: false }];
    this.layout = new Layout({ pieceLength, files });
    this.table = new PieceTable(this.layout);
    for (const [index, letter] of [...pieces].entries()) {
      const piece = index as PieceIndex;
      if (letter !== "-") this.table.setWanted(piece, letter === "!" ? 2 : 1);
      if (letter === "h") this.table.markHave(piece);
    }
    this.availability = new Availability(pieces.length, random);
    this.assembly = new Assembly({
      layout: this.layout,
      budgetBytes: budgetPieces * pieceLength,
    });
    const { layout, table, availability, assembly } = this;
    this.picker = new PiecePicker({ layout, table, availability, assembly, random, sequential });
  }

  /** A peer joins: `*` where it has the piece. */
  join(key: PeerKey, have: string): ScriptedPeer {
    const peer = new ScriptedPeer(key, have);
    this.availability.replaced(key, new Bitfield(have.length), peer.theirHave);
    return peer;
  }

  leave(peer: ScriptedPeer): void {
    this.availability.left(peer.key, peer.theirHave);
    this.picker.peerGone(peer.key);
  }

  /** What a peer is asked for, as `piece.block` words. */
  pick(peer: PickerPeer, count: number): string {
    return words(this.picker.pick(peer, count, this.now));
  }

  /** Like `pick`, the pieces alone, each once in the order of first appearance. */
  pickPieces(peer: PickerPeer, count: number): string {
    const spans = this.picker.pick(peer, count, this.now);
    return [...new Set(spans.map(({ piece }) => piece))].join(" ");
  }

  /** Blocks named by words come from the peer. Returns the pieces that became full. */
  give(peer: PickerPeer, blocks: string): FullPiece[] {
    return parseWords(blocks).flatMap(({ piece, block }) => {
      const { length } = this.layout.blockRequest(piece, block);
      const outcome = this.assembly.put(piece, block, new Uint8Array(length), peer.key);
      this.picker.received(peer.key, piece, block, this.now);
      return typeof outcome === "object" ? [outcome] : [];
    });
  }

  /** As `give`, and every full piece is verified at once. */
  giveGood(peer: PickerPeer, blocks: string): void {
    for (const full of this.give(peer, blocks)) {
      this.assembly.release(full.data.buffer);
      this.picker.verified(full.piece);
    }
  }

  /** As `give`, and every full piece is found wrong. */
  giveBad(peer: PickerPeer, blocks: string): void {
    for (const full of this.give(peer, blocks)) {
      this.assembly.release(full.data.buffer);
      this.picker.corrupt(full.piece, full.contributors, this.now);
    }
  }

  returned(peer: PickerPeer, blocks: string): void {
    for (const { piece, block } of parseWords(blocks)) {
      this.picker.returned(peer.key, piece, block);
    }
  }

  /** `-` unwanted, `.` wanted, `p` partial, `v` verifying, `h` here. */
  states(): string {
    const letters = { unwanted: "-", wanted: ".", partial: "p", verifying: "v", have: "h" };
    const pieces = Array.from({ length: this.layout.pieceCount }, (_, index) => index);
    return pieces.map((index) => letters[this.table.state(index as PieceIndex)]).join("");
  }
}

export function bitfieldOf(have: string): Bitfield {
  const field = new Bitfield(have.length);
  for (const [index, letter] of [...have].entries()) if (letter === "*") field.set(index);
  return field;
}

export function words(spans: readonly BlockSpan[]): string {
  return spans.map(({ piece, block }) => `${piece}.${block}`).join(" ");
}

function parseWords(blocks: string): { piece: PieceIndex; block: BlockIndex }[] {
  return blocks.split(" ").filter((word) => word !== "").map((word) => {
    const [piece, block] = word.split(".").map(Number);
    return { piece: piece as PieceIndex, block: block as BlockIndex };
  });
}
