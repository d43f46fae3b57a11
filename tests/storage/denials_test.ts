import { deepStrictEqual } from "node:assert/strict";
import { Denials, ownIdentity } from "../../src/storage/denials.ts";
import { TemporaryFolder } from "../workers/temporary_folder.ts";

const OWN = Deno.uid() ?? 0;
const OTHER = OWN + 1;

/** A folder of this mode, as this user may use it. */
function isDenied(mode: number, user: number | undefined): boolean {
  using folder = new TemporaryFolder();
  Deno.chmodSync(folder.path, mode);
  const identity = user === undefined ? {} : { user };
  const [error] = new Denials(identity).ofFolder(folder.path);
  deepStrictEqual(error === undefined || error.reason === "denied", true);
  Deno.chmodSync(folder.path, 0o700);
  return error !== undefined;
}

Deno.test("Denials tells what owner and mode deny for certain, and nothing else", {
  ignore: Deno.build.os === "windows",
}, () => {
  const table: [mode: number, user: number | undefined, isDenied: boolean][] = [
    [0o755, OTHER, true],
    [0o700, OTHER, true],
    [0o757, OTHER, false],
    [0o775, OTHER, false], // It may be in the group.
    [0o755, undefined, false],
    [0o000, 0, false],
  ];
  if (OWN !== 0) table.push([0o555, OWN, true], [0o300, OWN, false], [0o600, OWN, true]);
  for (const [mode, user, expected] of table) {
    deepStrictEqual(isDenied(mode, user), expected, `${mode.toString(8)} ${user}`);
  }
});

Deno.test("Denials tells of each folder once, and of what is to be made in it first", {
  ignore: Deno.build.os === "windows",
}, () => {
  using folder = new TemporaryFolder();
  const { path: root } = folder;
  Deno.chmodSync(root, 0o755);
  const denials = new Denials({ user: OTHER });
  const told = [
    ...denials.ofTargetFile({ root, path: "a/b/c.part" }, false),
    ...denials.ofTargetFile({ root, path: "a/d.part" }, false),
    ...denials.ofStateFile(`${root}/t.lock`),
    ...denials.ofNewFolder(`${root}/.starling`, root),
  ].map(({ message }) => message);
  deepStrictEqual(told, [`Cannot create the folder ${root}/a: the system denies access to it`]);
  folder.write("file", "");
  Deno.chmodSync(folder.at("file"), 0o644);
  const [error] = denials.ofStateFile(folder.at("file"));
  deepStrictEqual(error?.path, folder.at("file"));
});

Deno.test("ownIdentity() is the user's, or the flag that would tell", () => {
  deepStrictEqual(ownIdentity(), Deno.uid() === null ? {} : { user: Deno.uid()! });
});

Deno.test({
  name: "ownIdentity() names the flag that is missing",
  permissions: { sys: false },
  ignore: Deno.build.os === "windows",
  fn: () => deepStrictEqual(ownIdentity(), { flag: "--allow-sys=uid" }),
});
