// Rules that name the canary and that came while the release runs: which routes beside the recorded ones have some, and whether they let
// the release end. None ends on what was not looked at.

import type { CanaryReleaseStatus, ReleaseStatus } from '../../../api/release.ts';
import type { Route } from '../../../api/routes.ts';
import { findHolders, type Holder } from '../../routing/canary-share.ts';
import type { ForeignRule } from '../../routing/foreign-rules.ts';
import { sumWeights } from '../../routing/refs.ts';
import type { BackendPair } from '../../routing/rules.ts';
import { type RouteStanding, type RuleStanding, standLeft, standRoutes, standStranger } from '../../routing/standing.ts';
import type { StateName } from '../state.ts';
import { hasGivenTraffic } from '../traffic.ts';
import type { Gathered } from './gather.ts';
import { routesInScope } from './scope.ts';
import { pairOf } from './sides.ts';

/** Whether other rules let a release end. */
export type Clearance =
  /** All routes of the namespace were read from the API server, and none holds the release up. */
  | { readonly kind: 'clear' }
  /** None is known that does, but the routes are known from watches only, which may be late. */
  | { readonly kind: 'unread' }
  | { readonly kind: 'held'; readonly holders: readonly Holder[] };

/** A route that the release did not record and that has rules which name its canary. */
export interface Stranger {
  readonly standing: RouteStanding;
  /** The spec does not leave the route out, and no release drives it: what it gives the canary can be taken away. */
  readonly inReach: boolean;
}

/** Such routes, as far as their rules are not all the user's own. */
export function standStrangers({ spec, observation }: Gathered, release: ReleaseStatus): readonly Stranger[] {
  const { serving, canary } = release;
  const isRecorded = ({ kind, metadata }: Route) =>
    (release.routes ?? []).some((route) => route.kind === kind && route.name === metadata.name);
  return observation.routes
    .filter((route) => !isRecorded(route))
    .flatMap((route): readonly Stranger[] => {
      const standing = standStranger(route, pairOf(release), release.ownRules ?? []);
      if (standing.foreign.every(({ own }) => own)) return [];
      const isChosen = routesInScope(spec, [route], [serving.service, canary.service]).length > 0;
      return [{ standing, inReach: isChosen && standing.mark === undefined }];
    });
}

/** @param standings recorded routes */
export function judgeClearance(
  { observation, deleting }: Gathered,
  release: ReleaseStatus | undefined,
  standings: readonly RouteStanding[],
  strangers: readonly Stranger[],
): Clearance {
  if (release === undefined) return { kind: 'unread' };
  const { workload, outcome } = release;
  // The canary serves from here on; of a release that is deleted nothing is left that could wait; and one that gave the canary nothing
  // has nothing to take back. Our own Service and Deployment are removed whatever the outcome.
  const asks = workload !== undefined || !(outcome === 'Promoted' || deleting || !hasGivenTraffic(release));
  const what = workload === undefined ? 'gives' : 'names';
  const holders = asks
    ? [
        ...findHolders(standings, what),
        ...strangers.flatMap(({ standing, inReach }) =>
          findHolders([standing], what).map((one) => (inReach ? one : { ...one, stays: true })),
        ),
      ]
    : [];
  if (holders.length > 0) return { kind: 'held', holders };
  return observation.routesFresh ? { kind: 'clear' } : { kind: 'unread' };
}

/** Rules that name both Services, or got another ref, while the release ran, and still send requests to what served before a promotion. */
export function findLeftBehind({ observation }: Gathered, { release }: CanaryReleaseStatus, state: StateName): readonly Holder[] {
  if (release === undefined || state !== 'promoted' || release.workload !== undefined) return [];
  const pair = pairOf(release);
  const own = release.ownRules ?? [];
  return standRoutes(release.routes ?? [], observation.routes, pair, own).flatMap((standing) => {
    const { kind, name } = standing.recorded;
    const added = [
      ...findAdded(standing, standLeft(standing, pair, own)),
      ...findReverted(standing),
      ...standing.rules.flatMap((rule) => addedRefs(rule, pair)),
    ];
    return added.map(({ key, weight }) => ({ route: `${kind} ${name}`, rule: key, weight, hasOthers: true, stays: true }));
  });
}

/** Where as many rules as were recorded say what the promotion left, all others were added; else they are distinguished as ever. */
function findAdded({ recorded, foreign }: RouteStanding, left: RouteStanding): readonly Former[] {
  const former = left.foreign.filter(servesFormer);
  const isAsLeft = left.foreign.length - former.length >= recorded.rules.length;
  return (isAsLeft ? former : foreign.filter(servesFormer)).map(({ rule: { key, servings } }) => ({ key, weight: sumWeights(servings) }));
}

/** What still goes to what served before. */
interface Former {
  readonly key: string;
  readonly weight: number;
}

function servesFormer({ rule }: ForeignRule): boolean {
  return sumWeights(rule.servings) > 0;
}

/** A rule that is taken for one of the release and sends requests there again, while another one is as the promotion left it. */
function findReverted({ rules, foreign }: RouteStanding): readonly Former[] {
  const found = rules.flatMap((rule) => (rule.kind === 'found' ? [rule.now] : []));
  const former = found.filter(({ serving }) => serving.weight > 0);
  const isLeft = former.length < found.length || foreign.some((one) => !servesFormer(one));
  return isLeft ? former.map(({ key, serving }) => ({ key, weight: serving.weight })) : [];
}

/** A second ref to what served before, at another port. */
function addedRefs(rule: RuleStanding, { serving }: BackendPair): readonly Former[] {
  if (rule.kind !== 'found') return [];
  const weight = sumWeights(rule.now.others.filter(({ name }) => name === serving));
  return weight === 0 ? [] : [{ key: rule.now.key, weight }];
}
