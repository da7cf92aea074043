// Weights of a rule as exact shares, compared without rounding.

import type { RouteRule } from '../../../src/api/routes.ts';

/** Weights by backend name, in the order of the refs; what is named more than once has the sum. */
export type Weights = ReadonlyMap<string, number>;

/** @param serving a backend of which only the first ref is the release's: what was added behind it is a backend of its own */
export function weightsOf(rule: RouteRule | undefined, serving?: string): Weights {
  const weights = new Map<string, number>();
  for (const { name, weight = 1 } of rule?.backendRefs ?? []) {
    const key = name === serving && weights.has(name) ? `${name} again` : name;
    weights.set(key, (weights.get(key) ?? 0) + weight);
  }
  return weights;
}

/** a/b > c/d for whole numbers, b and d at least 0; nothing over 0 counts as 0. */
export function isMore(a: number, b: number, c: number, d: number): boolean {
  if (b === 0) return false;
  if (d === 0) return a > 0;
  return BigInt(a) * BigInt(d) > BigInt(c) * BigInt(b);
}

/** The canary's share of what both backends have, in percent. */
export function percentOf(weights: Weights, serving: string, canary: string): number {
  const total = (weights.get(serving) ?? 0) + (weights.get(canary) ?? 0);
  return total === 0 ? 0 : (100 * (weights.get(canary) ?? 0)) / total;
}

/** Everything of a rule but its weights. @param added a backend whose ref comes and goes with a release */
export function withoutWeights(rule: RouteRule, added?: string): unknown {
  const refs = (rule.backendRefs ?? []).filter(({ name }) => name !== added);
  return { ...rule, backendRefs: refs.map(({ weight: _weight, ...ref }) => ref) };
}
