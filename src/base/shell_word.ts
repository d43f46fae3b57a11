/** Words for a line of shell (POSIX sh, and PowerShell where nothing is quoted in them). Pure. */
import { UNPRINTABLE } from "./printable.ts";

/** Runs of what would act on a terminal; a line feed does not, between quotes. */
const DANGEROUS = new RegExp(`((?:(?!\\n)${UNPRINTABLE.source})+)`, "u");

/**
 * The text as one word: as it is where a shell leaves it alone, in single quotes otherwise. What
 * could move a cursor or hide characters is not in it: the shell has printf make that.
 */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./-]+$/.test(text)) return text;
  const [plain = "", ...rest] = text.split(DANGEROUS);
  let word = plain === "" && rest.length > 0 ? "" : quoted(plain);
  for (const [index, part] of rest.entries()) {
    if (index % 2 === 0) word += printed(part);
    else if (part !== "") word += quoted(part);
  }
  return word;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** By its bytes in octal: no other escape is every shell's. */
function printed(text: string): string {
  const bytes = [...new TextEncoder().encode(text)];
  const escapes = bytes.map((byte) => `\\${byte.toString(8).padStart(3, "0")}`).join("");
  return `"$(printf '${escapes}')"`;
}
