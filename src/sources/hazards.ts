// What a person should know of a metrics source for the kinds of route at hand, and where it must not decide alone.

import { carriesConnections, type RouteKind } from '../api/names.ts';
import type { CanaryReleaseSpec } from '../api/release.ts';
import type { Hazard, MetricsSource, SourceRefusal } from './source.ts';

/** Of gateways that have no cluster for an empty backend; the EndpointSlices are watched apart from all metrics. */
export const EMPTY_BACKEND_UNCOUNTED: Hazard = {
  code: 'EmptyBackendUncounted',
  message: 'the 503s of a backend without endpoints are in no series: an empty canary is found by its EndpointSlices, never by its errors',
};

/** The hazards that concern these kinds of route. */
export function hazardsOf({ hazards }: Pick<MetricsSource, 'hazards'>, kinds: readonly RouteKind[]): readonly Hazard[] {
  return hazards.filter((hazard) => isHazardOf(hazard, kinds));
}

export function isHazardOf(hazard: Hazard, kinds: readonly RouteKind[]): boolean {
  return hazard.kinds === undefined || hazard.kinds.some((kind) => kinds.includes(kind));
}

/** What to do where a gateway counts nothing that could be judged. */
export const USE_APPLICATION = 'set spec.analysis.metrics.source to OpenTelemetry or PrometheusClient';

/** What to do where a route carries connections. */
export const JUDGE_CONNECTIONS = `give every check of spec.analysis.checks a query of your own, or, where the application counts requests, ${USE_APPLICATION}`;

/** Why a source must not judge routes of these kinds, whatever else is checked: it counts none of their requests, or counts them wrongly. */
export function refuseKinds({ name, tier, miscounted }: MetricsSource, kinds: readonly RouteKind[]): SourceRefusal | undefined {
  const uncounted = kinds.find(carriesConnections);
  if (uncounted !== undefined && tier !== 'application') {
    return {
      reason: 'NotSupported',
      message: `${name} counts no requests for a ${uncounted}: ${JUDGE_CONNECTIONS}`,
    };
  }
  const wrong = miscounted?.kinds.find((kind) => kinds.includes(kind));
  if (miscounted === undefined || wrong === undefined) return undefined;
  return { reason: 'NotSupported', message: `${name} cannot judge a ${wrong}: ${miscounted.message}; ${USE_APPLICATION}` };
}

/** Why a source that does not see the failures of these routes cannot decide about a release; a query of the user's own can see them. */
export function refuseBlind(
  source: MetricsSource,
  kinds: readonly RouteKind[],
  { mode, checks }: CanaryReleaseSpec['analysis'],
): SourceRefusal | undefined {
  const blind = hazardsOf(source, kinds).find((hazard) => hazard.blind === true);
  const ownDecides = checks.some((check) => check.query !== undefined && check.onBreach !== 'Observe');
  if (blind === undefined || mode !== 'Enforce' || ownDecides) return undefined;
  const what = (blind.kinds ?? kinds).filter((kind) => kinds.includes(kind)).join(' and ');
  return {
    reason: 'NotSupported',
    message: `metrics source ${source.name} does not see every failure of a ${what}: ${blind.message}; or add a check with a query of your own, or set spec.analysis.mode to Observe`,
  };
}
