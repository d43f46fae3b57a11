/**
 * What is remembered of a feed ↔ bytes of its file: JSON, with a sum that tells a damaged file
 * from a whole one (hostile-inputs D12). Pure.
 */
import { createHash } from "node:crypto";
import { isCount, isJsonObject, parseJsonObject } from "../base/json.ts";
import {
  type Answered,
  FeedState,
  MAX_KEYS,
  MAX_REMEMBERED,
  MAX_REMEMBERED_LENGTH,
  type RememberedItem,
} from "./feed_state.ts";

const VERSION = 1;
/** Bytes: six for each unit of text, as JSON may escape it, and room for all keys. */
export const MAX_STATE_LENGTH = 6 * MAX_REMEMBERED_LENGTH + 512 * MAX_REMEMBERED;
const STATUSES: readonly unknown[] = ["waiting", "fetched", "given-up"];

/** `bytes` of a file, which is JSON on one line. */
export function encodeFeedState({ items, validators }: FeedState): Uint8Array<ArrayBuffer> {
  const body = { validators: validators ?? null, items: items.map(plain) };
  const sha256 = sumOf(JSON.stringify(body));
  return new TextEncoder().encode(`${JSON.stringify({ version: VERSION, sha256, body })}\n`);
}

/** Undefined for what is damaged, or of another version. */
export function decodeFeedState(bytes: Uint8Array): FeedState | undefined {
  const file = parseJsonObject(new TextDecoder().decode(bytes));
  if (file?.["version"] !== VERSION) return undefined;
  const { body, sha256 } = file;
  if (!isJsonObject(body) || sumOf(JSON.stringify(body)) !== sha256) return undefined;
  const items = itemsOf(body["items"]);
  const validators = validatorsOf(body["validators"]);
  if (items === undefined || validators === "malformed") return undefined;
  return new FeedState({ items, validators });
}

function plain(item: RememberedItem): Record<string, unknown> {
  const { status, title, keys, links, problem, tries, seenAt } = item;
  return { status, title, keys, links, problem: problem ?? null, tries, seenAt };
}

function itemsOf(value: unknown): RememberedItem[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_REMEMBERED) return undefined;
  const items = value.map(itemOf);
  return items.every((item) => item !== undefined) ? items : undefined;
}

function itemOf(value: unknown): RememberedItem | undefined {
  if (!isJsonObject(value)) return undefined;
  const { status, title, keys, links, problem, tries, seenAt } = value;
  if (!STATUSES.includes(status) || typeof title !== "string") return undefined;
  if (!isTexts(keys) || keys.length > MAX_KEYS || !isTexts(links)) return undefined;
  if (problem !== null && typeof problem !== "string") return undefined;
  if (!isCount(tries) || !isCount(seenAt)) return undefined;
  return {
    status: status as RememberedItem["status"],
    title,
    keys,
    links,
    problem: problem ?? undefined,
    tries,
    seenAt,
  };
}

function validatorsOf(value: unknown): Answered | undefined | "malformed" {
  if (value === null) return undefined;
  if (!isJsonObject(value)) return "malformed";
  const { etag, lastModified, question } = value;
  const isText = (text: unknown) => text === undefined || typeof text === "string";
  if (typeof question !== "string" || !isText(etag) || !isText(lastModified)) return "malformed";
  return {
    question,
    etag: etag as string | undefined,
    lastModified: lastModified as string | undefined,
  };
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}

function sumOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
