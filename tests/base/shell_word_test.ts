import { strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { printable } from "../../src/base/printable.ts";
import { shellWord } from "../../src/base/shell_word.ts";

Deno.test("shellWord() leaves alone what a shell leaves alone", () => {
  for (const word of ["get", "--peer=127.0.0.1:1", "/a/b_c-d.torrent", "a,b", "x@y%20+"]) {
    strictEqual(shellWord(word), word);
  }
});

Deno.test("shellWord() quotes everything else", () => {
  const cases = [
    ["", "''"],
    ["a b", "'a b'"],
    ["$(rm x)", "'$(rm x)'"],
    ["it's", "'it'\\''s'"],
    ["*.iso", "'*.iso'"],
    ["~", "'~'"],
    ["a\nb", "'a\nb'"],
    ["é", "'é'"],
    ["\x1b", `"$(printf '\\033')"`],
    ["it's\x1b]0;x\x07\n", `'it'\\''s'"$(printf '\\033')"']0;x'"$(printf '\\007')"'\n'`],
    ["a\u202eb", `'a'"$(printf '\\342\\200\\256')"'b'`],
  ];
  for (const [text, word] of cases) strictEqual(shellWord(text!), word);
});

Deno.test("S13 shellWord() leaves nothing in a line that acts on a terminal", () => {
  const any = fc.string({ unit: "binary" });
  const marks = fc.constantFrom("\x1b", "\x07", "\x9b", "\u202e", "\n", "'", "a");
  fc.assert(fc.property(fc.array(fc.oneof(any, marks)), (parts) => {
    const word = shellWord(parts.join(""));
    strictEqual(printable(word.replaceAll("\n", ""), Infinity), word.replaceAll("\n", ""));
  }));
});

Deno.test({
  name: "shellWord() gives words that sh reads back",
  ignore: Deno.build.os === "windows",
  async fn() {
    const words = [
      "",
      "a b",
      "it's",
      '$HOME `x` \\ "y"',
      "*?[a]",
      "a\nb",
      "-n",
      "#x",
      "!1",
      "{a,b}",
      "\x1b]0;a 'title'\x07",
      "\x01\x7f\x9b\u202e\u200b\u2028\r\n\x1b\n\n",
      "\x1b%s\\033\x1b",
    ];
    const line = `printf '%s\\0' ${words.map(shellWord).join(" ")}`;
    const { stdout } = await new Deno.Command("sh", { args: ["-c", line] }).output();
    strictEqual(new TextDecoder().decode(stdout), words.map((word) => `${word}\0`).join(""));
  },
});
