/**
 * What a plan foresees of a disk beside what a download meets there, in many situations. Run by
 * `foreseen_test.ts`, those in which the system denies something where no rights override that.
 */
import { diskPaths } from "../../src/metainfo/paths.ts";
import { ownIdentity } from "../../src/storage/denials.ts";
import { foresee } from "../../src/storage/forecast.ts";
import { TargetLock } from "../../src/storage/lock.ts";
import { SystemClock } from "../../src/base/ambient.ts";
import { failureOf } from "../../src/cli/output/failure.ts";
import { DiskTarget, type OpenOptions, sampleData } from "../storage/disk_target.ts";

/** Pieces of 16 KiB: `a` is 0–1, `sub/b` 1–3. */
const SAMPLE = sampleData("t", { a: 20_000, "sub/b": 40_000, empty: 0 }, 16_384);
const HALF = SAMPLE.contents.get("a")!.map((byte, index) => index < 17_000 ? byte : 0);
const FOREIGN = new TextEncoder().encode("something else");

/** Changes what is in `at("")`, where `out` will be; may hold something until it is disposed of. */
type Prepare = (place: Place) => Promise<Disposable | void> | Disposable | void;
type Situation = readonly [
  name: string,
  prepare: Prepare,
  options?: Pick<OpenOptions, "overwrite">,
];

class Place {
  constructor(readonly target: DiskTarget) {}

  at(path: string): string {
    return `${this.target.folder}/${path}`;
  }

  folder(path: string, mode?: number): void {
    Deno.mkdirSync(this.at(path), { recursive: true });
    if (mode !== undefined) this.mode(path, mode);
  }

  /** All of the right bytes when `bytes` are left out. */
  file(path: string, bytes?: Uint8Array): void {
    if (path.startsWith("out/t/")) return this.target.put(path.slice("out/".length), bytes);
    this.folder(path.slice(0, Math.max(0, path.lastIndexOf("/"))));
    Deno.writeFileSync(this.at(path), bytes ?? FOREIGN);
  }

  link(path: string, to: string): void {
    Deno.symlinkSync(this.at(to), this.at(path));
  }

  mode(path: string, mode: number): void {
    Deno.chmodSync(this.at(path), mode);
  }

  all(): void {
    for (const name of ["a", "sub/b", "empty"]) this.file(`out/t/${name}`);
  }
}

const OVERWRITE = { overwrite: true };

/** Nobody's rights matter. */
export const PLAIN: readonly Situation[] = [
  ["nothing is there", () => {}],
  ["the folder is empty", (place) => place.folder("out")],
  ["the folder is a file", (place) => place.file("out")],
  ["the folder is a link to one", (place) => {
    place.folder("real");
    place.link("out", "real");
  }],
  ["the folder is a link to a file", (place) => {
    place.file("real");
    place.link("out", "real");
  }],
  ["the folder is a link to nowhere", (place) => place.link("out", "nowhere")],
  ["the folder is a link to itself", (place) => place.link("out", "out")],
  ["the state folder is a file", (place) => place.file("out/.starling")],
  ["the state folder is a link", (place) => {
    place.folder("out");
    place.folder("real");
    place.link("out/.starling", "real");
  }],
  ["the state folder is a link to nowhere", (place) => {
    place.folder("out");
    place.link("out/.starling", "nowhere");
  }],
  ["the torrent's folder is a file", (place) => {
    place.folder("out");
    Deno.writeFileSync(place.at("out/t"), FOREIGN);
  }],
  ["the torrent's folder is a link", (place) => {
    place.folder("out");
    place.folder("real");
    place.link("out/t", "real");
  }],
  ["a folder within is a file", (place) => place.file("out/t/sub", FOREIGN)],
  ["a file is a folder", (place) => place.folder("out/t/a")],
  ["a file is a folder, to be replaced", (place) => place.folder("out/t/a"), OVERWRITE],
  ["a file is something else", (place) => place.file("out/t/a", FOREIGN)],
  [
    "a file is something else, to be replaced",
    (place) => place.file("out/t/a", FOREIGN),
    OVERWRITE,
  ],
  ["a file is something else as long", (place) => place.file("out/t/a", new Uint8Array(20_000))],
  ["a file is good in part", (place) => place.file("out/t/a", HALF)],
  ["a file is good", (place) => place.file("out/t/a")],
  ["a file and its part are good", (place) => {
    place.file("out/t/a");
    place.file("out/t/a.part");
  }],
  ["a file and its part are good, to be replaced", (place) => {
    place.file("out/t/a");
    place.file("out/t/a.part");
  }, OVERWRITE],
  ["a part is good in part", (place) => place.file("out/t/a.part", HALF)],
  ["a part is something else", (place) => place.file("out/t/a.part", FOREIGN)],
  ["a part is a folder", (place) => place.folder("out/t/a.part")],
  ["an empty file holds something", (place) => place.file("out/t/empty", FOREIGN)],
  ["all is good", (place) => place.all()],
  ["all was finished", ({ target }) => target.complete()],
  ["one that was finished is gone", async (place) => {
    await place.target.complete();
    Deno.removeSync(place.at("out/t/a"));
  }],
  ["one that was finished is something else", async (place) => {
    await place.target.complete();
    place.file("out/t/a", new Uint8Array(20_000));
  }],
  ["another run is at it", async (place) => await held(place)],
  ["another run is at it, and all is good", async (place) => {
    place.all();
    return await held(place);
  }],
];

