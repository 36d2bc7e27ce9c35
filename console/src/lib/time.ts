/** Durations for people, and times in the reader's zone. */

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `ms` in words: the two largest units at most. Clocks differ, so less than nothing is nothing. */
export function formatDuration(ms: number): string {
  if (!Number.isFinite(ms)) return '–';
  const t = Math.max(0, ms);
  if (t < SECOND) return `${Math.round(t)} ms`;
  if (t < 10 * SECOND) return `${(Math.floor(t / 100) / 10).toFixed(1)} s`;
  if (t < MINUTE) return `${Math.floor(t / SECOND)} s`;
  if (t < HOUR) return pair(t, MINUTE, 'min', SECOND, 's');
  if (t < DAY) return pair(t, HOUR, 'h', MINUTE, 'min');
  return pair(t, DAY, 'd', HOUR, 'h');
}

function pair(t: number, large: number, largeUnit: string, small: number, smallUnit: string): string {
  const rest = Math.floor((t % large) / small);
  return rest === 0
    ? `${Math.floor(t / large)} ${largeUnit}`
    : `${Math.floor(t / large)} ${largeUnit} ${rest} ${smallUnit}`;
}

/** How long ago or ahead `at` is: `4 s ago`, `in 2 min`, `now`. */
export function formatRelative(at: number, now: number): string {
  const ms = at - now;
  if (Math.abs(ms) < SECOND) return 'now';
  const words = coarse(Math.abs(ms));
  return ms < 0 ? `${words} ago` : `in ${words}`;
}

function coarse(t: number): string {
  if (t < MINUTE) return `${Math.floor(t / SECOND)} s`;
  if (t < HOUR) return `${Math.floor(t / MINUTE)} min`;
  if (t < DAY) return `${Math.floor(t / HOUR)} h`;
  return `${Math.floor(t / DAY)} d`;
}

export interface TimeOptions {
  /** An IANA zone; the reader's own if left out. */
  timeZone?: string;
  /** With fractions of a second, as lines of a log need them. */
  millis?: boolean;
}

const formats = new Map<string, Intl.DateTimeFormat>();

// Making a formatter takes longer than formatting thousands of times with one.
function format(timeZone: string | undefined, year: boolean, millis: boolean): Intl.DateTimeFormat {
  const key = `${timeZone ?? ''}|${year}|${millis}`;
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat('en-GB', {
      timeZone,
      ...(year ? { year: 'numeric' } : {}),
      month: 'short',
      day: 'numeric',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
      hourCycle: 'h23',
      ...(millis ? { fractionalSecondDigits: 3 } : {}),
    });
    formats.set(key, found);
  }
  return found;
}

/** A time for people; the year only where it is not this one. What is no time is shown as it came. */
export function formatTime(iso: string, now: number, options: TimeOptions = {}): string {
  const at = Date.parse(iso);
  if (Number.isNaN(at)) return iso;
  const year = new Date(at).getUTCFullYear() !== new Date(now).getUTCFullYear();
  return format(options.timeZone, year, options.millis ?? false).format(at);
}

/** `2026-11-28 01:02:03.456 UTC`, which is what stands in logs. */
export function formatUtc(iso: string): string {
  const at = Date.parse(iso);
  if (Number.isNaN(at)) return iso;
  return `${new Date(at).toISOString().replace('T', ' ').replace('Z', '')} UTC`;
}

/** Milliseconds from `from` to `to`, or to `now` where there is no end yet; null without a beginning. */
export function between(from: string | null | undefined, to: string | null | undefined, now: number): number | null {
  if (!from) return null;
  return (to ? Date.parse(to) : now) - Date.parse(from);
}
