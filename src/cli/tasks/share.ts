/** One torrent of `seed`, from what was typed to how the sharing ended. */
import { join } from "node:path";
import type { Magnet } from "../../metainfo/magnet.ts";
import type { PeerSnapshot } from "../../torrent/snapshot.ts";
import type { Engine } from "../environment/engine.ts";
import type { Environment } from "../environment/environment.ts";
import { fileCountOf } from "../files/file_list.ts";
import type { SeedOptions } from "../options/seed_options.ts";
import { type Failure, interruptedWith } from "../output/failure.ts";
import type { Subject } from "../output/notice.ts";
import type { SourceView } from "../output/progress.ts";
import type { Standing } from "../output/standing.ts";
import { findData } from "../source/data_place.ts";
import { readGiven } from "../source/given_source.ts";
import { type LinkedTorrent, LinkReader, stateFoldersOf } from "../source/link_reader.ts";
import { parseTorrent } from "../source/source.ts";
import { SourceLife, type SourceLifeContext } from "./source_life.ts";
import type { Task } from "./task.ts";

/** Of a torrent that is shared for another source. */
const TWIN = {
  status: "the same torrent as another",
  warning: "it was named twice and is shared once",
};

export interface ShareContext extends SourceLifeContext {
  readonly options: SeedOptions;
  /** The data, or the folder that it is in. */
  readonly path: string;
  readonly environment: Environment;
  readonly engine: Engine;
}

export class Share implements Task {
  readonly #source: string;
  readonly #context: ShareContext;
  readonly #life: SourceLife;
  /** Looks for the metadata of a link, as long as that takes. */
  #reader: LinkReader | undefined;

  /** `subject` is what the source is told as. */
  constructor(source: string, subject: Subject, context: ShareContext) {
    this.#source = source;
    this.#context = context;
    this.#life = new SourceLife(subject, context, TWIN);
  }

  async run(): Promise<Failure | undefined> {
    const life = this.#life;
    life.begin();
    try {
      return await this.#share();
    } catch (error) {
      return await life.fail(error, () => this.#whyStopped());
    } finally {
      await life.end();
    }
  }

  supervise(now: number): void {
    this.#life.supervise(now);
  }

  view(): SourceView {
    return this.#life.view(this.#reader?.status);
  }

  standing(): Standing {
    return this.#life.standing(this.#reader?.status);
  }

  peers(): readonly PeerSnapshot[] {
    return this.#life.peers();
  }

  async #share(): Promise<Failure | undefined> {
    const { environment, engine, options, path } = this.#context;
    const life = this.#life;
    const found = await this.#read();
    if (found === undefined) return undefined;
    const { source, peers } = found;
    const { metainfo } = source;
    const size = metainfo.layout.dataLength;
    life.introduce(metainfo, { size, fileCount: fileCountOf(metainfo) });
    const place = await findData(source, path, environment);
    const torrent = life.torrent = await engine.share({
      source,
      peers,
      place,
      stateDir: options.stateDir,
      trustState: !options.noResume,
      allowPartial: options.partial,
      superSeed: options.superSeed,
      onEvent: (event) => life.tell({ kind: "torrent", event }),
    });
    life.signal.throwIfAborted();
    await torrent.download(); // Nothing is missing: it checks what is here, and joins the swarm.
    const { bytes } = torrent.snapshot();
    life.tell({ kind: "seeding", bytes, size, path: join(place.outputDir, place.paths.root) });
    return await life.share(torrent, { ratio: options.seedRatio, durationMs: options.seedMs });
  }

  /** Undefined when the torrent is shared already. */
  async #read(): Promise<Pick<LinkedTorrent, "source" | "peers"> | undefined> {
    const { environment, options: { headers, proxy } } = this.#context;
    const life = this.#life;
    const { signal } = life;
    const given = await readGiven(this.#source, { environment, headers, proxy, signal });
    if (given.kind === "link") {
      const { link } = given;
      return life.identify(link.name ?? "", link.infoHashHex) ? this.#readLink(link) : undefined;
    }
    const source = await parseTorrent(given.bytes, this.#source, environment);
    const { name, infoHashHex } = source.metainfo;
    return life.identify(name, infoHashHex) ? { source, peers: [] } : undefined;
  }

  async #readLink(link: Magnet): Promise<LinkedTorrent> {
    const { environment, engine, options, path } = this.#context;
    const life = this.#life;
    const startedAt = environment.clock.now();
    this.#reader = new LinkReader(link, {
      environment,
      openEngine: () => Promise.resolve(engine),
      switches: options,
      stateFolders: stateFoldersOf(path, options.stateDir),
      waitsForPeers: true,
      signal: life.signal,
      onEvent: (event) => life.tell({ kind: "torrent", event }),
    });
    try {
      const found = await this.#reader.read();
      const { metainfo: { name, infoBytes: { length } } } = found.source;
      life.rename(name, link.infoHashHex);
      const durationMs = environment.clock.now() - startedAt;
      life.tell({ kind: "metadata", length, isKept: found.isKept, durationMs });
      return found;
    } finally {
      this.#reader = undefined;
    }
  }

  #whyStopped(): Failure {
    const { exitCode } = this.#context.interruption;
    return interruptedWith(exitCode, "interrupted before it was shared");
  }
}
