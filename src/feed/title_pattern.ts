/**
 * Which titles a user means: wildcards found anywhere in a title, upper and lower case alike. No
 * regular expression is made of what is typed, so that no pattern and no title takes long. Pure.
 */

/** Of a pattern, in UTF-16 units. */
export const MAX_PATTERN_LENGTH = 500;

/** One character that must be there; undefined for any one (`?`). */
type Place = string | undefined;

/** `*` is any text, `?` any one character, `\` takes the next character as it is. */
export class TitlePattern {
  /** Between the `*`: places that follow each other. */
  readonly #runs: readonly (readonly Place[])[];

  constructor(text: string) {
    this.#runs = runsOf(text);
  }

  /** Takes at most (length of the title) × (length of the pattern) steps. */
  matches(title: string): boolean {
    const characters = [...folded(title)];
    let from = 0;
    for (const run of this.#runs) {
      const at = find(run, characters, from);
      if (at === undefined) return false;
      from = at + run.length;
    }
    return true;
  }
}

/** Which titles to take: of any of `match`, if there is one, and of none of `reject`. */
export interface TitleFilter {
  readonly match: readonly TitlePattern[];
  readonly reject: readonly TitlePattern[];
}

export function isTitleWanted(title: string, { match, reject }: TitleFilter): boolean {
  const isMeant = (pattern: TitlePattern) => pattern.matches(title);
  return (match.length === 0 || match.some(isMeant)) && !reject.some(isMeant);
}

function runsOf(text: string): Place[][] {
  const runs: Place[][] = [[]];
  let isEscaped = false;
  for (const character of folded(text)) {
    const run = runs.at(-1)!;
    if (isEscaped || !/[\\*?]/.test(character)) {
      run.push(character);
      isEscaped = false;
    } else if (character === "\\") isEscaped = true;
    else if (character === "?") run.push(undefined);
    else if (run.length > 0) runs.push([]);
  }
  if (isEscaped) runs.at(-1)!.push("\\");
  return runs;
}

/** Where a run first stands at or after `from`: the first place leaves most for the next runs. */
function find(
  run: readonly Place[],
  characters: readonly string[],
  from: number,
): number | undefined {
  for (let at = from; at + run.length <= characters.length; at++) {
    if (run.every((place, index) => place === undefined || place === characters[at + index])) {
      return at;
    }
  }
  return undefined;
}

/** What is written differently and read the same. */
function folded(text: string): string {
  return text.normalize("NFC").toLowerCase().replaceAll(/\s+/g, " ");
}