/** The system denies something; nobody may override that. */
const DENIED: readonly Situation[] = [
  ["the folder may not be written", (place) => place.folder("out", 0o555)],
  ["the folder above may not be written", (place) => place.mode("", 0o555)],
  ["the folder may not be written, those in it may", (place) => {
    place.folder("out/.starling");
    place.folder("out/t/sub");
    place.mode("out", 0o555);
  }],
  ["the folder may not be written, the state folder may", (place) => {
    place.folder("out/.starling");
    place.mode("out", 0o555);
  }],
  ["the folder may be written, and not read", (place) => place.folder("out", 0o311)],
  ["the state folder may be written, and not read", (place) => {
    place.folder("out/.starling", 0o311);
  }],
  ["the torrent's folder may be written, and not read", (place) => place.folder("out/t", 0o311)],
  ["a folder within may be written, and not read", (place) => place.folder("out/t/sub", 0o311)],
  ["all is good where nothing may be read", (place) => {
    place.all();
    for (const path of ["out", "out/t", "out/t/sub"]) place.mode(path, 0o311);
  }],
  ["all was finished where nothing may be read", async (place) => {
    await place.target.complete();
    for (const path of ["out", "out/t", "out/t/sub", "out/.starling"]) place.mode(path, 0o311);
  }],
  ["one that was finished is gone where nothing may be read", async (place) => {
    await place.target.complete();
    Deno.removeSync(place.at("out/t/a"));
    for (const path of ["out", "out/t", "out/t/sub", "out/.starling"]) place.mode(path, 0o311);
  }],
  ["a good file is too long, and may not be written", (place) => {
    place.all();
    Deno.writeFileSync(place.at("out/t/a"), FOREIGN, { append: true });
    place.mode("out/t/a", 0o444);
  }],
  ["a good file is too long, and may not be read", (place) => {
    place.all();
    Deno.writeFileSync(place.at("out/t/a"), FOREIGN, { append: true });
    place.mode("out/t/a", 0o244);
  }],
  ["a good file is too long where no names may be changed", (place) => {
    place.all();
    place.folder("out/.starling");
    Deno.writeFileSync(place.at("out/t/a"), FOREIGN, { append: true });
    for (const path of ["out", "out/t"]) place.mode(path, 0o555);
  }],
  ["the state folder may not be written", (place) => place.folder("out/.starling", 0o555)],
  ["the lock may not be opened", (place) => {
    place.file("out/.starling/t.lock");
    place.mode("out/.starling/t.lock", 0o444);
  }],
  ["the torrent's folder may not be written", (place) => place.folder("out/t", 0o555)],
  ["a folder within may not be written", (place) => place.folder("out/t/sub", 0o555)],
  ["a part may not be written", (place) => {
    place.file("out/t/a.part", HALF);
    place.mode("out/t/a.part", 0o444);
  }],
  ["a file that is good in part may not be written", (place) => {
    place.file("out/t/a", HALF);
    place.mode("out/t/a", 0o444);
  }],
  ["something else that is to be replaced may not be written", (place) => {
    place.file("out/t/a", new Uint8Array(20_000));
    place.mode("out/t/a", 0o444);
  }, OVERWRITE],
  ["all is good, and nothing may be written", (place) => {
    place.all();
    for (const path of ["out", "out/t", "out/t/sub"]) place.mode(path, 0o555);
  }],
  ["all is good, and nothing but the state may be written", (place) => {
    place.all();
    place.folder("out/.starling");
    for (const path of ["out", "out/t", "out/t/sub", "out/t/a"]) place.mode(path, 0o555);
  }],
  ["an empty file is missing where none may be made", (place) => {
    place.all();
    Deno.removeSync(place.at("out/t/empty"));
    place.mode("out/t", 0o555);
  }],
  ["all was finished, and nothing may be written", async (place) => {
    await place.target.complete();
    for (const path of ["out", "out/t", "out/.starling"]) place.mode(path, 0o555);
  }],
  ["one that was finished is gone where none may be made", async (place) => {
    await place.target.complete();
    Deno.removeSync(place.at("out/t/a"));
    place.mode("out/t", 0o555);
  }],
];

