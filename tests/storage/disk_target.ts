/** A torrent, its data, and a temporary folder to store it in with the real workers. */
import { deepStrictEqual } from "node:assert/strict";
import { createHash } from "node:crypto";
import { SeededRandom, SystemClock } from "../../src/base/ambient.ts";
import type { Bitfield } from "../../src/base/bitfield.ts";
import { type Bytes, concatBytes } from "../../src/base/bytes.ts";
import type { FileIndex, PieceIndex } from "../../src/base/ids.ts";
import { encode } from "../../src/metainfo/bencode_encoder.ts";
import { type Metainfo, parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { diskPaths } from "../../src/metainfo/paths.ts";
import { DiskStorage, type DiskStorageOptions } from "../../src/storage/disk_storage.ts";
import { FilePlan } from "../../src/storage/file_plan.ts";
import { Journal } from "../../src/storage/journal.ts";
import type { PieceOutcome, Storage } from "../../src/storage/storage.ts";
import { MessageDecoder } from "../../src/wire/decoder.ts";
import { WorkerPool } from "../../src/workers/pool.ts";
import { randomBytes } from "../loopback/content.ts";
import { version2Torrent } from "../metainfo/version_2_torrent.ts";

/** Lengths by path; a path that starts with `.pad/` is padding. */
export type FileLengths = Readonly<Record<string, number>>;

export interface SampleData {
  readonly metainfo: Metainfo;
  /** All files in a row, padding included. */
  readonly data: Bytes;
  /** By path in the torrent. */
  readonly contents: ReadonlyMap<string, Bytes>;
}

/** A torrent of random data: a folder, or one file when `files` is a number. */
export function sampleData(
  name: string,
  files: FileLengths | number,
  pieceLength: number,
): SampleData {
  const lengths = typeof files === "number" ? { [name]: files } : files;
  const contents = new Map(
    Object.entries(lengths).map((
      [path, length],
      index,
    ) => [
      path,
      path.startsWith(".pad/") ? new Uint8Array(length) : randomBytes(length, index + 1),
    ]),
  );
  const data = concatBytes(...contents.values());
  const hashes: Uint8Array[] = [];
  for (let start = 0; start < data.length; start += pieceLength) {
    hashes.push(createHash("sha1").update(data.subarray(start, start + pieceLength)).digest());
  }
  const list = [...contents].map(([path, { length }]) => ({
    path: path.split("/"),
    length,
    attr: path.startsWith(".pad/") ? "p" : undefined,
  }));
  const info = {
    name,
    "piece length": pieceLength,
    pieces: concatBytes(...hashes),
    ...(typeof files === "number" ? { length: files } : { files: list }),
  };
  return { metainfo: parseMetainfo(encode({ info })), data, contents };
}

/** A torrent of version 2: `data` has zeros where a file does not fill its last piece. */
export function sampleVersion2(name: string, files: FileLengths, pieceLength: number): SampleData {
  const paths = Object.keys(files).toSorted();
  const contents = new Map(
    paths.map((path, index) => [path, randomBytes(files[path]!, index + 1)]),
  );
  const aligned = [...contents.values()].map((bytes) => {
    const whole = new Uint8Array(Math.ceil(bytes.length / pieceLength) * pieceLength);
    whole.set(bytes);
    return whole;
  });
  const bytes = version2Torrent(Object.fromEntries(contents), { name, pieceLength });
  return { metainfo: parseMetainfo(bytes), data: concatBytes(...aligned), contents };
}

export type OpenOptions = Partial<DiskStorageOptions>;

/** What one run found, did and said. */
export interface Run extends AsyncDisposable {
  readonly storage: DiskStorage;
  readonly have: Bitfield;
  readonly checkedBytes: number;
  readonly done: string[];
  readonly warnings: string[];
}

export class DiskTarget implements AsyncDisposable {
  readonly folder: string;
  readonly sample: SampleData;
  readonly pool = new WorkerPool({ size: 2 });

  /** In a new temporary folder, or in one that is there. */
  constructor(sample: SampleData, { folder, parent }: { folder?: string; parent?: string } = {}) {
    this.sample = sample;
    this.folder = Deno.realPathSync(
      folder ?? Deno.makeTempDirSync(parent === undefined ? {} : { dir: parent }),
    );
  }

  get outputDir(): string {
    return `${this.folder}/out`;
  }

  get stateDir(): string {
    return `${this.outputDir}/.starling`;
  }

  /** All files, or those at `paths` in the torrent. */
  select(...paths: string[]): Set<FileIndex> {
    const names = [...this.sample.contents.keys()];
    const chosen = paths.length === 0 ? names : paths;
    return new Set(chosen.map((path) => names.indexOf(path) as FileIndex));
  }

  /** Where everything goes; both folders are made. */
  plan({ selected = this.select(), overwrite = false } = {}): FilePlan {
    const { metainfo } = this.sample;
    const { outputDir, stateDir } = this;
    Deno.mkdirSync(stateDir, { recursive: true });
    const paths = diskPaths(metainfo, "linux");
    return new FilePlan({ metainfo, paths, outputDir, stateDir, selected, overwrite });
  }

  open(options: OpenOptions = {}): Promise<DiskStorage> {
    const { metainfo } = this.sample;
    return DiskStorage.open({
      metainfo,
      paths: diskPaths(metainfo, "linux"),
      outputDir: this.outputDir,
      stateDir: this.stateDir,
      selected: this.select(),
      pool: this.pool,
      clock: new SystemClock(),
      random: new SeededRandom(1),
      overwrite: false,
      trustState: true,
      waitLockMs: 0,
      signal: new AbortController().signal,
      onFileDone: () => {},
      onWarning: () => {},
      ...options,
    });
  }

  /** Opens and restores; closes when it is disposed of. */
  async run(options: OpenOptions = {}): Promise<Run> {
    const done: string[] = [], warnings: string[] = [];
    const storage = await this.open({
      onFileDone: (path, size) => done.push(`${path} ${size}`),
      onWarning: (message) => warnings.push(message),
      ...options,
    });
    try {
      let checkedBytes = 0;
      const have = await storage.restore(
        (checked) => checkedBytes = checked,
        new AbortController().signal,
      );
      const close = () => storage.close();
      return { storage, have, checkedBytes, done, warnings, [Symbol.asyncDispose]: close };
    } catch (error) {
      await storage.close();
      throw error;
    }
  }

  /** The bytes of a piece, in a buffer of their own. */
  piece(index: number): Bytes {
    const { pieceLength, layout } = this.sample.metainfo;
    const begin = index * pieceLength;
    return this.sample.data.slice(begin, begin + layout.pieceSize(index as PieceIndex));
  }

  write(storage: Storage, index: number): Promise<PieceOutcome> {
    return storage.write(index as PieceIndex, this.piece(index), false);
  }

  /** Writes these pieces, or all, at once; all must turn out well. */
  async writeAll(storage: Storage, indices: Iterable<number> = this.#allPieces()): Promise<void> {
    const outcomes = await Promise.all([...indices].map((index) => this.write(storage, index)));
    for (const outcome of outcomes) {
      if (outcome.kind === "failed") throw outcome.error;
      deepStrictEqual(outcome.kind, "good");
    }
  }

  /** Downloads everything that is selected, as if in one run. */
  async complete(options: OpenOptions = {}): Promise<void> {
    await using run = await this.run(options);
    await this.writeAll(run.storage);
    await run.storage.finish();
  }

  /** Puts a file into the output folder; all of its right bytes when `bytes` are left out. */
  put(path: string, bytes?: Uint8Array): void {
    const { metainfo, contents } = this.sample;
    const file = `${this.outputDir}/${path}`;
    Deno.mkdirSync(file.slice(0, file.lastIndexOf("/")), { recursive: true });
    const inTorrent = metainfo.isMultiFile ? path.slice(metainfo.name.length + 1) : path;
    Deno.writeFileSync(file, bytes ?? contents.get(inTorrent.replace(/\.part$/, ""))!);
  }

  /** The pieces that a kill at this moment would leave in the journal. */
  journaled(): readonly number[] {
    const journal = Journal.open(this.journalPath);
    journal.close();
    return journal.found;
  }

  get journalPath(): string {
    return `${this.stateDir}/${this.sample.metainfo.infoHashHex}.journal`;
  }

  /** Paths of all files in the output folder but our own, sorted. */
  listing(): string[] {
    const paths: string[] = [];
    const visit = (folder: string, prefix: string) => {
      for (const entry of Deno.readDirSync(folder)) {
        if (entry.isDirectory) visit(`${folder}/${entry.name}`, `${prefix}${entry.name}/`);
        else paths.push(prefix + entry.name);
      }
    };
    visit(this.outputDir, "");
    return paths.filter((path) => !path.startsWith(".starling/")).toSorted();
  }

  /** Checks that files have exactly the torrent's bytes; `paths` as in the torrent. */
  assertContents(...paths: string[]): void {
    const { metainfo, contents } = this.sample;
    for (const path of paths.length === 0 ? contents.keys() : paths) {
      if (path.startsWith(".pad/")) continue;
      const onDisk = metainfo.isMultiFile ? `${metainfo.name}/${path}` : path;
      const bytes = Deno.readFileSync(`${this.outputDir}/${onDisk}`);
      deepStrictEqual(sha1(bytes), sha1(contents.get(path)!), path);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.pool.close();
    await Deno.remove(this.folder, { recursive: true });
  }

  #allPieces(): Iterable<number> {
    return Array(this.sample.metainfo.layout.pieceCount).keys();
  }
}

/** Part of a piece, out of the messages that a peer would get. Throws why it cannot be read. */
export async function readBytes(
  storage: Storage,
  piece: number,
  begin: number,
  length: number,
): Promise<Bytes> {
  const outcome = await storage.read({ piece: piece as PieceIndex, begin, length });
  if (outcome.kind === "failed") throw outcome.error;
  return concatBytes(...blocksOf(outcome.messages).map(({ block }) => block));
}

/** The piece messages in these bytes, which must be nothing else. */
export function blocksOf(messages: Uint8Array): { index: number; begin: number; block: Bytes }[] {
  const decoder = new MessageDecoder({ maxMessageLength: 128 * 1024 });
  const blocks: { index: number; begin: number; block: Bytes }[] = [];
  for (let at = 0; at < messages.length;) {
    const space = decoder.space();
    const length = Math.min(space.length, messages.length - at);
    space.set(messages.subarray(at, at + length));
    at += length;
    decoder.advance(length);
    for (let message = decoder.next(); message; message = decoder.next()) {
      if (message.kind !== "piece") throw new Error(message.kind);
      const { index, begin, block } = message;
      blocks.push({ index, begin, block: block.slice() });
    }
  }
  return blocks;
}

function sha1(bytes: Uint8Array): string {
  return createHash("sha1").update(bytes).digest("hex");
}
