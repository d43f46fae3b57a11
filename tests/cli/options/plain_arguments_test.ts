import fc from "fast-check";
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { parseArguments } from "../../../src/cli/options/explained_arguments.ts";
import { type Command, COMMANDS } from "../../../src/cli/options/commands.ts";
import type { OptionTable } from "../../../src/cli/options/option.ts";
import { readPlainly } from "../../../src/cli/options/plain_arguments.ts";

const VALUES = [
  ...["x", "-", "", "1", "0", "9", "2M", "90s", "1.5", "a:0-1K", "require", "off"],
  ...["127.0.0.1", "127.0.0.1:6881", "[::1]:7", "socks5://127.0.0.1:1080", "Cookie: id=1"],
  ...["http://a/,udp://b:1", "16K", "7d", "f".repeat(40), "a=b", "--", "-q", "-1s", "--help"],
];
const OPTIONS: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  Object.entries(COMMANDS).map(([name, { table }]: [string, { table: OptionTable }]) => [
    name,
    Object.values(table).flatMap(({ names }) => names),
  ]),
);
const OTHERS = [
  "-h",
  "--help",
  "--version",
  "--nope",
  "--outpu",
  "-z",
  "-qv",
  "-p1",
  "-ox",
  "-o=x",
  "--=x",
  "-o\nx",
];

const lines = fc.constantFrom(...Object.keys(COMMANDS)).chain((command) => {
  const option = fc.constantFrom(...OPTIONS[command]!, "--no-dht");
  const value = fc.constantFrom(...VALUES);
  const part = fc.oneof(
    { weight: 4, arbitrary: fc.tuple(option, value) },
    { weight: 2, arbitrary: fc.tuple(option, value).map(([name, text]) => [`${name}=${text}`]) },
    { weight: 3, arbitrary: fc.tuple(option) },
    { weight: 3, arbitrary: fc.tuple(value) },
    { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...OTHERS)) },
  );
  return fc.tuple(fc.boolean(), fc.array(part, { maxLength: 5 })).map(([isNamed, parts]) =>
    isNamed ? [command, ...parts.flat()] : parts.flat()
  );
});

function explained(args: readonly string[]): Command | undefined {
  return parseArguments(args, { print: () => {}, columns: 80 });
}

Deno.test("readPlainly() says the same as parseArguments() when it says anything", () => {
  let readCount = 0;
  fc.assert(
    fc.property(lines, (args) => {
      const command = readPlainly(args);
      if (command === undefined) return;
      readCount++;
      deepStrictEqual(command, explained(args));
    }),
    { numRuns: 3_000 },
  );
  ok(readCount > 100, `only ${readCount} lines were plain`);
});

Deno.test("readPlainly() reads what people write", () => {
  for (
    const line of [
      "x.torrent",
      "get -q -o out -p 6881 x.torrent",
      "--no-dht --peer 127.0.0.1:1 --peer=[::1]:2 a.torrent -",
      "get --select *.iso --range a:0-1K --deadline 2h --encryption require -- -x",
      "seed --seed-ratio 1.5 x.torrent data",
      "create -t http://a/,udp://b:1 -o x.torrent data",
      "info --json x",
      "verify x folder",
      "plan x",
      "feed --since 7d --max-items 3 http://127.0.0.1/feed",
      "tracker -p 0",
      "demo",
      "man",
      "get -p6881 -osel x",
      "get -o a -q x -o b -q",
      "get -o -oa -- -ob",
      "plan -q --deadline 2h -o d x",
    ]
  ) {
    const args = line.split(" ");
    const command = readPlainly(args);
    ok(command !== undefined, line);
    deepStrictEqual(command, explained(args));
  }
});

Deno.test("readPlainly() leaves alone what asks for an answer, or is wrong", () => {
  for (
    const line of [
      "--help",
      "get --help",
      "x -h",
      "--version",
      "completion bash",
      "perms get x",
      "get",
      "info a b",
      "demo --",
      "man --",
      "get -qv x",
      "get -p6881y x",
      "get -o=a x",
      "get --nope x",
      "get --memory lots x",
      "get x --memory",
      "get --json=1 x",
      "constructor x --nope",
      "get -o\nx a",
      "create -t\u2028http://a/ x",
    ]
  ) strictEqual(readPlainly(line.split(" ")), undefined, line);
  strictEqual(readPlainly([]), undefined);
});
