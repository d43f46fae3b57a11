import { strictEqual } from "node:assert/strict";
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
  ];
  for (const [text, word] of cases) strictEqual(shellWord(text!), word);
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
    ];
    const line = `printf '%s\\0' ${words.map(shellWord).join(" ")}`;
    const { stdout } = await new Deno.Command("sh", { args: ["-c", line] }).output();
    strictEqual(new TextDecoder().decode(stdout), words.map((word) => `${word}\0`).join(""));
  },
});
