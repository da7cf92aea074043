// The rules that count failed checks of one limit, as Flagger and Argo Rollouts do, and the test that peeks: none of them
// asks how much traffic a value stands for.

import type { ArmCounts, Look, Rule } from './traffic.ts';

/** Share of bad requests; NaN without requests, as the query's division gives. */
export function badShareOf(arm: ArmCounts): number {
  return arm.bad / arm.requests;
}

/**
 * Flagger: a value beyond the limit is a failed check and so is none at all (NaN); the fifth failed check rolls back.
 * Passed checks in between take nothing back.
 */
export function startFlagger<A>(measure: (arm: A) => number, limit: number, threshold = 5): Rule<Look<A>> {
  let failedChecks = 0;
  return ({ canary }) => {
    const value = measure(canary);
    if (Number.isNaN(value) || value > limit) failedChecks++;
    return failedChecks >= threshold;
  };
}

/**
 * Argo Rollouts: a measurement that misses the success condition (NaN misses every one) has failed; more failed ones than
 * the failure limit abort.
 */
export function startArgo<A>(measure: (arm: A) => number, limit: number, failureLimit = 3): Rule<Look<A>> {
  let failed = 0;
  return ({ canary }) => {
    const isSuccessful = measure(canary) <= limit;
    if (!isSuccessful) failed++;
    return failed > failureLimit;
  };
}

/** The 5 % point of the standard normal distribution, one-sided. */
const NORMAL_QUANTILE_95 = 1.6448536269514722;
const REQUESTS_BEFORE_PEEKING = 30;

/** A warning: the textbook's pooled test of two shares, looked at every time as if it were the only time. */
export function startPeek(quantile = NORMAL_QUANTILE_95): Rule<Look> {
  let [canaryRequests, canaryBad, stableRequests, stableBad] = [0, 0, 0, 0];
  return ({ canary, stable }) => {
    canaryRequests += canary.requests;
    canaryBad += canary.bad;
    stableRequests += stable.requests;
    stableBad += stable.bad;
    if (Math.min(canaryRequests, stableRequests) < REQUESTS_BEFORE_PEEKING) return false;
    const pooled = (canaryBad + stableBad) / (canaryRequests + stableRequests);
    const variance = pooled * (1 - pooled) * (1 / canaryRequests + 1 / stableRequests);
    return variance > 0 && (canaryBad / canaryRequests - stableBad / stableRequests) / Math.sqrt(variance) > quantile;
  };
}
