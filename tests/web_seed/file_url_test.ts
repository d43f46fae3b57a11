import { deepStrictEqual, strictEqual } from "node:assert/strict";
import fc from "fast-check";
import type { FileIndex } from "../../src/base/ids.ts";
import { packFiles } from "../metainfo/pack_files.ts";
import { fileUrl, mayAsk, type NamedFiles } from "../../src/web_seed/file_url.ts";

function filesOf(isMultiFile: boolean, ...paths: string[][]): NamedFiles {
  return { name: "pack", isMultiFile, files: packFiles(1, ...paths) };
}

const SINGLE = filesOf(false, ["pack"]);
const MULTI = filesOf(true, ["a b", "ü#?.bin"], ["..", "%41"]);

Deno.test("fileUrl() is the base, or the name below it, when the torrent is one file", () => {
  const urls = ["http://h/x.iso", "http://h/d/", "http://h", "http://h/x?k=1", "http://h/d/?k=1#f"]
    .map((base) => fileUrl(base, SINGLE, 0 as FileIndex));
  deepStrictEqual(urls, [
    "http://h/x.iso",
    "http://h/d/pack",
    "http://h/pack",
    "http://h/x?k=1",
    "http://h/d/pack?k=1",
  ]);
});

Deno.test("fileUrl() puts the torrent's folder and the path below the base when there are several", () => {
  for (const base of ["https://h:8443/d", "https://h:8443/d/"]) {
    const url = fileUrl(base, MULTI, 0 as FileIndex);
    strictEqual(url, "https://h:8443/d/pack/a%20b/%C3%BC%23%3F.bin");
  }
  strictEqual(fileUrl("http://h/d", MULTI, 1 as FileIndex), "http://h/d/%2541");
});

Deno.test("fileUrl() never leaves the server, whatever the names are", () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: "binary" }), { minLength: 1 }), (path) => {
    const url = new URL(fileUrl("http://h:81/d/?q", filesOf(true, path), 0 as FileIndex));
    strictEqual(url.origin, "http://h:81");
    strictEqual(url.search, "?q");
  }));
});

Deno.test("T19 T21 mayAsk() allows no query in a local network, and no address of nobody", () => {
  const asked = [
    "http://example.org/f?x=1",
    "http://93.184.216.34/f",
    "http://127.0.0.1:8080/f",
    "http://[::1]/f",
    "http://192.168.1.1/f",
    "http://nas/f",
    "http://127.0.0.1:8080/f?reboot=1",
    "http://localhost/f?x",
    "http://192.168.1.1/f?x",
    "http://router/f?x",
    "http://169.254.169.254/latest",
    "http://0.0.0.0/f",
    "http://[fe80::1]/f",
  ].map((url) => mayAsk(new URL(url)));
  deepStrictEqual(asked, [...Array(6).fill(true), ...Array(7).fill(false)]);
});
