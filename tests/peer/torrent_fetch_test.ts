import { deepStrictEqual, equal, ok } from "node:assert/strict";
import type { Bytes } from "../../src/base/bytes.ts";
import type { FullInfoHash } from "../../src/base/ids.ts";
import { LayerTrees } from "../../src/metainfo/layer_trees.ts";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { pieceLayersOf } from "../../src/metainfo/piece_layers.ts";
import { type TorrentEffect, TorrentFetch } from "../../src/peer/torrent_fetch.ts";
import { sampleTorrent } from "../metainfo/sample_torrent.ts";
import { dataOf, sha256, version2Torrent } from "../metainfo/version_2_torrent.ts";

const PEER = 1, OTHER = 2;
const METAINFO = parseMetainfo(version2Torrent({ a: dataOf(200_000), b: dataOf(70_000, 2) }));
const TREES = new LayerTrees(METAINFO);

function fetchOf(infoHashHex: string): TorrentFetch {
  return new TorrentFetch(Uint8Array.fromHex(infoHashHex) as FullInfoHash);
}

/** A peer that has everything answers all that is asked of it; what else there is to do. */
function serve(fetch: TorrentFetch, infoBytes: Bytes, peer = PEER, now = 0): TorrentEffect[] {
  const others: TorrentEffect[] = [];
  for (let effects = fetch.drain(); effects.length > 0; effects = fetch.drain()) {
    for (const effect of effects) {
      if (effect.kind === "request") {
        const { piece } = effect;
        ok(
          fetch.handleAnswer(
            peer,
            { kind: "data", piece, data: infoBytes, totalSize: undefined } as never,
            now,
          ),
        );
      } else if (effect.kind === "request-hashes") {
        const { root, range } = effect;
        const hashes = TREES.hashesFor(root, range)!;
        ok(fetch.handleAnswer(peer, { kind: "hashes", root, range, hashes }, now));
      } else others.push(effect);
    }
  }
  return others;
}

Deno.test("TorrentFetch gets the info dictionary of version 2, and then its piece layers", () => {
  const fetch = fetchOf(METAINFO.infoHashHex);
  fetch.handlePeer(PEER, 0);
  fetch.handleSize(PEER, METAINFO.infoBytes.length, 0);
  const size = METAINFO.infoBytes.length;
  deepStrictEqual(fetch.progress, { bytes: 0, size });
  const [found, ...more] = serve(fetch, METAINFO.infoBytes);
  // Of 200,000 bytes seven pieces, of 70,000 three.
  const all = size + 10 * 32;
  const pieceHashes = { here: 10, needed: 10 };
  deepStrictEqual(fetch.progress, { bytes: all, size: all, pieceHashes, provedAt: 0 });
  ok(found?.kind === "found");
  deepStrictEqual(found.given.infoBytes, METAINFO.infoBytes);
  deepStrictEqual([...found.given.pieceLayers], [...pieceLayersOf(METAINFO)]);
  deepStrictEqual([...found.givers], [PEER]);
  deepStrictEqual(more, []);
});

Deno.test("TorrentFetch needs nothing but the info dictionary where nothing else is missing", () => {
  const small = parseMetainfo(version2Torrent({ a: dataOf(9) }));
  const broken = { infoBytes: new TextEncoder().encode("d12:meta versioni2ee") };
  const first = parseMetainfo(sampleTorrent());
  const hashOf = (bytes: Uint8Array) => sha256(bytes).toHex();
  for (
    const [infoBytes, infoHashHex] of [
      [small.infoBytes, small.infoHashHex],
      [first.infoBytes, first.infoHashHex],
      // A hybrid that a link names by its version 2 half, and what is no torrent at all.
      [first.infoBytes, hashOf(first.infoBytes)],
      [broken.infoBytes, hashOf(broken.infoBytes)],
    ] as const
  ) {
    const fetch = fetchOf(infoHashHex);
    fetch.handlePeer(PEER, 0);
    fetch.handleSize(PEER, infoBytes.length, 0);
    const [found] = serve(fetch, infoBytes);
    ok(found?.kind === "found");
    deepStrictEqual(found.given, { infoBytes, pieceLayers: new Map() });
  }
});

Deno.test("TorrentFetch asks peers for layers that come after the info dictionary, or have none of it", () => {
  const fetch = fetchOf(METAINFO.infoHashHex);
  fetch.handlePeer(PEER, 0);
  fetch.handleSize(PEER, METAINFO.infoBytes.length, 0);
  const [request] = fetch.drain();
  ok(request?.kind === "request");
  const { infoBytes: data } = METAINFO;
  fetch.handleAnswer(PEER, { kind: "data", piece: 0, data, totalSize: data.length } as never, 3);
  for (const effect of fetch.drain()) {
    ok(effect.kind === "request-hashes");
    const refusal = { kind: "hash-reject", root: effect.root, range: effect.range } as const;
    equal(fetch.handleAnswer(PEER, refusal, 4), false);
  }
  equal(fetch.sourceCount, 0);
  const pieceHashes = { here: 0, needed: 10 };
  const size = data.length + 320;
  // A refusal is no progress.
  deepStrictEqual(fetch.progress, { bytes: data.length, size, pieceHashes, provedAt: 3 });
  fetch.handlePeer(OTHER, 4);
  equal(fetch.sourceCount, 1);
  const [found] = serve(fetch, data, OTHER, 5);
  equal(fetch.progress?.provedAt, 5);
  ok(found?.kind === "found");
  deepStrictEqual([...found.givers], [PEER]);
});

Deno.test("TorrentFetch parts from a peer that gives hashes before anybody could ask", () => {
  const fetch = fetchOf(METAINFO.infoHashHex);
  fetch.handlePeer(PEER, 0);
  const range = { baseLayer: 1, index: 0, length: 2, proofLayers: 0 };
  const root = new Uint8Array(32), hashes = new Uint8Array(64);
  equal(fetch.handleAnswer(PEER, { kind: "hashes", root, range, hashes }, 0), false);
  deepStrictEqual(fetch.drain(), [{ kind: "malformed", peer: PEER }]);
  fetch.handleAnswer(PEER, { kind: "hash-reject", root, range }, 0);
  deepStrictEqual(fetch.drain(), []);
});
