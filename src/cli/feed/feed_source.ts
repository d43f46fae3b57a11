/** Where a feed comes from: a server, which is asked for what has changed, or a file. */
import {
  type FeedDocument,
  FeedError,
  MAX_FEED_LENGTH,
  parseFeed,
} from "../../feed/feed_document.ts";
import type { Validators } from "../../feed/feed_state.ts";
import { feedText } from "../../feed/feed_text.ts";
import type { Header } from "../options/option_values.ts";
import { CommandError, invalidSource } from "../output/failure.ts";
import {
  fetchSource,
  isUrl,
  PIPE_ADVICE,
  readInput,
  shownSource,
  type SourceOptions,
} from "../source/source.ts";

const ACCEPTED_TYPES = "application/rss+xml, application/atom+xml, application/xml;q=0.9, " +
  "text/xml;q=0.8, */*;q=0.1";
const NOT_MODIFIED = 304;
/** Of an ETag or a date, in UTF-16 units: what is longer is not remembered. */
const MAX_VALIDATOR_LENGTH = 1_000;
const NO_VALIDATORS: Validators = { etag: undefined, lastModified: undefined };

/** A feed that was read. */
export interface FeedAnswer {
  readonly document: FeedDocument;
  readonly validators: Validators;
}

/**
 * Reads a feed; undefined when its server says that it is as it was. Throws `CommandError`: exit 3
 * for what is no feed, 10 for a server that may answer later, 4 and 5 for permissions and disks.
 */
export async function readFeed(
  source: string,
  options: SourceOptions,
  known: Validators | undefined,
): Promise<FeedAnswer | undefined> {
  if (!isUrl(source)) {
    const limits = { maxLength: MAX_FEED_LENGTH, advice: PIPE_ADVICE };
    const bytes = await readInput(source, options, limits);
    return {
      document: parsed(source, feedText(bytes, null), undefined),
      validators: NO_VALIDATORS,
    };
  }
  const { status, bytes, url, headers } = await fetchSource(
    new URL(source),
    { ...options, headers: [...options.headers, ...conditions(known)] },
    { maxBytes: MAX_FEED_LENGTH, answers: known === undefined ? [200] : [200, NOT_MODIFIED] },
  );
  if (status === NOT_MODIFIED) return undefined;
  const text = feedText(bytes, headers?.get("content-type") ?? null);
  return {
    document: parsed(source, text, url),
    validators: {
      etag: validator(headers, "etag"),
      lastModified: validator(headers, "last-modified"),
    },
  };
}

/** What the server is asked by (RFC 9110, section 13.1). */
function conditions({ etag, lastModified }: Validators = NO_VALIDATORS): Header[] {
  const headers: Header[] = [{ name: "Accept", value: ACCEPTED_TYPES }];
  if (etag !== undefined) headers.push({ name: "If-None-Match", value: etag });
  if (lastModified !== undefined) headers.push({ name: "If-Modified-Since", value: lastModified });
  return headers;
}

function validator(headers: Headers | undefined, name: string): string | undefined {
  const value = headers?.get(name) ?? "";
  return value === "" || value.length > MAX_VALIDATOR_LENGTH ? undefined : value;
}

function parsed(source: string, text: string, url: string | undefined): FeedDocument {
  try {
    return parseFeed(text, { url });
  } catch (error) {
    if (!(error instanceof FeedError)) throw error;
    const detail = `Cannot read the feed ${shownSource(source)}: ${error.message}`;
    // Its server, or whoever writes the file, was not done.
    if (error.problem === "cut") {
      throw new CommandError("source-unreachable", `${detail}; try again later`);
    }
    throw invalidSource(detail);
  }
}
