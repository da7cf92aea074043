// A split that was there before the release (`spec.adopt`): the share that the canary has in every rule, which the release takes over.

import type { RecordedRoute } from '../../../api/release.ts';
import type { ManagedRule } from '../../routing/rules.ts';
import { wholeOf } from '../../routing/weights.ts';

/** Shares that differ by less are one share in other integers. */
const SAME_PERCENT = 0.5;
/** Of floating point. */
const ROUNDING = 1e-9;

/** Two rules that give the canary different shares; the larger one first. */
export interface UnequalSplit {
  readonly most: { readonly rule: ManagedRule; readonly percent: number };
  readonly least: { readonly rule: ManagedRule; readonly percent: number };
}

/** A release has one weight for all of its rules, so one that takes a split over needs the same in each. Undefined where it is the same. */
export function findUnequalSplit(rules: readonly ManagedRule[]): UnequalSplit | undefined {
  const shares = rules
    .map((rule) => ({ rule, percent: percentOf({ serving: rule.serving.weight, canary: rule.canary.weight }) }))
    .toSorted((a, b) => b.percent - a.percent);
  const [most, least] = [shares[0], shares.at(-1)];
  return most === undefined || least === undefined || most.percent - least.percent < SAME_PERCENT ? undefined : { most, least };
}

/** The share that a release takes over, in whole percent rounded down; undefined where the canary has none. */
export function findAdoptedWeight(routes: readonly RecordedRoute[]): number | undefined {
  if (!routes.some(isAdopted)) return undefined;
  return toWeight(Math.min(...routes.flatMap(({ rules }) => rules.map(percentOf))));
}

/** A share as a weight: whole percent, rounded down. */
export function toWeight(percent: number): number {
  return Math.floor(percent + ROUNDING);
}

/** The release takes over what this route gave the canary before it was claimed. */
export function isAdopted({ rules }: RecordedRoute): boolean {
  return rules.some(({ canary = 0 }) => canary > 0);
}

function percentOf(rule: { readonly serving: number; readonly canary?: number }): number {
  const whole = wholeOf(rule);
  return whole === 0 ? 0 : (100 * (rule.canary ?? 0)) / whole;
}
