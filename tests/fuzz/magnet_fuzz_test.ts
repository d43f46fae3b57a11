import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { formatEndpoint, parseEndpoint } from "../../src/base/endpoint.ts";
import { MetainfoError } from "../../src/base/errors.ts";
import { type Magnet, magnetLink, parseMagnet } from "../../src/metainfo/magnet.ts";
import { trackerUrl, webSeedUrl } from "../../src/metainfo/metainfo_addresses.ts";
import { fuzz } from "./mutation.ts";

function parse(text: string): Magnet | undefined {
  try {
    return parseMagnet(text);
  } catch (error) {
    ok(error instanceof MetainfoError && !/[\p{Cc}]/u.test(error.message), `${error}`);
    return undefined;
  }
}

Deno.test("fuzz: parseMagnet() gives what can be used, or throws MetainfoError", () => {
  fuzz({
    corpus: "magnet",
    check(input) {
      const magnet = parse(new TextDecoder().decode(input));
      if (magnet === undefined) return;
      const { infoHash, infoHashHex, trackers, peers, webSeeds, selectedFiles, length } = magnet;
      ok(infoHash.length === 20 || infoHash.length === 32);
      strictEqual(infoHashHex, infoHash.toHex());
      ok(
        trackers.length <= 100 &&
          trackers.every(([url, ...more]) => more.length === 0 && trackerUrl(url!) === url),
      );
      ok(webSeeds.length <= 100 && webSeeds.every((url) => webSeedUrl(url) === url));
      ok(peers.length <= 100);
      for (const peer of peers) deepStrictEqual(parseEndpoint(formatEndpoint(peer)), peer);
      ok(length === undefined || (Number.isSafeInteger(length) && length >= 0));
      ok(selectedFiles === undefined || selectedFiles.length > 0);
      let previous = -2;
      for (const { first, last } of selectedFiles ?? []) {
        ok(Number.isSafeInteger(first) && first > previous + 1 && last >= first);
        previous = last;
      }
      const again = parse(magnetLink(magnet));
      deepStrictEqual(again?.infoHash, infoHash);
      deepStrictEqual(again?.trackers, trackers);
    },
  });
});
