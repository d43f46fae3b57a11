/** The second stage: from endpoints to peers that have shaken hands. */
import type { Clock, Random } from "../base/ambient.ts";
import { Channel } from "../base/channel.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { ProtocolError, WebSeedError } from "../base/errors.ts";
import { TokenBucket } from "../base/rate.ts";
import {
  ConnectError,
  type ConnectFailure,
  type Connection,
  type Network,
} from "../net/transport.ts";
import type { PeerList } from "../peer/peer_list.ts";
import type { Handshake } from "../wire/handshake.ts";
import type { EncryptionMode } from "../wire/mse.ts";
import { DialMethods, type Offer } from "./dial_methods.ts";
import type { Sighting } from "./discovery.ts";
import { EncryptionError } from "./encrypting.ts";
import { type HalfOpen, halfOpenSince, isHopeful } from "./half_open.ts";
import { type HandshakeResult, initiateHandshake, type OurHandshake } from "./handshaking.ts";
import type { WebSeeds } from "./web_seeds.ts";

/** Whoever does not answer a SYN in this time is not there. */
const CONNECT_TIMEOUT_MS = 15_000;
/** Dials and handshakes under way at once: each has a socket. */
const MAX_HALF_OPEN = 100;
/**
 * Who is there has mostly shaken hands by then. Of the peers that trackers name most are not, and
 * those that are must not wait for them.
 */
const HOPEFUL_MS = 3_000;
/** New dials: so many at once at the start, then so many a second. */
const DIALS_PER_SECOND = 30;
/** The pause when the system has no socket for us, or our proxy no connection: no peer's fault. */
const PAUSES_MS: Readonly<Record<string, number>> = { limit: 1_000, proxy: 2_000 };

/** A peer that has said who it is, and a connection on which nothing else has been said. */
export interface ReadyPeer {
  readonly connection: Connection;
  readonly handshake: Handshake;
  readonly endpoint: Endpoint;
  readonly isIncoming: boolean;
}

/**
 * Why dials failed, and how often: a `ConnectError`'s failure, the reason of a `ProtocolError`,
 * `no-encryption`, or `web-seed`.
 */
export type DialFailures = Readonly<Record<string, number>>;

export interface DialerOptions {
  readonly network: Network;
  readonly clock: Clock;
  readonly random: Random;
  readonly encryption: EncryptionMode;
  readonly peerList: PeerList;
  /** Endpoints that are dialled otherwise. */
  readonly webSeeds?: Pick<WebSeeds, "has" | "open">;
  readonly ourHandshake: OurHandshake;
  /**
   * Nobody answers there, or not yet; it may be reached with another's help. False when nobody could
   * be asked: perhaps somebody can when the dial fails.
   */
  readonly onUnreachable?: (endpoint: Endpoint) => boolean;
  /** How many more peers are wanted than there are, those on their way not counted. */
  readonly wanted: () => number;
}

export class Dialer {
  readonly #options: DialerOptions;
  readonly #ready = new Channel<ReadyPeer>(MAX_HALF_OPEN);
  readonly #closing = new AbortController();
  readonly #pace: TokenBucket;
  readonly #methods: DialMethods;
  readonly #failures: Record<string, number> = {};
  /** Dials and handshakes under way. */
  readonly #halfOpen = new Map<Endpoint, HalfOpen>();
  /** The proxy has carried nothing since it failed: one hopeful dial at a time seeks it. */
  #isProxyGone = false;
  /** Peers that the next stage has not dealt with yet. */
  #undelivered = 0;

  constructor(options: DialerOptions) {
    this.#options = options;
    this.#methods = new DialMethods(options.encryption);
    this.#pace = new TokenBucket(DIALS_PER_SECOND, options.clock.now(), DIALS_PER_SECOND);
  }

