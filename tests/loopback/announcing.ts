/** Announcers over real sockets. */
import { SystemClock, SystemRandom } from "../../src/base/ambient.ts";
import { type Endpoint, formatEndpoint } from "../../src/base/endpoint.ts";
import type { InfoHash, PeerId } from "../../src/base/ids.ts";
import { DenoNetwork } from "../../src/net/deno_network.ts";
import { createFetch } from "../../src/net/http.ts";
import { Announcer, type AnnounceReport } from "../../src/tracker/announcer.ts";

export const clock = new SystemClock();
export const random = new SystemRandom();
export const network = new DenoNetwork({ clock });

export const infoHash = new Uint8Array(20).map((_, index) => 255 - index * 7) as InfoHash;

/** An announcer at work, and what it finds. */
export class Announcing {
  readonly announcer: Announcer;
  readonly reports: AnnounceReport[] = [];
  readonly found: string[] = [];
  numbers = { uploaded: 0, downloaded: 0, left: 1_000 };
  readonly #reading: Promise<void>;
  #changed = Promise.withResolvers<void>();

  constructor(trackers: readonly string[], port: number) {
    this.announcer = new Announcer({
      trackers: trackers.map((url) => [url]),
      infoHash,
      peerId: random.bytes(20) as PeerId,
      portFor: () => port,
      random,
      clock,
      network,
      fetch: createFetch({
        clock,
        userAgent: "starling/0",
        resolve: (name) => network.resolve(name),
      }),
      numbers: () => this.numbers,
      isHungry: () => this.found.length < 50,
      isAlone: () => true,
      onAnnounce: (report) => {
        this.reports.push(report);
        this.#change();
      },
    });
    this.#reading = this.#read();
  }

  async #read(): Promise<void> {
    for await (const endpoints of this.announcer.endpoints()) {
      this.found.push(...endpoints.map((endpoint: Endpoint) => formatEndpoint(endpoint)));
      this.#change();
    }
  }

  #change(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }

  /** Until `isDone`, looked at whenever something was found or reported. */
  async until(isDone: () => boolean): Promise<void> {
    while (!isDone()) await this.#changed.promise;
  }

  async close(): Promise<void> {
    await this.announcer.close(5_000);
    await this.#reading;
  }
}
