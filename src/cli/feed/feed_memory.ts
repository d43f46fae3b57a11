/** What is remembered of a feed, on the disk: one file a feed, and a lock for one run at a time. */
import { createHash } from "node:crypto";
import type { Bytes } from "../../base/bytes.ts";
import { FeedState } from "../../feed/feed_state.ts";
import { decodeFeedState, encodeFeedState, MAX_STATE_LENGTH } from "../../feed/feed_state_codec.ts";
import { Turns } from "../../storage/turns.ts";
import type { Environment, StateFolders } from "../environment/environment.ts";
import { foldersOf } from "../environment/state_folders.ts";
import { shownPath } from "../files/file_list.ts";
import type { FeedOptions } from "../options/feed_options.ts";
import { readFile } from "../source/source.ts";

/** Of the name of its file, in hex digits: URLs of feeds hold passkeys, and are no names. */
const NAME_LENGTH = 16;

export class FeedMemory {
  readonly state: FeedState;
  readonly #place: FeedPlace;
  readonly #environment: Environment;
  readonly #turns = new Turns();
  /** What an earlier run has left and nobody can read, until it is kept beside. */
  #damaged: Bytes | undefined;

  private constructor(
    { state, damaged }: { state: FeedState | undefined; damaged: Bytes | undefined },
    place: FeedPlace,
    environment: Environment,
  ) {
    this.state = state ?? new FeedState();
    this.#damaged = damaged;
    this.#place = place;
    this.#environment = environment;
  }

  /**
   * What earlier runs have left. A file that is damaged is told of, kept beside, and begun anew.
   * Throws `CommandError`.
   */
  static async load(
    place: FeedPlace,
    environment: Environment,
    warn: (message: string) => void,
  ): Promise<FeedMemory> {
    const bytes = await read(place.path, environment);
    const state = bytes && decodeFeedState(bytes);
    const damaged = state === undefined ? bytes : undefined;
    if (damaged !== undefined) {
      warn(
        `what was remembered of the feed is damaged, and is begun anew: ${
          shownPath(place.path)
        }; ` +
          "what is complete on the disk is not fetched again",
      );
    }
    return new FeedMemory({ state, damaged }, place, environment);
  }

  /** Writes what has changed, as a whole or not at all. Throws `StorageError`. */
  save(): Promise<void> {
    return this.#turns.take(async () => {
      if (!this.state.isChanged) return;
      const bytes = encodeFeedState(this.state);
      // What changes while it is written is written next.
      this.state.markSaved();
      try {
        if (this.#damaged !== undefined) await this.#keep(".damaged", this.#damaged);
        this.#damaged = undefined;
        await this.#keep(".json", bytes);
      } catch (error) {
        this.state.markChanged();
        throw error;
      }
    });
  }

  async #keep(ending: string, bytes: Bytes): Promise<void> {
    const { folders, name } = this.#place;
    await this.#environment.keepState(folders, name + ending, bytes);
  }
}

/** Where a feed is remembered. */
export interface FeedPlace {
  readonly folders: StateFolders;
  /** Of the file and the lock, without their endings. */
  readonly name: string;
  readonly path: string;
}

/** The same feed is remembered once for every output folder. */
export function feedPlace(options: FeedOptions): FeedPlace {
  const folders = foldersOf(options);
  const id = createHash("sha256").update(options.feed).digest("hex").slice(0, NAME_LENGTH);
  const name = `feed-${id}`;
  return { folders, name, path: `${folders.stateDir}/${name}.json` };
}

async function read(path: string, environment: Environment): Promise<Bytes | undefined> {
  if (await environment.inspect(path) === undefined) return undefined;
  const advice = "remove it, or choose another --state-dir";
  return await readFile(path, environment, { maxLength: MAX_STATE_LENGTH, advice });
}
