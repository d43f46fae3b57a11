/** The trackers of one torrent: how each is asked, what became of it, and the peers it gave. */
import type { Clock, Random } from "../base/ambient.ts";
import { Channel } from "../base/channel.ts";
import { type Endpoint, isDialable, type PortFor } from "../base/endpoint.ts";
import { TrackerError } from "../base/errors.ts";
import type { FetchBounded } from "../net/http.ts";
import type { Network } from "../net/transport.ts";
import type { AnnounceResponse, TrackerClient } from "./announce.ts";
import { HttpTracker } from "./http_tracker.ts";
import { parseTrackerUrl, redactTrackerUrl, type TrackerUrl } from "./tracker_url.ts";
import { UdpSockets } from "./udp_sockets.ts";
import { UdpTracker, type UdpTrackerOptions } from "./udp_tracker.ts";

export type TrackerStateName = "idle" | "asking" | "working" | "failing" | "gone" | "unusable";

/** What people may know of a tracker; nothing in it holds a passkey. */
export interface TrackerStatus {
  readonly url: string;
  readonly state: TrackerStateName;
  /** It gave at least one answer, peers or none. */
  readonly hasAnswered: boolean;
  /** Why the last announce failed. */
  readonly failure?: string;
  readonly warning?: string;
  /** Of the last answer. */
  readonly lastPeers?: number;
  readonly seeders?: number;
  readonly leechers?: number;
}

/** An address in the torrent that is none of a tracker, and why not. */
export interface UnusableTracker {
  readonly shown: string;
  readonly failure: string;
}

export interface RosterOptions {
  readonly network: Network;
  readonly fetch: FetchBounded;
  readonly clock: Clock;
  readonly random: Random;
  readonly portFor: PortFor;
}

/** More trackers than this are ignored: nobody lists so many in good faith. */
const MAX_TRACKERS = 500;
/** Answers that nobody has read yet; peers of later ones come again with the next announce. */
const MAX_WAITING_ANSWERS = 64;

export class ListedTracker {
  readonly url: TrackerUrl;
  /** The address as people may see it. */
  readonly shown: string;
  readonly client: TrackerClient;
  #controller = new AbortController();
  #status: Omit<TrackerStatus, "url"> = { state: "idle", hasAnswered: false };

  constructor(
    url: TrackerUrl,
    options: Omit<UdpTrackerOptions, "onLateAnswer"> & Pick<RosterOptions, "fetch">,
    onLateAnswer: (tracker: ListedTracker, response: AnnounceResponse) => void,
  ) {
    this.url = url;
    this.shown = redactTrackerUrl(url.text);
    this.client = url.protocol === "http" ? new HttpTracker(url, options) : new UdpTracker(url, {
      ...options,
      onLateAnswer: (response) => onLateAnswer(this, response),
    });
  }

  get status(): TrackerStatus {
    return { url: this.shown, ...this.#status };
  }

  /** It is being asked from now on, and nothing else of it; the signal aborts the question. */
  begin(): AbortSignal {
    this.abort();
    this.#controller = new AbortController();
    this.#status = { ...this.#status, state: "asking" };
    return this.#controller.signal;
  }

  /** It is told something whose answer does not matter; the signal aborts that. */
  farewell(): AbortSignal {
    this.abort();
    this.#controller = new AbortController();
    return this.#controller.signal;
  }

  answered(response: AnnounceResponse, peers: number, warning: string | undefined): void {
    const { seeders, leechers } = response;
    this.#status = {
      state: "working",
      hasAnswered: true,
      lastPeers: peers,
      ...(warning === undefined ? {} : { warning }),
      ...(seeders === undefined ? {} : { seeders }),
      ...(leechers === undefined ? {} : { leechers }),
    };
  }

  failed(failure: string, isGone: boolean): void {
    this.#status = { ...this.#status, state: isGone ? "gone" : "failing", failure };
  }

  /** Aborts what is under way, the late half of an answered question too. */
  abort(): void {
    this.#controller.abort();
  }
}

export class TrackerRoster {
  /** In the order of the tiers: a schedule's `TrackerNumber` is the index. */
  readonly trackers: readonly ListedTracker[];
  readonly tierSizes: readonly number[];
  readonly unusable: readonly UnusableTracker[];
  /** The peers of each answer that may be dialled. */
  readonly found = new Channel<readonly Endpoint[]>(MAX_WAITING_ANSWERS);
  readonly #sockets: UdpSockets;
  readonly #portFor: PortFor;

  constructor(tiers: readonly (readonly string[])[], options: RosterOptions) {
    this.#sockets = new UdpSockets(options.network);
    this.#portFor = options.portFor;
    const shared = { ...options, sockets: this.#sockets };
    const onLateAnswer = this.handOn.bind(this);
    const unusable: UnusableTracker[] = [];
    const usable = new Map<string, ListedTracker>();
    this.tierSizes = tiers.map((tier) => {
      const sizeBefore = usable.size;
      for (const text of tier) {
        if (usable.size + unusable.length >= MAX_TRACKERS) break;
        const url = parse(text, unusable);
        if (url !== undefined && !usable.has(url.text)) {
          usable.set(url.text, new ListedTracker(url, shared, onLateAnswer));
        }
      }
      return usable.size - sizeBefore;
    });
    this.trackers = [...usable.values()];
    this.unusable = unusable;
  }

  status(): TrackerStatus[] {
    return [
      ...this.trackers.map((tracker) => tracker.status),
      ...this.unusable.map(({ shown, failure }): TrackerStatus => ({
        url: shown,
        state: "unusable",
        hasAnswered: false,
        failure,
      })),
    ];
  }

  /** Passes on the peers that may be dialled, and are not ourselves; how many there were. */
  handOn({ url }: ListedTracker, { endpoints, externalAddress }: AnnounceResponse): number {
    const usable = endpoints.filter((endpoint) =>
      isDialable(endpoint, url.scope) &&
      !(endpoint.host === externalAddress && endpoint.port === this.#portFor(endpoint.host))
    );
    if (usable.length > 0) this.found.tryPush(usable);
    return usable.length;
  }

  abort(): void {
    for (const tracker of this.trackers) tracker.abort();
  }

  /** Resolves once nothing is received any more. */
  async close(): Promise<void> {
    await this.#sockets.close();
  }
}

function parse(text: string, unusable: UnusableTracker[]): TrackerUrl | undefined {
  try {
    return parseTrackerUrl(text);
  } catch (error) {
    if (!(error instanceof TrackerError)) throw error;
    unusable.push({ shown: redactTrackerUrl(text), failure: error.message });
    return undefined;
  }
}
