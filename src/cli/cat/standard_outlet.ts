/** Standard output as the place where the data of a torrent goes: one file, or an archive. */
import type { TorrentEvent } from "../../torrent/snapshot.ts";
import { usageError } from "../output/failure.ts";
import type { Output } from "../output/output.ts";
import { refuseTerminal, writeData } from "../output/standard_data.ts";
import type { Outlet, ReadableTorrent } from "../tasks/outlet.ts";
import type { Target } from "../tasks/target.ts";
import { TAR_END, tarHeader, tarPadding } from "./tar.ts";
import { VerifiedReader } from "./verified_reader.ts";

/** Bytes that are read at a time, and held however slow whoever reads them is. */
const MAX_HELD_BYTES = 1024 * 1024;

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
    { source: { metainfo }, selected }: Target,
    torrent: ReadableTorrent,
    signal: AbortSignal,
  ): Promise<void> {
    const { layout, creationDate: modifiedS = 0 } = metainfo;
    const reader = this.#reader = new VerifiedReader(torrent, signal);
    const files = [...selected].toSorted((a, b) => a.index - b.index);
    for (const file of files) {
      if (this.#asTar) await this.#write(tarHeader({ ...file, modifiedS }), signal);
      for (const span of layout.pieceSpans(file.index, MAX_HELD_BYTES)) {
        await this.#write(await reader.read(span), signal);
      }
      if (this.#asTar) await this.#write(tarPadding(file), signal);
    }
    if (this.#asTar) await this.#write(TAR_END, signal);
  }

  #write(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    const whenGone = "what is here is saved: run the same command to go on";
    return writeData(bytes, this.#stdout, { signal, whenGone });
  }
}
