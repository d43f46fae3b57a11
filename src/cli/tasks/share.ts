/** One torrent of `seed`, from what was typed to how the sharing ended. */
import { join } from "node:path";
import { StoppedError } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import type { Magnet } from "../../metainfo/magnet.ts";
import type { PeerSnapshot, TorrentSnapshot } from "../../torrent/snapshot.ts";
import type { Engine, RunningTorrent } from "../environment/engine.ts";
import type { Environment } from "../environment/environment.ts";
import type { Interruption } from "../environment/interruption.ts";
import type { SeedOptions } from "../options/seed_options.ts";
import {
  CommandError,
  ExitCode,
  type Failure,
  failureOf,
  interruptedWith,
} from "../output/failure.ts";
import type { Notice, Subject } from "../output/notice.ts";
import type { SourceView } from "../output/progress.ts";
import { type Standing, standingOf } from "../output/standing.ts";
import { findData } from "../source/data_place.ts";
import { readLink } from "../source/link.ts";
import { type LinkedTorrent, LinkReader, stateFoldersOf } from "../source/link_reader.ts";
import { readTorrent, shownSource } from "../source/source.ts";
import { failureOfSharing, Sharing } from "./sharing.ts";
import type { Task } from "./tasks.ts";

const MAX_NAME_LENGTH = 200;
const MAX_STATUS_LENGTH = 300;

export interface ShareContext {
  readonly options: SeedOptions;
  /** The data, or the folder that it is in. */
  readonly path: string;
  readonly environment: Environment;
  readonly engine: Engine;
  readonly interruption: Interruption;
  /** Is this torrent not being shared already? */
  readonly claim: (infoHash: string) => boolean;
  readonly tell: (subject: Subject, notice: Notice) => void;
}

export class Share implements Task {
  readonly #source: string;
  readonly #context: ShareContext;
  readonly #leaving = new AbortController();
  #subject: Subject;
  #status = "reading the torrent";
  /** Looks for the metadata of a link, as long as that takes. */
  #reader: LinkReader | undefined;
  #torrent: RunningTorrent | undefined;
  #sharing: Sharing | undefined;
  #hasEnded = false;
  /** How it was at the end. */
  #last: TorrentSnapshot | undefined;

  constructor(source: string, context: ShareContext) {
    this.#source = source;
    this.#context = context;
    const name = shownSource(source);
    this.#subject = { source: name, name, infoHash: null };
  }

  async run(): Promise<Failure | undefined> {
    const stop = () => void this.#stop();
    const { signal } = this.#context.interruption;
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    try {
      return await this.#share();
    } catch (error) {
      return await this.#fail(error);
    } finally {
      this.#hasEnded = true;
      signal.removeEventListener("abort", stop);
      this.#last = this.#torrent?.snapshot();
      await this.#torrent?.close();
      this.#torrent = undefined;
    }
  }

  supervise(now: number): void {
    this.#sharing?.supervise(now);
  }

  view(): SourceView {
    const torrent = this.#torrent?.snapshot() ?? this.#last;
    const status = this.#reader?.status ?? this.#status;
    return { subject: this.#subject, status, torrent };
  }

  standing(): Standing {
    return standingOf(this.view(), { verdict: this.#torrent?.verdict(), hasEnded: this.#hasEnded });
  }

  peers(): readonly PeerSnapshot[] {
    return this.#torrent?.peerSnapshots() ?? [];
  }

  async #share(): Promise<Failure | undefined> {
    const { environment, engine, options, path, interruption } = this.#context;
    const { signal } = this.#leaving;
    const found = await this.#read();
    if (found === undefined) return undefined;
    const { source, peers } = found;
    const { metainfo, files } = source;
    const size = files.reduce((sum, file) => sum + file.size, 0);
    this.#tell({ kind: "added", metainfo, size, fileCount: files.length });
    for (const message of metainfo.warnings) this.#tell({ kind: "warning", message });
    const place = await findData(source, path, environment);
    const torrent = this.#torrent = await engine.share({
      source,
      peers,
      place,
      stateDir: options.stateDir,
      trustState: !options.noResume,
      allowPartial: options.partial,
      superSeed: options.superSeed,
      onEvent: (event) => this.#tell({ kind: "torrent", event }),
    });
    if (signal.aborted) throw new StoppedError("stopped");
    await torrent.download(); // Nothing is missing: it checks what is here, and joins the swarm.
    const { bytes } = torrent.snapshot();
    this.#status = "seeded";
    this.#tell({ kind: "seeding", bytes, size, path: join(place.outputDir, place.paths.root) });
    const goal = { ratio: options.seedRatio, durationMs: options.seedMs };
    this.#sharing = new Sharing(torrent, goal, environment.clock);
    const shared = await this.#sharing.run();
    this.#tell({ kind: "seeded", shared });
    return failureOfSharing(shared, interruption);
  }

