import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { StorageError } from "../../src/base/errors.ts";
import { codeOf, errorOf, storageErrorOf, toStorageError } from "../../src/workers/disk_errors.ts";

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: some words, write`), { code });
}

Deno.test("toStorageError() gives every code of row D4 its reason", () => {
  const reasons = Object.fromEntries(
    ["ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EACCES", "EPERM", "EISDIR", "ENOTDIR", "ENOENT"]
      .map((code) => [code, toStorageError(systemError(code), "write", "/x").reason]),
  );
  deepStrictEqual(reasons, {
    ENOSPC: "no-space",
    EDQUOT: "no-space",
    EFBIG: "no-space",
    EROFS: "read-only",
    EACCES: "denied",
    EPERM: "denied",
    EISDIR: "not-regular",
    ENOTDIR: "not-regular",
    ENOENT: "missing",
  });
});

Deno.test("toStorageError() says what was done, to what, and why it failed", () => {
  const error = toStorageError(systemError("ENOSPC"), "write", "/data/x.part");
  strictEqual(error.message, "Cannot write /data/x.part: the disk is full");
  strictEqual(error.path, "/data/x.part");
});

Deno.test("toStorageError() keeps the words of errors that it does not know", () => {
  const error = toStorageError(systemError("EIO"), "read", "/x");
  deepStrictEqual([error.reason, error.message], [
    "io",
    "Cannot read /x: EIO: some words, write",
  ]);
  strictEqual(toStorageError("odd", "read", "/x").message, "Cannot read /x: odd");
});

Deno.test("toStorageError() names the flag when Deno refuses (S4)", () => {
  const refusal = new Deno.errors.NotCapable(
    'Requires write access to "/out", run again with the --allow-write flag',
  );
  const error = toStorageError(refusal, "create the folder", "/out");
  strictEqual(error.reason, "permission");
  ok(error.message.endsWith("run again with --allow-write=/out"), error.message);
});

Deno.test("toStorageError() passes a StorageError through, errorOf() makes one of a reply", () => {
  const error = new StorageError("symlink", "/x", "Cannot open /x: it is a symbolic link");
  strictEqual(toStorageError(error, "write", "/y"), error);
  const { reason, path, message } = errorOf({ kind: "failed", ...error, message: error.message });
  deepStrictEqual([reason, path, message], [error.reason, error.path, error.message]);
});

Deno.test("codeOf() is undefined for what is no system error", () => {
  strictEqual(codeOf(systemError("EIO")), "EIO");
  strictEqual(codeOf(new Error("none")), undefined);
  strictEqual(codeOf({ code: "EIO" }), undefined);
});

Deno.test("storageErrorOf() is what toStorageError() makes of the system's own", () => {
  for (const code of ["EACCES", "ELOOP", "EISDIR", "ENXIO", "ENOENT"] as const) {
    const given = toStorageError(systemError(code), "open", "/a");
    const ours = storageErrorOf(code, "open", "/a");
    deepStrictEqual([ours.reason, ours.path, ours.message], [
      given.reason,
      given.path,
      given.message,
    ]);
  }
});
