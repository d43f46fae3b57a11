import fc from "fast-check";
import { deepStrictEqual } from "node:assert/strict";
import {
  hasSumsElsewhere,
  matchSums,
  parseSums,
  type SummedFile,
} from "../../../src/cli/files/sums.ts";

const A = "a".repeat(64), B = "b".repeat(64);

function parse(...lines: string[]): [string, string | null][] | undefined {
  const sums = parseSums(new TextEncoder().encode(lines.join("\n")));
  return sums && [...sums];
}

function file(path: string, pathInTorrent = path.slice(path.indexOf("/") + 1)): SummedFile {
  return { path, pathInTorrent };
}

Deno.test("parseSums() reads what sha256sum writes: text and binary, escaped, with CRLF", () => {
  deepStrictEqual(
    parse(
      `${A}  plain.iso`,
      `${B} *binary.iso\r`,
      `${A.toUpperCase()}  ./sub/./c d  e`,
      `\\${B}  new\\nline\\\\n`,
      `${A} * starts with a space`,
      `SHA256 (bsd (1).iso) = ${B}`,
      "",
    ),
    [
      ["plain.iso", A],
      ["binary.iso", B],
      ["sub/c d  e", A],
      ["new\nline\\n", B],
      [" starts with a space", A],
      ["bsd (1).iso", B],
    ],
  );
});

Deno.test("parseSums() passes over all else, and takes a list without sums for none", () => {
  deepStrictEqual(
    parse(
      "# a comment",
      "-----BEGIN PGP SIGNED MESSAGE-----",
      `${A}  good`,
      `${A.slice(1)}  short`,
      `${A}0  long`,
      `${A} single-space`,
      `${A}  `,
      `${A}  /etc/passwd`,
      `${A}  .`,
      `${A}  ../up`,
      `${A}  sub/../../up`,
      `MD5 (x) = ${A.slice(32)}`,
    ),
    [["good", A]],
  );
  deepStrictEqual(parse(), undefined);
  deepStrictEqual(parse("<html>not here</html>"), undefined);
  deepStrictEqual(parseSums(new Uint8Array(16 * 1024 * 1024 + 1)), undefined);
});

Deno.test("parseSums() says null of a file for which there are two sums", () => {
  deepStrictEqual(parse(`${A}  x`, `${B}  x`, `${A}  y`, `${A}  ./y`), [["x", null], ["y", A]]);
});

Deno.test("parseSums() reads back any names", () => {
  const name = fc.string({ unit: "binary", minLength: 1 })
    .filter((name) => new TextDecoder().decode(new TextEncoder().encode(name)) === name)
    .filter((name) => !name.split("/").some((step) => ["", ".", ".."].includes(step)))
    .filter((name) => !/^[\uFEFF]/.test(name));
  fc.assert(fc.property(fc.uniqueArray(name, { minLength: 1 }), (names) => {
    const lines = names.map((name) => {
      const escaped = name.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll("\r", "\\r");
      return `${escaped === name ? "" : "\\"}${A}  ${escaped}`;
    });
    deepStrictEqual(parse(...lines), names.map((name) => [name, A]));
  }));
});

Deno.test("matchSums() knows files by their path in the output folder, or in the torrent's own", () => {
  const files = [file("pack/a"), file("pack/sub/b")];
  const match = (...paths: string[]) =>
    matchSums(new Map(paths.map((path, index) => [path, `${index}`])), files, "pack");
  deepStrictEqual(match("pack/a", "pack/sub/b", "other"), ["0", "1"]);
  deepStrictEqual(match("a", "sub/b"), ["0", "1"]);
  deepStrictEqual(match("a", "b"), ["0", null]);
  deepStrictEqual(match("b", "A"), [null, null]);
});

Deno.test("matchSums() does not mix up a list that is within with one that is beside", () => {
  const files = [file("a/a"), file("a/b")];
  const within = new Map([["a", A], ["b", B], ["a/a", "x"]]);
  deepStrictEqual(matchSums(within, files, "a"), [A, B]);
  const beside = new Map([["a/a", A], ["a/b", B], ["a", "x"]]);
  deepStrictEqual(matchSums(beside, files, "a"), [A, B]);
});

Deno.test("matchSums() knows files by the names on disk and by those of the torrent", () => {
  const single = [file("what_.iso", "what?.iso")];
  deepStrictEqual(matchSums(new Map([["what?.iso", A]]), single, "what?.iso"), [A]);
  deepStrictEqual(matchSums(new Map([["what_.iso", A]]), single, "what?.iso"), [A]);
  const packed = [file("p_/a_", "a:")];
  deepStrictEqual(matchSums(new Map([["p:/a:", A]]), packed, "p:"), [A]);
  deepStrictEqual(matchSums(new Map([["a:", A]]), packed, "p:"), [A]);
  deepStrictEqual(matchSums(new Map([["a_", A]]), packed, "p:"), [A]);
});

Deno.test("hasSumsElsewhere() finds sums of paths that no torrent has, and nothing else", () => {
  const rows: [string, boolean][] = [
    [`${"a".repeat(64)}  /data/x`, true],
    [`SHA256 (../x) = ${"a".repeat(64)}`, true],
    [`${"a".repeat(64)}  x`, false],
    ["/data/x", false],
    ["", false],
  ];
  for (const [text, expected] of rows) {
    deepStrictEqual(hasSumsElsewhere(new TextEncoder().encode(text)), expected, text);
  }
});
