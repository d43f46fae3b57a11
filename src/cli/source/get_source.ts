/** One source of `get`, from what was typed to a torrent: read, or looked for and kept. */
import type { Bytes } from "../../base/bytes.ts";
import type { Endpoint } from "../../base/endpoint.ts";
import { StorageError } from "../../base/errors.ts";
import type { IndexRange, Magnet } from "../../metainfo/magnet.ts";
import type { Engine } from "../environment/engine.ts";
import type { Environment } from "../environment/environment.ts";
import { foldersOf } from "../environment/state_folders.ts";
import { shownPath, type SourceTorrent } from "../files/file_list.ts";
import type { GetOptions } from "../options/get_options.ts";
import { permissionError } from "../output/failure.ts";
import type { Notice } from "../output/notice.ts";
import { readGiven } from "./given_source.ts";
import type { LinkedTorrent, LinkReader } from "./link_reader.ts";
import { parseTorrent } from "./source.ts";

export interface GetSourceContext {
  readonly options: GetOptions;
  readonly environment: Environment;
  readonly openEngine: () => Promise<Engine>;
  /** When the command began. */
  readonly startedAt: number;
  readonly signal: AbortSignal;
  /** Says what is known of the torrent; false when there is nothing to do for it. */
  readonly identify: (name: string, infoHashHex: string) => boolean;
  /** Says its name, which a link may not have known. */
  readonly rename: (name: string, infoHashHex: string) => void;
  readonly tell: (notice: Notice) => void;
}

/** A torrent, and what the way to it has brought. */
export interface FoundTorrent {
  readonly source: SourceTorrent;
  /** The .torrent as it is, or made of what peers gave. */
  readonly bytes: Bytes;
  readonly peers: readonly Endpoint[];
  /** Files that the link selects. */
  readonly selectedFiles?: readonly IndexRange[] | undefined;
}

export class GetSource {
  readonly #source: string;
  readonly #context: GetSourceContext;
  readonly #stateDir: string;
  #reader: LinkReader | undefined;

  constructor(source: string, context: GetSourceContext) {
    this.#source = source;
    this.#context = context;
    this.#stateDir = foldersOf(context.options).stateDir;
  }

  /** What it is doing, in a few printable words. */
  get status(): string {
    return this.#reader?.status ?? "reading the torrent";
  }

  /** Metadata is looked for: `--deadline` ends that here. */
  get isSearching(): boolean {
    return this.#reader !== undefined;
  }

  /** Undefined when there is nothing to do. Throws `CommandError`; the reason of the signal. */
  async read(): Promise<FoundTorrent | undefined> {
    const { environment, options: { headers, proxy }, signal } = this.#context;
    const hint = commandHint(this.#source);
    const given = await readGiven(this.#source, { environment, headers, proxy, signal, hint });
    return given.kind === "link"
      ? await this.#readLink(given.link)
      : await this.#readTorrent(given.bytes);
  }

  async #readTorrent(bytes: Bytes): Promise<FoundTorrent | undefined> {
    const { environment, identify } = this.#context;
    const source = await parseTorrent(bytes, this.#source, environment);
    const { name, infoHashHex } = source.metainfo;
    return identify(name, infoHashHex) ? { source, bytes, peers: [] } : undefined;
  }

  async #readLink(link: Magnet): Promise<FoundTorrent | undefined> {
    const { environment, options, identify, rename, tell } = this.#context;
    const { infoHashHex, selectedFiles } = link;
    if (!identify(link.name ?? "", infoHashHex)) return undefined;
    if (options.metadataOnly) {
      const { findSaved } = await import("./saved_torrent.ts");
      const saved = await findSaved(infoHashHex, options, environment);
      if (saved !== undefined) {
        tell({ kind: "saved", ...saved, durationMs: this.#elapsedMs });
        return undefined;
      }
    } else this.#requireWriting();
    const found = await this.#searchFor(link);
    const { name, infoBytes: { length } } = found.source.metainfo;
    rename(name, infoHashHex);
    tell({ kind: "metadata", length, isKept: found.isKept, durationMs: this.#elapsedMs });
    if (!found.isKept && !options.metadataOnly) await this.#keep(found, link);
    return { ...found, selectedFiles };
  }

  async #searchFor(link: Magnet): Promise<LinkedTorrent> {
    // Whoever has the .torrent does not wait for what only links need.
    const { LinkReader, stateFoldersOf } = await import("./link_reader.ts");
    const { environment, openEngine, options, signal, tell } = this.#context;
    const { metadataOnly, outputDir, stateDir, deadlineMs, stallMs } = options;
    this.#reader = new LinkReader(link, {
      environment,
      openEngine,
      switches: options,
      stateFolders: metadataOnly ? stateFoldersOf(outputDir, stateDir) : [this.#stateDir],
      deadlineMs: deadlineMs === undefined ? undefined : deadlineMs - this.#elapsedMs,
      stallMs,
      waitsForPeers: true,
      signal,
      onEvent: (event) => tell({ kind: "torrent", event }),
    });
    try {
      return await this.#reader.read();
    } finally {
      this.#reader = undefined;
    }
  }

  /** Whoever may not write finds out before a search of hours, not after it. */
  #requireWriting(): void {
    const { environment, options: { outputDir } } = this.#context;
    const missing = environment.missingAccess([outputDir, this.#stateDir]);
    if (missing === undefined) return;
    throw permissionError(`Cannot write to ${shownPath(outputDir)}`, missing);
  }

  /** The next run needs no search. When this fails, the download goes on, and says the rest. */
  async #keep({ bytes }: LinkedTorrent, { infoHashHex }: Magnet): Promise<void> {
    const { environment, options: { outputDir }, tell } = this.#context;
    const folders = { outputDir, stateDir: this.#stateDir };
    const { keptName } = await import("./link_reader.ts");
    try {
      await environment.keepState(folders, keptName(infoHashHex), bytes);
    } catch (error) {
      if (!(error instanceof StorageError)) throw error;
      tell({ kind: "warning", message: `the metadata is not kept: ${error.message}` });
    }
  }

  get #elapsedMs(): number {
    const { environment: { clock }, startedAt } = this.#context;
    return clock.now() - startedAt;
  }
}

/** Since every first word that is no command is a source, one may have been meant for a command. */
function commandHint(source: string): string {
  return /^[^./\\]+$/.test(source) ? "; starling --help lists the commands" : "";
}
