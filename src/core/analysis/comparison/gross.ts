// A failure so gross that one scrape is enough: then the cap, which asks for evidence at several times, is lifted for that block.
// It cuts no guarantee: the evidence is a bet as before, and a cap may be any number that is known when the block ends.

import { binomialTail } from '../bounds.ts';
import type { Cell } from './cells.ts';

export interface GrossSettings {
  /** The canary's answers of so many milliseconds are looked at together: one scrape, or some where scrapes are close. */
  readonly windowMs: number;
  /** No fewer cells with bad answers: where scrapes are close, an outage of a moment is not one that lasts. */
  readonly minCells: number;
  readonly minBad: number;
  /** With several replicas of the gateway so many bad answers come from others than the worst one. */
  readonly minElsewhere: number;
  readonly replicas: number;
  /** The lower bound of the canary's share of bad answers lies above this one, and above serving's upper bound. */
  readonly minRatio: number;
  /** Probability of each of the two bounds to be wrong. */
  readonly level: number;
}

/** What a cell of a steady weight held. */
interface RecentCell {
  readonly toMs: number;
  readonly bad: number;
  readonly requests: number;
  readonly servingBad: number;
  readonly servingRequests: number;
  readonly failing: Readonly<Record<string, number>>;
}

export type RecentCells = readonly RecentCell[];

const NO_FAILING: Readonly<Record<string, number>> = {};

/** The cells of the window, with this one; none of another weight. @param share undefined while the weight changes */
export function addRecent(
  { windowMs }: GrossSettings,
  recent: RecentCells,
  { toMs, canary, serving }: Cell,
  share: number | undefined,
): RecentCells {
  if (share === undefined) return [];
  const cell = {
    toMs,
    bad: canary.serverErrors,
    requests: canary.requests,
    servingBad: serving.serverErrors,
    servingRequests: serving.requests,
    failing: canary.failing ?? NO_FAILING,
  };
  return [...recent.filter((one) => one.toMs > toMs - windowMs), cell];
}

/**
 * Do the cells of the window convict alone? Answers beyond what the canary's share of all requests explains are left out, bad ones
 * first: a retry storm of one client is not the version's.
 * @param share of the canary, 0..1
 */
export function isGross(settings: GrossSettings, recent: RecentCells, share: number): boolean {
  const { minBad, minCells, minElsewhere, minRatio, level, replicas } = settings;
  const bad = sum(recent, (cell) => cell.bad);
  if (bad < minBad || recent.filter((cell) => cell.bad > 0).length < minCells) return false;
  const serving = { bad: sum(recent, (cell) => cell.servingBad), requests: sum(recent, (cell) => cell.servingRequests) };
  if (serving.requests <= 0) return false;
  const requests = sum(recent, (cell) => cell.requests);
  const explained = share < 1 ? (serving.requests * share) / (1 - share) : requests;
  const surplus = Math.max(0, requests - explained);
  const [own, all] = [Math.floor(bad - surplus), Math.ceil(requests - surplus)];
  if (own < minBad || (replicas > 1 && besideWorst(recent) < minElsewhere)) return false;
  const limit = Math.max(minRatio, upperOf(serving, level));
  return limit < 1 && binomialTail(own, all, limit) <= level;
}

/** Upper bound of a share, Wilson and Hilferty (1931) for the Poisson count; 1 where it may be anything. */
function upperOf({ bad, requests }: { readonly bad: number; readonly requests: number }, level: number): number {
  const shape = bad + 1;
  const mean = shape * (1 - 1 / (9 * shape) + zOf(level) / (3 * Math.sqrt(shape))) ** 3;
  return Math.min(1, mean / requests);
}

/** Standard normal deviate of an upper tail, absolute error below 4.5e-4: Abramowitz and Stegun 26.2.23. */
function zOf(tail: number): number {
  const t = Math.sqrt(-2 * Math.log(tail));
  return t - (2.515517 + 0.802853 * t + 0.010328 * t * t) / (1 + 1.432788 * t + 0.189269 * t * t + 0.001308 * t ** 3);
}

/** Bad answers that were not counted by the replica with most of them. */
function besideWorst(recent: RecentCells): number {
  const sums = new Map<string, number>();
  for (const { failing } of recent)
    for (const [replica, count] of Object.entries(failing)) sums.set(replica, (sums.get(replica) ?? 0) + count);
  const [worst = 0, ...others] = [...sums.values()].sort((a, b) => b - a);
  return worst === 0 ? 0 : others.reduce((total, count) => total + count, 0);
}

function sum(recent: RecentCells, of: (cell: RecentCell) => number): number {
  return recent.reduce((total, cell) => total + of(cell), 0);
}
