/** Our archives, read by GNU tar. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { concatBytes } from "../../src/base/bytes.ts";
import { TAR_END, tarHeader, tarPadding } from "../../src/cli/cat/tar.ts";
import { Checkout } from "../loopback/checkout.ts";
import { describeTree, makeTorrent, randomBytes } from "../loopback/content.ts";
import { Lab } from "../loopback/lab.ts";
import { ScriptedSeeder } from "../loopback/scripted_seeder.ts";
import { isMissing } from "./installed.ts";

const GIB = 1024 ** 3;

/** The lines that tar prints of an archive on its standard input. */
async function listed(archive: Uint8Array): Promise<string[]> {
  const child = new Deno.Command("tar", {
    args: ["--list", "--verbose", "--quoting-style=c", "--numeric-owner", "--utc", "--full-time"],
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
    env: { LC_ALL: "C.UTF-8" },
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(archive);
  await writer.close();
  const { stdout } = await child.output();
  return new TextDecoder().decode(stdout).trimEnd().split("\n");
}

Deno.test({
  name: "tar reads what tarHeader() writes, whatever the names are",
  ignore: isMissing("tar"),
  async fn() {
    const element = fc.string({
      unit: fc.constantFrom(..."ab =\n.-é雪"),
      minLength: 1,
      maxLength: 70,
    })
      .filter((name) => name !== "." && name !== "..");
    const path = fc.array(element, { minLength: 1, maxLength: 6 }).map((names) => names.join("/"));
    const file = fc.record({ path, size: fc.nat(2000), modifiedS: fc.nat(4_000_000_000) });
    await fc.assert(
      fc.asyncProperty(fc.array(file, { minLength: 1, maxLength: 20 }), async (files) => {
        const archive = concatBytes(
          ...files.flatMap((each) => [
            tarHeader(each),
            new Uint8Array(each.size).fill(7),
            tarPadding(each),
          ]),
          TAR_END,
        );
        const expected = files.map(({ path, size, modifiedS }) => {
          const [date, time] = new Date(modifiedS * 1000).toISOString().split(/[T.]/);
          return `-rw-r--r-- 0/0 ${size} ${date} ${time} ${JSON.stringify(path)}`;
        });
        deepStrictEqual(
          (await listed(archive)).map((line) => line.replace(/ {2,}(?=\d)/, " ")),
          expected,
        );
      }),
      { numRuns: 30 },
    );
  },
});

Deno.test({
  name: "tar reads sizes above 8 GiB and dates after the year 2242",
  ignore: isMissing("tar"),
  async fn() {
    // Its bytes do not follow: tar prints the header, and then says that there should be more.
    const child = new Deno.Command("tar", {
      args: ["--list", "--verbose", "--utc", "--full-time"],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
    }).spawn();
    const writer = child.stdin.getWriter();
    await writer.write(tarHeader({ path: "large", size: 9 * GIB, modifiedS: 10_000_000_000 }));
    await writer.close();
    const { stdout } = await child.output();
    const said = new TextDecoder().decode(stdout);
    ok(/ 9663676416 2286-11-20 17:46:40 large$/m.test(said), said);
  },
});

Deno.test({
  name: "tar x makes of cat --tar what cat has put on the disk",
  ignore: isMissing("tar"),
  async fn() {
    const files = {
      "-dash/ü 雪.txt": randomBytes(3_000, 1),
      "empty": new Uint8Array(0),
      [`${"long folder/".repeat(30)}${"long name".repeat(20)}`]: randomBytes(100_000, 2),
      [`${"d".repeat(120)}/${"n".repeat(100)}`]: randomBytes(512, 3),
      "z.bin": randomBytes(2_000_000, 4),
    };
    const torrent = makeTorrent("päck", files, { pieceLength: 65_536 });
    await using lab = await Lab.open();
    await using seeder = new ScriptedSeeder(torrent);
    const checkout = await Checkout.make(lab);
    await Deno.writeFile(checkout.path("x.torrent"), torrent.bytes);
    for (const into of ["downloading", "finished"]) {
      await Deno.mkdir(checkout.path(into));
      const command = checkout.command("cat", "--tar", "--peer", seeder.endpoint, "-o", "out");
      const line = '{ "$@"; echo $? > code; } | tar x -C "$0" && exit $(cat code)';
      const { code, stderr } = await new Deno.Command("sh", {
        args: ["-c", line, into, ...command, "--bind", "127.0.0.1", "x.torrent"],
        cwd: checkout.folder,
      }).output();
      deepStrictEqual([code, new TextDecoder().decode(stderr)], [0, ""]);
      const expected = await describeTree(checkout.path("out", "päck"));
      strictEqual(expected.length, Object.keys(files).length);
      deepStrictEqual(await describeTree(checkout.path(into, "päck")), expected);
    }
  },
});
