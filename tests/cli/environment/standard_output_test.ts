import { strictEqual } from "node:assert/strict";
import { closeSync, openSync } from "node:fs";
import { basename } from "node:path/posix";
import { standardOutputAmong } from "../../../src/cli/environment/standard_output.ts";

const isWindows = Deno.build.os === "windows";

/** What is said of these paths when standard output is the file at `path`. */
function among(folder: string, path: string, paths: readonly string[]): string | undefined {
  const descriptor = openSync(path, "a");
  try {
    return standardOutputAmong(folder, paths, descriptor);
  } finally {
    closeSync(descriptor);
  }
}

Deno.test(
  "standardOutputAmong() finds the file by whatever name",
  { ignore: isWindows },
  async () => {
    const folder = await Deno.makeTempDir({ prefix: "starling_test_" });
    try {
      for (const name of ["a", "b"]) await Deno.writeTextFile(`${folder}/${name}`, "same");
      await Deno.mkdir(`${folder}/sub`);
      await Deno.link(`${folder}/a`, `${folder}/hard`);
      await Deno.symlink("../a", `${folder}/sub/soft`);
      const cases: [paths: readonly string[], found: string | undefined][] = [
        [["none", "b", "a"], "a"],
        [["b", "hard"], "hard"],
        [["sub/none", "sub/soft"], "sub/soft"],
        [["b", "none", "sub", "a/none"], undefined],
        [[], undefined],
      ];
      for (const [paths, found] of cases) strictEqual(among(folder, `${folder}/a`, paths), found);
      strictEqual(among(`${folder}/none`, `${folder}/a`, ["a"]), undefined);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
);

Deno.test("standardOutputAmong() minds plain files alone", { ignore: isWindows }, () => {
  strictEqual(among("/dev", "/dev/null", ["null"]), undefined);
  const descriptor = openSync("/dev/null", "a");
  closeSync(descriptor);
  strictEqual(standardOutputAmong("/dev", ["null"], descriptor), undefined, "it is closed");
});

Deno.test("standardOutputAmong() looks nowhere below a folder that is not granted", {
  permissions: { read: [import.meta.dirname!] },
  ignore: isWindows,
}, () => {
  const path = import.meta.filename!;
  const descriptor = openSync(path, "r");
  strictEqual(standardOutputAmong("/", [path.slice(1)], descriptor), undefined);
  strictEqual(
    standardOutputAmong(import.meta.dirname!, [basename(path)], descriptor),
    basename(path),
  );
  closeSync(descriptor);
});
