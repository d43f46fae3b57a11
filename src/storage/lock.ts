/**
 * One run at a time for a target (hostile-inputs D14, D15): a lock that the system holds for the
 * process, so that it goes with it, however it ends.
 */
import type { Clock } from "../base/ambient.ts";
import { StorageError } from "../base/errors.ts";
import { toStorageError } from "../workers/disk_errors.ts";
import { openStateFile } from "./state_file.ts";

const POLL_MS = 200;

export interface LockOptions {
  readonly stateDir: string;
  /** The safe name of the target in its output folder. */
  readonly name: string;
  /** How long to wait for another run to end. */
  readonly waitMs: number;
  readonly clock: Clock;
  /** Ends the waiting; its reason is thrown. */
  readonly signal: AbortSignal;
}

/**
 * Does a run hold the target at this moment? Nothing is created. The lock is tried in the shared
 * mode, in which those who look do not keep each other out, and let go at once.
 */
export async function isTargetHeld(
  { stateDir, name }: Pick<LockOptions, "stateDir" | "name">,
): Promise<boolean> {
  const path = lockPath(stateDir, name);
  try {
    if (!(await Deno.lstat(path)).isFile) return false;
    using file = await Deno.open(path, { read: true });
    return !await file.tryLock(false);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw toStorageError(error, "look at", path);
  }
}

export class TargetLock {
  readonly #file: Deno.FsFile;

  private constructor(file: Deno.FsFile) {
    this.#file = file;
  }

  /** Throws StorageError "locked" when another run holds the target for longer than we wait. */
  static async acquire(options: LockOptions): Promise<TargetLock> {
    const { stateDir, name, waitMs, clock, signal } = options;
    const path = lockPath(stateDir, name);
    const giveUpAt = clock.now() + waitMs;
    const file = openStateFile(path);
    try {
      while (!await file.tryLock(true)) {
        if (clock.now() >= giveUpAt) {
          throw new StorageError("locked", path, `Cannot use ${name}: another run holds ${path}`);
        }
        await clock.sleep(POLL_MS, signal);
        signal.throwIfAborted();
      }
      return new TargetLock(file);
    } catch (error) {
      file.close();
      throw signal.aborted ? error : toStorageError(error, "lock", path);
    }
  }

  /**
   * Lets others in. The file stays: to remove it would let two in at once. Unlocked and not only
   * closed: a program that we are starting at this moment still has our descriptors.
   */
  release(): void {
    this.#file.unlockSync();
    this.#file.close();
  }
}

/** The file that a run on a target holds. */
export function lockPath(stateDir: string, name: string): string {
  return `${stateDir}/${name}.lock`;
}
