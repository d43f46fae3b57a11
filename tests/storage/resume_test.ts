import { deepStrictEqual, ok, rejects, strictEqual } from "node:assert/strict";
import { Bitfield } from "../../src/base/bitfield.ts";
import { ResumeFile } from "../../src/storage/resume.ts";
import type { ResumeState } from "../../src/storage/resume_codec.ts";
import { Shares } from "../../src/storage/shares.ts";
import { TemporaryFolder } from "../workers/temporary_folder.ts";
import { plain, SUBJECT } from "./resume_text.ts";

const NAME = `${SUBJECT.infoHashHex}.resume`;

function stateClaiming(...pieces: number[]): ResumeState {
  const claimed = new Bitfield(SUBJECT.pieceCount);
  for (const piece of pieces) claimed.set(piece);
  const noted = new Bitfield(SUBJECT.pieceCount);
  const shares = Shares.allOwn(SUBJECT.fileCount);
  return { claimed, noted, shares, files: new Map(), edges: undefined };
}

/** What is loaded, and what is said of it. */
async function load(folder: TemporaryFolder): Promise<[state: unknown, warnings: string[]]> {
  const warnings: string[] = [];
  const state = await new ResumeFile(folder.path, SUBJECT).load((text) => warnings.push(text));
  return [state && plain(state), warnings];
}

Deno.test("load() gives what save() took, and nothing, quietly, before", async () => {
  using folder = new TemporaryFolder();
  deepStrictEqual(await load(folder), [undefined, []]);
  await new ResumeFile(folder.path, SUBJECT).save(stateClaiming(3, 4));
  deepStrictEqual(await load(folder), [plain(stateClaiming(3, 4)), []]);
});

Deno.test("D12 load() warns of a state that is damaged, huge or a link, and goes on", async () => {
  using folder = new TemporaryFolder();
  const damage: Record<string, () => void> = {
    "empty": () => folder.write(NAME, ""),
    "half": () => Deno.truncateSync(folder.at(NAME), 100),
    "huge": () => Deno.truncateSync(folder.at(NAME), 2 ** 40),
    "a link": () => {
      Deno.renameSync(folder.at(NAME), folder.at("other"));
      Deno.symlinkSync(folder.at("other"), folder.at(NAME));
    },
    "a folder": () => {
      Deno.removeSync(folder.at(NAME));
      Deno.mkdirSync(folder.at(NAME));
    },
  };
  for (const [what, doIt] of Object.entries(damage)) {
    await new ResumeFile(folder.path, SUBJECT).save(stateClaiming(3));
    doIt();
    const [state, warnings] = await load(folder);
    strictEqual(state, undefined, what);
    strictEqual(warnings.length, 1, what);
    ok(warnings[0]!.includes(folder.at(NAME)), warnings[0]);
  }
});

Deno.test("load() of another torrent's state warns", async () => {
  using folder = new TemporaryFolder();
  await new ResumeFile(folder.path, SUBJECT).save(stateClaiming(3));
  const warnings: string[] = [];
  const other = new ResumeFile(folder.path, { ...SUBJECT, pieceCount: 200 });
  strictEqual(await other.load((text) => warnings.push(text)), undefined);
  strictEqual(warnings.length, 1);
});

Deno.test("save() says what is wrong when it fails, and the old state stays (D2)", async () => {
  using folder = new TemporaryFolder();
  const file = new ResumeFile(folder.path, SUBJECT);
  await file.save(stateClaiming(3));
  folder.write(`${NAME}.tmp/inside`, "in the way");
  await rejects(file.save(stateClaiming(3, 4)), { name: "StorageError" });
  deepStrictEqual(await load(folder), [plain(stateClaiming(3)), []]);
});

Deno.test("save() takes the state as it is at once, whatever changes while it is written", async () => {
  using folder = new TemporaryFolder();
  const state = stateClaiming(3);
  const saving = new ResumeFile(folder.path, SUBJECT).save(state);
  state.claimed.set(4);
  await saving;
  deepStrictEqual(await load(folder), [plain(stateClaiming(3)), []]);
});
