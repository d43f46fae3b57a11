/**
 * Sizes, rates and durations as people write and read them. Units are 1024-based:
 * `2M` is 2 MiB. Pure.
 */

const SIZE_FACTORS: Readonly<Record<string, number>> = {
  "": 1,
  K: 1024,
  M: 1024 ** 2,
  G: 1024 ** 3,
  T: 1024 ** 4,
};
const SIZE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];

const DURATION_FACTORS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** Longer than this is shown as "> 99d": an estimate so far off says nothing. */
const MAX_SHOWN_DAYS = 99;

/** Bytes from `64M`, `1.5G`, `500`; undefined when it is not a size of at least one byte. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?$/i.exec(text.trim());
  if (match === null) return undefined;
  const bytes = Math.round(Number(match[1]) * SIZE_FACTORS[match[2]!.toUpperCase()]!);
  return bytes >= 1 && Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Milliseconds from `90s`, `10m`, `2h`, `1d`, `500ms`, or a bare `0`; undefined otherwise. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
  if (match === null) return text.trim() === "0" ? 0 : undefined;
  const durationMs = Math.round(Number(match[1]) * DURATION_FACTORS[match[2]!]!);
  return Number.isSafeInteger(durationMs) ? durationMs : undefined;
}

/** `0 B`, `16 KiB`, `1.56 KiB`, `12.3 MiB`, `512 GiB`: three digits at most, cut. */
export function formatSize(bytes: number): string {
  let value = Math.max(0, bytes), unit = 0;
  while (value >= 1024 && unit < SIZE_UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const digits = Number.isInteger(value) || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  // Cut, not rounded: 1023.9 KiB must not become "1024 KiB".
  const cut = Math.floor(value * 10 ** digits) / 10 ** digits;
  return `${cut.toFixed(digits)} ${SIZE_UNITS[unit]}`;
}

/** Bytes a second, as `12.3 MiB/s`. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatSize(bytesPerSecond)}/s`;
}

/** Seconds as programs are told of them: to the millisecond. */
export function toSeconds(durationMs: number): number {
  return Math.round(durationMs) / 1000;
}

/** `0.4s`, `42s`, `3m 07s`, `2h 05m`, `4d 3h`. */
export function formatDuration(durationMs: number): string {
  const seconds = Math.max(0, durationMs) / 1000;
  if (seconds < 9.95) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  const minutes = Math.floor(whole / 60), hours = Math.floor(minutes / 60);
  if (hours < 1) return `${minutes}m ${twoDigits(whole % 60)}s`;
  const days = Math.floor(hours / 24);
  if (days < 1) return `${hours}h ${twoDigits(minutes % 60)}m`;
  return days > MAX_SHOWN_DAYS ? `> ${MAX_SHOWN_DAYS}d` : `${days}d ${hours % 24}h`;
}

/** `45.3%`: cut, so that 100.0% is said of nothing but the whole. */
export function formatPercent(part: number, whole: number): string {
  const permille = whole === 0 ? 1000 : Math.floor(part / whole * 1000);
  return `${(permille / 10).toFixed(1)}%`;
}

/** `1 file`, `3 files`. */
export function formatCount(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

function twoDigits(number: number): string {
  return number.toString().padStart(2, "0");
}
