import { deepStrictEqual, rejects } from "node:assert/strict";
import type { PieceIndex } from "../../src/base/ids.ts";
import type { FullPiece } from "../../src/piece/assembly.ts";
import type { PieceOutcome, Storage } from "../../src/storage/storage.ts";
import { download, type Stages } from "../../src/torrent/pipeline.ts";

type Write = (piece: PieceIndex) => Promise<PieceOutcome>;

/** Three full pieces, from nobody. */
async function* threePieces(): AsyncIterable<FullPiece> {
  for (const piece of [0, 1, 2] as PieceIndex[]) {
    yield { piece, data: new Uint8Array(1), contributors: [] };
  }
}

/** The stages, and a disk that writes so. */
function stagesOf(write: Write): [Stages, Storage] {
  const stages = {
    peerSources: { sightings: () => [] },
    dialer: { connect: () => [] },
    swarm: {
      collect: threePieces,
      maxPiecesInMemory: 3,
      downloader: { suspects: () => false },
    },
  };
  return [stages as unknown as Stages, { write } as unknown as Storage];
}

function good(): PieceOutcome {
  return { kind: "good", buffer: new ArrayBuffer(1) };
}

Deno.test("download() yields pieces as the disk has them, and ends after the last", async () => {
  const first = Promise.withResolvers<PieceOutcome>();
  const stored: number[] = [];
  const stages = stagesOf((piece) => piece === 0 ? first.promise : Promise.resolve(good()));
  for await (const { piece } of download(...stages)) {
    stored.push(piece.piece);
    if (stored.length === 2) first.resolve(good());
  }
  deepStrictEqual(stored, [1, 2, 0]);
});

Deno.test("download() says how many more are here when pieces come back together", async () => {
  const disk = Promise.withResolvers<PieceOutcome>();
  const stored = download(...stagesOf(() => disk.promise));
  setTimeout(() => disk.resolve(good()));
  const sizes: number[] = [];
  for await (const _ of stored) sizes.push(stored.size);
  deepStrictEqual(sizes, [2, 1, 0]);
});

Deno.test("download() throws what a write was rejected with, whatever else is under way", async () => {
  const bug = new Error("a bug");
  const never = new Promise<PieceOutcome>(() => {});
  const stages = stagesOf((piece) => piece === 1 ? Promise.reject(bug) : never);
  await rejects(async () => {
    for await (const _ of download(...stages));
  }, bug);
});
