/** All endpoints that we have heard of, and which of them to dial next: skeleton. */
import type { Random } from "../base/ambient.ts";
import type { Endpoint } from "../base/endpoint.ts";
import type { CloseReason } from "../base/errors.ts";

/** Who named an endpoint. Named by the user are dialled first and never forgotten. */
export type PeerSource = "named" | "tracker" | "incoming";

export interface PeerCounts {
  readonly known: number;
  readonly connected: number;
  readonly banned: number;
  /** Failed at their last dial, and never connected. */
  readonly unreachable: number;
}

export class PeerList {
  constructor(_options: { readonly random: Random }) {}

  /** Adds what is new, within the limit; gives how many were. */
  add(_endpoints: readonly Endpoint[], _source: PeerSource): number {
    return 0;
  }
  /** The best endpoint to dial now, marked as being dialled; undefined when there is none. */
  next(_now: number): Endpoint | undefined {
    return undefined;
  }
  /** When `next` has something, if nothing changes until then; undefined when never. */
  nextAt(): number | undefined {
    return undefined;
  }
  /** The dial, or the handshake after it, failed. */
  failed(_endpoint: Endpoint, _now: number): void {}
  /** The handshake is done: dialled by us. */
  connected(_endpoint: Endpoint): void {}
  /** A connection that we dialled has ended. `wasUseful`: it gave us blocks. */
  disconnected(
    _endpoint: Endpoint,
    _end: { readonly reason: CloseReason; readonly wasUseful: boolean },
    _now: number,
  ): void {}
  /** Never again; its whole address once three of its endpoints lied, unless it is loopback. */
  ban(_endpoint: Endpoint): void {}
  /** Also to be asked of incoming connections. */
  isBanned(_endpoint: Endpoint): boolean {
    return false;
  }
  /** It is ourselves (P3): never again, but no ban. */
  markOwn(_endpoint: Endpoint): void {}
  get counts(): PeerCounts {
    return { known: 0, connected: 0, banned: 0, unreachable: 0 };
  }
}
