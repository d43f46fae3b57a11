/** Tells the connected peers of each other (PEX, BEP 11). */
import type { Endpoint } from "../base/endpoint.ts";
import type { PeerKey } from "../piece/piece_table.ts";
import { PexFlag, type PexPeer } from "../wire/pex.ts";
import type { PeerConnection } from "./connection.ts";
import type { ExtensionHandshakes } from "./extension_handshakes.ts";

export interface PexSendingOptions {
  /** The connected peers, live. */
  readonly peers: ReadonlyMap<PeerKey, PeerConnection>;
  readonly extensionHandshakes: ExtensionHandshakes;
  readonly isBanned: (endpoint: Endpoint) => boolean;
}

/** A connected peer that others may be told of. */
interface Contact extends PexPeer {
  readonly key: PeerKey;
}

export class PexSending {
  readonly #options: PexSendingOptions;

  constructor(options: PexSendingOptions) {
    this.#options = options;
  }

  /** To be called twice a second or so: each session knows when it is due. */
  tick(now: number): void {
    const { version } = this.#options.extensionHandshakes;
    let contacts: Contact[] | undefined;
    for (const peer of this.#options.peers.values()) {
      if (!peer.session.isPexDue(version, now)) continue;
      contacts ??= this.#contacts();
      peer.session.sendPex(contacts.filter(({ key }) => key !== peer.key), version, now);
      peer.flush();
    }
  }

  #contacts(): Contact[] {
    const { peers, extensionHandshakes, isBanned } = this.#options;
    const contacts: Contact[] = [];
    for (const peer of peers.values()) {
      const endpoint = extensionHandshakes.listensAt(peer);
      if (endpoint === undefined || isBanned(endpoint) || isBanned(peer.endpoint)) continue;
      const flags = (extensionHandshakes.prefersEncryption(peer) ? PexFlag.prefersEncryption : 0) |
        (extensionHandshakes.onlyUploads(peer) ? PexFlag.uploadOnly : 0) |
        (peer.isUtp ? PexFlag.utp : 0) |
        (peer.session.takesHolepunch ? PexFlag.holepunch : 0) |
        (peer.isIncoming ? 0 : PexFlag.reachable);
      contacts.push({ key: peer.key, endpoint, flags });
    }
    return contacts;
  }
}
