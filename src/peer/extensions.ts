/**
 * The third part of being a peer: what both say besides pieces, mostly over the extension
 * protocol (BEP 10): of themselves, of other peers (BEP 11), of the torrent's metadata (BEP 9),
 * of its hashes (BEP 52) and of DHT nodes (BEP 5).
 */
import type { Endpoint } from "../base/endpoint.ts";
import type { LayerTrees } from "../metainfo/layer_trees.ts";
import type { MessageWriter } from "../wire/encoder.ts";
import {
  EXTENSION_HANDSHAKE_ID,
  EXTENSION_IDS,
  type ExtensionHandshake,
  parseExtensionHandshake,
} from "../wire/extension.ts";
import type { HandshakeFlags } from "../wire/handshake.ts";
import { parseHolepunch } from "../wire/holepunch_message.ts";
import type { ExtendedMessage, HashesMessage, HashRequestMessage } from "../wire/message.ts";
import type { PexPeer } from "../wire/pex.ts";
import { HashServing } from "./hash_serving.ts";
import { MetadataServing } from "./metadata_serving.ts";
import { PeerExchange } from "./peer_exchange.ts";
import type { SessionEvents } from "./session_event.ts";

/** Extended messages with ids that we did not give out, before we have had enough. */
const MAX_UNKNOWN_EXTENDED = 100;
/** How often a peer may name another port of its DHT node. */
const MAX_DHT_PORTS = 4;

/** What we and one peer may talk about besides pieces. */
export interface Beyond {
  /** The peer's address. */
  readonly host: string;
  /** The info dictionary, raw, for those who have none yet (BEP 9); undefined: not given out. */
  readonly metadata?: Uint8Array | undefined;
  /** The hashes of a torrent of version 2 (BEP 52); undefined: they are no matter between us. */
  readonly layers?: LayerTrees | undefined;
  /** Whether we tell each other of other peers (BEP 11); by default not. */
  readonly pex?: boolean | undefined;
  /** Whether we bring each other together with other peers, by uTP (BEP 55); by default not. */
  readonly holepunch?: boolean | undefined;
  /**
   * The UDP port by which the peer reaches our DHT node (BEP 5), as far as is known by then;
   * undefined: DHT nodes are no matter between us.
   */
  readonly dhtPort?: (() => number) | undefined;
}

export interface ExtensionsOptions extends Beyond {
  /** What both sides said in their handshakes that they can. */
  readonly flags: HandshakeFlags;
  readonly output: MessageWriter;
  readonly events: SessionEvents;
  readonly now: number;
}

export class Extensions {
  readonly #flags: HandshakeFlags;
  readonly #output: MessageWriter;
  readonly #events: SessionEvents;
  readonly #dhtPort: (() => number) | undefined;
  readonly #takesHolepunch: boolean;
  readonly #metadata: MetadataServing | undefined;
  readonly #hashes: HashServing | undefined;
  readonly #pex: PeerExchange | undefined;
  /** The peer's ids for messages that we know; it does not take those without one. */
  readonly #theirIds = new Map<string, number>();
  /** What the peer says of itself, all together; undefined before it does. */
  #theirs: ExtensionHandshake | undefined;
  #unknownCount = 0;
  /** What the peer was told; undefined: nothing, or it knows no DHT. */
  #saidDhtPort: number | undefined;
  #theirDhtPort = 0;
  #dhtPortCount = 0;

  constructor(options: ExtensionsOptions) {
    const { host, metadata, layers, pex, holepunch = false } = options;
    const { flags, dhtPort, output, events, now } = options;
    this.#flags = flags;
    this.#takesHolepunch = holepunch;
    this.#output = output;
    this.#events = events;
    this.#dhtPort = dhtPort;
    if (metadata !== undefined) this.#metadata = new MetadataServing({ metadata, output });
    if (layers !== undefined) this.#hashes = new HashServing({ layers, output, events });
    if (pex) this.#pex = new PeerExchange({ host, now });
  }

  /** What they call their program, made printable; "" when they did not say. */
  get clientName(): string {
    return this.#theirs?.clientName ?? "";
  }

