/** A whole command on a fake engine and a clock that the test moves. */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { run } from "../../src/cli/run.ts";
import { FakeEngine, type FakeSearch, type FakeTorrent } from "./fake_engine.ts";
import { FakeEnvironment, type FakeOptions } from "./fake_environment.ts";

/** A command under way: the test moves its time. */
export class CommandRun {
  readonly engine: FakeEngine;
  readonly environment: FakeEnvironment;
  exitCode: number | undefined;
  #usesEngine = false;
  /** The command's code was loaded, which takes real time, while the clock stood still. */
  readonly #loaded = Promise.withResolvers<void>();

  constructor(
    args: readonly string[],
    onOpen: (torrent: FakeTorrent) => void = () => {},
    { onSearch, ...options }: FakeOptions & { onSearch?: (search: FakeSearch) => void } = {},
  ) {
    this.engine = new FakeEngine(onOpen, onSearch);
    this.environment = new FakeEnvironment({
      args,
      openEngine: () => {
        this.#loaded.resolve();
        this.#usesEngine = true;
        return Promise.resolve(this.engine);
      },
      ...options,
    });
    // Whoever waits for time to pass has been loaded too.
    const { clock } = this.environment;
    const sleep = clock.sleep.bind(clock);
    clock.sleep = (...args) => {
      this.#loaded.resolve();
      return sleep(...args);
    };
    void run(this.environment).then((exitCode) => {
      this.exitCode = exitCode;
      this.#loaded.resolve();
    });
  }

  get out(): string {
    return this.environment.out;
  }

  get err(): string {
    return this.environment.err;
  }

  /** Lets so much time pass. */
  async pass(durationMs: number): Promise<void> {
    await this.#loaded.promise;
    await this.environment.clock.run(() => this.exitCode !== undefined, durationMs);
  }

  async end(): Promise<number> {
    await this.#loaded.promise;
    ok(await this.environment.clock.run(() => this.exitCode !== undefined, 3_600_000));
    strictEqual(this.engine.isClosed, this.#usesEngine);
    for (const { calls } of this.engine.torrents.values()) deepStrictEqual(calls.at(-1), "close");
    return this.exitCode!;
  }

  events(name: string): Record<string, unknown>[] {
    return this.environment.events.filter(({ event }) => event === name);
  }
}
