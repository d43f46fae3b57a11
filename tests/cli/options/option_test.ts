import { deepStrictEqual } from "node:assert/strict";
import {
  flag,
  option,
  optionalWord,
  optionOr,
  options,
  valuesOfNone,
  word,
  words,
} from "../../../src/cli/options/option.ts";
import { textValue } from "../../../src/cli/options/option_values.ts";

const text = textValue("TEXT");
const table = {
  quiet: flag("-q, --quiet", ""),
  comment: option("--comment", text, ""),
  output: optionOr(".", "-o, --output", text, ""),
  peers: options("--peer", text, ""),
  routers: options("--router", text, "", ["a", "b"]),
  source: word(text, ""),
  path: optionalWord(text, ""),
  sources: words(text, "", "a source is missing"),
};

Deno.test("valuesOfNone() is what a command sees when nothing was given", () => {
  deepStrictEqual(valuesOfNone(table), {
    quiet: false,
    comment: undefined,
    output: ".",
    peers: [],
    routers: ["a", "b"],
    source: undefined,
    path: undefined,
    sources: [],
  });
});

Deno.test("Option.collect() makes what a command sees of what was given, in order", () => {
  const seen = (values: readonly unknown[]) =>
    Object.values(table).map(({ collect }) => collect(values));
  deepStrictEqual(seen(["x"]), [true, "x", "x", ["x"], ["x"], "x", "x", ["x"]]);
  deepStrictEqual(table.peers.collect(["x", "y"]), ["x", "y"]);
  deepStrictEqual(table.routers.collect(["x", "y"]), ["x", "y"]);
});

Deno.test("Option.names are all that it can be given by, and none for words", () => {
  deepStrictEqual(table.quiet.names, ["-q", "--quiet"]);
  deepStrictEqual(table.comment.names, ["--comment"]);
  deepStrictEqual(table.sources.names, []);
});
