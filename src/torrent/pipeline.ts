/**
 * The whole download on one screen: tracker → peers → pieces → disk, each stage an async
 * iterator over the one before. Only two edges go back, and both are in `torrent.ts`: an
 * outcome becomes HAVE or a ban, and its buffer becomes credit for more requests.
 */
import { Channel } from "../base/channel.ts";
import type { Assembly, FullPiece } from "../piece/assembly.ts";
import type { Availability } from "../piece/availability.ts";
import type { PieceOutcome, Storage } from "../storage/storage.ts";
import type { Dialer } from "./dialer.ts";
import { discover } from "./discovery.ts";
import type { PeerSources } from "./peer_sources.ts";
import type { Swarm } from "./swarm.ts";
import type { Uploader } from "./uploader.ts";

/** A piece, and what became of it on its way to the disk. */
export interface StoredPiece {
  readonly piece: FullPiece;
  readonly outcome: PieceOutcome;
}

/** The stages and what they share, while we are in the swarm. */
export interface Stages {
  readonly peerSources: PeerSources;
  readonly dialer: Dialer;
  readonly swarm: Swarm;
  readonly uploader: Uploader;
  readonly assembly: Assembly;
  readonly availability: Availability;
}

/** Ends when the swarm is closed and everything it delivered has been stored. */
export function download(
  { peerSources, dialer, swarm }: Stages,
  storage: Storage,
): Channel<StoredPiece> {
  const endpoints = discover(peerSources.sightings());
  const peers = dialer.connect(endpoints);
  const pieces = swarm.collect(peers);
  return store(pieces, swarm, storage);
}

/**
 * Hands every piece to the disk at once: how many are on their way is bounded by the bytes that
 * the assembly may hold, not here. Yields outcomes in the order in which they arrive.
 */
function store(
  pieces: AsyncIterable<FullPiece>,
  swarm: Swarm,
  storage: Storage,
): Channel<StoredPiece> {
  const stored = new Channel<StoredPiece>(swarm.maxPiecesInMemory);
  let underWay = 1; // The stream of pieces counts as one until it ends.
  const ended = () => {
    if (--underWay === 0) stored.close();
  };
  const write = (piece: FullPiece) => {
    underWay++;
    const written = storage.write(
      piece.piece,
      piece.data,
      swarm.downloader.suspects(piece.piece),
    );
    return written.then((outcome) => {
      stored.tryPush({ piece, outcome });
      ended();
    }, (error) => stored.fail(error));
  };
  const writeAll = async () => {
    for await (const piece of pieces) void write(piece);
  };
  writeAll().then(ended, (error) => stored.fail(error));
  return stored;
}
