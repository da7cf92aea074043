// Backend weights from shares: the canary's percent becomes integers, and every foreign share stays exact (rules 3 and 4).

/** The integers of one rule. `others` in the order of the rule's other refs. */
export interface RuleWeights {
  readonly serving: number;
  readonly canary: number;
  readonly others: readonly number[];
}

/** What one rule said before our first write. */
export interface OriginalWeights {
  readonly serving: number;
  readonly canary: number;
  /** A fraction where a foreign weight was edited while the release runs. */
  readonly others: readonly number[];
}

/** Largest weight that the Gateway API takes. */
export const MAX_BACKEND_WEIGHT = 1_000_000;
/** Totals below this lose precision on gateways that divide weights by pods or round to basis points. */
const WANTED_TOTAL = 10_000;

/**
 * The smallest factor by which all weights of a rule are multiplied so that every whole percent of the serving backend's
 * weight is an integer and the rule's total is at least 10,000 where there is room.
 * @returns undefined when no factor keeps every weight at or below 1,000,000
 */
export function pickFactor(original: OriginalWeights): number | undefined {
  const largest = Math.max(original.serving, ...original.others);
  const total = original.serving + sum(original.others);
  if (original.serving <= 0) return undefined;
  const exact = 100 / gcd(100, original.serving);
  if (exact * largest > MAX_BACKEND_WEIGHT) return undefined;
  const roomy = exact * Math.ceil(WANTED_TOTAL / (exact * total));
  return roomy * largest <= MAX_BACKEND_WEIGHT ? roomy : exact;
}

/**
 * The weights of a rule at a canary share. Never all 0, because `original.serving` is above 0.
 * @param percent 0..100, whole
 */
export function splitWeights(original: OriginalWeights, factor: number, percent: number): RuleWeights {
  const whole = original.serving * factor;
  const canary = (whole * percent) / 100;
  return { serving: whole - canary, canary, others: original.others.map((weight) => fitWeight(weight * factor)) };
}

/** The weights that "restored" means: what was there, the canary at 0. */
export function homeWeights(original: OriginalWeights): RuleWeights {
  return { serving: original.serving, canary: 0, others: original.others.map(fitWeight) };
}

/** The weights after a promotion in Services mode: the roles have swapped. */
export function promotedWeights(original: OriginalWeights): RuleWeights {
  return { serving: 0, canary: original.serving, others: original.others.map(fitWeight) };
}

/**
 * A foreign weight that was edited while the release runs need not divide by the factor, or fit when it is multiplied: the
 * nearest weight that the Gateway API takes, because a home patch must never be refused. Recorded weights stay exact.
 */
function fitWeight(weight: number): number {
  return weight <= 0 ? 0 : Math.min(MAX_BACKEND_WEIGHT, Math.max(1, Math.round(weight)));
}

/** The canary's share in percent of what both backends have together; 0 when both are 0. */
export function shareOf(weights: Pick<RuleWeights, 'serving' | 'canary'>): number {
  const total = weights.serving + weights.canary;
  return total === 0 ? 0 : (100 * weights.canary) / total;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
