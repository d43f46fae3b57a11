/**
 * A tar archive of plain files, as POSIX has it (IEEE Std 1003.1, "pax Interchange Format"): ustar
 * headers, and before those that cannot say all, an extended header that can. Pure.
 */
import { type Bytes, concatBytes } from "../../base/bytes.ts";

/** A file of an archive. */
export interface TarFile {
  /** `/`-separated, relative. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Seconds since 1970. */
  readonly modifiedS: number;
}

const BLOCK_LENGTH = 512;
const NAME_LENGTH = 100;
const PREFIX_LENGTH = 155;
/** The largest number that the eleven octal digits of a size or a time can be: 8 GiB less one. */
const MAX_NUMBER = 8 ** 11 - 1;
/** Everybody may read it, its owner may write it. */
const MODE = 0o644;
const PLAIN_FILE = "0";
const EXTENDED_HEADER = "x";
/** What stands for a name that only the extended header can say. */
const STAND_IN = "file";

/** Where the fields of a header begin (ustar). */
const FIELDS = {
  name: 0,
  mode: 100,
  owner: 108,
  group: 116,
  size: 124,
  modified: 136,
  checksum: 148,
  type: 156,
  magic: 257,
  prefix: 345,
} as const;
/** Blanks, as which its own field counts towards the checksum. */
const NO_CHECKSUM = " ".repeat(8);

/** After the last file: two blocks of zeros. */
export const TAR_END: Bytes = new Uint8Array(2 * BLOCK_LENGTH);

/** All that comes before the bytes of a file. */
export function tarHeader({ path, size, modifiedS }: TarFile): Bytes {
  const place = ustarPlace(path);
  const records = [
    ...(place === undefined ? [paxRecord("path", path)] : []),
    ...(size > MAX_NUMBER ? [paxRecord("size", `${size}`)] : []),
    ...(modifiedS > MAX_NUMBER ? [paxRecord("mtime", `${modifiedS}`)] : []),
  ];
  const plain = ustarHeader({
    ...place ?? { name: STAND_IN, prefix: "" },
    type: PLAIN_FILE,
    size: Math.min(size, MAX_NUMBER),
    modifiedS: Math.min(modifiedS, MAX_NUMBER),
  });
  if (records.length === 0) return plain;
  const said = concatBytes(...records);
  const extended = ustarHeader({
    name: STAND_IN,
    prefix: "",
    type: EXTENDED_HEADER,
    size: said.length,
    modifiedS: 0,
  });
  return concatBytes(extended, said, tarPadding({ size: said.length }), plain);
}

/** What comes after the bytes of a file: zeros up to a whole block. */
export function tarPadding({ size }: Pick<TarFile, "size">): Bytes {
  return new Uint8Array((BLOCK_LENGTH - size % BLOCK_LENGTH) % BLOCK_LENGTH);
}

/** A path in the two fields that a header has for it. */
interface UstarPlace {
  readonly name: string;
  readonly prefix: string;
}

/** Undefined for what is too long, cannot be cut at a slash, or is not ASCII. */
function ustarPlace(path: string): UstarPlace | undefined {
  if (!/^[\x20-\x7e]+$/.test(path)) return undefined;
  if (path.length <= NAME_LENGTH) return { name: path, prefix: "" };
  // The first slash behind which the rest is short enough.
  const slash = path.indexOf("/", path.length - NAME_LENGTH - 1);
  if (slash < 1 || slash > PREFIX_LENGTH || slash === path.length - 1) return undefined;
  return { name: path.slice(slash + 1), prefix: path.slice(0, slash) };
}

/** `LENGTH KEY=VALUE`, where the length counts its own digits too. */
function paxRecord(key: string, value: string): Bytes {
  const rest = new TextEncoder().encode(` ${key}=${value}\n`);
  let digits = `${rest.length}`.length;
  if (`${rest.length + digits}`.length > digits) digits++;
  return concatBytes(new TextEncoder().encode(`${rest.length + digits}`), rest);
}

interface UstarHeader extends UstarPlace {
  readonly type: typeof PLAIN_FILE | typeof EXTENDED_HEADER;
  readonly size: number;
  readonly modifiedS: number;
}

function ustarHeader({ name, prefix, type, size, modifiedS }: UstarHeader): Bytes {
  const header = new Uint8Array(BLOCK_LENGTH);
  const put = (field: keyof typeof FIELDS, text: string) =>
    new TextEncoder().encodeInto(text, header.subarray(FIELDS[field]));
  put("name", name);
  put("mode", octal(MODE, 7));
  put("owner", octal(0, 7));
  put("group", octal(0, 7));
  put("size", octal(size, 11));
  put("modified", octal(modifiedS, 11));
  put("checksum", NO_CHECKSUM);
  put("type", type);
  put("magic", "ustar\0" + "00");
  put("prefix", prefix);
  const sum = header.reduce((total, byte) => total + byte, 0);
  put("checksum", `${octal(sum, 6)}\0`);
  return header;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
