/** Web servers in memory, as `FetchBounded` sees them: files by URL, latency, rate, and faults. */
import type { Clock } from "../../src/base/ambient.ts";
import type { Bytes } from "../../src/base/bytes.ts";
import {
  type FetchBounded,
  type FetchOptions,
  type FetchResult,
  HttpError,
} from "../../src/net/http.ts";

const NOTHING = { signal: new AbortController().signal, maxBytes: 0 };

/** What a server does wrong, asked for a file. */
export interface WebFault {
  /** Instead of the file. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** It knows no ranges, and gives all of it. */
  readonly isWhole?: boolean;
  /** It gives as many bytes less, and says nothing of that. */
  readonly lacksBytes?: number;
  /** It gives more than it was asked for. */
  readonly addsBytes?: number;
  /** It answers no more requests than so many at once. */
  readonly maxOpen?: number;
  /** It says nothing at all. */
  readonly isSilent?: boolean;
  /** Nobody is there. */
  readonly isGone?: boolean;
  /** Whether a byte of this answer is another one. */
  readonly lies?: () => boolean;
  /** It sends whoever asks there. */
  readonly location?: string;
}

export interface SimWebOptions {
  readonly clock: Clock;
  readonly latencyMs?: number;
  readonly bytesPerSecond?: number;
  /** Bytes of a body that come at once. */
  readonly partLength?: number;
}

export class SimWeb {
  /** URL and range of every request that came, redirected ones too. */
  readonly asked: string[] = [];
  readonly files = new Map<string, Bytes>();
  /** Of some URLs. */
  readonly faults = new Map<string, WebFault>();
  openCount = 0;
  mostOpen = 0;
  readonly #options: Required<SimWebOptions>;

  constructor(options: SimWebOptions) {
    this.#options = { latencyMs: 5, bytesPerSecond: 1e7, partLength: 5_000, ...options };
  }

  readonly fetch: FetchBounded = async (url, options) => {
    this.mostOpen = Math.max(this.mostOpen, ++this.openCount);
    try {
      return await this.#answer(url, options);
    } finally {
      this.openCount--;
    }
  };

  async #answer(url: string, options: FetchOptions): Promise<FetchResult> {
    const { clock, latencyMs } = this.#options;
    const { signal, accept, headers: { Range: range = "" } = {}, timeoutMs } = options;
    this.asked.push(`${url} ${range}`);
    if (accept?.(new URL(url)) === false) throw new HttpError("unsupported-url", said("refused"));
    const fault = this.faults.get(url) ?? {};
    await clock.sleep(fault.isSilent ? timeoutMs : latencyMs, signal);
    if (signal.aborted) throw new HttpError("aborted", said("cancelled"));
    if (fault.isSilent) throw new HttpError("timeout", said(`no answer in ${timeoutMs} ms`));
    if (this.openCount > (fault.maxOpen ?? Infinity)) return await this.#busy(options);
    if (fault.isGone) throw new HttpError("unreachable", said("it is unreachable"));
    if (fault.location !== undefined) return await this.#answer(fault.location, options);
    const { status, headers, body } = this.#file(url, range, fault);
    await options.take?.({ status, headers, body: this.#parts(body, options) });
    return { status, bytes: new Uint8Array(), url };
  }

  async #busy({ take }: FetchOptions): Promise<FetchResult> {
    const answer = { status: 503, headers: new Headers(), bytes: new Uint8Array(), url: "" };
    await take?.({ ...answer, body: this.#parts(answer.bytes, NOTHING) });
    return answer;
  }

  #file(url: string, range: string, { status, headers: own, ...fault }: WebFault) {
    const headers = new Headers(own);
    const file = this.files.get(url);
    if (file === undefined || status !== undefined) {
      return { status: status ?? 404, headers, body: new Uint8Array(9) };
    }
    const [begin, last] = range.replace("bytes=", "").split("-").map(Number) as [number, number];
    if (last >= file.length) return { status: 416, headers, body: new Uint8Array() };
    const body = fault.isWhole ? file.slice() : file.slice(begin, last + 1);
    if (fault.lies?.()) body[0]! ^= 1;
    if (!fault.isWhole && !headers.has("content-range")) {
      headers.set("content-range", `bytes ${begin}-${last}/${file.length}`);
    }
    return {
      status: fault.isWhole ? 200 : 206,
      headers,
      body: fault.addsBytes === undefined
        ? body.subarray(0, body.length - (fault.lacksBytes ?? 0))
        : new Uint8Array([...body, ...new Uint8Array(fault.addsBytes)]),
    };
  }

  async *#parts(
    body: Bytes,
    { signal, maxBytes }: Pick<FetchOptions, "signal" | "maxBytes">,
  ): AsyncIterable<Uint8Array> {
    const { clock, bytesPerSecond, partLength } = this.#options;
    for (let at = 0; at < body.length; at += partLength) {
      const part = body.subarray(at, at + partLength);
      await clock.sleep(part.length * 1000 / bytesPerSecond, signal);
      if (signal.aborted) throw new HttpError("aborted", said("cancelled"));
      if (at + part.length > maxBytes) throw new HttpError("too-large", said("over the limit"));
      yield part;
    }
  }
}

function said(words: string): string {
  return `Cannot fetch from web.example:80: ${words}`;
}
