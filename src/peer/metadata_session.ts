/**
 * One connection's rules while the metadata is not known (BEP 9): nothing can be checked yet
 * that names a piece, and nothing is wanted but metadata and the names of other peers. Driven
 * like PeerSession.
 */
import type { LayerRange } from "../metainfo/layer_trees.ts";
import { MessageWriter } from "../wire/encoder.ts";
import { EXTENSION_IDS } from "../wire/extension.ts";
import type { HandshakeFlags } from "../wire/handshake.ts";
import type {
  BlockMessage,
  ExtendedMessage,
  HashesMessage,
  HashRequestMessage,
  Message,
} from "../wire/message.ts";
import {
  encodeMetadataReject,
  encodeMetadataRequest,
  type MetadataDataMessage,
  type MetadataPieceMessage,
  parseMetadataMessage,
} from "../wire/metadata_message.ts";
import { type Beyond, Extensions } from "./extensions.ts";
import { Liveness } from "./liveness.ts";
import { type SessionEvent, SessionEvents } from "./session_event.ts";

/** Blocks and hashes that a peer may ask for although we have none, as it was told (P11). */
const MAX_REQUESTS = 300;

export interface MetadataSessionOptions extends Omit<Beyond, "metadata"> {
  /** What both sides said in their handshakes that they can. */
  readonly flags: HandshakeFlags;
  /** Milliseconds, as in every method. */
  readonly now: number;
}

/** What a peer answers to a request for a piece of metadata, or for hashes; data are views. */
export type MetadataAnswer =
  | MetadataDataMessage
  | MetadataPieceMessage & { kind: "reject" }
  | HashesMessage
  | HashRequestMessage & { kind: "hash-reject" };

export class MetadataSession {
  /** Messages for the peer: the driver takes and writes them. */
  readonly output = new MessageWriter();
  readonly #flags: MetadataSessionOptions["flags"];
  readonly #events = new SessionEvents();
  readonly #extensions: Extensions;
  readonly #liveness: Liveness;
  #answers: MetadataAnswer[] = [];
  #requestCount = 0;

  constructor(options: MetadataSessionOptions) {
    const { output } = this, events = this.#events;
    this.#flags = options.flags;
    this.#extensions = new Extensions({ ...options, output, events });
    this.#liveness = new Liveness({ output, events, now: options.now });
  }

  /** It takes requests for metadata. */
  get knowsMetadata(): boolean {
    return this.#theirId !== 0;
  }

  /** What happened since the last call: of the kinds that do not need a layout. */
  drain(): readonly SessionEvent[] {
    return this.#events.drain();
  }

  /** What came since the last call; to be taken before more is read. */
  drainAnswers(): readonly MetadataAnswer[] {
    const answers = this.#answers;
    this.#answers = [];
    return answers;
  }

  /** The first command: says that we have nothing, and `extensionHandshake` (its payload). */
  open(extensionHandshake: Uint8Array, now: number): void {
    if (this.#flags.fast) this.output.haveNone();
    this.#extensions.open(extensionHandshake);
    this.#liveness.saidAt = now;
  }

  /** Asks a peer that `knowsMetadata` for a piece of it; one that does not forgets its own. */
  request(piece: number, now: number): void {
    if (!this.knowsMetadata || this.#events.isClosed) return;
    this.output.extended(this.#theirId, encodeMetadataRequest(piece));
    this.#liveness.saidAt = now;
  }

  /** Asks for a run of a layer of the file that has this root (BEP 52). */
  requestHashes(root: Uint8Array, range: LayerRange, now: number): void {
    if (this.#events.isClosed) return;
    this.output.hashRequest(root, range);
    this.#liveness.saidAt = now;
  }

  /** Never throws for what the peer says. Nothing happens after a `close` event. */
  handleMessage(message: Message, now: number): void {
    if (this.#events.isClosed) return;
    this.#liveness.heardAt = now;
    switch (message.kind) {
      case "extended":
        return this.#handleExtended(message, now);
      case "port":
        return this.#extensions.handlePort(message.port);
      case "request":
        return this.#handleRequest(message, now);
      case "piece":
        return this.#events.close("unrequested-block");
      case "hash-request":
        return this.#refuse(() => this.output.hashReject(message.root, message.range), now);
      case "hashes":
        return void this.#answers.push(message);
      case "hash-reject":
        return void this.#answers.push({ ...message, kind: "hash-reject" });
      case "unknown":
        return this.#events.close("malformed-message");
      case "have-all":
      case "have-none":
      case "suggest":
      case "allowed-fast":
      case "reject":
        if (!this.#flags.fast) this.#events.close("unnegotiated-extension");
        return;
      default:
        // What they have, and whether they let us ask, they say again to the next connection.
        return;
    }
  }

  /** To be called twice a second or so: keep-alives, silence. */
  handleTimeout(now: number): void {
    this.#liveness.handleTimeout(now);
    if (!this.#events.isClosed) this.#liveness.say(() => this.#extensions.handleTimeout(), now);
  }

  get #theirId(): number {
    return this.#extensions.theirId("ut_metadata");
  }

  #handleRequest({ index, begin, length }: BlockMessage, now: number): void {
    this.#refuse(() => {
      if (this.#flags.fast) this.output.reject(index, begin, length);
    }, now);
  }

  /** We have nothing yet: no blocks, and no hashes either. */
  #refuse(say: () => void, now: number): void {
    if (++this.#requestCount > MAX_REQUESTS) return this.#events.close("request-flood");
    say();
    this.#liveness.saidAt = now;
  }

  #handleExtended(message: ExtendedMessage, now: number): void {
    const isMetadata = this.#flags.extended && message.id === EXTENSION_IDS.ut_metadata;
    if (isMetadata) this.#handleMetadata(message.payload, now);
    else this.#extensions.handleMessage(message, now);
  }

  #handleMetadata(payload: Uint8Array, now: number): void {
    try {
      const message = parseMetadataMessage(payload);
      switch (message.kind) {
        case "data":
          return void this.#answers.push(message);
        case "reject":
          return void this.#answers.push({ kind: "reject", piece: message.piece });
        case "request":
          if (!this.knowsMetadata) return;
          this.output.extended(this.#theirId, encodeMetadataReject(message.piece));
          this.#liveness.saidAt = now;
          return;
        case "unknown":
          return;
      }
    } catch (error) {
      this.#events.closeBy(error);
    }
  }
}
