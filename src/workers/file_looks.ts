/** How a file looks from outside, which is how a change by others is noticed. Pure. */

export interface FileLooks {
  /** In bytes. */
  readonly size: number;
  /** When it was written to last: milliseconds since 1970, whole. */
  readonly modifiedMs: number;
}

/** What the system says of a file. */
export function looksOf(info: { readonly size: number; readonly mtime: Date | null }): FileLooks {
  return { size: info.size, modifiedMs: info.mtime?.getTime() ?? 0 };
}

/** Has nobody written to a file since? Of one that is not there, or was not, nobody can say so. */
export function looksAlike(before: FileLooks | undefined, now: FileLooks | undefined): boolean {
  return before !== undefined && before.size === now?.size && before.modifiedMs === now.modifiedMs;
}
