// What a manifest alone says about its metrics sources: the gaps of those that it names, and whether the operator would refuse it.

import { carriesConnections, type RouteKind } from '../api/names.ts';
import type { CanaryReleaseSpec } from '../api/release.ts';
import { AUTO, findSource } from '../sources/catalogue.ts';
import { chooseSources, kindsOf, type RoutedBy } from '../sources/choice.ts';
import { hazardsOf, refuseBlind } from '../sources/hazards.ts';
import type { MetricsSource } from '../sources/source.ts';

export interface SourceGaps {
  /** Why the operator would not begin a release. */
  readonly refusal: string | undefined;
  /** What to know before trusting the sources, each a sentence. */
  readonly gaps: readonly string[];
}

/** With source Auto only the cluster knows, but for routes that carry connections; a spec that lists no routes is taken to be about HTTPRoutes. */
export function findSourceGaps({ analysis, routeRefs }: CanaryReleaseSpec): SourceGaps {
  if (analysis.mode === 'Off') return { refusal: undefined, gaps: [] };
  const named = (routeRefs.length === 0 ? [ANY_ROUTE] : routeRefs).flatMap(({ kind, name, metrics }): NamedRoute[] => {
    const source = findSource(metrics?.source ?? analysis.metrics.source);
    return source === undefined ? [] : [{ kind, name, wanted: source.name, controllers: [], source }];
  });
  const choice = chooseSources(analysis.metrics.source, named);
  const blind = kindsBySource(named).flatMap(([source, kinds]) => refuseBlind(source, kinds, analysis) ?? []);
  const refusal = (named.length > 0 && !choice.ok ? choice.message : blind[0]?.message) ?? refuseUncounted(analysis, routeRefs);
  const { checks } = analysis;
  // A release that asks nothing but queries of its own needs no source.
  const ownOnly = checks.length > 0 && checks.every(({ query }) => query !== undefined);
  return {
    refusal: ownOnly ? undefined : refusal,
    gaps: kindsBySource(named).flatMap(([{ name, hazards }, kinds]) =>
      hazardsOf({ hazards }, kinds).map(({ message }) => `metrics source ${name}: ${message}`),
    ),
  };
}

/** For a route that carries connections no controller has a source. */
function refuseUncounted({ metrics }: CanaryReleaseSpec['analysis'], routeRefs: CanaryReleaseSpec['routeRefs']): string | undefined {
  const uncounted = routeRefs.find((ref) => carriesConnections(ref.kind) && (ref.metrics?.source ?? metrics.source) === AUTO);
  if (uncounted === undefined) return undefined;
  const choice = chooseSources(AUTO, [{ kind: uncounted.kind, name: uncounted.name, controllers: [] }]);
  return choice.ok ? undefined : choice.message;
}

interface NamedRoute extends RoutedBy {
  readonly source: MetricsSource;
}

const ANY_ROUTE: Pick<CanaryReleaseSpec['routeRefs'][number], 'kind' | 'name' | 'metrics'> = { kind: 'HTTPRoute', name: '' };

function kindsBySource(named: readonly NamedRoute[]): readonly (readonly [MetricsSource, readonly RouteKind[]])[] {
  return [...new Set(named.map(({ source }) => source))].map((source) => [source, kindsOf(named.filter((one) => one.source === source))]);
}
