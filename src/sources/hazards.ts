// What a person should know of a metrics source for the kinds of route at hand, and where it must not decide alone.

import type { RouteKind } from '../api/names.ts';
import type { CanaryReleaseSpec } from '../api/release.ts';
import type { Hazard, MetricsSource, SourceRefusal } from './source.ts';

/** The hazards that concern these kinds of route. */
export function hazardsOf({ hazards }: MetricsSource, kinds: readonly RouteKind[]): readonly Hazard[] {
  return hazards.filter((hazard) => isHazardOf(hazard, kinds));
}

export function isHazardOf(hazard: Hazard, kinds: readonly RouteKind[]): boolean {
  return hazard.kinds === undefined || hazard.kinds.some((kind) => kinds.includes(kind));
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
