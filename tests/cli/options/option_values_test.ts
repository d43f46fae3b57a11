import { deepStrictEqual, strictEqual } from "node:assert/strict";
import {
  choiceValue,
  integerValue,
  pathValue,
  proxyValue,
  torrentValue,
} from "../../../src/cli/options/option_values.ts";

Deno.test("torrentValue() takes links as they are pasted, and names of files as they are", () => {
  const { parse } = torrentValue("SOURCE", "file");
  const hash = "ab".repeat(20);
  for (
    const link of [`magnet:?xt=urn:btih:${hash}&dn=a b`, "HTTPS://h/x?a=1", hash, "A2".repeat(16)]
  ) {
    for (const pasted of [link, ` ${link}`, `${link}\n`, `\r\n\t ${link} \n`]) {
      strictEqual(parse(pasted), link);
    }
  }
  for (const name of [" x.torrent", "x.torrent\n", " ", ` ./magnet:`, ` ${hash}0`]) {
    strictEqual(parse(name), name);
  }
  strictEqual(parse(""), undefined);
});

Deno.test("proxyValue reads a proxy", () => {
  deepStrictEqual(proxyValue.parse("socks5://me:secret@192.0.2.1"), {
    kind: "socks5",
    endpoint: { host: "192.0.2.1", port: 1080 },
    username: "me",
    password: "secret",
  });
  strictEqual(proxyValue.parse("socks4://192.0.2.1"), undefined);
});

Deno.test("integerValue() reads whole numbers of its range, and nothing else", () => {
  const port = integerValue({ min: 1, max: 65_535 });
  deepStrictEqual(["1", "0007", "65535"].map(port.parse), [1, 7, 65_535]);
  for (const text of ["", "0", "65536", "-1", "+1", "1.0", "1e3", "0x1", " 1", "1n", "one"]) {
    strictEqual(port.parse(text), undefined, text);
  }
  strictEqual(port.expected, "a whole number from 1 to 65535");
  const count = integerValue({ min: 1 });
  strictEqual(count.parse("9007199254740991"), Number.MAX_SAFE_INTEGER);
  strictEqual(count.parse("9007199254740993"), undefined);
  strictEqual(count.expected, "a whole number from 1 up");
});

Deno.test("choiceValue() takes its words alone", () => {
  const mode = choiceValue("MODE", ["prefer", "off"]);
  deepStrictEqual(["prefer", "off", "of", "Off", ""].map(mode.parse), [
    "prefer",
    "off",
    undefined,
    undefined,
    undefined,
  ]);
});

Deno.test("pathValue() takes any path, but not the nothing of a variable that was not set", () => {
  const { parse, expected } = pathValue("DIR", "directory");
  deepStrictEqual(["/a b", ".", "-", ""].map(parse), ["/a b", ".", "-", undefined]);
  strictEqual(expected, "a path");
});
