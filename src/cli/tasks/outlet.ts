/** Whoever takes the data of a torrent while it is downloaded: standard output, for `cat`. */
import type { TorrentEvent } from "../../torrent/snapshot.ts";
import type { RunningTorrent } from "../environment/running_torrent.ts";
import type { Target } from "./target.ts";

/** What an outlet needs of the torrent. */
export type ReadableTorrent = Pick<RunningTorrent, "read" | "snapshot">;

export interface Outlet {
  /** Throws `CommandError` when it cannot take such a target: before anything is fetched. */
  check(target: Target): Promise<void>;
  /** Something has happened to the torrent. */
  hear(event: TorrentEvent): void;
  /** Resolves once it has taken all of it. Throws `CommandError`, StorageError, `signal`'s reason. */
  take(target: Target, torrent: ReadableTorrent, signal: AbortSignal): Promise<void>;
}

/** What is taken from where, until when. */
export interface Taking {
  readonly target: Target;
  readonly torrent: ReadableTorrent & Pick<RunningTorrent, "stop">;
  readonly signal: AbortSignal;
}

/**
 * Runs `download`, which is that of the torrent, while the outlet takes it. When one of them fails
 * the torrent is stopped, and once the other has ended too, what failed first is thrown.
 */
export async function downloadInto<Result>(
  outlet: Outlet | undefined,
  { target, torrent, signal }: Taking,
  download: () => Promise<Result>,
): Promise<Result> {
  if (outlet === undefined) return await download();
  const ending = new AbortController();
  const failures: unknown[] = [];
  const end = async (error: unknown) => {
    failures.push(error);
    ending.abort();
    await torrent.stop();
  };
  const [result] = await Promise.all([
    download().catch(end),
    outlet.take(target, torrent, AbortSignal.any([signal, ending.signal])).catch(end),
  ]);
  if (failures.length > 0) throw failures[0];
  return result as Result;
}
