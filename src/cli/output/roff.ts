/** Text of manual pages: roff with the macros of man(7). Pure. */

/** Text as it is: nothing in it is taken for a request or an escape, whatever reads the page. */
export function roff(text: string): string {
  const escaped = text.replaceAll("\\", "\\e").replaceAll("-", "\\-")
    .replaceAll(/[^\x20-\x7e]/gu, (character) => {
      const code = character.codePointAt(0)!;
      return code < 0x20 ? " " : `\\[u${code.toString(16).toUpperCase().padStart(4, "0")}]`;
    });
  return /^[.']/.test(escaped) ? `\\&${escaped}` : escaped;
}

/** What is typed as it stands. */
export function bold(text: string): string {
  return `\\fB${roff(text)}\\fR`;
}

/** What stands for something else. */
export function italic(text: string): string {
  return `\\fI${roff(text)}\\fR`;
}

/** One entry of a list; both parts are roff. */
export function entry(term: string, meaning: string): string[] {
  return [".TP", term, meaning];
}
