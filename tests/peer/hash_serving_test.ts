import { deepStrictEqual, equal, ok } from "node:assert/strict";
import { LayerTrees } from "../../src/metainfo/layer_trees.ts";
import { type Metainfo, parseMetainfo } from "../../src/metainfo/metainfo.ts";
import type { HashRange, Message } from "../../src/wire/message.ts";
import { dataOf, hashFile, version2Torrent } from "../metainfo/version_2_torrent.ts";
import { ScriptedSession } from "./scripted_session.ts";

const KIB = 1024;
const PIECE_LENGTH = 16 * KIB;
const RANGE = { baseLayer: 0, index: 0, length: 8, proofLayers: 0 };

interface Asked {
  readonly script: ScriptedSession;
  readonly metainfo: Metainfo;
  readonly root: Uint8Array;
}

function open(pieceCount: number): Asked {
  const data = dataOf(pieceCount * PIECE_LENGTH);
  const metainfo = parseMetainfo(version2Torrent({ a: data }, { pieceLength: PIECE_LENGTH }));
  const layers = new LayerTrees(metainfo);
  const script = new ScriptedSession({ pieceCount, pieceLength: PIECE_LENGTH, layers });
  return { script, metainfo, root: hashFile(data, PIECE_LENGTH).root };
}

function request(root: Uint8Array, range: Partial<HashRange> = {}): Message {
  return { kind: "hash-request", root, range: { ...RANGE, ...range } };
}

function kindsSaid(script: ScriptedSession): string[] {
  return script.said().map(({ kind }) => kind);
}

Deno.test("a peer that asks for hashes gets them, and a refusal for what we have not", () => {
  const { script, metainfo, root } = open(8);
  script.hear(request(root), request(root, { index: 8 }), request(root.toReversed()));
  const [hashes, ...refusals] = script.said();
  deepStrictEqual(hashes, { kind: "hashes", root, range: RANGE, hashes: metainfo.pieceHashes });
  deepStrictEqual(refusals, [
    { kind: "hash-reject", root, range: { ...RANGE, index: 8 } },
    { kind: "hash-reject", root: root.toReversed(), range: RANGE },
  ]);
  deepStrictEqual(script.events(), []);
});

Deno.test("a root that is asked for is copied: it lies in the buffer of the decoder", () => {
  const { script, root } = open(1024);
  const asked = root.slice(), range = { length: 512, proofLayers: 9 };
  // More than is sent at once.
  for (let count = 0; count < 40; count++) script.hear(request(asked, range));
  asked.fill(0);
  script.said();
  script.pass(500);
  const later = script.said();
  ok(later.length > 0);
  for (const message of later) ok(message.kind === "hashes" && message.root[0] === root[0]);
});

Deno.test("hashes wait while the peer does not read, 256 answers at most", () => {
  const { script, root } = open(1024);
  const range = { length: 512, proofLayers: 9 };
  // The allowance is not what ends it: 4096 + 4 · 2 · 1024 hashes, of 24 answers.
  for (let count = 0; count < 18; count++) script.hear(request(root, range));
  const bytes = script.session.output.pendingBytes;
  ok(bytes > 256 * KIB && bytes < 280 * KIB, `${bytes}`);
  script.said();
  script.pass(500);
  equal(kindsSaid(script).filter((kind) => kind === "hashes").length, 2);
});

Deno.test("a peer gets all hashes four times, and no more", () => {
  const { script, root } = open(8);
  const copies = (4_096 + 4 * 16) / 8;
  for (let count = 0; count < copies; count++) {
    script.hear(request(root));
    deepStrictEqual(kindsSaid(script), ["hashes"]);
  }
  script.hear(request(root));
  deepStrictEqual(kindsSaid(script), ["hash-reject"]);
});

Deno.test("a peer that goes on asking for hashes that we have not is closed", () => {
  const { script, root } = open(8);
  for (let count = 0; count < 4_096; count++) script.hear(request(root, { length: 3 }));
  deepStrictEqual(script.events(), []);
  script.hear(request(root, { length: 3 }));
  deepStrictEqual(script.events(), [{ kind: "close", reason: "request-flood" }]);
});

Deno.test("P14 a peer that gives or refuses hashes which nobody asked for is closed", () => {
  const root = new Uint8Array(32);
  const messages: readonly Message[] = [
    { kind: "hashes", root, range: RANGE, hashes: new Uint8Array(32) },
    { kind: "hash-reject", root, range: RANGE },
  ];
  for (const message of messages) {
    const { script } = open(8);
    script.hear(message);
    deepStrictEqual(script.events(), [{ kind: "close", reason: "malformed-message" }]);
  }
});

Deno.test("P9 a peer that speaks of hashes is closed where the torrent is of version 1", () => {
  for (const kind of ["hash-request", "hash-reject"] as const) {
    const script = new ScriptedSession();
    script.hear({ kind, root: new Uint8Array(32), range: RANGE });
    deepStrictEqual(script.events(), [{ kind: "close", reason: "unnegotiated-extension" }]);
  }
});
