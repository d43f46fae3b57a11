/** RC4, the stream cipher of MSE. It hides the protocol from those who throttle it; no secret. */

const STATE_LENGTH = 256;

/** One direction of a stream: what has been applied before decides what comes next. */
export class Rc4 {
  /** A permutation of 0 to 255. Wider than bytes: nothing has to be cut off when it is written. */
  readonly #state = new Int32Array(STATE_LENGTH);
  #i = 0;
  #j = 0;

  /** `key` is 1 to 256 bytes. */
  constructor(key: Uint8Array) {
    const state = this.#state;
    for (let i = 0; i < STATE_LENGTH; i++) state[i] = i;
    for (let i = 0, j = 0; i < STATE_LENGTH; i++) {
      const a = state[i]!;
      j = (j + a + key[i % key.length]!) & 255;
      state[i] = state[j]!;
      state[j] = a;
    }
  }

  /** Encrypts or decrypts in place: it is the same. */
  apply(bytes: Uint8Array): void {
    const state = this.#state, length = bytes.length;
    let i = this.#i, j = this.#j, at = 0, a: number, b: number;
    // Four a turn: a seventh faster than one, and this loop is all that encryption costs.
    for (const end = length - 3; at < end; at += 4) {
      a = state[i = (i + 1) & 255]!;
      b = state[j = (j + a) & 255]!;
      state[i] = b;
      state[j] = a;
      bytes[at]! ^= state[(a + b) & 255]!;
      a = state[i = (i + 1) & 255]!;
      b = state[j = (j + a) & 255]!;
      state[i] = b;
      state[j] = a;
      bytes[at + 1]! ^= state[(a + b) & 255]!;
      a = state[i = (i + 1) & 255]!;
      b = state[j = (j + a) & 255]!;
      state[i] = b;
      state[j] = a;
      bytes[at + 2]! ^= state[(a + b) & 255]!;
      a = state[i = (i + 1) & 255]!;
      b = state[j = (j + a) & 255]!;
      state[i] = b;
      state[j] = a;
      bytes[at + 3]! ^= state[(a + b) & 255]!;
    }
    for (; at < length; at++) {
      a = state[i = (i + 1) & 255]!;
      b = state[j = (j + a) & 255]!;
      state[i] = b;
      state[j] = a;
      bytes[at]! ^= state[(a + b) & 255]!;
    }
    this.#i = i;
    this.#j = j;
  }
}
