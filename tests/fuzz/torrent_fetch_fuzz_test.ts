import { deepStrictEqual, ok } from "node:assert/strict";
import type { Random } from "../../src/base/ambient.ts";
import { ProtocolError } from "../../src/base/errors.ts";
import type { FullInfoHash } from "../../src/base/ids.ts";
import { parseMetainfo } from "../../src/metainfo/metainfo.ts";
import { pieceLayersOf } from "../../src/metainfo/piece_layers.ts";
import { MetadataSession } from "../../src/peer/metadata_session.ts";
import { TorrentFetch } from "../../src/peer/torrent_fetch.ts";
import { MessageDecoder } from "../../src/wire/decoder.ts";
import type { Message } from "../../src/wire/message.ts";
import { dataOf, version2Torrent } from "../metainfo/version_2_torrent.ts";
import { fuzz } from "./mutation.ts";

const MAX_MESSAGE_LENGTH = 64 * 1024;
const PEER = 1;
const METAINFO = parseMetainfo(version2Torrent({ a: dataOf(200_000), b: dataOf(70_000, 2) }));
const LAYERS = [...pieceLayersOf(METAINFO)];

/** The messages of one read; none come after one that is malformed. */
function* decode(decoder: MessageDecoder): Iterable<Message> {
  try {
    for (let message = decoder.next(); message; message = decoder.next()) yield message;
  } catch (error) {
    ok(error instanceof ProtocolError);
  }
}

/** Whether the talk has given everything, which can then be nothing but the truth. */
function talk(input: Uint8Array, random: Random): boolean {
  const flags = { fast: true, extended: true, dht: false };
  const session = new MetadataSession({ flags, host: "10.0.0.1", now: 0 });
  const fetch = new TorrentFetch(Uint8Array.fromHex(METAINFO.infoHashHex) as FullInfoHash);
  const decoder = new MessageDecoder({ maxMessageLength: MAX_MESSAGE_LENGTH });
  let now = 0, hasFound = false;
  fetch.handlePeer(PEER, now);
  for (let offset = 0; offset < input.length;) {
    const space = decoder.space();
    const length = Math.min(1 + random.below(500), space.length, input.length - offset);
    space.set(input.subarray(offset, offset + length));
    decoder.advance(length);
    offset += length;
    for (const message of decode(decoder)) session.handleMessage(message, now);
    for (const answer of session.drainAnswers()) fetch.handleAnswer(PEER, answer, now);
    for (const event of session.drain()) {
      if (event.kind !== "extension-handshake") continue;
      const { metadataSize } = event.handshake;
      if (metadataSize !== undefined) fetch.handleSize(PEER, metadataSize, now);
    }
    now += random.below(1_000);
    fetch.handleTimeout(now);
    for (const effect of fetch.drain()) {
      ok(!hasFound, "nothing after the end");
      if (effect.kind === "request") session.request(effect.piece, now);
      else if (effect.kind === "request-hashes") {
        session.requestHashes(effect.root, effect.range, now);
      } else if (effect.kind !== "found") fetch.handleGone(PEER, now);
      else {
        hasFound = true;
        deepStrictEqual(effect.given.infoBytes, METAINFO.infoBytes);
        deepStrictEqual([...effect.given.pieceLayers], LAYERS);
      }
    }
  }
  return hasFound;
}

Deno.test("fuzz: TorrentFetch believes nothing of any bytes but what is proved", () => {
  let foundCount = 0;
  fuzz({
    corpus: "torrent_fetch",
    check: (input, random) => void (foundCount += +talk(input, random)),
  });
  ok(foundCount > 0, "the kept inputs give everything");
});
