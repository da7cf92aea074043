// The questions of a release to Prometheus: which looks are due, which Prometheus they ask, and the names of the two versions there.

import type { CanaryRelease, CanaryReleaseStatus } from '../../api/release.ts';
import { fromTime } from '../../api/times.ts';
import { dueLooks } from '../../core/analysis/grid.ts';
import { gridOf } from '../../core/release/evidence/looks.ts';
import { findSplitSide } from '../../core/release/facts/split-side.ts';
import { pairOf, type Sides } from '../../core/release/facts/sides.ts';
import type { Observation } from '../../core/release/observation.ts';
import { isJudged, parseState } from '../../core/release/state.ts';
import { atPort, type RefPosition } from '../../core/routing/refs.ts';
import { manageRule, type SeenRule, seeRules } from '../../core/routing/rules.ts';
import type { MetricsReader } from '../../ports/metrics.ts';
import type { BackendIdentity } from '../../sources/source.ts';
import type { LookQuestion } from './queries.ts';
import { chooseSourceFor, targetOf } from './standing.ts';

type Seen = Pick<Observation, 'routes' | 'backends'>;

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
  const lastFolded = fromTime(current.lookGridAt) ?? fromTime(current.startedAt) ?? now;
  // The first look does not wait for the grid: it finds out when the gateway is scraped, and whether Prometheus answers.
  const first = current.lookGridAt === undefined;
  const times = first ? [now] : dueLooks(gridOf(release.spec, current), lastFolded, now);
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
  const choice = chooseSourceFor(release, seen.routes);
  const { namespace, name } = release.metadata;
  const pair = pairOf(current);
  return {
    spec: release.spec,
    status,
    namespace,
    name,
    target,
    source: choice.ok ? choice.source : undefined,
    canary: identitiesOf(namespace, seen, pair, 'canary'),
    serving: identitiesOf(namespace, seen, pair, 'serving'),
    splitSide: findSplitSide(current, seen.routes),
  };
}

/** The backend as metrics sources know it: once for each of its refs. Queries that turn out equal are asked once. */
function identitiesOf(namespace: string, { routes, backends }: Seen, pair: Sides, side: 'serving' | 'canary'): readonly BackendIdentity[] {
  return routes.flatMap((route) =>
    seeRules(route, pair).flatMap((rule) =>
      refsToAsk(rule, pair, side).map((ref) => {
        const behind = backends[ref.name];
        return {
          namespace,
          service: ref.name,
          port: ref.port ?? 80,
          route: { kind: route.kind, namespace, name: route.metadata.name, ruleIndex: rule.index, backendIndex: ref.index },
          ...(behind?.workload === undefined ? {} : { workload: { name: behind.workload, templateHashes: behind.templateHashes } }),
        };
      }),
    ),
  );
}

/** All traffic of the canary is judged; serving is compared in rules that name both, because other rules get other requests. */
function refsToAsk(rule: SeenRule, pair: Sides, side: 'serving' | 'canary'): readonly RefPosition[] {
  const { servings, canaries } = rule;
  if (side === 'serving') return canaries.length === 0 && pair.adds !== true ? [] : atPort(servings, pair.servingPort);
  if (canaries.length > 0 || pair.adds !== true) return atPort(canaries, pair.canaryPort);
  // Our own ref may already be removed, or not added yet: the Service is the same.
  const managed = manageRule(rule, pair);
  return managed === undefined ? [] : [managed.canary];
}
