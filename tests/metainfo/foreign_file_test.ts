import { equal } from "node:assert/strict";
import { foreignFile } from "../../src/metainfo/foreign_file.ts";
import { latin1Bytes } from "./latin1_bytes.ts";
import { rejectsTorrent } from "./rejects_torrent.ts";

Deno.test("M8 parseMetainfo() says what it was given instead of a torrent", () => {
  const gzip = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0);
  rejectsTorrent(new Uint8Array(), "not-bencode", /it is empty/);
  rejectsTorrent(latin1Bytes("d"), "not-bencode", /the end instead of a value at byte 1/);
  rejectsTorrent(latin1Bytes("i1e"), "not-bencode", /does not start with a dictionary/);
  rejectsTorrent(gzip, "not-bencode", /gzip/);
  rejectsTorrent(latin1Bytes("PK\x03\x04"), "not-bencode", /ZIP/);
  rejectsTorrent(latin1Bytes("<!DOCTYPE html><html>"), "not-bencode", /web page/);
  rejectsTorrent(latin1Bytes("\xef\xbb\xbf\r\n <html>"), "not-bencode", /web page/);
  rejectsTorrent(latin1Bytes("magnet:?xt=urn:btih:00"), "not-bencode", /magnet link/);
  rejectsTorrent(latin1Bytes("\x7fELF"), "not-bencode", /does not start with a dictionary/);
});

Deno.test("foreignFile() is content with whatever starts as a dictionary", () => {
  equal(foreignFile(latin1Bytes("de")), undefined);
  equal(foreignFile(latin1Bytes("d<html>")), undefined);
});