  /** Says `handshake` (its payload, BEP 10) and where our DHT node is, if the peer knows of such. */
  open(handshake: Uint8Array): void {
    if (this.#flags.extended) this.#output.extended(EXTENSION_HANDSHAKE_ID, handshake);
    if (this.#flags.dht) this.#sayPort();
  }

  /** The peer's id for a message; 0 when it does not take it. */
  theirId(name: keyof typeof EXTENSION_IDS): number {
    return this.#theirIds.get(name) ?? 0;
  }

  /** Gives what the peer says of itself, when it does: with what it said before. */
  handleMessage({ id, payload }: ExtendedMessage, now: number): ExtensionHandshake | undefined {
    if (!this.#flags.extended) {
      this.#events.close("unnegotiated-extension");
      return undefined;
    }
    try {
      if (id === EXTENSION_HANDSHAKE_ID) return this.#handleHandshake(payload);
      if (id === EXTENSION_IDS.ut_metadata && this.#metadata !== undefined) {
        this.#metadata.handleMessage(payload, this.theirId("ut_metadata"));
      } else if (id === EXTENSION_IDS.ut_pex && this.#pex !== undefined) {
        const peers = this.#pex.hear(payload, now);
        if (peers.length > 0) this.#events.push({ kind: "pex-peers", peers });
      } else if (id === EXTENSION_IDS.ut_holepunch && this.#takesHolepunch) {
        this.#events.push({ kind: "holepunch", message: parseHolepunch(payload) });
      } else if (++this.#unknownCount > MAX_UNKNOWN_EXTENDED) {
        this.#events.close("unnegotiated-extension");
      }
    } catch (error) {
      this.#events.closeBy(error);
    }
    return undefined;
  }

  /** Where the peer's DHT node is. Some say it without the bit in their handshake. */
  handlePort(port: number): void {
    if (this.#dhtPort === undefined || port === 0 || port === this.#theirDhtPort) return;
    if (++this.#dhtPortCount > MAX_DHT_PORTS) return;
    this.#theirDhtPort = port;
    this.#events.push({ kind: "dht-port", port });
  }

  /** A request for hashes, or an answer, which nobody has asked for here. */
  handleHashes(message: HashRequestMessage | HashesMessage): void {
    if (this.#hashes === undefined) return this.#events.close("unnegotiated-extension");
    if (message.kind === "hash-request") return this.#hashes.handleRequest(message);
    this.#events.close("malformed-message");
  }

  /** To be called twice a second or so: sends what waited for room, or has changed. */
  handleTimeout(): void {
    // The gateway may have said by now which port it has opened.
    if (this.#saidDhtPort !== undefined) this.#sayPort();
    this.#hashes?.resume();
    this.#metadata?.resume(this.theirId("ut_metadata"));
  }

  /** It takes lists of peers, and it is time for one: see PeerExchange. */
  isPexDue(version: number, now: number): boolean {
    return this.theirId("ut_pex") !== 0 && this.#pex !== undefined &&
      this.#pex.isDue(version, now);
  }

  /** Tells the peer how `known`, all whom it may know of, has changed. */
  sendPex(known: readonly PexPeer[], version: number, now: number): void {
    const payload = this.#pex?.tell(known, version, now);
    if (payload !== undefined) this.#output.extended(this.theirId("ut_pex"), payload);
  }

  /** It can bring us together with the endpoint, as it says. */
  canReach(endpoint: Endpoint): boolean {
    return this.takesHolepunch && this.#pex?.knows(endpoint) === true;
  }

  /** It takes part in bringing peers together, and so do we. */
  get takesHolepunch(): boolean {
    return this.#takesHolepunch && this.theirId("ut_holepunch") !== 0;
  }

  /** To a peer that `takesHolepunch`. */
  sayHolepunch(payload: Uint8Array): void {
    this.#output.extended(this.theirId("ut_holepunch"), payload);
  }

  /** Tells where our DHT node is, if there is one and the peer has not been told so. */
  #sayPort(): void {
    const port = this.#dhtPort?.();
    if (port === undefined || port === this.#saidDhtPort) return;
    this.#output.port(port);
    this.#saidDhtPort = port;
  }

  /** A later handshake changes what it names, and no more (BEP 10). */
  #handleHandshake(payload: Uint8Array): ExtensionHandshake {
    const handshake = parseExtensionHandshake(payload, this.#theirs);
    this.#theirs = handshake;
    for (const name of Object.keys(EXTENSION_IDS)) {
      const id = handshake.messages.get(name);
      if (id !== undefined) this.#theirIds.set(name, id);
    }
    this.#events.push({ kind: "extension-handshake", handshake });
    return handshake;
  }
}
