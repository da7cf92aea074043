// The beta-binomial mixture: a test of one exact share, and a confidence sequence that shrinks to a point. Logarithms of the beta
// function are taken apart so that the large parts cancel before they are rounded.

import { requireLevel, requirePart, requirePositive } from './numbers.ts';
import { bisect } from './slo.ts';

/** Coefficients B_2k/(2k(2k−1)) of Stirling's series (DLMF 5.11.1). */
const STIRLING = [1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156, -3617 / 122400] as const;

/** `lnΓ(z) − ((z−½)·ln z − z + ½·ln 2π)`, absolute error below 1e-15 for z > 0. Source: DLMF 5.11.1, and 5.5.1 below z = 12. */
export function stirlingRest(z: number): number {
  let shifted = z;
  let rest = 0;
  for (; shifted < 12; shifted += 1) rest += (shifted + 0.5) * Math.log1p(1 / shifted) - 1;
  const inverse = 1 / shifted;
  const series = STIRLING.reduceRight((sum, coefficient) => sum * inverse * inverse + coefficient, 0);
  return rest + series * inverse;
}

/** `½·ln 2π + ½·ln(s/(a·b)) + rest(a) + rest(b) − rest(s)`, s = a+b: what lnB(a,b) has besides a·ln(a/s) + b·ln(b/s). */
function betaRest(a: number, b: number): number {
  const s = a + b;
  return 0.5 * (Math.log(2 * Math.PI) + Math.log(s / a) - Math.log(b)) + stirlingRest(a) + stirlingRest(b) - stirlingRest(s);
}

/** ln((q + d)/q), exact for small d too. */
function logRatio(d: number, q: number): number {
  const change = d / q;
  return Math.abs(change) < 0.5 ? Math.log1p(change) : Math.log((q + d) / q);
}

/**
 * `lnB(a0+x, b0+n−x) − lnB(a0, b0) − x·ln p − (n−x)·ln(1−p)` without the loss of digits of its terms.
 */
function logBetaMixture(x: number, n: number, prior: { readonly a: number; readonly b: number }, p: number): number {
  const [a, b] = [prior.a + x, prior.b + n - x];
  const [s, s0] = [a + b, prior.a + prior.b];
  const away = x - n * p + (prior.a - s0 * p);
  const hits = x > 0 ? x * logRatio(away, s * p) : 0;
  const misses = n > x ? (n - x) * logRatio(-away, s * (1 - p)) : 0;
  const priorPart = prior.a * Math.log((a / s) * (s0 / prior.a)) + prior.b * Math.log((b / s) * (s0 / prior.b));
  return hits + misses + priorPart + betaRest(a, b) - betaRest(prior.a, prior.b);
}

/**
 * Log e-value (nats) against p = theta0 after `x` of `n`, mixing over Beta(κθ0, κ(1−θ0)):
 * `lnB(κθ0+x, κ(1−θ0)+n−x) − lnB(κθ0, κ(1−θ0)) − x·ln θ0 − (n−x)·ln(1−θ0)`.
 * Source: Lindon and Malek, Anytime-Valid Inference for Multinomial Count Data, NeurIPS 2022, two categories.
 */
export function betaBinomialLogE(x: number, n: number, theta0: number, concentration: number): number {
  requirePart('x', x, 'n', n);
  requireLevel('theta0', theta0);
  requirePositive('concentration', concentration);
  return logBetaMixture(x, n, { a: concentration * theta0, b: concentration * (1 - theta0) }, theta0);
}

/**
 * Two-sided confidence sequence of a share at level `alpha`: all p with
 * `B(½+x, ½+n−x)/B(½,½)/(p^x·(1−p)^(n−x)) < 1/α`. Source: Robbins, Annals of Mathematical Statistics 41 (1970).
 */
export function robbinsCS(x: number, n: number, alpha: number): { readonly lower: number; readonly upper: number } {
  requirePart('x', x, 'n', n);
  requireLevel('alpha', alpha);
  if (n === 0) return { lower: 0, upper: 1 };
  const inside = (p: number) => logBetaMixture(x, n, { a: 0.5, b: 0.5 }, p) < -Math.log(alpha);
  const estimate = x / n;
  return {
    lower: x === 0 ? 0 : bisect(0, estimate, inside),
    upper: x === n ? 1 : bisect(estimate, 1, (p) => !inside(p)),
  };
}
