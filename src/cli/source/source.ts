/** Where a torrent comes from: a file, standard input, or an http(s) URL. */
import type { Bytes } from "../../base/bytes.ts";
import { concatBytes } from "../../base/bytes.ts";
import { formatEndpoint } from "../../base/endpoint.ts";
import { MetainfoError } from "../../base/errors.ts";
import { printable } from "../../base/printable.ts";
import { untilAborted } from "../../base/until_aborted.ts";
import { MAX_METAINFO_LENGTH, readMetainfo } from "../../metainfo/metainfo.ts";
import { diskPaths } from "../../metainfo/paths.ts";
import {
  type FetchOptions,
  type FetchResult,
  HttpError,
  type HttpFailure,
} from "../../net/http.ts";
import type { Proxy } from "../../net/proxy.ts";
import type { Environment, Input } from "../environment/environment.ts";
import type { SourceTorrent } from "../files/file_list.ts";
import type { Header } from "../options/option_values.ts";
import { CommandError, fileError, invalidSource, permissionError } from "../output/failure.ts";
import { isLink, linkWithoutSecrets } from "./link.ts";

/** The source that stands for standard input. */
export const STANDARD_INPUT = "-";

const MAX_SHOWN_SOURCE_LENGTH = 300;
const FETCH_TIMEOUT_MS = 30_000;
/** A URL that is not fetched: its scheme is not ours, or it names no host. */
const OTHER_URL = /^[a-z][a-z0-9+.-]*:\/\//i;
const READ_BUFFER_LENGTH = 64 * 1024;

/** Opening a pipe would wait for whoever writes to it. */
export const PIPE_ADVICE = 'a pipe is read from standard input ("-")';
const TORRENT_LIMITS: ReadLimits = { maxLength: MAX_METAINFO_LENGTH, advice: PIPE_ADVICE };

/** Answers of a server that may be different tomorrow. */
const RETRYABLE_STATUSES: readonly number[] = [408, 425, 429];
const RETRYABLE_FAILURES: readonly HttpFailure[] = ["unreachable", "timeout", "malformed"];

export interface SourceOptions {
  readonly environment: Environment;
  readonly headers: readonly Header[];
  /** Carries the request for a URL. */
  readonly proxy: Proxy | undefined;
  readonly signal: AbortSignal;
  /** How long a server may take to answer, if that is less than FETCH_TIMEOUT_MS. */
  readonly timeoutMs?: number;
  /** Said when no file of that name is there. */
  readonly hint?: string;
}

/** The torrent that `bytes` of `source` are. Rejects with `CommandError`, exit 3. */
export async function parseTorrent(
  bytes: Bytes,
  source: string,
  { platform }: Pick<Environment, "platform">,
): Promise<SourceTorrent> {
  try {
    const metainfo = await readMetainfo(bytes);
    const paths = diskPaths(metainfo, platform);
    return { metainfo, metainfoLength: bytes.length, paths };
  } catch (error) {
    if (!(error instanceof MetainfoError)) throw error;
    const subject = `Cannot read ${shownSource(source)}:`;
    const detail = error.message.replace("Cannot read the torrent:", subject);
    throw new CommandError("invalid-torrent", detail, { reason: error.reason });
  }
}

/** The source as errors, views and logs name it: of a URL no more than is no secret. */
export function shownSource(source: string): string {
  if (source === STANDARD_INPUT) return "standard input";
  const shown = isUrl(source)
    ? withoutSecrets(new URL(source))
    : isLink(source)
    ? linkWithoutSecrets(source)
    : fileWithoutSecrets(source);
  return printable(shown, MAX_SHOWN_SOURCE_LENGTH);
}

/**
 * The bytes of a .torrent, whatever they hold. Throws `CommandError`: exit 10 for a server that may
 * answer later, 4 and 5 for permissions and disks.
 */
export function readSource(source: string, options: SourceOptions): Promise<Bytes> {
  if (isUrl(source)) return fetchTorrent(new URL(source), options);
  return readInput(source, options, { ...TORRENT_LIMITS, hint: options.hint ?? "" });
}

/** A file whose name looks like a URL is read as `./http:…`. */
export function isUrl(source: string): boolean {
  return /^https?:\/\//i.test(source) && URL.canParse(source);
}

/** Host and file name: passkeys stand in queries and in the folders of a path. */
function withoutSecrets(url: URL): string {
  return url.origin + pathWithoutSecrets(url.pathname);
}

