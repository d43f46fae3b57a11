import { strictEqual, throws } from "node:assert/strict";
import { Folders, lookAt } from "../../src/workers/folders.ts";
import { TemporaryFolder } from "./temporary_folder.ts";

Deno.test("resolve() makes the folders of a file when it may, and only then", () => {
  using root = new TemporaryFolder();
  const folders = new Folders();
  const place = { root: root.path, path: "a/b/file" };
  strictEqual(folders.resolve(place, false), undefined);
  strictEqual(root.exists("a"), false);
  strictEqual(folders.resolve(place, true), root.at("a/b/file"));
  strictEqual(lookAt(root.at("a/b"))?.isDirectory, true);
  strictEqual(folders.resolve(place, false), root.at("a/b/file"));
});

Deno.test("D8 resolve() refuses a folder that is a symbolic link", () => {
  using root = new TemporaryFolder();
  using outside = new TemporaryFolder();
  Deno.symlinkSync(outside.path, root.at("a"));
  for (const create of [false, true]) {
    throws(() => new Folders().resolve({ root: root.path, path: "a/file" }, create), {
      reason: "symlink",
      path: root.at("a"),
    });
    throws(() => new Folders().resolve({ root: root.path, path: "a/b/file" }, create), {
      reason: "symlink",
    });
  }
  strictEqual(outside.exists("b"), false);
});

Deno.test("D8 resolve() refuses a folder that has become a symbolic link since the last job", () => {
  using root = new TemporaryFolder();
  using outside = new TemporaryFolder();
  const folders = new Folders();
  const place = { root: root.path, path: "a/b/file" };
  folders.resolve(place, true);
  Deno.renameSync(root.at("a/b"), root.at("a/old"));
  Deno.symlinkSync(outside.path, root.at("a/b"));
  folders.startJob();
  throws(() => folders.resolve(place, true), { reason: "symlink" });
});

Deno.test("resolve() walks anew when a folder was deleted", () => {
  using root = new TemporaryFolder();
  const folders = new Folders();
  const place = { root: root.path, path: "a/b/file" };
  folders.resolve(place, true);
  Deno.removeSync(root.at("a"), { recursive: true });
  folders.startJob();
  strictEqual(folders.resolve(place, false), undefined);
  strictEqual(folders.resolve(place, true), root.at("a/b/file"));
  strictEqual(root.exists("a/b"), true);
});

Deno.test("D4 resolve() refuses a path through a file", () => {
  using root = new TemporaryFolder();
  root.write("a", "a file");
  throws(() => new Folders().resolve({ root: root.path, path: "a/b/file" }, true), {
    reason: "not-regular",
    message: `Cannot use ${root.at("a")}: it is not a folder`,
  });
});

Deno.test("D18 resolve() does not write below a root that was taken away", () => {
  using parent = new TemporaryFolder();
  const root = parent.at("disk");
  Deno.mkdirSync(root);
  const folders = new Folders();
  folders.resolve({ root, path: "file" }, true);
  Deno.renameSync(root, parent.at("moved"));
  folders.startJob();
  throws(() => folders.resolve({ root, path: "file" }, true), { reason: "missing" });
  throws(() => folders.resolve({ root, path: "file" }, true), { reason: "missing" });
  strictEqual(parent.exists("disk"), false);
});

Deno.test("D18 resolve() sees that another folder stands where the root was", () => {
  using parent = new TemporaryFolder();
  const root = parent.at("disk");
  Deno.mkdirSync(root);
  const folders = new Folders();
  folders.resolve({ root, path: "file" }, true);
  Deno.renameSync(root, parent.at("moved"));
  Deno.mkdirSync(root);
  folders.startJob();
  throws(() => folders.resolve({ root, path: "file" }, true), { reason: "missing" });
});
