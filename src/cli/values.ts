// Reads the values of options; a wrong one is refused with an example of a right one.

import { InvalidArgumentError } from 'commander';
import { formatDuration, isDuration, parseDuration } from '../api/duration.ts';
import { isPercent, parsePercent } from '../api/quantity.ts';

/** A share such as `0.2%`, as a ratio. */
export function readPercent(text: string): number {
  if (!isPercent(text)) throw new InvalidArgumentError(`Write a percentage from 0% to 100% such as 0.2%.`);
  return parsePercent(text);
}

/** A duration such as `80ms`, in milliseconds. */
export function readDuration(text: string): number {
  if (!isDuration(text)) throw new InvalidArgumentError('Write a duration such as 80ms or 1m30s (units h m s ms).');
  return parseDuration(text);
}

/** Durations that rise, such as `100ms,300ms,1s`, in milliseconds. */
export function readDurations(text: string): readonly number[] {
  const all = text.split(',').map((one) => (isDuration(one) ? parseDuration(one) : Number.NaN));
  if (all.every((ms, index) => ms > (all[index - 1] ?? 0))) return all;
  throw new InvalidArgumentError('Write durations above 0 that rise, separated by commas, such as 100ms,300ms,1s,5s.');
}

/** Requests a second, above 0. */
export function readRate(text: string): number {
  const rate = /^\d+(\.\d+)?(\/s)?$/.test(text) ? Number.parseFloat(text) : Number.NaN;
  if (!(rate > 0 && rate <= 1_000_000))
    throw new InvalidArgumentError('Write requests a second above 0 and up to 1000000, such as 100 or 0.5.');
  return rate;
}

/** A reader of whole numbers within a range. */
export function readWhole(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`Write a whole number from ${min} to ${max}.`);
    return value;
  };
}

const RFC3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;

/**
 * A reader of points in time, Unix milliseconds: RFC 3339, `now`, or so long ago as in `-2h`.
 * @param now what `now` is
 */
export function readTime(now: number): (text: string) => number {
  return (text) => {
    if (text === 'now') return now;
    if (text.startsWith('-') && isDuration(text.slice(1))) return now - parseDuration(text.slice(1));
    const atMs = RFC3339.test(text) ? Date.parse(text) : Number.NaN;
    if (Number.isNaN(atMs)) throw new InvalidArgumentError('Write a time such as 2026-03-04T10:11:12Z, -2h or now.');
    return atMs;
  };
}

/** A duration for people: milliseconds below a second, tenths below 10 s, whole minutes from 3 h on. */
export function sayDuration(ms: number): string {
  const step = ms < 1_000 ? 1 : ms < 10_000 ? 100 : ms < 3 * 3_600_000 ? 1_000 : 60_000;
  return formatDuration(Math.round(ms / step) * step).replace(
    /(\d+)s(\d+)ms$/,
    (_all, seconds: string, rest: string) => `${seconds}.${Math.round(Number(rest) / 100)}s`,
  );
}
