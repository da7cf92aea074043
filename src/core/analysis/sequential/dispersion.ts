// How bursty bad requests come: the variance of the canary's part of them against that of independent requests. Evidence is
// divided by it, because a burst of five bad requests is one event and not five.

import { type Block, requireBlock, requireCount } from './numbers.ts';

/** Sums of Pearson's dispersion: squared residuals and their expectation under independence. */
export interface DispersionSums {
  readonly num: number;
  readonly den: number;
}

/** Before the first block. */
export const NO_DISPERSION: DispersionSums = { num: 0, den: 0 };

/** Pseudo-count that keeps the first blocks' ratio near 1. */
export const DEFAULT_KAPPA = 2.5;

/** Adds `(x_c − Xθ)²` and `Xθ(1−θ)` of one block, θ being the share of the bad requests that the canary should have. */
export function addDispersion(sums: DispersionSums, block: Block, theta: number): DispersionSums {
  const bad = block.xc + block.xs;
  const residual = block.xc - bad * theta;
  return { num: sums.num + residual * residual, den: sums.den + bad * theta * (1 - theta) };
}

/** `max(1, (num + κ)/(den + κ))`; 1 when κ and both sums are 0. */
export function dispersionOf(sums: DispersionSums, kappa: number): number {
  const den = sums.den + kappa;
  return den > 0 ? Math.max(1, (sums.num + kappa) / den) : 1;
}

/**
 * θ with the ratio of the arms as they have been so far (`total`, this block included), so that a real regression does not pass
 * for burstiness: `ψ = ((x_c+½)/n_c)/((x_s+½)/n_s)`, `θ = ψ·n_c/(ψ·n_c+n_s)` with the block's own n. Undefined without a comparison.
 */
export function fittedShare(total: Block, block: Block): number | undefined {
  if (block.nc <= 0 || block.ns <= 0) return undefined;
  const psi = (total.xc + 0.5) / total.nc / ((total.xs + 0.5) / total.ns);
  return (psi * block.nc) / (psi * block.nc + block.ns);
}

/**
 * Dispersion φ before the release, from two groups of stable's own pods in the arms of each block, φ >= 1:
 * `max(1, (Σ(x_A − Xθ)² + κ)/(ΣXθ(1−θ) + κ))`, θ = n_A/(n_A+n_B). A ratio of sums: the mean of ratios underestimates bursts.
 * Source: Pearson's statistic as in McCullagh and Nelder, Generalized Linear Models (1989), 4.5.
 */
export function phiPre(blocks: readonly Block[], kappa: number = DEFAULT_KAPPA): number {
  requireCount('kappa', kappa);
  let sums = NO_DISPERSION;
  for (const block of blocks) {
    requireBlock(block);
    const all = block.nc + block.ns;
    if (all > 0) sums = addDispersion(sums, block, block.nc / all);
  }
  return dispersionOf(sums, kappa);
}

/** What a past that was worse than a burst may say at most: an outage of half a minute must not make the judge blind. */
const MOST_OVER_TIME = 8;

/**
 * Dispersion φ of one replica's errors over time, 1 <= φ <= 8: `(Σ(x − np)² + κ)/(Σx + κ)` with p the share of bad ones of all times.
 * A slow change of the share counts as dispersion, too, which costs power and no guarantee. Source as {@link phiPre}, for Poisson counts.
 */
export function phiOverTime(times: readonly { readonly bad: number; readonly requests: number }[], kappa: number = DEFAULT_KAPPA): number {
  requireCount('kappa', kappa);
  const [bad, requests] = [times.reduce((sum, time) => sum + time.bad, 0), times.reduce((sum, time) => sum + time.requests, 0)];
  if (requests <= 0) return 1;
  const num = times.reduce((sum, time) => sum + (time.bad - (bad * time.requests) / requests) ** 2, 0);
  return Math.min(MOST_OVER_TIME, dispersionOf({ num, den: bad }, kappa));
}