  get failures(): DialFailures {
    const failures = { ...this.#failures };
    for (const { tcpFailure } of this.#halfOpen.values()) {
      if (tcpFailure !== undefined) failures[tcpFailure] = (failures[tcpFailure] ?? 0) + 1;
    }
    return failures;
  }

  /** Dials and handshakes under way. */
  get underWayCount(): number {
    return this.#halfOpen.size;
  }

  /** Those of them that have not failed by TCP. */
  get unansweredCount(): number {
    return this.#halfOpen.values().reduce((n, dial) => isHopeful(dial) ? n + 1 : n, 0);
  }

  /** Dials what is sighted, as far as peers are wanted; incoming peers come in between. */
  connect(sightings: AsyncIterable<Sighting>): AsyncIterable<ReadyPeer> {
    const note = async () => {
      for await (const { endpoints, source, namedBy } of sightings) {
        this.#options.peerList.add(endpoints, source, namedBy);
        this.dial();
      }
    };
    note().catch((error) => this.#ready.fail(error));
    return this.#deliver();
  }

  /** A peer that found us; false when there is no room for it. */
  admit(peer: ReadyPeer): boolean {
    const isTaken = this.#ready.tryPush(peer);
    if (isTaken) this.#undelivered++;
    return isTaken;
  }

  /** Starts as many dials as are wanted and allowed now. */
  dial(): void {
    const { peerList, clock, wanted } = this.#options;
    while (!this.#closing.signal.aborted) {
      const now = clock.now();
      const comingCount = this.#comingCount(now);
      if (this.#halfOpen.size >= MAX_HALF_OPEN || comingCount >= wanted()) return;
      if (this.#pace.waitMs(now) > 0 || (this.#isProxyGone && comingCount > 0)) return;
      const endpoint = peerList.next(now);
      if (endpoint === undefined) return;
      this.#start(endpoint, now);
    }
  }

  /**
   * Dials an endpoint, which `namedBy` has told to dial us, out of its turn (BEP 55), or instead of
   * waiting for TCP alone.
   */
  meet(endpoint: Endpoint, namedBy: Endpoint): void {
    const { peerList, clock } = this.#options;
    const now = clock.now();
    if (this.#closing.signal.aborted) return;
    for (const [{ host, port }, dial] of this.#halfOpen) {
      if (!dial.isUtpSilent || host !== endpoint.host || port !== endpoint.port) continue;
      return dial.turning.abort();
    }
    if (this.#halfOpen.size >= MAX_HALF_OPEN) return;
    peerList.add([endpoint], "pex", namedBy);
    if (peerList.take(endpoint)) this.#start(endpoint, now, true);
  }

  #start(endpoint: Endpoint, now: number, isMeeting = false): void {
    this.#pace.take(1, now);
    this.#halfOpen.set(endpoint, halfOpenSince(now, isMeeting));
    void this.#attempt(endpoint).finally(() => {
      this.#halfOpen.delete(endpoint);
      this.dial();
    });
  }

  /** Peers that will probably be here soon. */
  #comingCount(now: number): number {
    let hopeful = 0;
    for (const dial of this.#halfOpen.values()) {
      if (isHopeful(dial) && now - dial.since < HOPEFUL_MS) hopeful++;
    }
    return hopeful + this.#undelivered;
  }

  /** Gives up all dials and ends the stream of peers. */
  close(): void {
    this.#closing.abort();
    this.#ready.close();
  }

  async *#deliver(): AsyncIterable<ReadyPeer> {
    for await (const peer of this.#ready) {
      yield peer;
      this.#undelivered--;
    }
  }

  async #attempt(endpoint: Endpoint): Promise<void> {
    const { peerList, clock } = this.#options;
    try {
      const result = await this.#reach(endpoint);
      if (result === undefined) return peerList.failed(endpoint, clock.now());
      const peer = { ...result, endpoint, isIncoming: false };
      this.#undelivered++;
      if (await this.#ready.push(peer)) return peerList.connected(endpoint);
      this.#undelivered--;
      peer.connection.close();
    } catch (error) {
      this.#noteFailure(endpoint, error);
    }
  }

  /**
   * Dials once more, at once and otherwise, when only the encryption failed. Undefined when the peer
   * is not needed now.
   */
  async #reach(endpoint: Endpoint): Promise<HandshakeResult | undefined> {
    const { webSeeds, network } = this.#options;
    if (webSeeds?.has(endpoint)) return await webSeeds.open(endpoint, this.#closing.signal);
    const methods = this.#methods;
    const isGuess = network.hasUtp === true && methods.takeHangUp(endpoint);
    const onlyUtp = isGuess || (network.hasUtp === true && this.#isMeeting(endpoint));
    if (isGuess) this.#noteGuess(endpoint);
    const offer = methods.first(endpoint);
    try {
      return await this.#shakeHands(endpoint, offer, onlyUtp);
    } catch (error) {
      methods.forget(endpoint);
      if (!(error instanceof EncryptionError)) throw error;
      const fallback = methods.fallback(offer, error.knowsEncryption);
      if (fallback === undefined || this.#closing.signal.aborted) throw error;
      if (error.reason === "handshake-timeout") {
        // It has held up a dial for long enough: more only when its turn comes again.
        methods.remember(endpoint, fallback.offer);
        throw error;
      }
      this.#pace.take(1, this.#options.clock.now());
      const result = await this.#shakeHands(endpoint, fallback.offer, onlyUtp);
      methods.remember(endpoint, fallback.offer);
      return result;
    }
  }

  /** A connection of its own, closed when it leads to nothing. */
  async #shakeHands(endpoint: Endpoint, offer: Offer, onlyUtp: boolean): Promise<HandshakeResult> {
    const { clock, random, ourHandshake } = this.#options;
    const signal = this.#closing.signal;
    const connection = await this.#connect(endpoint, onlyUtp);
    this.#isProxyGone = false;
    const abandon = () => connection.close();
    signal.addEventListener("abort", abandon);
    try {
      return await initiateHandshake(connection, ourHandshake, { clock, random, offer });
    } catch (error) {
      connection.close();
      const hungUp = error instanceof ProtocolError && error.reason === "remote-closed";
      if (hungUp && !connection.isUtp) this.#methods.noteHangUp(endpoint);
      throw error;
    } finally {
      signal.removeEventListener("abort", abandon);
    }
  }

  /** Anew, by uTP alone, when the peer is to be met meanwhile. */
  async #connect(endpoint: Endpoint, onlyUtp: boolean): Promise<Connection> {
    const { network } = this.#options;
    const { signal } = this.#closing;
    const dial = this.#halfOpen.get(endpoint)!;
    const timeoutMs = CONNECT_TIMEOUT_MS;
    try {
      return await network.connect(endpoint, {
        timeoutMs,
        signal: AbortSignal.any([signal, dial.turning.signal]),
        onlyUtp,
        onTcpFailure: ({ failure }) => this.#noteTcpFailure(endpoint, failure),
        onUtpTimeout: () => {
          dial.isUtpSilent = true;
          this.#seekHelp(endpoint, dial);
        },
      });
    } catch (error) {
      if (!dial.turning.signal.aborted || signal.aborted) throw error;
      return await network.connect(endpoint, { timeoutMs, signal, onlyUtp: true });
    }
  }

  /** TCP goes on meanwhile, until the peer is to be met. */
  #seekHelp(endpoint: Endpoint, dial: HalfOpen): void {
    if (dial.isMeeting || dial.isHelpSought) return;
    dial.isHelpSought = this.#options.onUnreachable?.(endpoint) ?? false;
  }

