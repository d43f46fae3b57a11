/**
 * One peer of a torrent whose metadata is not known, driven: as PeerConnection, but without
 * blocks, and so with less to do.
 */
import type { Clock } from "../base/ambient.ts";
import type { Endpoint } from "../base/endpoint.ts";
import { type CloseReason, ProtocolError } from "../base/errors.ts";
import { TokenBucket } from "../base/rate.ts";
import { MAX_PIECE_COUNT } from "../metainfo/metainfo.ts";
import type { Connection } from "../net/transport.ts";
import type { MetadataPeer } from "../peer/metadata_buffer.ts";
import type { MetadataSession } from "../peer/metadata_session.ts";
import { MessageDecoder } from "../wire/decoder.ts";
import { MAX_CHATTER_RATE, MESSAGE_COST_BYTES, WRITE_TIMEOUT_MS } from "./connection.ts";

/** Of how many pieces there are nothing is known, so a bitfield may be of as many as there can be. */
const MAX_MESSAGE_LENGTH = 1 + Math.ceil(MAX_PIECE_COUNT / 8);

export interface MetadataConnectionOptions {
  readonly key: MetadataPeer;
  readonly endpoint: Endpoint;
  readonly isIncoming: boolean;
  readonly connection: Connection;
  readonly session: MetadataSession;
  readonly clock: Clock;
  /** Takes what the session found in the bytes just read, before they are overwritten. */
  readonly onRead: (peer: MetadataConnection, now: number) => void;
}

export class MetadataConnection {
  readonly key: MetadataPeer;
  readonly endpoint: Endpoint;
  readonly isIncoming: boolean;
  readonly session: MetadataSession;
  readonly #options: MetadataConnectionOptions;
  readonly #closing = new AbortController();
  readonly #closed = Promise.withResolvers<CloseReason>();
  #writingSince: number | undefined;

  constructor(options: MetadataConnectionOptions) {
    this.#options = options;
    this.#closed.promise.catch(() => {}); // whoever runs the connection sees it
    this.key = options.key;
    this.endpoint = options.endpoint;
    this.isIncoming = options.isIncoming;
    this.session = options.session;
  }

  /** The address at the other end, also where a name was dialled. */
  get remote(): Endpoint {
    return this.#options.connection.remote;
  }

  /** Drives the connection until it ends. Rejects only by an error of our own. */
  async run(): Promise<CloseReason> {
    this.flush();
    this.#endWith(this.#read());
    return await this.#closed.promise;
  }

  close(reason: CloseReason): void {
    this.#closing.abort();
    this.#options.connection.close();
    this.#closed.resolve(reason);
  }

  /** Sends what waits in the session's output; returns at once. */
  flush(): void {
    if (this.#closing.signal.aborted || this.#writingSince !== undefined) return;
    if (this.session.output.pendingBytes === 0) return;
    this.#writingSince = this.#options.clock.now();
    this.#endWith(this.#write());
  }

  /** Closes the connection when the peer has stopped reading. */
  tick(now: number): void {
    this.flush();
    if (this.#writingSince !== undefined && now - this.#writingSince > WRITE_TIMEOUT_MS) {
      this.close("not-reading");
    }
  }

  /** Closes with the reason that a loop ended with; a broken protocol is the peer's, the rest ours. */
  #endWith(loop: Promise<CloseReason | undefined>): void {
    loop.then(
      (reason) => reason && this.close(reason),
      (error) => {
        if (error instanceof ProtocolError) return this.close(error.reason);
        this.#closed.reject(error);
        this.close("finished");
      },
    );
  }

  async #read(): Promise<CloseReason> {
    const { connection, clock, onRead } = this.#options;
    const decoder = new MessageDecoder({ maxMessageLength: MAX_MESSAGE_LENGTH });
    const chatter = new TokenBucket(MAX_CHATTER_RATE, clock.now());
    while (true) {
      const length = await connection.read(decoder.space());
      if (length === null) return "remote-closed";
      if (this.#closing.signal.aborted) return "finished";
      decoder.advance(length);
      const now = clock.now();
      let cost = length;
      try {
        for (let message = decoder.next(); message; message = decoder.next()) {
          this.session.handleMessage(message, now);
          cost += MESSAGE_COST_BYTES;
        }
      } finally {
        // What came before a malformed message still counts.
        onRead(this, now);
      }
      this.flush();
      chatter.take(cost, now);
      const pauseMs = chatter.waitMs(now);
      if (pauseMs > 0) await clock.sleep(pauseMs, this.#closing.signal);
    }
  }

  async #write(): Promise<undefined> {
    const { connection, clock } = this.#options;
    const { output } = this.session;
    try {
      for (let bytes = output.take(); bytes !== undefined; bytes = output.take()) {
        this.#writingSince = clock.now();
        await connection.write(bytes);
        output.release();
        if (this.#closing.signal.aborted) return;
      }
    } finally {
      this.#writingSince = undefined;
    }
  }
}
