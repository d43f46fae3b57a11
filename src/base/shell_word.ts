/** Words for a line of shell (POSIX sh, and PowerShell where nothing is quoted in them). Pure. */

/** The text as one word: as it is where a shell leaves it alone, in single quotes otherwise. */
export function shellWord(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}
