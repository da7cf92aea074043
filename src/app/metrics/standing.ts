// How Prometheus is asked about a release: the metrics source of the controllers that serve its routes, the address, or why it must
// not be asked.

import { parseDuration } from '../../api/duration.ts';
import type { CanaryRelease, CanaryReleaseSpec, CanaryReleaseStatus } from '../../api/release.ts';
import type { Route, RouteKind } from '../../api/routes.ts';
import type { MetricsStanding } from '../../core/release/observation.ts';
import { chooseSides } from '../../core/release/facts/revision.ts';
import { routesInScope } from '../../core/release/facts/scope.ts';
import { servicesOf, sidesOf, type Sides } from '../../core/release/facts/sides.ts';
import { controllersOf } from '../../core/routing/parents.ts';
import { scanRules } from '../../core/routing/rules.ts';
import type { MetricsReader, MetricsTarget } from '../../ports/metrics.ts';
import { chooseSource, type SourceChoice } from '../../sources/catalogue.ts';
import { hazardsOf, refuseBlind } from '../../sources/hazards.ts';
import type { MetricsSource, SourceRefusal } from '../../sources/source.ts';

const NO_STATUS: CanaryReleaseStatus = { observedGeneration: -1 };

/** Whether a release can be analyzed at all. @param routes those of the namespace that may be the release's */
export function standMetrics(metrics: MetricsReader, release: CanaryRelease, routes: readonly Route[]): MetricsStanding {
  const { checks } = release.spec.analysis;
  const own = checks.some((check) => check.query !== undefined);
  const refusal = metrics.refusal(targetOf(release), own);
  if (refusal !== undefined) return { kind: 'refused', ...refusal };
  const choice = chooseSourceFor(release, routes);
  if (choice.ok) return standSource(release.spec, choice.source, routes);
  if (own && checks.every((check) => check.query !== undefined)) return { kind: 'ready', source: 'own queries' };
  return refuse(choice);
}

function standSource(spec: CanaryReleaseSpec, source: MetricsSource, routes: readonly Route[]): MetricsStanding {
  const kinds = kindsOf(spec, routes);
  const refusal = findUnread(spec, source, routes) ?? refuseBlind(source, kinds, spec.analysis);
  if (refusal !== undefined) return refuse(refusal);
  const hazards = hazardsOf(source, kinds);
  return { kind: 'ready', source: source.name, ...(hazards.length === 0 ? {} : { hazards }) };
}

function kindsOf(spec: CanaryReleaseSpec, routes: readonly Route[]): readonly RouteKind[] {
  return [...new Set(routesInScope(spec, routes, servicesOf(spec)).map(({ kind }) => kind))];
}

function refuse({ reason, message }: SourceRefusal): MetricsStanding {
  return { kind: 'refused', reason: reason === 'Unavailable' ? 'RouteNotAccepted' : reason, message };
}

/** The metrics source that the spec names, or that of the controllers that serve the routes. */
export function chooseSourceFor(release: CanaryRelease, routes: readonly Route[]): SourceChoice {
  const scope = routesInScope(release.spec, routes, servicesOf(release.spec));
  return chooseSource({
    wanted: release.spec.analysis.metrics.source,
    kinds: kindsOf(release.spec, routes),
    controllerNames: [...new Set(scope.flatMap(controllersOf))],
  });
}

/** The Prometheus of a release. */
export function targetOf(release: CanaryRelease): MetricsTarget {
  const { url, secretRef, timeout } = release.spec.analysis.metrics.prometheus;
  return {
    namespace: release.metadata.namespace,
    ...(url === undefined ? {} : { url }),
    ...(secretRef === undefined ? {} : { secretName: secretRef.name }),
    timeoutMs: parseDuration(timeout),
  };
}

/** Why the source cannot distinguish the two versions in a rule of the release. */
function findUnread(spec: CanaryReleaseSpec, source: MetricsSource, routes: readonly Route[]): SourceRefusal | undefined {
  const pair = pairWithoutRoles(spec);
  if (source.refuseRule === undefined || pair === undefined) return undefined;
  for (const route of routesInScope(spec, routes, [pair.serving, pair.canary])) {
    for (const { serving, canary, extras, others } of scanRules(route, pair, undefined).rules) {
      const refusal = source.refuseRule({ routeName: route.metadata.name, backendRefs: [serving, canary, ...extras, ...others] });
      if (refusal !== undefined) return refusal;
    }
  }
  return undefined;
}

/** It does not matter here which of the two Services serves. */
function pairWithoutRoles(spec: CanaryReleaseSpec): Sides | undefined {
  const [first, second] = servicesOf(spec);
  if (first !== undefined && second !== undefined) return sidesOf(spec, { serving: first, canary: second });
  return spec.targetRef === undefined ? undefined : chooseSides(spec, NO_STATUS, []);
}
