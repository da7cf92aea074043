// Times in the status are RFC 3339 texts; the core reckons in Unix milliseconds.

const DAY_MS = 86_400_000;
const LAST_MS = Date.UTC(10_000, 0) - 1;
const TWO_DIGITS = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, '0'));

/** The date of the last time that was written: nearly all are of one day. */
let written = { day: 0, date: '1970-01-01' };

/** RFC 3339 in UTC, without milliseconds where there are none. */
export function toTime(ms: number): string {
  return ms % 1_000 === 0 ? `${toSecond(ms)}Z` : toExactTime(ms);
}

/** RFC 3339 in UTC, with milliseconds: where the length of a moment matters. */
export function toExactTime(ms: number): string {
  if (!isUsual(ms)) return new Date(ms).toISOString();
  return `${toSecond(ms)}.${String(ms % 1_000).padStart(3, '0')}Z`;
}

/** Whole milliseconds of a year with four digits. */
function isUsual(ms: number): boolean {
  return Number.isInteger(ms) && ms >= 0 && ms <= LAST_MS;
}

/** The date and the time of the day, `2026-01-01T00:00:00`. */
function toSecond(ms: number): string {
  if (!isUsual(ms)) return new Date(ms).toISOString().replace(/\.\d{3}Z$/, '');
  const day = Math.floor(ms / DAY_MS);
  if (day !== written.day) written = { day, date: new Date(ms).toISOString().slice(0, 10) };
  return `${written.date}T${clockTime(ms - day * DAY_MS)}`;
}

/** @param ms of one day */
function clockTime(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  const [hour, minute, second] = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60];
  return `${TWO_DIGITS[hour] ?? ''}:${TWO_DIGITS[minute] ?? ''}:${TWO_DIGITS[second] ?? ''}`;
}

/** A time as the operator itself writes it, of a calendar that `Date.parse` takes. */
const WRITTEN = /^[1-9]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{3})?Z$/;

/** Unix milliseconds; undefined for an absent or unreadable time. */
export function fromTime(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (WRITTEN.test(text)) return readWritten(text);
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** By the places of its digits, in half the time that `Date.parse` takes: every decision reads dozens of times. */
function readWritten(text: string): number {
  const two = (at: number) => digitAt(text, at) * 10 + digitAt(text, at + 1);
  const ms = text.length === 20 ? 0 : two(20) * 10 + digitAt(text, 22);
  return Date.UTC(two(0) * 100 + two(2), two(5) - 1, two(8), two(11), two(14), two(17), ms);
}

function digitAt(text: string, at: number): number {
  return text.charCodeAt(at) - 48;
}

/** `14:09:12Z`, for messages. */
export function clockOf(ms: number): string {
  return `${new Date(ms).toISOString().slice(11, 19)}Z`;
}

/** A stored time without its milliseconds, for messages. */
export function toSeconds(text: string): string {
  return text.replace(/\.\d+Z$/, 'Z');
}
