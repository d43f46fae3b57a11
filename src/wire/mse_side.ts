/** What both sides of the MSE handshake do alike: bytes in, step by step, bytes out. Pure. */
import type { Random } from "../base/ambient.ts";
import type { Bytes } from "../base/bytes.ts";
import { KeyPair } from "./diffie_hellman.ts";
import type { MseResult } from "./mse.ts";
import { MseInput } from "./mse_input.ts";

/**
 * One side of the handshake: send what `drain` gives, read into `space`, tell `advance` how much
 * came, until there is a result. It never reads beyond the handshake: what follows is left in the
 * socket for whoever reads next.
 */
export abstract class MseSide {
  protected readonly keys: KeyPair;
  protected readonly input = new MseInput();
  /** What `drain` gives next. */
  protected output: Bytes | undefined;
  #result: MseResult | undefined;

  constructor(random: Random) {
    this.keys = new KeyPair(random);
  }

  get result(): MseResult | undefined {
    return this.#result;
  }

  /** At least one byte, until there is a result. */
  space(): Bytes {
    return this.input.space();
  }

  /** Throws ProtocolError: "malformed-handshake", and what `take` throws. */
  advance(count: number): void {
    this.input.advance(count);
    this.proceed();
  }

  drain(): Bytes | undefined {
    const output = this.output;
    this.output = undefined;
    return output;
  }

  /** Takes all the steps that what has come allows. */
  protected proceed(): void {
    while (this.take());
  }

  /** Takes one step if all that it needs has come; false when nothing more can be done now. */
  protected abstract take(): boolean;

  /** The last step. */
  protected finish(result: MseResult): false {
    this.#result = result;
    return false;
  }
}
