/** JSON that is safe to print: valid everywhere, and unable to steer a terminal. Pure. */

/** JSON escapes C0 controls itself; these it would pass through. */
const UNSAFE = /[\u007f-\u009f\u2028\u2029\p{Cf}]/gu;

/** `value` as JSON on one line. */
export function toJson(value: unknown): string {
  return JSON.stringify(value).replaceAll(UNSAFE, escaped);
}

/**
 * `record`, which has something, as JSON on a line of its own, in parts: what it has iterators of is
 * written as lists, and is never in memory as a whole.
 */
export function* jsonParts(record: Readonly<Record<string, unknown>>): Iterable<string> {
  let before = "{";
  for (const [key, value] of Object.entries(record)) {
    yield `${before}${toJson(key)}:`;
    if (value instanceof Iterator) yield* listParts(value);
    else yield toJson(value);
    before = ",";
  }
  yield "}\n";
}

function* listParts(values: Iterable<unknown>): Iterable<string> {
  let before = "[";
  for (const value of values) {
    yield before + toJson(value);
    before = ",";
  }
  yield before === "[" ? "[]" : "]";
}

function escaped(character: string): string {
  let text = "";
  for (let unit = 0; unit < character.length; unit++) {
    text += `\\u${character.charCodeAt(unit).toString(16).padStart(4, "0")}`;
  }
  return text;
}
