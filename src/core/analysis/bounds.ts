// One-sided confidence bounds for counts: how sure is it that a limit is broken? Exact (Clopper-Pearson, Garwood), because
// the counts of a young canary are small.

/** The confidence of a look's verdict: a look fails only when the 99% bound of its own counts breaks the limit. */
export const LOOK_CONFIDENCE = 0.99;

/**
 * P(X >= hits) for X ~ Binomial(trials, probability), by the regularised incomplete beta function I_p(k, n-k+1).
 * Source: Clopper and Pearson, Biometrika 26 (1934); Abramowitz and Stegun 26.5.24.
 */
export function binomialTail(hits: number, trials: number, probability: number): number {
  if (hits <= 0) return 1;
  if (hits > trials) return 0;
  return incompleteBeta(probability, hits, trials - hits + 1);
}

/** Is the true proportion above `limit` with the look's confidence? `hits` of `trials`. */
export function provenAbove(hits: number, trials: number, limit: number): boolean {
  if (trials <= 0 || hits <= 0) return false;
  return limit < 1 && hits / trials > limit && binomialTail(hits, trials, limit) <= 1 - LOOK_CONFIDENCE;
}

/** Is the true proportion below `limit` with the look's confidence? */
export function provenBelow(hits: number, trials: number, limit: number): boolean {
  return provenAbove(trials - hits, trials, 1 - limit);
}

/**
 * Is a Poisson rate above (`above`) or below the limit with the look's confidence?
 * @param events counted, @param expected limit x exposure. Source: Garwood, Biometrika 28 (1936).
 */
export function rateProven(side: 'above' | 'below', events: number, expected: number): boolean {
  const atMost = poissonAtMost(side === 'above' ? events - 1 : events, expected);
  return side === 'above' ? 1 - atMost <= 1 - LOOK_CONFIDENCE : atMost <= 1 - LOOK_CONFIDENCE;
}

/**
 * P(X <= k) for X ~ Poisson(mean), summed; above a mean of 1,000 by the cube root of the gamma distribution that is its dual,
 * because the plain normal approximation is a twentieth too sure there. Source: Wilson and Hilferty, PNAS 17 (1931).
 */
function poissonAtMost(k: number, mean: number): number {
  if (k < 0) return 0;
  if (mean <= 0) return 1;
  if (mean > 1_000) {
    const shape = k + 1;
    return normalAtMost(3 * Math.sqrt(shape) * (1 - 1 / (9 * shape) - Math.cbrt(mean / shape)));
  }
  let logTerm = -mean;
  let total = Math.exp(logTerm);
  for (let i = 1; i <= k; i += 1) {
    logTerm += Math.log(mean / i);
    const term = Math.exp(logTerm);
    total += term;
    // Millions of requests against a small limit: behind the mean the terms are soon too small to be added.
    if (i > mean && term < 1e-18) break;
  }
  return Math.min(1, total);
}

/** Standard normal distribution function, Abramowitz and Stegun 7.1.26 (absolute error below 1.5e-7). */
function normalAtMost(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + 0.3275911 * x);
  const poly = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  const erf = 1 - poly * Math.exp(-x * x);
  return z >= 0 ? (1 + erf) / 2 : (1 - erf) / 2;
}

/** Regularised incomplete beta function by Lentz's continued fraction (DLMF 8.17.22). */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  return x < (a + 1) / (a + b + 2) ? (front * betaFraction(x, a, b)) / a : 1 - (front * betaFraction(1 - x, b, a)) / b;
}

function betaFraction(x: number, a: number, b: number): number {
  const tiny = 1e-300;
  const apart = (value: number) => (Math.abs(value) < tiny ? tiny : value);
  let c = 1;
  let d = 1 / apart(1 - ((a + b) * x) / (a + 1));
  let result = d;
  for (let m = 1; m <= 500; m += 1) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / apart(1 + even * d);
    c = apart(1 + even / c);
    result *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / apart(1 + odd * d);
    c = apart(1 + odd / c);
    const step = d * c;
    result *= step;
    if (Math.abs(step - 1) < 1e-14) break;
  }
  return result;
}

const LANCZOS = [
  676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059, 12.507343278686905, -0.13857109526572012,
  9.9843695780195716e-6, 1.5056327351493116e-7,
] as const;

/** ln Γ(x), Lanczos approximation (g = 7, 9 terms), relative error about 1e-15 for x >= 0.5. */
function logGamma(x: number): number {
  const shifted = x - 1;
  const series = LANCZOS.reduce((total, term, index) => total + term / (shifted + index + 1), 0.99999999999980993);
  const t = shifted + 7.5;
  return 0.5 * Math.log(2 * Math.PI) + (shifted + 0.5) * Math.log(t) - t + Math.log(series);
}