  #noteGuess(endpoint: Endpoint): void {
    const dial = this.#halfOpen.get(endpoint);
    if (dial !== undefined) dial.isGuess = true;
  }

  /** It is counted on no more, and others may be dialled. */
  #noteTcpFailure(endpoint: Endpoint, failure: ConnectFailure): void {
    const dial = this.#halfOpen.get(endpoint);
    if (dial === undefined) return;
    dial.tcpFailure = failure;
    const pauseMs = PAUSES_MS[failure];
    if (pauseMs === undefined) this.dial();
    else this.#pause(pauseMs);
  }

  #noteFailure(endpoint: Endpoint, error: unknown): void {
    const { peerList, clock, encryption } = this.#options;
    const failure = failureOf(error, encryption);
    if (failure === undefined) return this.#ready.fail(error);
    if (error instanceof ConnectError) this.#isProxyGone = failure === "proxy";
    if (this.#closing.signal.aborted) return;
    if (failure === "own-connection") return peerList.markOwn(endpoint);
    const isVain = error instanceof ConnectError && this.#halfOpen.get(endpoint)?.isGuess;
    if (isVain) return peerList.failed(endpoint, clock.now());
    this.#failures[failure] = (this.#failures[failure] ?? 0) + 1;
    const pauseMs = PAUSES_MS[failure];
    if (pauseMs !== undefined) {
      peerList.postponed(endpoint);
      return this.#pause(pauseMs);
    }
    peerList.failed(endpoint, clock.now());
    const dial = this.#halfOpen.get(endpoint);
    if (dial !== undefined && error instanceof ConnectError) this.#seekHelp(endpoint, dial);
  }

  #isMeeting(endpoint: Endpoint): boolean {
    return this.#halfOpen.get(endpoint)?.isMeeting === true;
  }

  /** The pace makes it. */
  #pause(durationMs: number): void {
    const now = this.#options.clock.now();
    if (this.#pace.waitMs(now) >= durationMs) return;
    this.#pace.take(DIALS_PER_SECOND * durationMs / 1000, now);
  }
}

/** The world's reasons; undefined for an error of our own. */
function failureOf(error: unknown, encryption: EncryptionMode): string | undefined {
  if (error instanceof ConnectError) return error.failure;
  if (error instanceof WebSeedError) return "web-seed";
  // Nothing else was tried. Whoever was silent may not be there for anybody.
  const isPlain = encryption === "require" && error instanceof EncryptionError &&
    !error.knowsEncryption && error.reason !== "handshake-timeout";
  if (isPlain) return "no-encryption";
  if (error instanceof ProtocolError) return error.reason;
  return undefined;
}
