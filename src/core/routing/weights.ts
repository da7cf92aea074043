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

/** What both Services of a rule had together before the first write: a share that is taken over was part of it. */
export function wholeOf({ serving, canary = 0 }: { readonly serving: number; readonly canary?: number }): number {
  return serving + canary;
}

/** Largest weight that the Gateway API takes. */
export const MAX_BACKEND_WEIGHT = 1_000_000;
/** Totals below this lose precision on gateways that divide weights by pods or round to basis points. */
const WANTED_TOTAL = 10_000;

/** A rule whose serving weight is less cannot give the canary one percent of it. */
const LEAST_WHOLE = 100;

/**
 * The smallest factor by which all weights of a rule are multiplied so that every whole percent of the serving backend's
 * weight is an integer and the rule's total is at least 10,000, or as near to that as the limit lets it come. Where a gateway's limit
 * leaves no room for whole percents, the largest factor that it takes: the canary then gets a little less than asked.
 * @param limit largest weight that the gateways of the route take
 * @param wantedTotal what the rule's total should be at least
 * @returns undefined when no factor will do
 */
export function pickFactor(original: OriginalWeights, limit = MAX_BACKEND_WEIGHT, wantedTotal = WANTED_TOTAL): number | undefined {
  const largest = Math.max(original.serving, ...original.others);
  const total = original.serving + sum(original.others);
  if (original.serving <= 0) return undefined;
  const exact = 100 / gcd(100, original.serving);
  const most = Math.floor(limit / (exact * largest));
  if (most >= 1) return exact * Math.min(most, Math.ceil(wantedTotal / (exact * total)));
  const rough = Math.floor(limit / largest);
  return limit < MAX_BACKEND_WEIGHT && rough * original.serving >= LEAST_WHOLE ? rough : undefined;
}

/** What a backend keeps while it is to get nothing, where its gateway would forget it at weight 0. */
export const RESIDUAL_WEIGHT = 1;

/**
 * The weights of a rule at a canary share, never more than that (rule 9). Never all 0, because `original.serving` is above 0.
 * @param percent 0..100, whole
 * @param residual neither backend gets weight 0
 */
export function splitWeights(original: OriginalWeights, factor: number, percent: number, residual = false): RuleWeights {
  const whole = original.serving * factor;
  const least = residual ? RESIDUAL_WEIGHT : 0;
  const canary = Math.min(whole - least, Math.max(least, Math.floor((whole * percent) / 100)));
  return { serving: whole - canary, canary, others: original.others.map((weight) => fitWeight(weight * factor)) };
}

/** The weights that "restored" means: what was there, the canary at 0. @param factor of the release, for shares that need it */
export function homeWeights(original: OriginalWeights, factor = 1): RuleWeights {
  const { serving, others } = finalWeights(original, factor);
  return { serving, canary: 0, others };
}

/** The weights after a promotion in Services mode: the roles have swapped. @param factor as of `homeWeights` */
export function promotedWeights(original: OriginalWeights, factor = 1): RuleWeights {
  const { serving, others } = finalWeights(original, factor);
  return { serving: 0, canary: serving, others };
}

/**
 * What was there before the release; or, where a foreign weight was edited meanwhile to a share that is no integer beside it, the
 * same shares on the scale of the release, where its editor wrote it (rule 3).
 */
function finalWeights(original: OriginalWeights, factor: number): Pick<RuleWeights, 'serving' | 'others'> {
  const scale = original.others.every(isWhole) ? 1 : factor;
  return { serving: original.serving * scale, others: original.others.map((weight) => fitWeight(weight * scale)) };
}

/** A whole number, rounding errors aside. */
function isWhole(weight: number): boolean {
  return Math.abs(weight - Math.round(weight)) < 1e-9 * Math.max(1, weight);
}

/**
 * A foreign weight that was edited while the release runs need not divide by the factor, or fit when it is multiplied: the
 * nearest weight that the Gateway API takes, because a home patch must never be refused. Recorded weights stay exact.
 */
export function fitWeight(weight: number): number {
  return weight <= 0 ? 0 : Math.min(MAX_BACKEND_WEIGHT, Math.max(1, Math.round(weight)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
