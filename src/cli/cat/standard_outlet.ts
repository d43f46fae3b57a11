/** Standard output as the place where the data of a torrent goes: one file, or an archive. */
import { PARTIAL_SUFFIX } from "../../metainfo/paths.ts";
import type { TorrentEvent } from "../../torrent/snapshot.ts";
import type { Environment } from "../environment/environment.ts";
import { type ListedFile, shownPath } from "../files/file_list.ts";
import type { CatOptions } from "../options/cat_options.ts";
import { usageError } from "../output/failure.ts";
import { refuseTerminal, writeData } from "../output/standard_data.ts";
import type { Outlet, ReadableTorrent } from "../tasks/outlet.ts";
import type { Target } from "../tasks/target.ts";
import { batches, MAX_BATCH_BYTES, type Part } from "./batches.ts";
import { TAR_END, tarHeader, tarPadding } from "./tar.ts";
import { VerifiedReader } from "./verified_reader.ts";

type OutletEnvironment = Pick<Environment, "stdout" | "standardOutputAmong">;

export class StandardOutlet implements Outlet {
  readonly #environment: OutletEnvironment;
  readonly #asTar: boolean;
  readonly #outputDir: string;
  #reader: VerifiedReader | undefined;

  /** Throws a usage error on a terminal. */
  constructor(
    environment: OutletEnvironment,
    { tar, outputDir }: Pick<CatOptions, "tar" | "outputDir">,
  ) {
    refuseTerminal(environment.stdout, "starling cat … | mpv -");
    this.#environment = environment;
    this.#asTar = tar;
    this.#outputDir = outputDir;
  }

  /**
   * Throws a usage error for several files that are not to be an archive, and where standard output
   * is a file of the target, into which its own bytes would go.
   */
  async check({ selected }: Target): Promise<void> {
    if (!this.#asTar && selected.size !== 1) {
      throw usageError(
        `Cannot write ${selected.size} files to standard output: choose one with --select, or --tar`,
      );
    }
    const path = await this.#environment.standardOutputAmong(this.#outputDir, namesOf(selected));
    if (path === undefined) return;
    throw usageError(
      `Cannot write to standard output: it is ${shownPath(path)}, a file that is downloaded; ` +
        'name another file, or use "starling get"',
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
    return writeData(bytes, this.#environment.stdout, { signal, whenGone });
  }
}

/** What files are called on disk, before they are complete and after. */
function* namesOf(files: Iterable<ListedFile>): Iterable<string> {
  for (const { path } of files) yield* [path, path + PARTIAL_SUFFIX];
}
