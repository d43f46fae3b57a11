/** Lets one piece of asynchronous work run at a time, in the order in which it was asked for. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Settles as `work` does, which starts once all work before it has settled. */
  take<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => {});
    return result;
  }

  /** Resolves once all work so far has settled. */
  async idle(): Promise<void> {
    await this.#last;
  }
}
