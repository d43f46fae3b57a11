/** A tracker's answers to HTTP requests (BEP 3, BEP 48), from the text of a request's head. Pure. */
import { type Bytes, concatBytes } from "../base/bytes.ts";
import {
  encodeHttpAnnounceResponse,
  encodeHttpFailure,
  encodeHttpScrapeResponse,
  parseAnnounceQuery,
  parseScrapeQuery,
  QueryError,
} from "./http_server_codec.ts";
import type { SwarmRegistry } from "./swarm_registry.ts";

/** The end of a request's head; a GET has nothing after it. */
export const HEAD_END = "\r\n\r\n";

const MAX_PEERS = 200;
/** `GET /announce?query HTTP/1.1`, from some clients with the whole address. */
const REQUEST_LINE = /^GET (?:http:\/\/[^/ ]+)?(\/[^? ]*)(?:\?([^ ]*))? HTTP\/1\.[01]\r\n/;

export class HttpService {
  readonly #registry: SwarmRegistry;
  readonly #intervalMs: number;

  constructor(registry: SwarmRegistry, options: { intervalMs: number }) {
    this.#registry = registry;
    this.#intervalMs = options.intervalMs;
  }

  /** The whole answer, head and body, to a client at the address `host`. */
  answer(head: string, host: string, now: number): Bytes {
    const [, path, query = ""] = REQUEST_LINE.exec(head) ?? [];
    if (path === undefined) return respond("400 Bad Request");
    try {
      switch (path) {
        case "/announce":
          return respond("200 OK", this.#announce(query, host, now));
        case "/scrape":
          return respond("200 OK", this.#scrape(query, now));
        default:
          return respond("404 Not Found");
      }
    } catch (error) {
      if (!(error instanceof QueryError)) throw error;
      return respond("200 OK", encodeHttpFailure(error.message));
    }
  }

  #announce(query: string, host: string, now: number): Bytes {
    const announce = parseAnnounceQuery(query);
    const announced = this.#registry.announce(announce, host, MAX_PEERS, now);
    if ("refusal" in announced) return encodeHttpFailure(announced.refusal);
    return encodeHttpAnnounceResponse(announce, {
      intervalMs: this.#intervalMs,
      ...announced,
      clientAddress: host,
    });
  }

  #scrape(query: string, now: number): Bytes {
    return encodeHttpScrapeResponse(
      parseScrapeQuery(query).map((infoHash) => ({
        infoHash,
        counts: this.#registry.counts(infoHash, now),
      })),
    );
  }
}

function respond(status: string, body: Uint8Array = new Uint8Array(0)): Bytes {
  const head = `HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\n` +
    `Content-Length: ${body.length}\r\nConnection: close${HEAD_END}`;
  return concatBytes(new TextEncoder().encode(head), body);
}
