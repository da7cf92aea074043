// Which deviation from the share that was asked for says something about the gateway. Rules that the release does not drive send
// requests to its Services beside it, and theirs cannot be distinguished from the others at the counters of a backend.

import type { ReleaseStatus } from '../../../api/release.ts';
import type { Route } from '../../../api/routes.ts';
import type { SplitSide } from '../../analysis/sequential/split.ts';
import { sumWeights } from '../../routing/refs.ts';
import { seeRules } from '../../routing/rules.ts';
import { findSessions } from '../../routing/sessions.ts';
import { standRoutes } from '../../routing/standing.ts';
import { pairOf } from './sides.ts';

/** @param routes all that name the Services */
export function findSplitSide(release: ReleaseStatus, routes: readonly Route[]): SplitSide {
  const pair = pairOf(release);
  const standings = standRoutes(release.routes ?? [], routes, pair, release.ownRules);
  const beside = routes.flatMap((route) => {
    const standing = standings.find((one) => one.route === route);
    const driven = (standing?.rules ?? []).flatMap((rule) => (rule.kind === 'found' ? [rule.now.index] : []));
    // Where requests of the cohort are counted with the others nothing is compared at all.
    const known = [...driven, ...(standing?.ours ?? []).map(({ index }) => index)];
    return seeRules(route, pair).filter(({ index }) => !known.includes(index));
  });
  // Users stay where they are, whatever the weights are.
  if (standings.some((standing) => findSessions(standing).length > 0)) return 'neither';
  const canaryGetsMore = beside.some(({ canaries }) => sumWeights(canaries) > 0);
  const servingGetsMore = beside.some(({ servings }) => sumWeights(servings) > 0);
  if (canaryGetsMore) return servingGetsMore ? 'neither' : 'tooLittle';
  return servingGetsMore ? 'tooMuch' : 'both';
}