  /** Undefined when the torrent is shared already. */
  async #read(): Promise<Pick<LinkedTorrent, "source" | "peers"> | undefined> {
    const { environment, options: { headers, proxy } } = this.#context;
    const link = readLink(this.#source);
    if (link !== undefined) {
      return this.#identify(link.name ?? "", link.infoHashHex) ? this.#readLink(link) : undefined;
    }
    const { signal } = this.#leaving;
    const source = await readTorrent(this.#source, { environment, headers, proxy, signal });
    const { name, infoHashHex } = source.metainfo;
    return this.#identify(name, infoHashHex) ? { source, peers: [] } : undefined;
  }

  async #readLink(link: Magnet): Promise<LinkedTorrent> {
    const { environment, engine, options, path } = this.#context;
    const startedAt = environment.clock.now();
    this.#reader = new LinkReader(link, {
      environment,
      openEngine: () => Promise.resolve(engine),
      switches: options,
      stateFolders: stateFoldersOf(path, options.stateDir),
      waitsForPeers: true,
      signal: this.#leaving.signal,
      onEvent: (event) => this.#tell({ kind: "torrent", event }),
    });
    try {
      const found = await this.#reader.read();
      const { metainfo: { name, infoBytes: { length } } } = found.source;
      this.#rename(name, link.infoHashHex);
      const durationMs = environment.clock.now() - startedAt;
      this.#tell({ kind: "metadata", length, isKept: found.isKept, durationMs });
      return found;
    } finally {
      this.#reader = undefined;
    }
  }

  #identify(name: string, infoHashHex: string): boolean {
    this.#rename(name, infoHashHex);
    if (this.#context.claim(infoHashHex)) return true;
    this.#status = "the same torrent as another";
    this.#tell({ kind: "warning", message: "it was named twice and is shared once" });
    return false;
  }

  #rename(name: string, infoHash: string): void {
    const shown = printable(name, MAX_NAME_LENGTH) || infoHash;
    this.#subject = { ...this.#subject, name: shown, infoHash };
  }

  async #stop(): Promise<void> {
    this.#leaving.abort();
    await this.#torrent?.stop();
  }

  async #fail(error: unknown): Promise<Failure> {
    const isStopped = this.#leaving.signal.aborted && !(error instanceof CommandError);
    const failure = isStopped ? this.#interrupted() : failureOf(error);
    if (failure.exitCode === ExitCode.bug && error instanceof Error) {
      const lines = (error.stack ?? "no stack").split("\n");
      for (const message of lines) this.#tell({ kind: "debug", message: message.trim() });
    }
    await this.#stop();
    this.#status = `failed: ${printable(failure.detail, MAX_STATUS_LENGTH)}`;
    this.#tell({ kind: "failed", failure });
    return failure;
  }

  #interrupted(): Failure {
    const { exitCode } = this.#context.interruption;
    return interruptedWith(exitCode, "interrupted before it was shared");
  }

  #tell(notice: Notice): void {
    this.#context.tell(this.#subject, notice);
  }
}
