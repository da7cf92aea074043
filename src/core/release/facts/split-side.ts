// Which deviation from the share that was asked for says something about the gateway. Rules that the release does not drive send
// requests to its Services beside it, and theirs cannot be distinguished from the others at the counters of a backend.

import type { ReleaseStatus } from '../../../api/release.ts';
import type { Route } from '../../../api/routes.ts';
import type { SplitSide } from '../../analysis/sequential/split.ts';
import { sumWeights } from '../../routing/refs.ts';
import { seeRules } from '../../routing/rules.ts';
import { standRoutes } from '../../routing/standing.ts';
import { pairOf } from './sides.ts';

/** @param routes all that name the Services */
export function findSplitSide(release: ReleaseStatus, routes: readonly Route[]): SplitSide {
  const pair = pairOf(release);
  const standings = standRoutes(release.routes ?? [], routes, pair, release.ownRules);
  const beside = routes.flatMap((route) => {
    const standing = standings.find((one) => one.route === route);
    const driven = (standing?.rules ?? []).flatMap((rule) => (rule.kind === 'found' ? [rule.now.index] : []));
    return seeRules(route, pair).filter(({ index }) => !driven.includes(index));
  });
  const canaryGetsMore = beside.some(({ canaries }) => sumWeights(canaries) > 0);
  const servingGetsMore = beside.some(({ servings }) => sumWeights(servings) > 0);
  if (canaryGetsMore) return servingGetsMore ? 'neither' : 'tooLittle';
  return servingGetsMore ? 'tooMuch' : 'both';
}
