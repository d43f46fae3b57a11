/** Standard output as the place where the data of a torrent goes: one file, or an archive. */
import type { TorrentEvent } from "../../torrent/snapshot.ts";
import { usageError } from "../output/failure.ts";
import type { Output } from "../output/output.ts";
import { refuseTerminal, writeData } from "../output/standard_data.ts";
import type { Outlet, ReadableTorrent } from "../tasks/outlet.ts";
import type { Target } from "../tasks/target.ts";
import { batches, MAX_BATCH_BYTES, type Part } from "./batches.ts";
import { TAR_END, tarHeader, tarPadding } from "./tar.ts";
import { VerifiedReader } from "./verified_reader.ts";

export class StandardOutlet implements Outlet {
  readonly #stdout: Output;
  readonly #asTar: boolean;
  #reader: VerifiedReader | undefined;

  /** `asTar`: all selected files, as an archive. Throws a usage error on a terminal. */
  constructor(stdout: Output, { asTar }: { readonly asTar: boolean }) {
    refuseTerminal(stdout, "starling cat … | mpv -");
    this.#stdout = stdout;
    this.#asTar = asTar;
  }

  /** Throws a usage error for several files that are not to be an archive. */
  check({ selected }: Target): void {
    if (this.#asTar || selected.size === 1) return;
    throw usageError(
      `Cannot write ${selected.size} files to standard output: choose one with --select, or --tar`,
    );
  }

  hear(event: TorrentEvent): void {
    this.#reader?.hear(event);
  }

  async take(
    target: Target,
    torrent: ReadableTorrent,
    signal: AbortSignal,
  ): Promise<void> {
    const reader = this.#reader = new VerifiedReader(torrent, signal);
    for (const batch of batches(this.#parts(target), (piece) => reader.isHere(piece))) {
      await this.#write(await reader.read(batch), signal);
    }
  }

  /** All that is to be written, in order. */
  *#parts({ source: { metainfo }, selected }: Target): Iterable<Part> {
    const { layout, creationDate: modifiedS = 0 } = metainfo;
    for (const file of [...selected].toSorted((a, b) => a.index - b.index)) {
      if (this.#asTar) yield tarHeader({ ...file, modifiedS });
      yield* layout.pieceSpans(file.index, MAX_BATCH_BYTES);
      if (this.#asTar) yield tarPadding(file);
    }
    if (this.#asTar) yield TAR_END;
  }

  #write(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const whenGone = "what is here is saved: run the same command to go on";
    return writeData(bytes, this.#stdout, { signal, whenGone });
  }
}
