import { deepStrictEqual, strictEqual } from "node:assert/strict";
import { bold, entry, italic, roff } from "../../../src/cli/output/roff.ts";

Deno.test("roff() escapes what a reader of manual pages would take for its own", () => {
  const cases = [
    ["plain words", "plain words"],
    ["--no-dht", "\\-\\-no\\-dht"],
    ["C:\\x", "C:\\ex"],
    [".torrent files", "\\&.torrent files"],
    ["'NAME: VALUE'", "\\&'NAME: VALUE'"],
    ["socks5://…", "socks5://\\[u2026]"],
    ["a\nb\x1b[2J", "a b [2J"],
    ["\u{1f426}", "\\[u1F426]"],
  ];
  for (const [text, expected] of cases) strictEqual(roff(text!), expected);
});

Deno.test("bold(), italic() and entry() write the macros of man(7)", () => {
  deepStrictEqual(entry(`${bold("-o")} ${italic("DIR")}`, roff("where")), [
    ".TP",
    "\\fB\\-o\\fR \\fIDIR\\fR",
    "where",
  ]);
});
