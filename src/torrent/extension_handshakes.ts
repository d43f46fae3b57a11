/**
 * What we and each peer say of ourselves in extension handshakes (BEP 10), and what follows when
 * both want nothing (BEP 21).
 */
import type { Endpoint, PortFor } from "../base/endpoint.ts";
import { MAX_QUEUED_UPLOADS } from "../peer/upload_queue.ts";
import type { PeerKey } from "../piece/piece_table.ts";
import {
  encodeExtensionHandshake,
  EXTENSION_HANDSHAKE_ID,
  EXTENSION_IDS,
  type ExtensionHandshake,
} from "../wire/extension.ts";
import type { EncryptionMode } from "../wire/mse.ts";
import type { PeerConnection } from "./connection.ts";

export interface ExtensionHandshakesOptions {
  /** Name and version. */
  readonly clientName: string;
  readonly portFor: PortFor;
  /** The info dictionary, raw, that peers may ask for (BEP 9). */
  readonly metadata: Uint8Array;
  readonly encryption: EncryptionMode;
  /** Whether peers may be told of each other (BEP 11). */
  readonly usePex: boolean;
  /** Whether peers may be brought together (BEP 55). */
  readonly useHolepunch: boolean;
  /** Nothing more is wanted, and everybody may know it. */
  readonly onlyUploads: () => boolean;
}

interface Acquaintance {
  readonly peer: PeerConnection;
  /** It was told so (BEP 21). */
  knowsThatWeOnlyUpload: boolean;
  /** What it says of itself, once it has. */
  theirs: ExtensionHandshake | undefined;
}

export class ExtensionHandshakes {
  readonly #options: ExtensionHandshakesOptions;
  readonly #peers = new Map<PeerKey, Acquaintance>();
  #version = 0;

  constructor(options: ExtensionHandshakesOptions) {
    this.#options = options;
  }

  /** Another one whenever somebody has come or gone, or has said something of itself. */
  get version(): number {
    return this.#version;
  }

  /** The payload of our extension handshake. */
  handshakeFor({ host }: Endpoint): Uint8Array {
    const { clientName, portFor, metadata, encryption } = this.#options;
    const { usePex, useHolepunch, onlyUploads } = this.#options;
    const { ut_pex, ut_metadata, ut_holepunch } = EXTENSION_IDS;
    return encodeExtensionHandshake({
      clientName,
      requestQueueLimit: MAX_QUEUED_UPLOADS,
      yourIp: host,
      listenPort: portFor(host),
      metadataSize: metadata.length,
      messages: { ut_metadata, ...(usePex && { ut_pex }), ...(useHolepunch && { ut_holepunch }) },
      uploadOnly: onlyUploads(),
      prefersEncryption: encryption !== "off",
    });
  }

  /** A peer that was told our extension handshake, if it is one that `isExtended`. */
  join(peer: PeerConnection, isExtended: boolean): void {
    const knowsThatWeOnlyUpload = this.#options.onlyUploads() || !isExtended;
    this.#version++;
    this.#peers.set(peer.key, { peer, knowsThatWeOnlyUpload, theirs: undefined });
  }

  leave(key: PeerKey): void {
    this.#version++;
    this.#peers.delete(key);
  }

  /** The peer has said its extension handshake. */
  heard(key: PeerKey, theirs: ExtensionHandshake): void {
    this.#version++;
    const acquaintance = this.#peers.get(key);
    if (acquaintance !== undefined) acquaintance.theirs = theirs;
  }

  /** It wants nothing, as it says or as we see. */
  onlyUploads({ key, session }: PeerConnection): boolean {
    return session.isSeed || this.#peers.get(key)?.theirs?.uploadOnly === true;
  }

  /** It would rather have encrypted connections, as it says. */
  prefersEncryption({ key }: PeerConnection): boolean {
    return this.#peers.get(key)?.theirs?.prefersEncryption === true;
  }

  /** Where others can dial the peer: where we did, or where it says that it listens. */
  listensAt(peer: PeerConnection): Endpoint | undefined {
    const { key, remote, isIncoming, isWebSeed, isUtp } = peer;
    if (isWebSeed) return undefined;
    if (!isIncoming || isUtp) return remote;
    const port = this.#peers.get(key)?.theirs?.listenPort;
    return port === undefined ? undefined : { host: remote.host, port };
  }

  /** Parts from those who want nothing either, and tells the others that we want nothing. */
  actAsSeed(): void {
    const weOnlyUpload = this.#options.onlyUploads();
    for (const acquaintance of this.#peers.values()) {
      const { peer, knowsThatWeOnlyUpload } = acquaintance;
      if (this.onlyUploads(peer)) peer.close("useless");
      else if (weOnlyUpload && !knowsThatWeOnlyUpload) {
        acquaintance.knowsThatWeOnlyUpload = true;
        peer.session.output.extended(EXTENSION_HANDSHAKE_ID, this.handshakeFor(peer.remote));
        peer.flush();
      }
    }
  }
}
