import { deepStrictEqual, ok } from "node:assert/strict";
import { COMMANDS, withCommand } from "../../../src/cli/options/commands.ts";
import type { OptionTable } from "../../../src/cli/options/option.ts";

Deno.test("withCommand() puts get before a line that begins with no command", () => {
  const cases: [string[], string[]][] = [
    [[], ["--help"]],
    [["x.torrent"], ["get", "x.torrent"]],
    [["-q", "x.torrent"], ["get", "-q", "x.torrent"]],
    [["./info"], ["get", "./info"]],
    [["constructor"], ["get", "constructor"]],
    [["info", "x"], ["info", "x"]],
    [["perms", "get"], ["perms", "get"]],
    [["completion", "bash"], ["completion", "bash"]],
    [["-h"], ["-h"]],
    [["--version"], ["--version"]],
    [["-V"], ["-V"]],
    [["help", "get"], ["help", "get"]],
    [["perms", "--help"], ["help", "perms"]],
    [["perms", "-h"], ["help", "perms"]],
    [["perms", "get", "--help"], ["perms", "get", "--help"]],
  ];
  for (const [args, expected] of cases) deepStrictEqual(withCommand(args), expected);
});

Deno.test("COMMANDS give each option a long name that no other option of its command has", () => {
  for (const [command, { table }] of Object.entries(COMMANDS)) {
    const options = Object.values<OptionTable[string]>(table);
    const names = options.flatMap(({ names }) => names);
    deepStrictEqual(names.length, new Set(names).size, command);
    for (const { names } of options) {
      ok(names.length === 0 || names.some((name) => name.startsWith("--")), names.join());
    }
    const words = options.filter(({ names }) => names.length === 0);
    // Only the last words may be many, or missing: else nobody knew which is which.
    for (const { count } of words.slice(0, -1)) deepStrictEqual(count, "one", command);
  }
});
