/** The one sentence that a user reads about a bad torrent. */
import { MetainfoError, type MetainfoReason } from "../base/errors.ts";

/** `problem` completes "Cannot read the torrent: …". */
export function metainfoError(reason: MetainfoReason, problem: string): MetainfoError {
  return new MetainfoError(reason, `Cannot read the torrent: ${problem}`);
}
