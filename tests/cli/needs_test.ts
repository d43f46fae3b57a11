import { deepStrictEqual } from "node:assert/strict";
import { type Needs, needsOf } from "../../src/cli/needs.ts";
import { parseArguments } from "../../src/cli/options/explained_arguments.ts";

const HASH = "0123456789abcdef0123456789abcdef01234567";
const NOTHING: Needs = { net: false, read: [], write: [], run: false, workers: false };

function needs(line: string): Needs {
  const command = parseArguments(line.split(" "), { print: () => {}, columns: 80 });
  if (command === undefined) throw new Error(`${line} was answered`);
  return needsOf(command);
}

Deno.test("needsOf() gives every command what it works with, and no more", () => {
  const cases: [line: string, needs: Partial<Needs>][] = [
    ["get x.torrent", { net: true, read: [".", "x.torrent"], write: ["."], workers: true }],
    ["get -o d -", { net: true, read: ["d"], write: ["d"], workers: true }],
    [`get -o d ${HASH} http://h/x.torrent magnet:?xt=urn:btih:${HASH} sub/y`, {
      net: true,
      read: ["d", "sub/y"],
      write: ["d"],
      workers: true,
    }],
    ["get -o d --state-dir s --log-dir l x", {
      net: true,
      read: ["d", "s", "x"],
      write: ["d", "s", "l"],
      workers: true,
    }],
    ["get -o d --on-done true -", {
      net: true,
      read: ["d"],
      write: ["d"],
      run: true,
      workers: true,
    }],
    ["get -o d --sums SHA256SUMS --save-torrent -", {
      net: true,
      read: ["d", "SHA256SUMS"],
      write: ["d"],
      workers: true,
    }],
    ["get -o d --sums https://h/SUMS -", { net: true, read: ["d"], write: ["d"], workers: true }],
    [`get --metadata-only -o d/x.torrent ${HASH}`, {
      net: true,
      read: ["d"],
      write: ["d"],
      workers: true,
    }],
    [`get --metadata-only -o d ${HASH}`, { net: true, read: ["d"], write: ["d"], workers: true }],
    [`get --metadata-only -o - ${HASH}`, { net: true, read: [], write: [], workers: true }],
    ["create -o - data", { read: ["data"], write: [], workers: true }],
    ["cat x.torrent", { net: true, read: [".", "x.torrent"], write: ["."], workers: true }],
    ["cat --tar -o d --state-dir s --log-dir l -", {
      net: true,
      read: ["d", "s"],
      write: ["d", "s", "l"],
      workers: true,
    }],
    ["seed x.torrent", { net: true, read: ["x.torrent", "."], workers: true }],
    ["seed --log-dir l --state-dir s a.torrent b.torrent /data", {
      net: true,
      read: ["a.torrent", "b.torrent", "/data", "s"],
      write: ["l"],
      workers: true,
    }],
    ["create d", { read: [".", "d"], write: ["."], workers: true }],
    ["create -o t/x.torrent d", { read: ["t", "d"], write: ["t"], workers: true }],
    ["create -o t d", { read: ["t", "d"], write: ["t"], workers: true }],
    ["info x.torrent", { read: ["x.torrent"] }],
    ["info -", {}],
    ["info https://h/x.torrent", { net: true }],
    [`info ${HASH}`, { net: true }],
    ["verify x.torrent", { read: ["x.torrent", "."], workers: true }],
    ["verify x.torrent /data", { read: ["x.torrent", "/data"], workers: true }],
    ["verify x.torrent /data/a.iso", { read: ["x.torrent", "/data"], workers: true }],
    ["verify x.torrent ..", { read: ["x.torrent", ".."], workers: true }],
    [`verify ${HASH} d`, { net: true, read: ["d"], workers: true }],
    ["tracker", { net: true }],
    ["demo", { net: "127.0.0.1", read: ["."], write: ["."], workers: true }],
    ["perms get", {}],
  ];
  for (const [line, expected] of cases) {
    deepStrictEqual(needs(line), { ...NOTHING, ...expected }, line);
  }
});
