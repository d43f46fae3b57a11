/** Dates as feeds write them: RFC 822 in RSS, RFC 3339 in Atom. Pure. */

const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** Hours east of Greenwich; zones that are not here count as Greenwich. */
const ZONES: Readonly<Record<string, number>> = {
  est: -5,
  edt: -4,
  cst: -6,
  cdt: -5,
  mst: -7,
  mdt: -6,
  pst: -8,
  pdt: -7,
};

const RFC_3339 =
  /^(\d{4})-(\d\d)-(\d\d)(?:[t ](\d\d):(\d\d)(?::(\d\d)(?:\.\d{1,9})?)? ?(z|[+-]\d\d:?\d\d)?)?$/;
const RFC_822 =
  /^(?:[a-z]{2,9}\.?,? ?)?(\d{1,2})[ -]([a-z]{3})[a-z]{0,6}[ -](\d{4}|\d\d)(?: (\d{1,2}):(\d\d)(?::(\d\d))?(?: ?([a-z]{1,5}|[+-]\d\d:?\d\d))?)?$/;
/** What is looked at, in UTF-16 units: dates are shorter, but for blanks. */
const MAX_LENGTH = 128;

/** Milliseconds since 1970; undefined for what is no date. Without a zone, UTC is meant. */
export function parseFeedDate(text: string): number | undefined {
  const trimmed = text.slice(0, MAX_LENGTH).trim().replaceAll(/\s+/g, " ").toLowerCase();
  const internet = RFC_3339.exec(trimmed);
  if (internet !== null) {
    const [, year, month, day, ...time] = internet;
    return instant(Number(year), Number(month) - 1, Number(day), time);
  }
  const mail = RFC_822.exec(trimmed);
  if (mail === null) return undefined;
  const [, day, month, year, ...time] = mail;
  return instant(fullYear(year!), MONTHS.indexOf(month!), Number(day), time);
}

/** RFC 822 had years of two digits. */
function fullYear(digits: string): number {
  if (digits.length === 4) return Number(digits);
  return Number(digits) + (Number(digits) < 70 ? 2000 : 1900);
}

function instant(
  year: number,
  month: number,
  day: number,
  [hour = "0", minute = "0", second = "0", zone = "z"]: readonly (string | undefined)[],
): number | undefined {
  const isDate = month >= 0 && month < 12 && day >= 1 && day <= 31;
  if (!isDate || Number(hour) > 24 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const local = Date.UTC(year, month, day, Number(hour), Number(minute), Number(second));
  return local - minutesEast(zone) * 60_000;
}

function minutesEast(zone: string): number {
  const offset = /^([+-])(\d\d):?(\d\d)$/.exec(zone);
  if (offset === null) return (ZONES[zone] ?? 0) * 60;
  const minutes = Number(offset[2]) * 60 + Number(offset[3]);
  return offset[1] === "-" ? -minutes : minutes;
}
