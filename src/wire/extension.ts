/** The handshake of the extension protocol (BEP 10): what follows id 0 in an Extended message. */
import { assert } from "../base/assert.ts";
import type { Bytes } from "../base/bytes.ts";
import { addressBytes, formatAddress, MAX_PORT, NOT_LISTENING_PORT } from "../base/endpoint.ts";
import { ProtocolError } from "../base/errors.ts";
import { printable } from "../base/printable.ts";
import {
  type BencodeDictionary,
  BencodeError,
  bytesIn,
  decode,
  dictionaryIn,
  integerIn,
  textIn,
} from "../metainfo/bencode.ts";
import { encode } from "../metainfo/bencode_encoder.ts";
import type { BencodeLimits } from "../metainfo/bencode_scan.ts";

/** The id of the extension handshake itself; ids of other messages are 1 to 255. */
export const EXTENSION_HANDSHAKE_ID = 0;

/** Our own ids for the messages that we understand: PEX (BEP 11), metadata (BEP 9), BEP 55. */
export const EXTENSION_IDS = { ut_pex: 1, ut_metadata: 2, ut_holepunch: 3 } as const;

/** In UTF-16 units: longer names of programs are cut. */
const MAX_CLIENT_NAME_LENGTH = 64;
/** Entries of "m" that are kept; real clients have about ten. */
const MAX_MESSAGE_NAMES = 64;
/** In bytes: entries of "m" with a longer name are ignored. */
const MAX_MESSAGE_NAME_LENGTH = 64;
const MAX_MESSAGE_ID = 255;
/** In bytes, as libtorrent: a larger info dictionary is not believed. */
const MAX_METADATA_SIZE = 31_457_280;

/** What a peer says of itself. Whatever it said wrongly is absent, as if it had not said it. */
export interface ExtensionHandshake {
  /** Name and version of the program, printable, at most 64 units; "" when absent ("v"). */
  readonly clientName: string;
  /** Most requests that it queues, at least 1 ("reqq"). */
  readonly requestQueueLimit?: number | undefined;
  /** The receiver's address, as the sender sees it: a claim ("yourip"). */
  readonly yourIp?: string | undefined;
  /** The TCP port where the sender listens, 1 to 65535 ("p"). */
  readonly listenPort?: number | undefined;
  /** Bytes of the info dictionary, 1 to 30 MiB (BEP 9, "metadata_size"). */
  readonly metadataSize?: number | undefined;
  /** The sender's id for each message that it understands; 0 switches it off ("m"). */
  readonly messages: ReadonlyMap<string, number>;
  /** It has no wish for pieces (BEP 21, "upload_only"). */
  readonly uploadOnly: boolean;
  /** It would rather have encrypted connections ("e"; passed on by PEX). */
  readonly prefersEncryption: boolean;
}

const NOTHING_SAID: ExtensionHandshake = {
  clientName: "",
  messages: new Map(),
  uploadOnly: false,
  prefersEncryption: false,
};

/** What we say of ourselves, fields as in ExtensionHandshake. */
export interface OurExtensionHandshake
  extends Omit<ExtensionHandshake, "messages" | "uploadOnly" | "prefersEncryption"> {
  readonly messages: Readonly<Record<string, number>>;
  readonly uploadOnly?: boolean;
  readonly prefersEncryption?: boolean;
}

/** The payload of our extension handshake. */
export function encodeExtensionHandshake(ours: OurExtensionHandshake): Bytes {
  for (const id of Object.values(ours.messages)) {
    assert(Number.isInteger(id) && id >= 0 && id <= MAX_MESSAGE_ID);
  }
  return encode({
    e: ours.prefersEncryption ? 1 : undefined,
    m: ours.messages,
    metadata_size: ours.metadataSize,
    p: ours.listenPort === NOT_LISTENING_PORT ? undefined : ours.listenPort,
    reqq: ours.requestQueueLimit,
    upload_only: ours.uploadOnly ? 1 : undefined,
    v: ours.clientName,
    yourip: ours.yourIp === undefined ? undefined : addressBytes(ours.yourIp),
  });
}

/**
 * What a peer's extension handshake says; `before` is what an earlier one said of the fields that
 * it leaves out, all but `messages`. Throws ProtocolError "malformed-message" when it is no
 * dictionary; a field that makes no sense is ignored (P26).
 */
export function parseExtensionHandshake(
  payload: Uint8Array,
  before: ExtensionHandshake = NOTHING_SAID,
): ExtensionHandshake {
  const dictionary = decodeExtension(payload, "extension handshake");
  const name = textIn(dictionary, "v");
  const yourIp = bytesIn(dictionary, "yourip");
  return {
    clientName: name === undefined ? before.clientName : printable(name, MAX_CLIENT_NAME_LENGTH),
    requestQueueLimit: integerWithin(dictionary, "reqq", Number.MAX_SAFE_INTEGER) ??
      before.requestQueueLimit,
    yourIp: (yourIp && formatAddress(yourIp)) ?? before.yourIp,
    listenPort: integerWithin(dictionary, "p", MAX_PORT) ?? before.listenPort,
    metadataSize: integerWithin(dictionary, "metadata_size", MAX_METADATA_SIZE) ??
      before.metadataSize,
    messages: parseMessages(dictionaryIn(dictionary, "m")),
    uploadOnly: flagIn(dictionary, "upload_only") ?? before.uploadOnly,
    prefersEncryption: flagIn(dictionary, "e") ?? before.prefersEncryption,
  };
}

function flagIn(dictionary: BencodeDictionary, key: string): boolean | undefined {
  const value = integerIn(dictionary, key);
  return value === undefined ? undefined : value === 1;
}

/**
 * The dictionary that is the payload of an extended message; `name` says of which. Throws
 * ProtocolError "malformed-message" when it is none.
 */
export function decodeExtension(
  payload: Uint8Array,
  name: string,
  limits?: BencodeLimits,
): BencodeDictionary {
  let problem = "is not a dictionary";
  try {
    const value = decode(payload, limits);
    if (value.kind === "dictionary") return value;
  } catch (error) {
    if (!(error instanceof BencodeError)) throw error;
    problem = "is not bencode";
  }
  throw new ProtocolError(
    "malformed-message",
    `Cannot use the peer: its ${name} ${problem}`,
  );
}

/** Ids are the sender's; of two names with one id the first counts. */
function parseMessages(dictionary: BencodeDictionary | undefined): Map<string, number> {
  const messages = new Map<string, number>();
  const usedIds = new Set<number>();
  for (const [name, value] of dictionary?.entries() ?? []) {
    if (messages.size === MAX_MESSAGE_NAMES) break;
    if (value.kind !== "integer" || name.bytes.length > MAX_MESSAGE_NAME_LENGTH) continue;
    const id = Number(value.value);
    if (id < 0 || id > MAX_MESSAGE_ID || usedIds.has(id) || messages.has(name.text)) continue;
    if (id !== 0) usedIds.add(id);
    messages.set(name.text, id);
  }
  return messages;
}

/** A positive integer up to `max`; undefined when there is none. */
function integerWithin(
  dictionary: BencodeDictionary,
  key: string,
  max: number,
): number | undefined {
  const value = integerIn(dictionary, key);
  return value !== undefined && value >= 1 && value <= max ? value : undefined;
}
