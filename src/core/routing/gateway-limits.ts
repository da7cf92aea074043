// The largest weight that a gateway takes, where that is less than the Gateway API allows: known by the name of its controller, else
// learned from a route that it rejected with larger weights and accepted with smaller ones.

import type { RecordedRoute } from '../../api/release.ts';
import type { Route } from '../../api/routes.ts';
import { factsOf } from './gateway-facts.ts';
import { controllersOf } from './parents.ts';
import { sumWeights } from './refs.ts';
import type { RouteStanding } from './standing.ts';
import { MAX_BACKEND_WEIGHT, pickFactor, wholeOf } from './weights.ts';

/** What a release learned about a controller. */
export interface LearnedLimit {
  readonly controller: string;
  readonly weight: number;
}

/** What is tried in turn where a gateway rejects the weights and nothing is known of it: the limit of many load balancers, then percents. */
const TRIED = [999, 100] as const;

/** The largest weight that every gateway of the route takes; 1,000,000 where nothing else is known. */
export function weightLimitOf(route: Route, learned: readonly LearnedLimit[]): number {
  const limits = controllersOf(route).flatMap((name) => [
    factsOf(name).weightLimit ?? MAX_BACKEND_WEIGHT,
    ...learned.filter(({ controller }) => controller === name).map(({ weight }) => weight),
  ]);
  return Math.min(MAX_BACKEND_WEIGHT, ...limits);
}

/** The smaller weights of a route are still to be written: what its gateway says is about the larger ones. */
export function isOutgrown({ recorded, rules }: RouteStanding): boolean {
  return recorded.fitting !== undefined && largestOf(rules) > (recorded.weightLimit ?? MAX_BACKEND_WEIGHT);
}

/**
 * The record of a route whose gateway rejects it, with weights that the gateway may take. Undefined where the route has no larger weights
 * than its owner wrote, where the last ones are still to be written, and where nothing smaller can be tried.
 * @param controller who rejects it
 */
export function fitRoute(standing: RouteStanding, controller: string): RecordedRoute | undefined {
  const { recorded, rules } = standing;
  const largest = largestOf(rules);
  if (!isScaled(standing) || isOutgrown(standing)) return undefined;
  for (const limit of TRIED.filter((one) => one < largest)) {
    const fitted = recorded.rules.map((rule) => ({ rule, factor: pickFactor(originalOf(rule), limit) }));
    if (fitted.every(({ factor }) => factor !== undefined))
      return {
        ...recorded,
        weightLimit: limit,
        fitting: controller,
        rules: fitted.map(({ rule, factor = rule.factor }) => ({ ...rule, factor, formerFactor: rule.factor })),
      };
  }
  return undefined;
}

function originalOf(recorded: RecordedRoute['rules'][number]) {
  const { others = [] } = recorded;
  return { serving: wholeOf(recorded), canary: 0, others: others.map(({ weight }) => weight) };
}

function largestOf(rules: RouteStanding['rules']): number {
  const weights = rules.flatMap((rule) =>
    rule.kind === 'found' ? [rule.now.serving, rule.now.canary, ...rule.now.extras, ...rule.now.others].map(({ weight }) => weight) : [],
  );
  return Math.max(0, ...weights);
}

/** The release has multiplied the weights of a rule. */
function isScaled({ rules }: RouteStanding): boolean {
  return rules.some(
    (rule) => rule.kind === 'found' && sumWeights([rule.now.serving, rule.now.canary, ...rule.now.extras]) > wholeOf(rule.recorded),
  );
}
