/** Names and texts of a feed's markup. Pure. */

/** Of one text or attribute, in UTF-16 units; what is beyond is cut off. */
export const MAX_FIELD_LENGTH = 65_536;

export type Attributes = Readonly<Record<string, string>>;

/** Namespaces whose elements count as RSS and Atom itself. */
const CORE_NAMESPACES = ["http://www.w3.org/2005/atom", "http://purl.org/rss/1.0/"];

/** An element's name. Feeds disagree about upper and lower case, and about namespaces. */
export interface ElementName {
  /** In lower case, without its prefix. */
  readonly local: string;
  /** Of RSS or Atom itself: `media:title` is no title. */
  readonly isCore: boolean;
}

export function elementName(
  tag: string,
  namespaces: ReadonlyMap<string, string>,
): ElementName {
  const colon = tag.indexOf(":");
  const local = tag.slice(colon + 1).toLowerCase();
  if (colon < 0) return { local, isCore: true };
  const namespace = namespaces.get(tag.slice(0, colon))?.toLowerCase() ?? "";
  return { local, isCore: CORE_NAMESPACES.includes(namespace) };
}

/** Text as a reader sees it: white space is one space, and none at the ends. */
export function oneLine(text: string, maxLength: number): string {
  const line = text.slice(0, MAX_FIELD_LENGTH).replaceAll(/\s+/g, " ").trim();
  // A pair of surrogates that is cut apart is no text.
  return line.slice(0, maxLength).toWellFormed();
}
