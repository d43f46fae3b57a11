/** A tracker asked over HTTP (BEP 3). */
import { assert } from "../base/assert.ts";
import type { Clock } from "../base/ambient.ts";
import type { Bytes } from "../base/bytes.ts";
import { addressScope, isDialable } from "../base/endpoint.ts";
import { TrackerError, type TrackerReason } from "../base/errors.ts";
import { type FetchBounded, HttpError, type HttpFailure } from "../net/http.ts";
import type { Network } from "../net/transport.ts";
import {
  type Announcement,
  type AnnounceResponse,
  isFarewell,
  type TrackerClient,
} from "./announce.ts";
import { announceUrl, parseAnnounceResponse, refusalOf } from "./http_codec.ts";
import { resolveTracker } from "./resolve_tracker.ts";
import { httpTrackerScope, type TrackerUrl, unaskable } from "./tracker_url.ts";

/** As libtorrent has it; 3,000 peers need 54,000 bytes. */
const MAX_RESPONSE_BYTES = 835_584;
const TIMEOUT_MS = 30_000;
const STOPPED_TIMEOUT_MS = 5_000;

const REASONS: Readonly<Record<HttpFailure, TrackerReason>> = {
  "unsupported-url": "unsupported-url",
  "unreachable": "unreachable",
  "untrusted": "unreachable",
  "timeout": "timeout",
  "aborted": "timeout",
  "redirects": "redirects",
  "too-large": "too-large",
  "malformed": "malformed",
};

export class HttpTracker implements TrackerClient {
  readonly #url: TrackerUrl;
  readonly #network: Network;
  readonly #fetch: FetchBounded;
  readonly #clock: Clock;
  /** What the tracker last asked us to repeat. */
  #trackerId: Bytes | undefined;

  constructor(
    url: TrackerUrl,
    options: { network: Network; fetch: FetchBounded; clock: Clock },
  ) {
    this.#url = url;
    this.#network = options.network;
    this.#fetch = options.fetch;
    this.#clock = options.clock;
  }

  async announce(announcement: Announcement, signal: AbortSignal): Promise<AnnounceResponse> {
    const host = this.#fetch.isProxied ? this.#url.host : await this.#checkName(signal);
    const { status, bytes } = await this.#get(announcement, announcement.portFor(host), signal);
    if (status !== 200) throw statusError(status, bytes);
    const response = parseAnnounceResponse(bytes);
    // BEP 3 clients keep the last id when an answer has none.
    this.#trackerId = response.trackerId ?? this.#trackerId;
    return response;
  }

  /**
   * Where its name leads first. A public name that leads to this machine is a trap, also with one
   * of its addresses, for fetch tries them all; one that leads nowhere, fetch's to tell. A name of
   * the local network may have an address that means something there alone.
   */
  async #checkName(signal: AbortSignal): Promise<string> {
    const addresses = await resolveTracker(this.#url, {
      network: this.#network,
      clock: this.#clock,
      signal,
    });
    const { host, port, scope } = this.#url;
    const isHarmless = (host: string) =>
      isDialable({ host, port }, scope) ||
      (scope === "private" && addressScope(host) === "link-local");
    if (!addresses.every(isHarmless)) throw unaskable(this.#url);
    return addresses[0] ?? host;
  }

  async #get(announcement: Announcement, port: number, signal: AbortSignal) {
    try {
      return await this.#fetch(
        announceUrl(this.#url.text, { ...announcement, port, trackerId: this.#trackerId }),
        {
          maxBytes: MAX_RESPONSE_BYTES,
          timeoutMs: isFarewell(announcement) ? STOPPED_TIMEOUT_MS : TIMEOUT_MS,
          signal,
          accept: (url) => httpTrackerScope(url) !== undefined,
        },
      );
    } catch (error) {
      assert(error instanceof HttpError);
      const words = error.message.replace(/^Cannot fetch from \S+: /, "");
      throw new TrackerError(REASONS[error.failure], words);
    }
  }
}

/** 410 is a tracker's request to be left alone for good. */
function statusError(status: number, body: Uint8Array): TrackerError {
  const refusal = refusalOf(body);
  const said = refusal === undefined ? "" : `, and says "${refusal.words}"`;
  return new TrackerError(
    status === 410 ? "gone" : "http-status",
    `it answers with HTTP status ${status}${said}`,
    refusal?.retryInMs,
  );
}