/** Of a path in a URL: a .torrent by its name. */
function pathWithoutSecrets(path: string): string {
  const [, folders, file] = /^([^?#]*)(\/[^/?#]+\.torrent)$/i.exec(path) ?? [];
  if (file === undefined) return "/…";
  return folders === "" ? file : `/…${file}`;
}

/** Of what is taken for a file, and has a link or a URL in it all the same. */
function fileWithoutSecrets(path: string): string {
  return path.slice(0, MAX_SHOWN_SOURCE_LENGTH + 1) // One more, so that it shows as cut.
    .replace(/magnet:\?.*/is, "magnet:?…")
    .replace(
      /([a-z][a-z\d+.-]+:\/{1,2})(?:[^/?#]*@)?([^/?#]+)([/?#].+)$/is,
      (_, scheme, host, path) => scheme + host + pathWithoutSecrets(path),
    )
    .replace(/\?[^?]*=.*/s, "?…");
}

export interface ReadLimits {
  /** Bytes. */
  readonly maxLength: number;
  /** For what is neither a file nor a folder. */
  readonly advice: string;
  /** Said when nothing is there. */
  readonly hint?: string;
}

/** The bytes of a file, or of standard input. Throws `CommandError`; the reason of the signal. */
export function readInput(
  source: string,
  { environment, signal }: Pick<SourceOptions, "environment" | "signal">,
  limits: ReadLimits,
): Promise<Bytes> {
  if (source !== STANDARD_INPUT) return readFile(source, environment, limits);
  const reading = readLimited(environment.stdin, source, limits.maxLength).catch((error) => {
    throw explained(error, source); // It may be a folder.
  });
  // It may be a terminal, where nothing ever comes: reading it can be given up.
  return untilAborted(reading, signal);
}

/** The bytes of a .torrent that is a file. Throws `CommandError`. */
export function readTorrentFile(path: string, environment: Environment): Promise<Bytes> {
  return readFile(path, environment, TORRENT_LIMITS);
}

/** The bytes of an ordinary file that is not too large. Throws `CommandError`. */
export async function readFile(
  path: string,
  environment: Environment,
  { maxLength, advice, hint }: ReadLimits,
): Promise<Bytes> {
  try {
    const file = await environment.openFile(path);
    try {
      if (!file.isRegular) throw notOrdinary(path, await environment.inspect(path), advice);
      if (file.size > maxLength) throw tooLarge(path, maxLength);
      return await readLimited(file, path, maxLength);
    } finally {
      file.close();
    }
  } catch (error) {
    throw explained(error, path, hint);
  }
}

/** All bytes of `input`, which may be endless. */
async function readLimited(
  input: Input,
  source: string,
  maxLength: number,
): Promise<Bytes> {
  const parts: Bytes[] = [];
  let length = 0;
  while (true) {
    const buffer = new Uint8Array(READ_BUFFER_LENGTH);
    const count = await input.read(buffer);
    if (count === null) return concatBytes(...parts);
    length += count;
    if (length > maxLength) throw tooLarge(source, maxLength);
    parts.push(buffer.subarray(0, count));
  }
}

function notOrdinary(
  path: string,
  standing: Awaited<ReturnType<Environment["inspect"]>>,
  advice: string,
): CommandError {
  const fact = standing === "folder" ? "it is a folder" : `it is no ordinary file; ${advice}`;
  return invalidSource(`Cannot read ${shownSource(path)}: ${fact}`);
}

function tooLarge(source: string, maxLength: number): CommandError {
  return invalidSource(`Cannot read ${shownSource(source)}: it is larger than ${maxLength} bytes`);
}

/** What a file that cannot be read means: without one, there is no torrent. */
function explained(error: unknown, path: string, hint = ""): unknown {
  const action = `Cannot read ${shownSource(path)}`;
  if (error instanceof Error && error.name === "IsADirectory") {
    return invalidSource(`${action}: it is a folder`);
  }
  const isAbsent = error instanceof Error &&
    ["NotFound", "NotADirectory", "FilesystemLoop"].includes(error.name);
  if (!isAbsent) return fileError(action, error);
  const fact = OTHER_URL.test(path)
    ? "only http(s) URLs are fetched"
    : `there is no such file${hint}`;
  return invalidSource(`${action}: ${fact}`);
}

async function fetchTorrent(url: URL, options: SourceOptions): Promise<Bytes> {
  return (await fetchSource(url, options, { maxBytes: MAX_METAINFO_LENGTH })).bytes;
}

/**
 * What the server of a URL gives, when its status is one of `answers` (200), or where it redirects
 * to, when that is of a scheme in `handsOver`. Throws `CommandError` as `readSource` does.
 */
export async function fetchSource(
  url: URL,
  { environment, headers, proxy, signal, timeoutMs = Infinity }: SourceOptions,
  { answers = [200], ...limits }: Pick<FetchOptions, "maxBytes" | "handsOver"> & {
    readonly answers?: readonly number[];
  },
): Promise<FetchResult> {
  const action = `Cannot fetch ${shownSource(url.href)}`;
  const asked = proxy === undefined ? url.host : formatEndpoint(proxy.endpoint);
  const missing = environment.missingPermission("net", asked);
  if (missing !== undefined) throw permissionError(action, { ...missing, target: asked });
  try {
    const result = await environment.fetch(url.href, {
      ...limits,
      timeoutMs: Math.min(timeoutMs, FETCH_TIMEOUT_MS),
      headers: Object.fromEntries(headers.map(({ name, value }) => [name, value])),
      signal,
      ...(proxy === undefined ? {} : { proxy }),
    });
    const { status } = result;
    if (answers.includes(status) || result.location !== undefined) return result;
    const isTemporary = status >= 500 || RETRYABLE_STATUSES.includes(status);
    throw fetchFailure(`${action}: the server says ${status}`, isTemporary);
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    signal.throwIfAborted();
    const fact = factOf(error, url);
    throw fetchFailure(`${action}: ${fact}`, RETRYABLE_FAILURES.includes(error.failure));
  }
}

/** What is wrong, and where, when that is not the host of the URL but one that it redirects to. */
function factOf({ message }: HttpError, { host }: URL): string {
  return message.replace(
    /^Cannot fetch( from (\S+))?: /,
    (_, from, at) => from === undefined || at === host ? "" : `${at}: `,
  );
}

/** What will not change is no torrent; what may is one that has not come in time. */
function fetchFailure(detail: string, isTemporary: boolean): CommandError {
  if (!isTemporary) return invalidSource(detail);
  return new CommandError("source-unreachable", `${detail}; try again later`);
}
