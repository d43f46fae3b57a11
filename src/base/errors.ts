/**
 * The world's failures, typed, each with a reason from a closed set. Our own mistakes are
 * assertions (`assert.ts`) and never one of these.
 *
 * Every message is a sentence for a user: "Cannot X: Y is Z".
 */

/** Why bytes are not a torrent that we accept. */
export type MetainfoReason = "not-bencode" | "invalid-field" | "unsupported" | "too-large";

/** A .torrent that is malformed, unsupported or over a limit. Exit code 3. */
export class MetainfoError extends Error {
  override readonly name = "MetainfoError";
  constructor(readonly reason: MetainfoReason, message: string) {
    super(message);
  }
}

/** Why we end a connection with a peer: its fault, its wish, or its silence. */
export type CloseReason =
  | "malformed-handshake"
  | "wrong-info-hash"
  | "own-connection"
  | "duplicate-connection"
  | "malformed-message"
  | "message-too-large"
  | "invalid-index"
  | "unrequested-block"
  | "unnegotiated-extension"
  | "request-flood"
  | "pex-flood"
  | "handshake-timeout"
  | "silent"
  | "not-reading"
  | "useless"
  | "made-way"
  | "banned"
  | "too-many-peers"
  | "remote-closed"
  | "finished";

/** A peer broke the peer protocol; its connection ends with `reason`. */
export class ProtocolError extends Error {
  override readonly name = "ProtocolError";
  constructor(readonly reason: CloseReason, message: string) {
    super(message);
  }
}

/** Why an announce gave no peers. */
export type TrackerReason =
  | "failure-reason"
  | "malformed"
  | "timeout"
  | "unreachable"
  | "http-status"
  | "gone"
  | "too-large"
  | "redirects"
  | "unsupported-url";

/**
 * A tracker that failed or refused. `message` may quote the tracker, made printable. `retryInMs`:
 * it asks to be left alone for so long (BEP 31); Infinity: for good.
 */
export class TrackerError extends Error {
  override readonly name = "TrackerError";
  constructor(readonly reason: TrackerReason, message: string, readonly retryInMs = 0) {
    super(message);
  }

  /** Nothing was heard of it, which may as well be our own network's fault. */
  get isSilence(): boolean {
    return this.reason === "timeout" || this.reason === "unreachable";
  }

  /** Nobody is ever to ask it again. */
  get isFinal(): boolean {
    return this.reason === "gone" || this.retryInMs === Infinity;
  }
}

/** Why a web server did not give bytes of a file of the torrent. */
export type WebSeedReason =
  | "missing"
  | "other-file"
  | "no-ranges"
  | "refused"
  | "malformed"
  | "busy"
  | "unreachable";

const LASTING_REASONS: readonly WebSeedReason[] = ["missing", "other-file", "no-ranges"];

/**
 * A web seed that did not give what it should (BEP 19): it has no such file (`missing`), one of
 * another length (`other-file`), gives only all of it (`no-ranges`), does not want to (`refused`), or
 * gives something else (`malformed`); or the server as such has too much to do (`busy`), or is not
 * there (`unreachable`).
 */
export class WebSeedError extends Error {
  override readonly name = "WebSeedError";
  /** `retryAfterMs`: it wants to be left alone for so long. */
  constructor(readonly reason: WebSeedReason, message: string, readonly retryAfterMs = 0) {
    super(message);
  }

  /** The file will not be had there soon either. */
  get isLasting(): boolean {
    return LASTING_REASONS.includes(this.reason);
  }
}

/** Why the disk did not do what was asked. */
export type StorageReason =
  | "no-space"
  | "read-only"
  | "denied"
  | "permission"
  | "io"
  | "symlink"
  | "not-regular"
  | "occupied"
  | "missing"
  | "changed"
  | "name-too-long"
  | "not-text"
  | "locked";

/**
 * A failure of the disk or of what stands there. `permission` is Deno's own refusal (exit 4),
 * `denied` the operating system's; `occupied` is a target that holds something else (exit 6);
 * `locked` is another run's (exit 75); the rest are the disk's (exit 5), also `not-text`, a name
 * that is not UTF-8.
 */
export class StorageError extends Error {
  override readonly name = "StorageError";
  constructor(readonly reason: StorageReason, readonly path: string, message: string) {
    super(message);
  }
}

/**
 * Data that the system did not bring to the disk. It says so once: the next flush would seem to
 * succeed, though what it was about may be lost.
 */
export class FlushError extends StorageError {}

/** `stop` came before the torrent, or the search for its metadata, was at its end. */
export class StoppedError extends Error {
  override readonly name = "StoppedError";
}

/** Files that are complete and not what a list of sums says; `paths` as on disk. Exit code 8. */
export class SumsError extends Error {
  override readonly name = "SumsError";
  constructor(readonly paths: readonly string[]) {
    super("Cannot finish: files are not what the list of sums says");
  }
}
