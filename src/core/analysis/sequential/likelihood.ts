// The two log e-values everything else is made of: canary against stable in one block, and one arm against a fixed share.

import { FAIL, PASS } from './grids.ts';
import { addLogs, logMeanExp } from './log-sum.ts';
import { type Block, requireBlock, requireCount, requirePart, requirePositive, requireWithin } from './numbers.ts';

export type { Block } from './numbers.ts';

/** The hypothesis p_c <= rho * p_s + delta (or its reverse, for effect sizes below 1). */
export interface Margin {
  /** Factor on the stable arm's share of bad requests. */
  readonly rho: number;
  /** Added share of bad requests, 0.01 is one percentage point. */
  readonly delta: number;
}

/** @throws RangeError unless rho is above 0 and delta a finite number from -1 to 1. */
export function requireMargin(margin: Margin): void {
  requirePositive('rho', margin.rho);
  requireWithin('delta', margin.delta, -1, 1);
}

/**
 * Log e-value (nats) of one block for the effect size `u`, over H0: p_c <= ρ·p_s + δ for u > 1, over H0': p_c >= ρ·p_s + δ for
 * 0 <= u < 1. An arm without requests allows no comparison and is no evidence (0).
 *
 * `x_c·ln u − (x_c+x_s)·ln((ρ·u·n_c+n_s)/(ρ·n_c+n_s)) − δ·n_c·n_s·(u−1)/(ρ·u·n_c+n_s)`
 *
 * Source: Turner, Ly and Grünwald, Journal of Statistical Planning and Inference (2024), arXiv 2106.02693; Lindon and Malek, NeurIPS 2022.
 * @throws RangeError for numbers that are no counts, or x > n
 */
export function lrTwo(u: number, block: Block, margin: Margin): number {
  requireCount('u', u);
  requireBlock(block);
  requireMargin(margin);
  return lrTwoOf(u, block, margin.rho, margin.delta);
}

/** {@link lrTwo} of numbers that have been looked at: eight of them are needed for a block. */
export function lrTwoOf(u: number, { xc, xs, nc, ns }: Block, rho: number, delta: number): number {
  if (nc <= 0 || ns <= 0) return 0;
  // Without bad requests every term is 0.
  if (xc + xs === 0 && delta === 0) return 0;
  const both = -(xc + xs) * Math.log1p((rho * nc * (u - 1)) / (rho * nc + ns));
  // 0 * ln 0 is 0 here: without bad requests of the canary the effect size 0 has not been refuted.
  const canary = xc > 0 ? xc * Math.log(u) : 0;
  return canary + both - (delta * nc * ns * (u - 1)) / (rho * u * nc + ns);
}

/**
 * Log e-value (nats) of `x` bad ones of `n` for the odds multiplier `u`, over H0: p <= p0 for u > 1, over H0': p >= p0 for u < 1.
 *
 * `x·ln u − n·ln(1 + p0·(u − 1))`
 *
 * Source: Wald, Annals of Mathematical Statistics 16 (1945); Ville (1939) for looking at any time.
 * @throws RangeError for numbers that are no counts, x > n, or p0 outside 0..1
 */
export function lrOne(u: number, x: number, n: number, p0: number): number {
  requireCount('u', u);
  requirePart('x', x, 'n', n);
  requireWithin('p0', p0, 0, 1);
  return lrOneOf(u, x, n, p0);
}

/** {@link lrOne} of numbers that have been looked at. */
export function lrOneOf(u: number, x: number, n: number, p0: number): number {
  if (n <= 0) return 0;
  const hits = x > 0 ? x * Math.log(u) : 0;
  if (hits === Number.NEGATIVE_INFINITY) return hits;
  return hits - n * Math.log1p(p0 * (u - 1));
}

/** How a block moves the log wealths of a grid. */
export interface Growth extends Margin {
  /** Dispersion, at least 1: every log e-value is divided by it. */
  readonly phi: number;
  /** The most a single block may add to a log wealth, nats. */
  readonly cap: number;
}

/** Adds `min(lrTwo(u_j)/φ, cap)` to each log wealth of the grid. The one step both the judge and the whole-list forms run. */
export function growLogs(grid: readonly number[], logs: readonly number[], block: Block, growth: Growth): readonly number[] {
  const { rho, delta, phi, cap } = growth;
  return logs.map((log, index) => addLogs(log, Math.min(lrTwoOf(grid[index] ?? 1, block, rho, delta) / phi, cap)));
}

/** Settings of a plain mixture without reserve, restarts or cap. */
export interface MixtureSettings extends Margin {
  readonly grid?: readonly number[] | undefined;
  /** Dispersion, at least 1; 1 when left out. */
  readonly phi?: number | undefined;
}

/**
 * ln of the mean over FAIL of Π exp(lrTwo): evidence (nats) against p_c <= ρ·p_s + δ.
 * Source: method of mixtures, Robbins, Annals of Mathematical Statistics 41 (1970).
 */
export function eFail(blocks: readonly Block[], settings: MixtureSettings): number {
  return foldMixture(blocks, settings, settings.grid ?? FAIL);
}

/** ln of the mean over PASS of Π exp(lrTwo): evidence (nats) against p_c >= ρ·p_s + δ, so for non-inferiority. Source as {@link eFail}. */
export function ePass(blocks: readonly Block[], settings: MixtureSettings): number {
  return foldMixture(blocks, settings, settings.grid ?? PASS);
}

function foldMixture(blocks: readonly Block[], settings: MixtureSettings, grid: readonly number[]): number {
  requireMargin(settings);
  const phi = settings.phi ?? 1;
  requireWithin('phi', phi, 1, Number.MAX_VALUE);
  const growth: Growth = { rho: settings.rho, delta: settings.delta, phi, cap: Number.POSITIVE_INFINITY };
  let logs: readonly number[] = grid.map(() => 0);
  for (const block of blocks) {
    requireBlock(block);
    logs = growLogs(grid, logs, block, growth);
  }
  return logMeanExp(logs);
}
