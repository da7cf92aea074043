// What to expect before the data is there: how many canary requests a difference of a given size takes, and what one block's
// e-value is worth on average when there is no difference.

import { FAIL } from './grids.ts';
import { type Margin, requireMargin } from './likelihood.ts';
import { requireCount, requireLevel, requirePositive, requireWithin } from './numbers.ts';

export interface PlanInput {
  /** Expected share of bad requests of the canary. */
  readonly pc: number;
  /** Expected share of bad requests of stable. */
  readonly ps: number;
  /** Share of the requests that the canary gets. */
  readonly weight: number;
  readonly rho: number;
  readonly alpha: number;
  /** The metric's share of the wealth. */
  readonly share: number;
  readonly pi0: number;
  /** Effect sizes that win near the best one, 3 when left out. */
  readonly jEff?: number | undefined;
  readonly grid?: readonly number[] | undefined;
}

/**
 * Canary requests until a difference is proven, about: `(ln(1/(α·v·π0)) + ln(8/jEff)) / max_u [p_c·ln a + p_s·(n_s/n_c)·ln b]`.
 * Undefined when no effect size of the grid gains from it. Source: Breiman, Berkeley Symposium (1961), on growth rates.
 */
export function planCanaryRequests(input: PlanInput): number | undefined {
  const { pc, ps, weight, rho, jEff = 3, grid = FAIL } = input;
  requireWithin('pc', pc, 0, 1);
  requireWithin('ps', ps, 0, 1);
  requireWithin('weight', weight, 0, 1);
  requirePositive('rho', rho);
  requireLevel('alpha', input.alpha);
  for (const [name, value] of [
    ['share', input.share],
    ['pi0', input.pi0],
  ] as const) {
    requirePositive(name, value);
    requireWithin(name, value, 0, 1);
  }
  requirePositive('jEff', jEff);
  if (weight === 0 || weight === 1) return undefined;
  const perCanary = (1 - weight) / weight;
  const growth = grid.map((u) => {
    const logB = -Math.log1p((rho * (u - 1)) / (rho + perCanary));
    return (pc > 0 ? pc * (Math.log(u) + logB) : 0) + ps * perCanary * logB;
  });
  const best = Math.max(...growth);
  if (!(best > 0)) return undefined;
  return (Math.log(grid.length / jEff) - Math.log(input.alpha * input.share * input.pi0)) / best;
}

export interface NullInput extends Margin {
  readonly u: number;
  /** Requests of the canary and of stable in the block. */
  readonly nc: number;
  readonly ns: number;
  /** True shares of bad requests. */
  readonly pc: number;
  readonly ps: number;
}

/**
 * E[exp(lrTwo(u))] of one block of independent requests: `(1+p_c(a−1))^n_c · (1+p_s(b−1))^n_s · e^(−δ·n_c·(a−1))`. At most 1 wherever
 * p_c <= ρ·p_s + δ (u > 1) or p_c >= ρ·p_s + δ (u < 1): that is the guarantee. Source: the binomial's generating function.
 */
export function nullExpectation({ u, nc, ns, pc, ps, rho, delta }: NullInput): number {
  requireCount('u', u);
  requireCount('nc', nc);
  requireCount('ns', ns);
  requireWithin('pc', pc, 0, 1);
  requireWithin('ps', ps, 0, 1);
  requireMargin({ rho, delta });
  if (nc === 0 || ns === 0) return 1;
  // a − 1 and b − 1, without taking 1 away from a number near it.
  const scale = (u - 1) / (rho * u * nc + ns);
  const [more, fewer] = [ns * scale, -rho * nc * scale];
  return Math.exp(nc * Math.log1p(pc * more) + ns * Math.log1p(ps * fewer) - delta * nc * more);
}
