// The largest weight that a gateway takes, where that is less than the Gateway API allows: known by the name of its controller, else
// learned from a route that it rejected with larger weights and accepted with smaller ones.

import { oncePer } from '../../api/once.ts';
import type { RecordedRoute } from '../../api/release.ts';
import type { Route } from '../../api/routes.ts';
import { controllersOf } from './parents.ts';
import { sumWeights } from './refs.ts';
import type { RouteStanding } from './standing.ts';
import { MAX_BACKEND_WEIGHT, pickFactor, wholeOf } from './weights.ts';

/** What a release learned about a controller. */
export interface LearnedLimit {
  readonly controller: string;
  readonly weight: number;
}

/** From the documents of the load balancers behind them. */
const KNOWN: ReadonlyMap<string, number> = new Map([
  // Target groups of AWS take 0 to 999.
  ['gateway.k8s.aws/alb', 999],
  ['gateway.k8s.aws/nlb', 999],
  ['application-networking.k8s.aws/gateway-api-controller', 999],
  // Weighted backend services of Google Cloud take 0 to 1,000.
  ['networking.gke.io/gateway', 1_000],
  // Targets of Kong take 0 to 65,535.
  ['konghq.com/kic-gateway-controller', 65_535],
  ['konghq.com/gateway-operator', 65_535],
]);

/** Gateways whose backends come and go with their weight: each time some requests fail, of the whole route. */
const FORGET_BACKENDS: ReadonlySet<string> = new Set(['gateway.envoyproxy.io/gatewayclass-controller']);

/** Does a gateway of the route forget a backend whose weight is 0? */
export function forgetsBackends(route: Route): boolean {
  return controllersOf(route).some((name) => FORGET_BACKENDS.has(name));
}

/** Gateways whose status says that a change is accepted before it is in effect: so long it may take, milliseconds. Measured: docs/gateways.md. */
const LAGS: ReadonlyMap<string, number> = new Map([['traefik.io/gateway-controller', 2_000]]);

/** How long a change of the route may take to be in effect after its status says so, milliseconds; 0 where that is not known to take time. */
export const lagOf = oncePer((route: Route): number => Math.max(0, ...controllersOf(route).map((name) => LAGS.get(name) ?? 0)));

/** What is tried in turn where a gateway rejects the weights and nothing is known of it: the limit of many load balancers, then percents. */
const TRIED = [999, 100] as const;

/** The largest weight that every gateway of the route takes; 1,000,000 where nothing else is known. */
export function weightLimitOf(route: Route, learned: readonly LearnedLimit[]): number {
  const limits = controllersOf(route).flatMap((name) => [
    KNOWN.get(name) ?? MAX_BACKEND_WEIGHT,
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
