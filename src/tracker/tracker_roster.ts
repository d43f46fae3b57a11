/** The trackers of one torrent: how each is asked, and what became of it. */
import type { Clock, Random } from "../base/ambient.ts";
import { type Endpoint, isDialable, type PortFor } from "../base/endpoint.ts";
import { TrackerError } from "../base/errors.ts";
import type { FetchBounded } from "../net/http.ts";
import type { Network } from "../net/transport.ts";
import type { AnnounceResponse, TrackerClient } from "./announce.ts";
import { HttpTracker } from "./http_tracker.ts";
import { parseTrackerUrl, redactTrackerUrl, type TrackerUrl } from "./tracker_url.ts";
import type { UdpSockets } from "./udp_sockets.ts";
import { UdpTracker } from "./udp_tracker.ts";

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
  readonly sockets: UdpSockets;
  readonly network: Network;
  readonly fetch: FetchBounded;
  readonly clock: Clock;
  readonly random: Random;
  /** More of an answer (see UdpTracker). */
  readonly onLateAnswer: (tracker: ListedTracker, response: AnnounceResponse) => void;
}

/** More trackers than this are ignored: nobody lists so many in good faith. */
const MAX_TRACKERS = 500;

export class ListedTracker {
  readonly url: TrackerUrl;
  /** The address as people may see it. */
  readonly shown: string;
  readonly client: TrackerClient;
  #controller = new AbortController();
  #status: Omit<TrackerStatus, "url"> = { state: "idle", hasAnswered: false };

  constructor(url: TrackerUrl, options: RosterOptions) {
    this.url = url;
    this.shown = redactTrackerUrl(url.text);
    const onLateAnswer = (response: AnnounceResponse) => options.onLateAnswer(this, response);
    this.client = url.protocol === "http"
      ? new HttpTracker(url, options)
      : new UdpTracker(url, { ...options, onLateAnswer });
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

  /** The peers of an answer that may be dialled; not ourselves. */
  dialable({ endpoints, externalAddress }: AnnounceResponse, portFor: PortFor): Endpoint[] {
    return endpoints.filter((endpoint) =>
      isDialable(endpoint, this.url.scope) &&
      !(endpoint.host === externalAddress && endpoint.port === portFor(endpoint.host))
    );
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

  constructor(tiers: readonly (readonly string[])[], options: RosterOptions) {
    const unusable: UnusableTracker[] = [];
    const usable = new Map<string, ListedTracker>();
    this.tierSizes = tiers.map((tier) => {
      const sizeBefore = usable.size;
      for (const text of tier) {
        if (usable.size + unusable.length >= MAX_TRACKERS) break;
        const url = parse(text, unusable);
        if (url !== undefined && !usable.has(url.text)) {
          usable.set(url.text, new ListedTracker(url, options));
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

  abort(): void {
    for (const tracker of this.trackers) tracker.abort();
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
