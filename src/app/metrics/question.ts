// The questions of a release to Prometheus: which looks are due, which Prometheus they ask, and the names of the two versions there.

import type { CanaryRelease, CanaryReleaseStatus, RecordedRoute } from '../../api/release.ts';
import type { Route } from '../../api/routes.ts';
import { planFor } from '../../api/planned.ts';
import { fromTime } from '../../api/times.ts';
import { dueLooks } from '../../core/analysis/grid.ts';
import { dueGridOf } from '../../core/release/evidence/look-grid.ts';
import { findSplitSide } from '../../core/release/facts/split-side.ts';
import { pairOf, type Sides } from '../../core/release/facts/sides.ts';
import type { Observation } from '../../core/release/observation.ts';
import { isJudged, parseState } from '../../core/release/state.ts';
import { atPort, type RefPosition } from '../../core/routing/refs.ts';
import { findOurRules } from '../../core/routing/our-rules.ts';
import { manageRule, type SeenRule, seeRules } from '../../core/routing/rules.ts';
import type { MetricsReader } from '../../ports/metrics.ts';
import type { BackendIdentity } from '../../sources/source.ts';
import type { LookQuestion, SourcePart } from './queries.ts';
import { chooseSourcesFor, targetOf } from './standing.ts';

type Seen = Pick<Observation, 'routes' | 'backends' | 'layout'>;
type Known = Seen & { readonly recorded: readonly RecordedRoute[] };
/** Of the canary's requests those of a cohort are asked for apart, where the source can distinguish them. */
type Side = 'serving' | 'canary' | 'cohort';

/** The looks that are due, and what they ask; undefined when none is. */
export function dueQuestion(
  metrics: MetricsReader,
  release: CanaryRelease,
  status: CanaryReleaseStatus,
  seen: Seen,
  now: number,
): { readonly question: LookQuestion; readonly times: readonly number[] } | undefined {
  const state = parseState(status.state);
  const current = status.release;
  if (state === undefined || current === undefined || !isJudged(state)) return undefined;
  // After a restart: which series to read is known in a moment.
  if (seen.layout?.kind === 'unasked') return undefined;
  const lastFolded = fromTime(current.lookGridAt) ?? fromTime(current.startedAt) ?? now;
  // The first look does not wait for the grid: it finds out when the gateway is scraped, and whether Prometheus answers.
  const first = current.lookGridAt === undefined;
  const times = first ? [now] : dueLooks(dueGridOf(release.spec, current), lastFolded, now);
  const question = times.length === 0 ? undefined : buildQuestion(metrics, release, status, seen);
  return question === undefined ? undefined : { question, times };
}

/** The Prometheus and the names for a release; undefined where the analysis is off or Prometheus must not be asked. */
export function buildQuestion(
  metrics: MetricsReader,
  release: CanaryRelease,
  status: CanaryReleaseStatus,
  seen: Seen,
): LookQuestion | undefined {
  const current = status.release;
  const { mode, checks } = release.spec.analysis;
  const target = targetOf(release);
  const own = checks.some((check) => check.query !== undefined);
  if (current === undefined || mode === 'Off' || metrics.refusal(target, own) !== undefined) return undefined;
  const { namespace, name } = release.metadata;
  const pair = pairOf(current);
  const known = { ...seen, recorded: current.routes ?? [] };
  return {
    spec: planFor(release.spec, status),
    status,
    namespace,
    name,
    target,
    parts: partsOf(metrics, release, known, pair),
    canary: identitiesOf(namespace, known, pair, 'canary'),
    serving: identitiesOf(namespace, known, pair, 'serving'),
    splitSide: findSplitSide(current, seen.routes),
  };
}

/** Every source with the backends of its routes. A route that is not of the release alone is asked of all of them. */
function partsOf(metrics: MetricsReader, release: CanaryRelease, seen: Known, pair: Sides): readonly SourcePart[] {
  const choice = chooseSourcesFor(metrics, release, seen.routes, seen.layout);
  if (!choice.ok) return [];
  const { chosen } = choice;
  const { namespace } = release.metadata;
  return chosen.map(({ source, routes }) => {
    const isAsked = (route: Route) =>
      routes.some((one) => one.route === route) || chosen.every((one) => one.routes.every((other) => other.route !== route));
    const own = { ...seen, routes: seen.routes.filter(isAsked) };
    const of = (side: Side) => identitiesOf(namespace, own, pair, side);
    const cohort = of('cohort');
    return { source, canary: of('canary'), ...(cohort.length === 0 ? {} : { cohort }), serving: of('serving') };
  });
}

/** The backend as metrics sources know it: once for each of its refs. Queries that turn out equal are asked once. */
function identitiesOf(namespace: string, seen: Known, pair: Sides, side: Side): readonly BackendIdentity[] {
  return seen.routes.flatMap((route) =>
    rulesToAsk(route, seen.recorded, pair, side).flatMap((rule) =>
      [...refsToAsk(rule, pair, side), ...mirrorsToAsk(route, rule, pair, side)].map(({ name, port = 80, index, mirrorIndex }) => {
        const behind = seen.backends[name];
        return {
          namespace,
          service: name,
          port,
          route: {
            kind: route.kind,
            namespace,
            name: route.metadata.name,
            ruleIndex: rule.index,
            backendIndex: index,
            ...(mirrorIndex === undefined ? {} : { mirrorIndex }),
            ...(rule.servings.length === 0 && rule.refs.length === 1 ? { isAlone: true as const } : {}),
          },
          ...(behind?.workload === undefined ? {} : { workload: { name: behind.workload, templateHashes: behind.templateHashes } }),
        };
      }),
    ),
  );
}

/** A ref of a rule, or a backend that a filter of it sends copies to. */
type Asked = Pick<RefPosition, 'name' | 'port' | 'index'> & { readonly mirrorIndex?: number };

/** The filters of a rule of ours that send copies to the canary. */
function mirrorsToAsk(route: Route, { index }: SeenRule, { canary }: Sides, side: Side): readonly Asked[] {
  if (side !== 'cohort') return [];
  return (route.spec.rules?.[index]?.filters ?? []).flatMap(({ requestMirror }, place): readonly Asked[] => {
    if (requestMirror?.backendRef.name !== canary) return [];
    const { port } = requestMirror.backendRef;
    return [{ name: canary, ...(port === undefined ? {} : { port }), index: 0, mirrorIndex: place }];
  });
}

/** Rules of ours for a cohort send requests to the canary alone, those for a mirror copies. */
function rulesToAsk(route: Route, recorded: Known['recorded'], pair: Sides, side: Side): readonly SeenRule[] {
  const driven = recorded.find(({ kind, name }) => kind === route.kind && name === route.metadata.name);
  const ours = driven === undefined ? [] : findOurRules(route, driven.rules, pair.canary).map(({ index }) => index);
  return seeRules(route, pair).filter(({ index }) => ours.includes(index) === (side === 'cohort'));
}

/** All traffic of the canary is judged; serving is compared in rules that name both, because other rules get other requests. */
function refsToAsk(rule: SeenRule, pair: Sides, side: Side): readonly Asked[] {
  const { servings, canaries } = rule;
  if (side === 'serving') return canaries.length === 0 && pair.adds !== true ? [] : atPort(servings, pair.servingPort);
  if (side === 'cohort' || canaries.length > 0 || pair.adds !== true) return atPort(canaries, pair.canaryPort);
  // Our own ref may already be removed, or not added yet: the Service is the same.
  const managed = manageRule(rule, pair);
  return managed === undefined ? [] : [managed.canary];
}
