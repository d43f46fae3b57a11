/** A tracker asked over UDP (BEP 15), on IPv4 and IPv6 at once where its name has both. */
import type { Clock, Random } from "../base/ambient.ts";
import { type Endpoint, familyOf, type IpFamily, isDialable } from "../base/endpoint.ts";
import { TrackerError } from "../base/errors.ts";
import type { Network } from "../net/transport.ts";
import {
  type Announcement,
  type AnnounceResponse,
  isFarewell,
  type TrackerClient,
} from "./announce.ts";
import { resolveTracker } from "./resolve_tracker.ts";
import { type TrackerUrl, unaskable } from "./tracker_url.ts";
import { UdpSession } from "./udp_session.ts";
import type { UdpSockets } from "./udp_sockets.ts";

export interface UdpTrackerOptions {
  readonly sockets: UdpSockets;
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  /** The other family's answer, when it came after the first one's. */
  readonly onLateAnswer: (response: AnnounceResponse) => void;
}

/** How long the other family has to grant what one has refused. */
const REFUSAL_GRACE_MS = 3_000;
const FAMILIES: readonly IpFamily[] = ["ipv4", "ipv6"];

export class UdpTracker implements TrackerClient {
  readonly #url: TrackerUrl;
  readonly #options: UdpTrackerOptions;
  readonly #lines = new Map<IpFamily, Line>();
  #ending = new AbortController();
  /** Settles when no line is at work any more. */
  #ended: Promise<unknown> = Promise.resolve();

  constructor(url: TrackerUrl, options: UdpTrackerOptions) {
    this.#url = url;
    this.#options = options;
  }

  /**
   * The first answer of either family. A later one of the other is handed to `onLateAnswer`; it
   * is waited for only with `stopped`, which goes to those that have answered before.
   */
  async announce(announcement: Announcement, signal: AbortSignal): Promise<AnnounceResponse> {
    const { noDatagrams } = this.#options.network;
    if (noDatagrams !== undefined) throw new TrackerError("unreachable", noDatagrams);
    this.#ending.abort();
    await this.#ended;
    this.#ending = new AbortController();
    const ending = AbortSignal.any([signal, this.#ending.signal]);
    const isLast = isFarewell(announcement);
    if (!isLast) await this.#findLines(ending);
    const lines = [...this.#lines.values()].filter((line) => line.hasAnswered || !isLast);
    if (lines.length === 0) throw new TrackerError("unreachable", "its address has changed");
    const answers = lines.map((line) => line.announce(announcement, ending));
    this.#ended = Promise.allSettled(answers);
    if (isLast) await this.#ended;
    return await this.#firstOf(answers);
  }

  async #findLines(signal: AbortSignal): Promise<void> {
    const { port, scope } = this.#url;
    const addresses = await resolveTracker(this.#url, { ...this.#options, signal });
    const usable = addresses.filter((host) => isDialable({ host, port }, scope));
    if (addresses.length > 0 && usable.length === 0) throw unaskable(this.#url);
    for (const family of FAMILIES) {
      this.#chooseLine(family, usable.filter((host) => familyOf(host) === family));
    }
    if (this.#lines.size === 0) throw new TrackerError("unreachable", "its name is unknown");
  }

  /** Stays with an address that answers; otherwise any other may be better. */
  #chooseLine(family: IpFamily, addresses: readonly string[]): void {
    const line = this.#lines.get(family);
    // A name that is not found now may be so for a moment: the old address still stands.
    if (line?.hasAnswered && (addresses.length === 0 || addresses.includes(line.to.host))) return;
    const host = addresses[this.#options.random.below(addresses.length)];
    if (host === undefined) this.#lines.delete(family);
    else if (host !== line?.to.host) {
      const { port, requestPath } = this.#url;
      const session = new UdpSession({ family, requestPath, random: this.#options.random });
      this.#lines.set(family, new Line({ host, port }, session, this.#options));
    }
  }

  /**
   * What one family grants counts at once, its silence only when both are silent. A refusal waits
   * a moment for the other family: whoever grants must be known, so that it hears `stopped`.
   */
  #firstOf(answers: readonly Promise<AnnounceResponse>[]): Promise<AnnounceResponse> {
    const first = Promise.withResolvers<AnnounceResponse>();
    const ending = new AbortController();
    let waiting = answers.length;
    let refusal: TrackerError | undefined;
    const fail = (error: unknown) => {
      ending.abort();
      first.reject(error);
    };
    const onAnswer = (response: AnnounceResponse) => {
      if (ending.signal.aborted) this.#options.onLateAnswer(response);
      ending.abort();
      first.resolve(response);
    };
    const onFailure = (error: unknown) => {
      waiting--;
      // A fault of ours is no word of the tracker's.
      if (!(error instanceof TrackerError)) return fail(error);
      if (!error.isSilence) refusal ??= error;
      if (waiting === 0) return fail(refusal ?? error);
      if (error.isSilence) return;
      void this.#options.clock.sleep(REFUSAL_GRACE_MS, ending.signal).then(() => fail(error));
    };
    for (const answer of answers) answer.then(onAnswer, onFailure);
    return first.promise;
  }
}

/** One address of a tracker: runs its session. */
class Line {
  readonly to: Endpoint;
  hasAnswered = false;
  readonly #session: UdpSession;
  readonly #sockets: UdpSockets;
  readonly #clock: Clock;

  constructor(
    to: Endpoint,
    session: UdpSession,
    { sockets, clock }: { sockets: UdpSockets; clock: Clock },
  ) {
    this.to = to;
    this.#session = session;
    this.#sockets = sockets;
    this.#clock = clock;
  }

  /** An address that has not answered yet is told `started`, whatever the other one knows. */
  async announce(announcement: Announcement, signal: AbortSignal): Promise<AnnounceResponse> {
    const { portFor, onlyAsks } = announcement;
    const event = this.hasAnswered || onlyAsks ? announcement.event : "started";
    const port = portFor(this.to.host);
    let waking = new AbortController();
    const wake = () => waking.abort();
    const detach = this.#sockets.attach(this.to, (packet) => {
      const isOurs = this.#session.handlePacket(packet, this.#clock.now());
      if (isOurs) wake();
      return isOurs;
    });
    signal.addEventListener("abort", wake);
    try {
      this.#session.announce({ ...announcement, event, port }, this.#clock.now());
      while (!signal.aborted) {
        waking = new AbortController();
        const response = this.#act();
        if (response !== undefined) return response;
        const deadline = this.#session.deadline();
        await this.#clock.sleep(deadline! - this.#clock.now(), waking.signal);
        this.#session.handleTimeout(this.#clock.now());
      }
      throw new TrackerError("timeout", "cancelled");
    } finally {
      signal.removeEventListener("abort", wake);
      detach();
      this.#session.cancel();
    }
  }

  /** Does what the session asks for; the answer once there is one. */
  #act(): AnnounceResponse | undefined {
    for (const effect of this.#session.drain()) {
      switch (effect.kind) {
        case "send":
          this.#sockets.send(effect.packet, this.to);
          break;
        case "answered":
          this.hasAnswered = true;
          return effect.response;
        case "failed":
          throw effect.error;
      }
    }
    return undefined;
  }
}
