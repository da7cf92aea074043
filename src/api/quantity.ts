// Numbers that the API writes as strings, because some clients change YAML floats: percentages, limits of
// checks, quantiles. Each reader refuses what the CRD refuses.
import { GlidepathError } from './errors.ts';
import { isDuration, parseDuration } from './duration.ts';

/** A percentage from 0% to 100% with up to four decimals. Also the text of the CEL rules. */
export const PERCENT_PATTERN = '^(100(\\.0{1,4})?|[0-9]{1,2}(\\.[0-9]{1,4})?)%$';
/** A rate per second with up to six decimals. */
export const RATE_PATTERN = '^[0-9]{1,12}(\\.[0-9]{1,6})?/s$';
/** A plain decimal number, which may be negative for a query. */
export const DECIMAL_PATTERN = '^-?[0-9]{1,12}(\\.[0-9]{1,6})?$';
/** A quantile strictly between 0 and 1. */
export const QUANTILE_PATTERN = '^0\\.0*[1-9][0-9]*$';

const PERCENT = new RegExp(PERCENT_PATTERN);
const RATE = new RegExp(RATE_PATTERN);
const DECIMAL = new RegExp(DECIMAL_PATTERN);
const QUANTILE = new RegExp(QUANTILE_PATTERN);

/** A limit of a check, in the base unit of its kind. */
export type Limit =
  | { readonly unit: 'ratio'; readonly value: number }
  | { readonly unit: 'seconds'; readonly value: number }
  | { readonly unit: 'perSecond'; readonly value: number }
  | { readonly unit: 'none'; readonly value: number };

/** True for texts such as `1%` and `0.25%`. */
export function isPercent(text: string): boolean {
  return PERCENT.test(text);
}

/** True for texts such as `0.5/s`. */
export function isRate(text: string): boolean {
  return RATE.test(text);
}

/** True for texts such as `0.1` and `-3`. */
export function isDecimal(text: string): boolean {
  return DECIMAL.test(text);
}

/** True for texts such as `0.99`. */
export function isQuantile(text: string): boolean {
  return QUANTILE.test(text);
}

/**
 * The ratio of a percentage: `1%` is 0.01.
 * @throws GlidepathError GLIDEPATH_E_QUANTITY when it is no percentage from 0% to 100%.
 */
export function parsePercent(text: string): number {
  if (!isPercent(text)) {
    throw new GlidepathError('GLIDEPATH_E_QUANTITY', `write a percentage such as 1% or 0.5%, not "${text}"`);
  }
  return Number(text.slice(0, -1)) / 100;
}

/**
 * A quantile: `0.99` is 0.99.
 * @throws GlidepathError GLIDEPATH_E_QUANTITY when it is not between 0 and 1.
 */
export function parseQuantile(text: string): number {
  if (!isQuantile(text)) {
    throw new GlidepathError('GLIDEPATH_E_QUANTITY', `write a quantile such as "0.99", not "${text}"`);
  }
  return Number(text);
}

/**
 * A limit of a check: `1%` (ratio), `500ms` (seconds), `0.5/s` (per second) or a plain number.
 * @throws GlidepathError GLIDEPATH_E_QUANTITY when it is none of these.
 */
export function parseLimit(text: string): Limit {
  if (isPercent(text)) return { unit: 'ratio', value: parsePercent(text) };
  if (isRate(text)) return { unit: 'perSecond', value: Number(text.slice(0, -2)) };
  if (isDecimal(text)) return { unit: 'none', value: Number(text) };
  if (isDuration(text)) return { unit: 'seconds', value: parseDuration(text) / 1_000 };
  throw new GlidepathError('GLIDEPATH_E_QUANTITY', `write a limit such as 1%, 500ms, 0.5/s or 0.1, not "${text}"`);
}

/** The shortest percentage of a ratio, with at most `decimals` decimals: 0.0012 is `0.12%`. */
export function formatPercent(ratio: number, decimals = 4): string {
  return `${Number((ratio * 100).toFixed(decimals))}%`;
}