/** Where plan and download differ, a line each; none where they agree everywhere. */
export async function disagreements(situations: readonly Situation[]): Promise<string[]> {
  const lines: string[] = [];
  for (const [name, prepare, { overwrite = false } = {}] of situations) {
    const target = new DiskTarget(SAMPLE);
    try {
      using _held = await prepare(new Place(target)) ?? { [Symbol.dispose]: () => {} };
      const foreseen = await foreseenFailure(target, overwrite);
      const met = await metFailure(target, overwrite);
      if (foreseen.verdict !== met.verdict) {
        lines.push(`${name}: foreseen ${foreseen.detail}, but ${met.detail}`);
      }
    } finally {
      await new Deno.Command("chmod", { args: ["-R", "u+rwX", target.folder] }).output();
      await target[Symbol.asyncDispose]();
    }
  }
  return lines;
}

/** What the plan says; a verdict of "" when a download would go. */
async function foreseenFailure(target: DiskTarget, overwrite: boolean) {
  const { metainfo } = target.sample;
  try {
    const { obstacles, isHeld } = await foresee({
      metainfo,
      paths: diskPaths(metainfo, "linux"),
      outputDir: target.outputDir,
      stateDir: target.stateDir,
      selected: target.select(),
      overwrite,
      trustState: true,
      check: false,
      identity: ownIdentity(),
      pool: target.pool,
      onProgress: () => {},
      signal: new AbortController().signal,
    });
    if (isHeld) return { verdict: "locked", detail: "held" };
    return obstacles[0] === undefined ? GOES : failureOf(obstacles[0]);
  } catch (error) {
    return failureOf(error);
  }
}

const GOES = { verdict: "", detail: "go" };

/** What becomes of a download. */
async function metFailure(target: DiskTarget, overwrite: boolean) {
  try {
    await using run = await target.run({ overwrite });
    const missing = [0, 1, 2, 3].filter((piece) => !run.have.has(piece));
    await target.writeAll(run.storage, missing);
    await run.storage.finish();
    return GOES;
  } catch (error) {
    return failureOf(error);
  }
}

function held(place: Place): Promise<Disposable> {
  place.folder("out/.starling");
  return TargetLock.acquire({
    stateDir: place.at("out/.starling"),
    name: "t",
    waitMs: 0,
    clock: new SystemClock(),
    signal: new AbortController().signal,
  }).then((lock) => ({ [Symbol.dispose]: () => lock.release() }));
}

/** Prints where they differ, as JSON. */
if (import.meta.main) {
  const lines = await disagreements(DENIED);
  await Deno.stdout.write(new TextEncoder().encode(JSON.stringify(lines)));
}
