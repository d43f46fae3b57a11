import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import { formatProxy, parseProxy } from "../../src/net/proxy.ts";

Deno.test("parseProxy() reads kind, endpoint, user name and password", () => {
  const rows: readonly (readonly [string, ReturnType<typeof parseProxy>])[] = [
    ["socks5://192.0.2.1:1081", { kind: "socks5", endpoint: { host: "192.0.2.1", port: 1081 } }],
    ["socks5://192.0.2.1", { kind: "socks5", endpoint: { host: "192.0.2.1", port: 1080 } }],
    ["socks5://192.0.2.1:80/", { kind: "socks5", endpoint: { host: "192.0.2.1", port: 80 } }],
    ["SOCKS5H://Proxy.Example", {
      kind: "socks5",
      endpoint: { host: "proxy.example", port: 1080 },
    }],
    ["http://proxy.example", { kind: "http", endpoint: { host: "proxy.example", port: 80 } }],
    ["http://proxy.example:3128/", {
      kind: "http",
      endpoint: { host: "proxy.example", port: 3128 },
    }],
    ["socks5://[2001:DB8::1]:9050", {
      kind: "socks5",
      endpoint: { host: "2001:db8::1", port: 9050 },
    }],
    ["socks5://[::1]", { kind: "socks5", endpoint: { host: "::1", port: 1080 } }],
    ["socks5://me:secret@h:1", {
      kind: "socks5",
      endpoint: { host: "h", port: 1 },
      username: "me",
      password: "secret",
    }],
    ["socks5://m%40e:p%3Aw%25@h:1", {
      kind: "socks5",
      endpoint: { host: "h", port: 1 },
      username: "m@e",
      password: "p:w%",
    }],
    ["socks5://me:a@b:c@h:1", {
      kind: "socks5",
      endpoint: { host: "h", port: 1 },
      username: "me",
      password: "a@b:c",
    }],
    ["http://me@h:1", {
      kind: "http",
      endpoint: { host: "h", port: 1 },
      username: "me",
      password: "",
    }],
  ];
  for (const [text, proxy] of rows) deepStrictEqual(parseProxy(text), proxy, text);
});

Deno.test("parseProxy() gives undefined for what is no proxy", () => {
  const rows = [
    "",
    "socks5",
    "192.0.2.1:1080",
    "socks4://h:1",
    "https://h:1",
    "ftp://h:1",
    "socks5://",
    "socks5://:1080",
    "socks5://@h:1",
    "socks5://:secret@h:1",
    "socks5://h:0",
    "socks5://h:65536",
    "socks5://h:1/path",
    "socks5://h:1?x",
    "socks5://h:1#x",
    "socks5://h h:1",
    "socks5://2001:db8::1",
    "socks5://[2001:db8::1",
    "socks5://256.0.0.1:1080",
    "socks5://me:%zz@h:1",
    "socks5://me:%0a@h:1",
    "http://m%3ae:secret@h:1",
    `socks5://${"a".repeat(256)}:x@h:1`,
    `socks5://me:${"%C3%A9".repeat(128)}@h:1`,
    `socks5://${"a".repeat(3_000)}`,
  ];
  for (const text of rows) strictEqual(parseProxy(text), undefined, text);
});

Deno.test("parseProxy() takes back every user name and password, percent-encoded", () => {
  const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 })
    .filter((text) => !/\p{Cc}/u.test(text));
  fc.assert(fc.property(word, word, (username, password) => {
    const userinfo = `${encodeURIComponent(username)}:${encodeURIComponent(password)}`;
    const parsed = parseProxy(`socks5://${userinfo}@h:1`);
    deepStrictEqual(
      [parsed?.username, parsed?.password, parsed?.endpoint.host],
      [username, password, "h"],
    );
  }));
});

Deno.test("S14 formatProxy() shows no password", () => {
  const proxy = parseProxy("socks5://me:secret@[::1]:1080");
  ok(proxy !== undefined);
  strictEqual(formatProxy(proxy), "socks5://[::1]:1080");
});
