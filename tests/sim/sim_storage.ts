/** A disk in memory that can be slow, full, or lost in a crash. Keeps the contract of Storage. */
import { createHash } from "node:crypto";
import type { Clock } from "../../src/base/ambient.ts";
import { Bitfield } from "../../src/base/bitfield.ts";
import type { Bytes } from "../../src/base/bytes.ts";
import { StorageError } from "../../src/base/errors.ts";
import type { PieceIndex } from "../../src/base/ids.ts";
import { BLOCK_LENGTH } from "../../src/metainfo/layout.ts";
import type { Metainfo } from "../../src/metainfo/metainfo.ts";
import type {
  CheckpointOutcome,
  PieceOutcome,
  PieceRun,
  ReadOutcome,
  Storage,
} from "../../src/storage/storage.ts";
import { frameBlocks, headersLength } from "../../src/wire/block_run.ts";
import { isPiece } from "./sim_torrent.ts";

export interface DiskFaults {
  readonly latencyMs: number;
  /** Pieces that fit; the next one fails. */
  readonly capacity?: number;
}

/** What outlives a crash: everything checkpointed. */
export class SimDisk {
  readonly pieces = new Map<PieceIndex, Bytes>();
  claimed: Bitfield;

  constructor(pieceCount: number) {
    this.claimed = new Bitfield(pieceCount);
  }
}

export class SimStorage implements Storage {
  readonly #metainfo: Metainfo;
  readonly #disk: SimDisk;
  readonly #clock: Clock;
  readonly #faults: DiskFaults;
  readonly #written: Bitfield;
  #isFinished = false;

  constructor(metainfo: Metainfo, disk: SimDisk, clock: Clock, faults: DiskFaults) {
    this.#metainfo = metainfo;
    this.#disk = disk;
    this.#clock = clock;
    this.#faults = faults;
    this.#written = copyOf(disk.claimed);
  }

  get isFinished(): boolean {
    return this.#isFinished;
  }

  restore(): Promise<Bitfield> {
    return Promise.resolve(copyOf(this.#written));
  }

  async write(piece: PieceIndex, data: Bytes, wantDigests: boolean): Promise<PieceOutcome> {
    const bytes = data.slice();
    const buffer = data.buffer.transfer();
    await this.#clock.sleep(this.#faults.latencyMs);
    const isGood = isPiece(this.#metainfo, piece, bytes);
    if (!isGood) return { kind: "corrupt", buffer, digests: digestsOf(bytes) };
    if (this.#disk.pieces.size >= (this.#faults.capacity ?? Infinity)) {
      const error = new StorageError("no-space", "sim", "Cannot write sim: the disk is full");
      return { kind: "failed", buffer, error };
    }
    this.#disk.pieces.set(piece, bytes);
    this.#written.set(piece);
    return wantDigests
      ? { kind: "good", buffer, digests: digestsOf(bytes) }
      : { kind: "good", buffer };
  }

  async read(run: PieceRun): Promise<ReadOutcome> {
    await this.#clock.sleep(this.#faults.latencyMs);
    const { piece, begin, length } = run;
    const bytes = this.#disk.pieces.get(piece);
    if (bytes === undefined) {
      const error = new StorageError("changed", "sim", "Cannot read sim: it was changed");
      return { kind: "failed", error, lost: [piece] };
    }
    const messages = new Uint8Array(headersLength(run) + length);
    messages.set(bytes.subarray(begin, begin + length), headersLength(run));
    frameBlocks(messages, run);
    return { kind: "read", messages };
  }

  async checkpoint(): Promise<CheckpointOutcome> {
    const flushed = copyOf(this.#written);
    await this.#clock.sleep(this.#faults.latencyMs);
    this.#disk.claimed = flushed;
    return { kind: "saved" };
  }

  async finish(): Promise<void> {
    await this.checkpoint();
    this.#isFinished = true;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function copyOf(field: Bitfield): Bitfield {
  return Bitfield.fromBytes(field.toBytes(), field.length)!;
}

export function sha1(bytes: Uint8Array): Uint8Array {
  return createHash("sha1").update(bytes).digest();
}

function digestsOf(bytes: Uint8Array): string[] {
  const digests: string[] = [];
  for (let begin = 0; begin < bytes.length; begin += BLOCK_LENGTH) {
    digests.push(
      createHash("sha1").update(bytes.subarray(begin, begin + BLOCK_LENGTH)).digest("hex"),
    );
  }
  return digests;
}
