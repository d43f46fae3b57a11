/** One name from a torrent, made safe for one place in a directory. */

/** Whose rules a name must follow. */
export type Platform = "linux" | "darwin" | "windows";

/** Why a name on disk is not the one in the torrent. */
export type NameChange =
  | "separator"
  | "dots"
  | "empty"
  | "control"
  | "invisible"
  | "invalid-text"
  | "reserved"
  | "too-long"
  | "duplicate";

/** UTF-8 bytes of a name that file systems allow. */
export const MAX_ELEMENT_BYTES = 255;
/** UTF-8 bytes of a name that we give: leaves room for a suffix. */
const MAX_NAME_BYTES = 240;
/** A longer ending is not an extension, and is not kept when a name is cut. */
const MAX_EXTENSION_LENGTH = 10;
const MAX_UTF8_BYTES_PER_UNIT = 3;

const SEPARATOR = /[/\\]/g;
/** What only serves to deceive in a name: bidi controls, zero-width characters, a BOM. */
const INVISIBLE =
  /[\u{61c}\u{200b}-\u{200f}\u{202a}-\u{202e}\u{2060}-\u{2064}\u{2066}-\u{2069}\u{feff}]/gu;
const CONTROL = /\p{Cc}/gu;
/** The decoder's mark for bytes that are not UTF-8, and halves of surrogate pairs. */
const INVALID = /[\u{fffd}\p{Cs}]/gu;
/** What is a name anywhere but on Windows, if it is none of dots alone. */
const PLAIN = /^[ -.0-[\]-~]+$/;
const MEANS_ANOTHER_PLACE = /^\.{0,2}$|[/\0]/;
const WINDOWS_FORBIDDEN = /[<>:"|?*]/g;
const WINDOWS_IMPOSSIBLE = /[\\<>:"|?*\p{Cc}]/u;
const WINDOWS_TRAILING = /[. ]+$/;
const WINDOWS_DEVICE = /^(con|prn|aux|nul|clock\$|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|$)/i;

// deno-lint-ignore no-control-regex
const ASCII = /^[\x00-\x7f]*$/;

const utf8 = new TextEncoder();

/** `raw` as a name on `platform`, "" when nothing is left of it; notes why it had to change. */
export function safeName(raw: string, platform: Platform, changes: Set<NameChange>): string {
  const isPlain = raw.length <= MAX_NAME_BYTES && PLAIN.test(raw) && !/^\.+$/.test(raw);
  if (isPlain && platform !== "windows") return raw; // As most are, and torrents have millions.
  let name = raw;
  const replace = (pattern: RegExp, replacement: string, change: NameChange) => {
    const replaced = name.replace(pattern, replacement);
    if (replaced !== name) changes.add(change);
    name = replaced;
  };
  replace(SEPARATOR, "", "separator");
  replace(INVISIBLE, "", "invisible");
  replace(CONTROL, "_", "control");
  replace(INVALID, "_", "invalid-text");
  if (name === "" || name === "." || name === "..") {
    changes.add(name === "" ? "empty" : "dots");
    return "";
  }
  if (platform === "windows") {
    replace(WINDOWS_FORBIDDEN, "_", "reserved");
    replace(WINDOWS_DEVICE, "_$&", "reserved");
  }
  const cut = cutName(name, "");
  if (cut !== name) changes.add("too-long");
  name = cut;
  if (platform === "windows") {
    const trailing = WINDOWS_TRAILING.exec(name)?.[0] ?? "";
    replace(WINDOWS_TRAILING, "_".repeat(trailing.length), "reserved");
  }
  return name;
}

/**
 * Can a file or a folder on `platform` be called just that? It may deceive whoever reads it, but
 * leads nowhere else.
 */
export function canBeName(raw: string, platform: Platform): boolean {
  if (MEANS_ANOTHER_PLACE.test(raw) || !raw.isWellFormed()) return false;
  if (exceedsBytes(raw, MAX_ELEMENT_BYTES)) return false;
  return platform !== "windows" ||
    ![WINDOWS_IMPOSSIBLE, WINDOWS_TRAILING, WINDOWS_DEVICE].some((pattern) => pattern.test(raw));
}

/** `name.1.txt` for `name.txt`, still within `MAX_NAME_BYTES`. */
export function numberedName(name: string, number: number): string {
  return cutName(name, `.${number}`);
}

/**
 * What is equal of two names that one directory of some file system cannot tell apart: case
 * and Unicode normalisation do not count.
 */
export function foldName(name: string): string {
  if (ASCII.test(name)) return name.toUpperCase();
  // Lower case first: that unites what upper case keeps apart, such as İ and i with a dot.
  return name.normalize("NFC").toLowerCase().toUpperCase().normalize("NFC");
}

/** Is `text` longer than `limit` bytes of UTF-8? */
export function exceedsBytes(text: string, limit: number): boolean {
  if (text.length * MAX_UTF8_BYTES_PER_UNIT <= limit) return false;
  return utf8.encode(text).length > limit;
}

/** `mark` goes before the extension; the stem is cut, at a character, so that all fits. */
function cutName(name: string, mark: string): string {
  if (mark === "" && !exceedsBytes(name, MAX_NAME_BYTES)) return name;
  const dot = name.lastIndexOf(".");
  const hasExtension = dot > 0 && name.length - dot - 1 <= MAX_EXTENSION_LENGTH;
  const stem = hasExtension ? name.slice(0, dot) : name;
  const ending = mark + name.slice(stem.length);
  const room = new Uint8Array(MAX_NAME_BYTES - utf8.encode(ending).length);
  return stem.slice(0, utf8.encodeInto(stem, room).read) + ending;
}
