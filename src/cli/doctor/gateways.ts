// Which metrics source judges each release, by the controllers of its routes, and the known limits of that source.

import type { Matchers } from '../../api/matchers.ts';
import type { CanaryReleaseSpec } from '../../api/release.ts';
import type { Route } from '../../api/routes.ts';
import { portOf, servicesOf } from '../../core/release/facts/sides.ts';
import { routesInScope, wantedRules, wantedSource } from '../../core/release/facts/scope.ts';
import { isAtPort } from '../../core/routing/refs.ts';
import { isHazardOf, refuseBlind } from '../../sources/hazards.ts';
import { chooseSources, kindsOf, type RoutedBy } from '../../sources/choice.ts';
import { withMatchers } from '../../sources/selector.ts';
import type { BackendIdentity, MetricsSource } from '../../sources/source.ts';
import type { ClusterLink } from '../cluster/link.ts';
import type { SeenRelease } from '../cluster/releases.ts';
import { findControllers } from '../cluster/routes.ts';
import { doubt, fail, fine, type Finding } from '../finding.ts';
import { listMatchers } from './operator-settings.ts';
import { nameOf, nameSome, type Surroundings } from './seen.ts';

/** A release and what judges it; once for each of several sources. */
export interface Judged {
  readonly release: SeenRelease;
  readonly spec: CanaryReleaseSpec;
  readonly source: MetricsSource;
  /** The labels of the operator and of the release, which the source's queries ask for. */
  readonly matchers: Matchers;
  readonly routes: readonly Route[];
}

/** The findings, and the releases whose queries can be tried. */
export interface GatewayReport {
  readonly findings: readonly Finding[];
  readonly judged: readonly Judged[];
}

const CHECK = 'metrics source';

/** A release that asks nothing of a gateway's metrics needs no source. */
export async function checkGateways(link: ClusterLink, { operator, releases, routes }: Surroundings): Promise<GatewayReport> {
  const common = operator.kind === 'read' ? listMatchers(operator.object) : {};
  const reports = await Promise.all(releases.map((release) => checkRelease(link, release, routes, common)));
  const judged = reports.flatMap((report) => report.judged);
  const sources = [...new Set(judged.map(({ source }) => source))];
  const known = sources.map((source) => {
    const of = judged.filter((one) => one.source === source);
    return fine(CHECK, `${source.name} (${source.tier}) for ${nameSome(of.map(({ release }) => nameOf(release)))}`);
  });
  const hazards = sources.flatMap((source) =>
    describeHazards(
      source,
      judged.filter((one) => one.source === source),
    ),
  );
  return { findings: [...known, ...hazards, ...reports.flatMap(({ findings }) => findings)], judged };
}

/** A route as the choice sees it, and the route. */
interface ScopedRoute extends RoutedBy {
  readonly route: Route;
}

/** @param common labels that the operator asks for, of which the release's own take precedence */
async function checkRelease(link: ClusterLink, release: SeenRelease, all: readonly Route[], common: Matchers): Promise<GatewayReport> {
  const { spec, namespace, name } = release;
  if (spec === undefined || !needsSource(spec)) return { findings: [], judged: [] };
  const own = all.filter(({ metadata }) => metadata.namespace === namespace);
  const routes = routesInScope(spec, own, servicesOf(spec));
  // Its own status says so more precisely.
  if (routes.length === 0) return { findings: [], judged: [] };
  const { metrics, mode } = spec.analysis;
  const scoped = await Promise.all(
    routes.map(async (route): Promise<ScopedRoute> => {
      const controllers = await findControllers(link, route);
      return { route, kind: route.kind, name: route.metadata.name, wanted: wantedSource(spec, route), controllers };
    }),
  );
  const choice = chooseSources(metrics.source, scoped);
  const patch = `kubectl patch crel ${name} -n ${namespace} --type merge -p '{"spec":{"analysis":{"metrics":{"source":"OpenTelemetry"}}}}'   # if the application counts its requests`;
  if (choice.ok) {
    const of = `${CHECK} of ${nameOf(release)}`;
    const matchers = { ...common, ...metrics.matchers };
    const blind = choice.chosen.flatMap((one) => refuseBlind(one.source, kindsOf(one.routes), spec.analysis) ?? []);
    return {
      findings: [...blind.map(({ message }) => fail(of, message, patch)), ...choice.hazards.map(({ message }) => doubt(of, message))],
      judged: choice.chosen.map((one) => ({
        release,
        spec,
        source: withMatchers(one.source, matchers),
        matchers,
        routes: one.routes.map(({ route }) => route),
      })),
    };
  }
  const refused =
    mode === 'Enforce'
      ? fail(`${CHECK} of ${nameOf(release)}`, choice.message, patch)
      : doubt(`${CHECK} of ${nameOf(release)}`, choice.message, patch);
  return { findings: [refused], judged: [] };
}

function needsSource({ analysis }: CanaryReleaseSpec): boolean {
  if (analysis.mode === 'Off') return false;
  return analysis.comparison.mode !== 'Off' || analysis.checks.some(({ metric }) => metric !== undefined);
}

function describeHazards(source: MetricsSource, judged: readonly Judged[]): readonly Finding[] {
  return source.hazards.flatMap((hazard) => {
    const { message } = hazard;
    const touched = judged.filter(({ routes }) =>
      isHazardOf(
        hazard,
        routes.map(({ kind }) => kind),
      ),
    );
    return touched.length === 0
      ? []
      : [doubt(CHECK, `${source.name}: ${message} (${nameSome(touched.map(({ release }) => nameOf(release)))})`)];
  });
}

/** The serving backend of each rule, as the source knows it. */
export function servingBackends({ release, spec, routes }: Judged): readonly BackendIdentity[] {
  const { namespace, status } = release;
  const names = servicesOf(spec);
  const serving = status.serving?.service ?? names[0];
  return routes.flatMap((route) =>
    (route.spec.rules ?? []).flatMap((rule, ruleIndex) => {
      const only = wantedRules(spec, route);
      if (only !== undefined && !only.includes(rule.name ?? `rules[${ruleIndex}]`)) return [];
      return (rule.backendRefs ?? []).flatMap((ref, backendIndex): readonly BackendIdentity[] => {
        if (ref.name !== serving || (ref.kind ?? 'Service') !== 'Service' || !isAtPort(ref, portOf(spec, serving))) return [];
        const place = { kind: route.kind, namespace, name: route.metadata.name, ruleIndex, backendIndex };
        return [{ namespace, service: ref.name, port: ref.port ?? 80, route: place }];
      });
    }),
  );
}
