// Sums of numbers that are known by their logarithms, without overflow.

/**
 * Stands for ln 0 in a state that is kept: `-Infinity` does not survive JSON. A product that has ever been 0 stays 0, so sums are
 * held at this floor, and no other term can lift them from it.
 */
export const LOG_ZERO = -1e300;

/** `one + other` of logarithms in a kept state: never below `LOG_ZERO`, and at it for ever. */
export function addLogs(one: number, other: number): number {
  return one <= LOG_ZERO ? LOG_ZERO : Math.max(LOG_ZERO, one + other);
}

/** ln 0 of a kept state is `LOG_ZERO`. */
export function keptLog(value: number): number {
  return value > 0 ? Math.log(value) : LOG_ZERO;
}

/**
 * ln Σ exp(v), the largest term taken out; `-Infinity` for no terms or only zeros.
 * @param last one term more, added behind all others
 */
export function logSumExp(values: readonly number[], last = LOG_ZERO): number {
  let largest = Math.max(LOG_ZERO, last);
  for (const value of values) if (value > largest) largest = value;
  if (largest <= LOG_ZERO) return Number.NEGATIVE_INFINITY;
  if (largest === Number.POSITIVE_INFINITY) return largest;
  let sum = 0;
  for (const value of values) sum += Math.exp(value - largest);
  sum += Math.exp(last - largest);
  return largest + Math.log(sum);
}

/** ln of the mean of exp(v): the evidence of a mixture with equal weights. */
export function logMeanExp(values: readonly number[]): number {
  return logSumExp(values) - Math.log(values.length);
}
