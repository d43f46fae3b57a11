import { deepStrictEqual, ok, throws } from "node:assert/strict";
import { CommandError } from "../../../src/cli/output/failure.ts";
import { isLink, linkWithoutSecrets, readLink } from "../../../src/cli/source/link.ts";

const HEX = "0123456789abcdef0123456789abcdef01234567";
/** RFC 4648 of the same bytes. */
const BASE32 = "AERUKZ4JVPG66AJDIVTYTK6N54ASGRLH";

Deno.test("readLink() reads magnet links, and info-hashes of both alphabets", () => {
  for (const source of [HEX, HEX.toUpperCase(), BASE32, BASE32.toLowerCase()]) {
    const link = readLink(source);
    deepStrictEqual([link?.infoHashHex, link?.trackers, link?.peers], [HEX, [], []], source);
  }
  const link = readLink(`MAGNET:?xt=urn:btih:${BASE32}&dn=x&tr=http://t.example/announce`);
  deepStrictEqual([link?.infoHashHex, link?.name], [HEX, "x"]);
  deepStrictEqual(link?.trackers, [["http://t.example/announce"]]);
});

Deno.test("readLink() reads links and info-hashes of version 2", () => {
  const hex = HEX.repeat(2).slice(0, 64);
  for (const source of [hex, hex.toUpperCase(), `magnet:?xt=urn:btmh:1220${hex}`]) {
    deepStrictEqual(readLink(source)?.infoHashHex, hex);
  }
  const secret = `magnet:?tr=http://t.example/secret&xt=urn:btmh:1220${hex}`;
  deepStrictEqual(linkWithoutSecrets(secret), `magnet:?xt=urn:btmh:1220${hex}`);
});

Deno.test("readLink() leaves alone what is a file, a URL or standard input", () => {
  const others = [
    ...["-", "x.torrent", "./magnet:?xt=x", `./${HEX}`, HEX.slice(1), `${HEX}0`, `${BASE32}A`],
    ...["https://example.org/x.torrent", BASE32.replace("A", "1"), "magnet.torrent"],
  ];
  for (const source of others) {
    deepStrictEqual([isLink(source), readLink(source)], [false, undefined], source);
  }
});

Deno.test("readLink() refuses a link without an info-hash in one sentence, exit 3", () => {
  for (const source of ["magnet:", "magnet:?dn=x", "magnet:?xt=urn:btih:12&tr=http://t/secret"]) {
    throws(() => readLink(source), (error) => {
      ok(error instanceof CommandError);
      deepStrictEqual(error.failure.exitCode, 3);
      ok(error.message.startsWith("Cannot read magnet:?…: it"), error.message);
      return true;
    });
  }
});

Deno.test("T20 linkWithoutSecrets() drops trackers, whose addresses may hold passkeys", () => {
  const link = `magnet:?tr=http://t.example/secret/announce&xt=urn:btih:${BASE32}&dn=a%20b`;
  deepStrictEqual(linkWithoutSecrets(link), `magnet:?xt=urn:btih:${HEX}&dn=a%20b`);
  deepStrictEqual(linkWithoutSecrets(BASE32), BASE32);
  deepStrictEqual(linkWithoutSecrets("magnet:?tr=http://t.example/secret"), "magnet:?…");
});
