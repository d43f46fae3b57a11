/** One peer of a torrent, driven: what the picker asks of it, and the blocks that it asks for. */
import type { Bitfield } from "../base/bitfield.ts";
import type { PieceIndex } from "../base/ids.ts";
import type { PeerSession } from "../peer/session.ts";
import type { PickerPeer } from "../piece/picker_peer.ts";
import { DrivenConnection, type DrivenConnectionOptions } from "./driven_connection.ts";

export interface PeerConnectionOptions extends DrivenConnectionOptions<PeerSession> {
  /** Sends blocks, by `writeBlocks`, until the peer asks for no more. */
  readonly upload: (signal: AbortSignal) => Promise<void>;
}

export class PeerConnection extends DrivenConnection<PeerSession> implements PickerPeer {
  readonly #upload: PeerConnectionOptions["upload"];
  #isUploading = false;

  constructor({ upload, ...options }: PeerConnectionOptions) {
    super(options);
    this.#upload = upload;
  }

  get theirHave(): Bitfield {
    return this.session.theirHave;
  }

  get isPeerChoking(): boolean {
    return this.session.isPeerChoking;
  }

  get allowedFast(): ReadonlySet<PieceIndex> {
    return this.session.allowedFast;
  }

  get isSnubbed(): boolean {
    return this.session.isSnubbed;
  }

  /** When a block came, or a part of one; undefined before. Of a slow peer, parts are progress. */
  get lastDataAt(): number | undefined {
    const { lastBlockAt } = this.session;
    if (this.partReadAt === undefined) return lastBlockAt;
    return Math.max(this.partReadAt, lastBlockAt ?? -Infinity);
  }

  downloadRate(now: number): number {
    return this.session.downloadRate(now);
  }

  offers(piece: PieceIndex): boolean {
    return this.session.offers(piece);
  }

  /** It asked for blocks that it has not got yet: all of them may be in the write under way. */
  get awaitsBlocks(): boolean {
    return this.#isUploading || this.session.hasUploads;
  }

  /** Begins to upload, too. */
  override flush(): void {
    if (!this.isClosed && this.session.hasUploads && !this.#isUploading) {
      this.#isUploading = true;
      this.endWith(this.#serve());
    }
    super.flush();
  }

  /** In its own loop, so that waiting for the disk or for the rate holds up no message. */
  async #serve(): Promise<undefined> {
    while (this.session.hasUploads && !this.isClosed) {
      await this.#upload(this.closing);
      // What was refused.
      this.flush();
    }
    this.#isUploading = false;
  }
}
