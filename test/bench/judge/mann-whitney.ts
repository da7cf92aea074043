// The two-sample Mann-Whitney test as Kayenta's judge computes it: an interval and a Hodges-Lehmann estimate of the shift
// between canary and baseline, found as roots of the normalised statistic by Brent's method to 1e-4 absolute.

/** A shift between two samples: the limits of its interval and its estimate. */
export interface ShiftEstimate {
  readonly lower: number;
  readonly upper: number;
  readonly estimate: number;
}

/** The 1 % point of the standard normal distribution: the interval has 98 % confidence, and is hard-coded there. */
const NORMAL_QUANTILE_98 = 2.3263478740408408;
const ROOT_TOLERANCE = 1e-4;
const MACHINE_EPSILON = 2 ** -52;

/** Thrown where no statistic exists, because all values are tied. */
export class TiedError extends Error {}

function sumRanks(first: Float64Array, second: Float64Array, shift: number): { readonly above: number; readonly ties: number } {
  let [i, j, above, ties] = [0, 0, 0, 0];
  while (i < first.length || j < second.length) {
    const a = i < first.length ? (first[i] ?? 0) - shift : Number.POSITIVE_INFINITY;
    const b = j < second.length ? (second[j] ?? 0) : Number.POSITIVE_INFINITY;
    const value = Math.min(a, b);
    const [fromI, fromJ] = [i, j];
    while (i < first.length && (first[i] ?? 0) - shift === value) i++;
    while (j < second.length && second[j] === value) j++;
    const group = i - fromI + (j - fromJ);
    above += (i - fromI) * (fromJ + (j - fromJ) / 2);
    ties += group ** 3 - group;
  }
  return { above, ties };
}

/** The standardised statistic of (first - shift) against second, less a quantile. Both samples are sorted. */
function standardise(first: Float64Array, second: Float64Array, shift: number, quantile: number): number {
  const [m, n] = [first.length, second.length];
  const { above, ties } = sumRanks(first, second, shift);
  const centred = above - (m * n) / 2;
  const deviation = Math.sqrt(((m * n) / 12) * (m + n + 1 - ties / ((m + n) * (m + n - 1))));
  if (deviation === 0) throw new TiedError('no interval exists: all values are tied');
  return (centred - Math.sign(centred) * 0.5) / deviation - quantile;
}

/** A point where the function was evaluated. */
interface Point {
  readonly at: number;
  readonly value: number;
}

/** The step of Brent's method from `best`: interpolated where that is safe, half the bracket elsewhere. */
function chooseStep(best: Point, last: Point, far: Point, stride: number, tolerance: number): number {
  const width = far.at - best.at;
  let step = width / 2;
  if (Math.abs(stride) >= tolerance && Math.abs(last.value) > Math.abs(best.value)) {
    const s = best.value / last.value;
    let [p, q] = [width * s, 1 - s];
    if (last.at !== far.at) {
      const [r, t] = [last.value / far.value, best.value / far.value];
      p = s * (width * r * (r - t) - (best.at - last.at) * (t - 1));
      q = (r - 1) * (t - 1) * (s - 1);
    }
    if (p > 0) q = -q;
    else p = -p;
    if (p < 0.75 * width * q - Math.abs(tolerance * q) / 2 && p < Math.abs((stride * q) / 2)) step = p / q;
  }
  if (Math.abs(step) >= tolerance) return step;
  return step > 0 ? tolerance : -tolerance;
}

/** A root in a bracket by Brent's method (zeroin). The path of its steps matters: the functions here are stairs. */
function findRoot(low: Point, high: Point, evaluate: (at: number) => number): number {
  let [last, best, far] = [low, high, low];
  if (low.value === 0) return low.at;
  for (let i = 0; i <= 1_000; i++) {
    const stride = best.at - last.at;
    if (Math.abs(far.value) < Math.abs(best.value)) [last, best, far] = [best, far, best];
    const tolerance = 2 * MACHINE_EPSILON * Math.abs(best.at) + ROOT_TOLERANCE / 2;
    if (Math.abs((far.at - best.at) / 2) <= tolerance || best.value === 0) return best.at;
    const at = best.at + chooseStep(best, last, far, stride, tolerance);
    last = best;
    best = { at, value: evaluate(at) };
    if (Math.sign(best.value) * Math.sign(far.value) > 0) far = last;
  }
  return best.at;
}

/**
 * The shift of the canary's values against the baseline's.
 * @param canary values in any order, not empty, without NaN
 * @param baseline the same
 * @throws TiedError when all values are the same once shifted
 */
export function estimateShift(canary: readonly number[], baseline: readonly number[]): ShiftEstimate {
  const first = Float64Array.from(canary).sort();
  const second = Float64Array.from(baseline).sort();
  const low = (first[0] ?? 0) - (second.at(-1) ?? 0);
  const high = (first.at(-1) ?? 0) - (second[0] ?? 0);
  const solve = (quantile: number, clamp: boolean): number => {
    const evaluate = (shift: number): number => standardise(first, second, shift, quantile);
    const [atLow, atHigh] = [evaluate(low), evaluate(high)];
    if (clamp && atLow <= 0) return low;
    if (clamp && atHigh >= 0) return high;
    return findRoot({ at: low, value: atLow }, { at: high, value: atHigh }, evaluate);
  };
  return { lower: solve(NORMAL_QUANTILE_98, true), upper: solve(-NORMAL_QUANTILE_98, true), estimate: solve(0, false) };
}
