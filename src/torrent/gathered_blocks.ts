/**
 * Blocks that go out in one write, as messages. Those of one run are sent as they are. Small runs
 * are copied, one behind the other: a write costs as much as to copy a hundred KiB, and whoever
 * reads them is woken once for all.
 */
import { BLOCK_LENGTH } from "../metainfo/layout.ts";
import { BLOCK_HEADER_LENGTH } from "../wire/block_run.ts";

/** Of copies: beyond this a write is long enough to cost nothing beside what it carries. */
const MAX_COPIED_BYTES = 16 * (BLOCK_HEADER_LENGTH + BLOCK_LENGTH);

export class GatheredBlocks {
  #messages: Uint8Array;
  #copy: Uint8Array<ArrayBuffer> | undefined;

  /** Begins with the messages of one run; `copy` is a buffer of earlier ones, to be used again. */
  constructor(messages: Uint8Array, copy: Uint8Array<ArrayBuffer> | undefined) {
    this.#messages = messages;
    this.#copy = copy;
  }

  /** All that was gathered; they stay as long as the first run does, and nobody has the copy. */
  get messages(): Uint8Array {
    return this.#messages;
  }

  /** How many bytes of messages may be added. */
  get roomBytes(): number {
    return MAX_COPIED_BYTES - this.#messages.length;
  }

  /** Adds messages of another run, at most `roomBytes` of them; they are free afterwards. */
  add(messages: Uint8Array): void {
    const copy = this.#copy ??= new Uint8Array(MAX_COPIED_BYTES);
    const length = this.#messages.length;
    if (this.#messages.buffer !== copy.buffer) copy.set(this.#messages);
    copy.set(messages, length);
    this.#messages = copy.subarray(0, length + messages.length);
  }

  /** The buffer of the copies, once they are written; undefined when there were none. */
  get copy(): Uint8Array<ArrayBuffer> | undefined {
    return this.#copy;
  }
}
